"""Security groups and their rules over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, Standard, Tagged, attribute
from nimbus.api.network.resources import Resource
from nimbus.api.network.security import rule_values
from nimbus.common.database import db
from nimbus.network import access, standard_attributes
from nimbus.network.security_groups import groups, rules

LONGEST = 64  # characters of a project's id


def embedded(row: Any, call: Call) -> list[dict[str, Any]]:
    """The group's rules in full."""
    view = Rule.view(call.version)
    return [view(rule, call) for rule in call.children['rules'].get(row.id, ())]


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
    ethertype = attribute(READ, CREATE, take=rule_values.ethertype, default='IPv4')
    protocol = attribute(READ, CREATE, take=rule_values.protocol, default=None)
    port_range_min = attribute(READ, CREATE, take=rule_values.port, default=None, sift=values.number)
    port_range_max = attribute(READ, CREATE, take=rule_values.port, default=None, sift=values.number)
    remote_ip_prefix = attribute(READ, CREATE, take=rule_values.prefix, default=None)
    remote_group_id = attribute(READ, CREATE, take=values.maybe(values.text(64)), default=None)
    remote_address_group_id = attribute(READ, CREATE, take=values.maybe(values.text(64)), default=None)
    belongs_to_default_sg = attribute(
        source=lambda row, call: row.security_group_id in call.children['defaults'],
        take=values.flag,
        sort=False,
    )
    normalized_cidr = attribute(source=normalized, filter=False)


class Group(Tagged):
    """A security group: a set of rules for the ports in it."""

    one, many = 'security_group', 'security_groups'

    name = attribute(*BOTH, take=values.text(), required=True)
    stateful = attribute(*BOTH, take=values.flag)  # without it as the project's default says
    shared = attribute(source=lambda row, call: row.id in call.children['shared'], take=values.flag, sort=False)
    security_group_rules = attribute(source=embedded, filter=False)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of groups need beside their rows."""
    found = [row.id for row in rows]
    return {
        'tags': standard_attributes.tags_of(tx, found),
        'rules': groups.rules_of(tx, found),
        'shared': access.shared(tx, call.context, found),
        'defaults': groups.defaults(tx, found),
    }


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
    return groups.create(tx, call.context, **given)


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The group has the values."""
    groups.update(tx, call.context, row.id, **given)


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
    children=lambda call, tx, rows: {'defaults': groups.defaults(tx, [row.security_group_id for row in rows])},
    parent=parent,
    draft=lambda group, given: _owner(None, group),  # type: ignore[arg-type]
    add=lambda call, tx, given, parent: rules.create(tx, call.context, given),
    change=None,
    remove=lambda call, tx, row: rules.delete(tx, call.context, row.id),
    target=_owner,
    before_list=with_default,
    before_create=rules.check_bulk,
)
