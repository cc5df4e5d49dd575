"""Default rules of security groups over HTTP."""

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import NeutronNoun, attribute
from nimbus.api.network.resources import Resource
from nimbus.api.network.security import rule_values
from nimbus.network.security_groups import default_rules


class DefaultRule(NeutronNoun):
    """A rule with which new security groups begin."""

    one, many = 'default_security_group_rule', 'default_security_group_rules'
    tagged = False

    id = attribute()
    description = attribute(READ, CREATE, take=values.text(), default='', sort=False)
    direction = attribute(READ, CREATE, take=values.one_of('ingress', 'egress'), required=True)
    ethertype = attribute(READ, CREATE, take=rule_values.ethertype, default='IPv4')
    protocol = attribute(READ, CREATE, take=rule_values.protocol, default=None)
    port_range_min = attribute(READ, CREATE, take=rule_values.port, default=None, sift=values.number)
    port_range_max = attribute(READ, CREATE, take=rule_values.port, default=None, sift=values.number)
    remote_ip_prefix = attribute(READ, CREATE, take=rule_values.prefix, default=None)
    remote_group_id = attribute(READ, CREATE, take=values.maybe(values.text(64)), default=None)
    remote_address_group_id = attribute(READ, CREATE, take=values.maybe(values.text(64)), default=None)
    used_in_default_sg = attribute(READ, CREATE, take=values.flag, default=False, sort=False)
    used_in_non_default_sg = attribute(READ, CREATE, take=values.flag, default=True, sort=False)


def settled(call: Call) -> None:
    """The first default rules stand."""
    with call.db.read() as tx:
        there = default_rules.is_settled(tx)
    if not there:
        with call.db.write() as tx:
            default_rules.settle(tx, call.context)


DEFAULT_RULES = Resource(
    noun=DefaultRule,
    find=lambda tx, ctx, page: default_rules.find(tx, page),
    show_row=lambda tx, ctx, rule_id: default_rules.show(tx, rule_id),
    children=lambda call, tx, rows: {},
    add=lambda call, tx, given, parent: default_rules.create(tx, call.context, given),
    change=None,
    remove=lambda call, tx, row: default_rules.delete(tx, row.id),
    target=lambda tx, row: {},
    before_list=settled,
)
