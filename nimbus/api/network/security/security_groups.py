"""Security groups and their rules over HTTP."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, Standard, Tagged, attribute
from nimbus.api.network.resources import Resource
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.security_groups import groups, rules

LONGEST = 64  # characters of a project's id


def embedded(row: Any, call: Call) -> list[dict[str, Any]]:
    """The group's rules in full."""
    view = Rule.view(call.version)
    return [view(rule, call) for rule in call.children['rules'].get(row.id, ())]


def protocol(value: Any) -> str | None:
    """A protocol by name or number; None means any."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"'{value}' is not a protocol")
    word = str(value).lower()
    return {'icmpv4': 'icmp', 'icmp6': 'ipv6-icmp'}.get(word, word)


def port(value: Any) -> int | None:
    """A port, or an ICMP type or code.  Raises Invalid in Neutron's own words."""
    if value is None or value == '':
        return None
    try:
        return values.whole(0, 65535)(value)
    except ValueError as why:
        raise errors.Invalid(f'Invalid value for port {value}', type='SecurityGroupInvalidPortValue') from why


def ethertype(value: Any) -> str:
    """IPv4 or IPv6 in any case.  Raises Invalid in Neutron's own words."""
    found = {'ipv4': 'IPv4', 'ipv6': 'IPv6'}.get(str(value).lower())
    if found is None:
        raise errors.Invalid(
            f"Security group rule for ethertype '{value}' not supported. Allowed values are ['IPv4', 'IPv6'].",
            type='SecurityGroupRuleInvalidEtherType',
        )
    return found


def prefix(value: Any) -> str | None:
    """A range; an address alone is a range of one.  Raises Invalid in Neutron's own words."""
    if value is None or value == '':
        return None
    try:
        ipaddress.ip_network(value, strict=False)
    except (ValueError, TypeError) as why:
        raise errors.Invalid(f'Invalid CIDR {value} given as IP prefix.', type='InvalidCIDR') from why
    return str(ipaddress.ip_interface(value)) if isinstance(value, str) else None


def normalized(row: Any, call: Call) -> str | None:
    """The rule's range with no bits set beyond its length."""
    return rules.plain(row.remote_ip_prefix)


class Rule(Standard):
    """A rule: traffic that a group allows."""

    one, many = 'security_group_rule', 'security_group_rules'
    tagged = False

    security_group_id = attribute(READ, CREATE, take=values.uuid, required=True)
    description = attribute(READ, CREATE, take=values.text(), default='')
    direction = attribute(READ, CREATE, take=values.one_of('ingress', 'egress'), required=True)
    ethertype = attribute(READ, CREATE, take=ethertype, default='IPv4')
    protocol = attribute(READ, CREATE, take=protocol, default=None)
    port_range_min = attribute(READ, CREATE, take=port, default=None, sift=values.number)
    port_range_max = attribute(READ, CREATE, take=port, default=None, sift=values.number)
    remote_ip_prefix = attribute(READ, CREATE, take=prefix, default=None)
    remote_group_id = attribute(READ, CREATE, take=values.maybe(values.text(64)), default=None)
    normalized_cidr = attribute(source=normalized, filter=False)


class Group(Tagged):
    """A security group: a set of rules for the ports in it."""

    one, many = 'security_group', 'security_groups'

    name = attribute(*BOTH, take=values.text(), required=True)
    stateful = attribute(*BOTH, take=values.flag, default=True)
    shared = attribute(source=lambda row, call: False, filter=False)
    security_group_rules = attribute(source=embedded, filter=False)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of groups need beside their rows."""
    found = [row.id for row in rows]
    return {'tags': standard_attributes.tags_of(tx, found), 'rules': groups.rules_of(tx, found)}


def with_default(call: Call) -> None:
    """The listed project, the asker's or for an operator the one named, has its default group."""
    project_id = call.context.project_id
    if call.context.is_admin:
        project_id = call.arg('project_id') or call.arg('tenant_id') or project_id
    if not project_id or len(project_id) > LONGEST or '\x00' in project_id:
        return
    with call.db.read() as tx:
        missing = groups.default_of(tx, project_id) is None
    if missing:
        with call.db.write() as tx:
            groups.ensure_default(tx, call.context, project_id)


def parent(call: Call, tx: db.Tx, given: Given) -> Any:
    """The group the rule is to be in.  Raises NotFound."""
    return groups.show(tx, call.context, given['security_group_id'])


def _owner(tx: db.Tx, row: Any) -> dict[str, Any]:
    return {'security_group:project_id': row.project_id}


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A group exists as requested."""
    refuse_stateless(given)
    return groups.create(tx, call.context, **given)


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The group has the values."""
    refuse_stateless(given)
    groups.update(tx, call.context, row.id, **given)


def refuse_stateless(given: Given) -> None:
    """Raises NotBuilt for a stateless group, whose rules would work without connection tracking."""
    if not given.get('stateful', True):
        raise errors.NotBuilt(
            'Stateless security groups are not part of this cloud; stateful may only be true.', type='NotImplemented'
        )


GROUPS = Resource(
    noun=Group,
    find=groups.find,
    show_row=groups.show,
    children=children,
    add=add,
    change=change,
    remove=lambda call, tx, row: groups.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
    before_list=with_default,
)
RULES = Resource(
    noun=Rule,
    find=rules.find,
    show_row=rules.show,
    children=lambda call, tx, rows: {},
    parent=parent,
    draft=lambda group, given: _owner(None, group),  # type: ignore[arg-type]
    add=lambda call, tx, given, parent: rules.create(tx, call.context, given),
    change=None,
    remove=lambda call, tx, row: rules.delete(tx, call.context, row.id),
    target=_owner,
    before_list=with_default,
    before_create=rules.check_bulk,
)
