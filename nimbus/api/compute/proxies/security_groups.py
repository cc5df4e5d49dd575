"""Security groups in the Compute API (/os-security-groups, gone since 2.36), a proxy for the network service's."""

from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.kit.routes import Call
from nimbus.common import context, errors, ids, numbers
from nimbus.common.database import db, listing
from nimbus.network.security_groups import groups, rules

NAMED: shapes.Schema = {'type': 'string', 'maxLength': 255}  # of any letters, as the network service takes them
DESCRIBED: shapes.Schema = {'type': ['string', 'null'], 'maxLength': 255}
_GROUP = shapes.closed({'name': NAMED, 'description': DESCRIBED}, ['name', 'description'])
CREATE = shapes.under('security_group', _GROUP)
UPDATE = CREATE
PORT: shapes.Schema = {'type': ['integer', 'string', 'null'], 'pattern': r'^-?[0-9]{1,5}$', 'maximum': 65535}
CREATE_RULE = shapes.under(
    'security_group_rule',
    shapes.closed(
        {
            'parent_group_id': {'type': 'string', 'maxLength': 64},
            'ip_protocol': {'type': ['string', 'null'], 'maxLength': 32},
            'from_port': PORT,
            'to_port': PORT,
            'cidr': {'type': ['string', 'null'], 'maxLength': 64},
            'group_id': {'type': ['string', 'null'], 'maxLength': 64},
        },
        ['parent_group_id'],
    ),
)


def group_views(tx: db.Tx, rows: list[Any]) -> list[dict[str, Any]]:
    """The groups with their ingress rules; egress rules were unknown then."""
    held = groups.rules_of(tx, [row.id for row in rows])
    names = _names(tx, [rule for found in held.values() for rule in found])
    return [
        {
            'id': row.id,
            'name': row.name,
            'description': row.description,
            'tenant_id': row.project_id,
            'rules': [rule_view(rule, names) for rule in held.get(row.id, []) if rule.direction == 'ingress'],
        }
        for row in rows
    ]


def _names(tx: db.Tx, found: list[Any]) -> dict[str, Any]:
    """The remote groups that the rules name, by id."""
    wanted = {rule.remote_group_id for rule in found if rule.remote_group_id}
    return {group_id: groups.show(tx, context.internal(), group_id) for group_id in wanted}


def rule_view(rule: Any, names: dict[str, Any]) -> dict[str, Any]:
    """A rule in the old form, where a missing bound of ports is -1 or the whole range."""
    low, high = rule.port_range_min, rule.port_range_max
    if rule.protocol in ('tcp', 'udp') and low is None:
        low, high = 1, 65535
    elif rule.protocol and str(rule.protocol).startswith('icmp'):
        low, high = (-1 if low is None else low), (-1 if high is None else high)
    group, ranges = {}, {}
    if rule.remote_group_id:
        other = names[rule.remote_group_id]
        group = {'name': other.name, 'tenant_id': other.project_id}
    else:
        ranges = {'cidr': rule.remote_ip_prefix or ('::/0' if rule.ethertype == 'IPv6' else '0.0.0.0/0')}
    return {
        'id': rule.id,
        'parent_group_id': rule.security_group_id,
        'ip_protocol': rule.protocol,
        'from_port': low,
        'to_port': high,
        'group': group,
        'ip_range': ranges,
    }


def _invalid(why: errors.NimbusError) -> errors.NimbusError:
    """The network service's error with the status that the Compute API has for it."""
    return errors.Invalid(why.sentence)


def index(call: Call) -> dict[str, Any]:
    """The project's groups."""
    with call.db.write() as tx:
        groups.ensure_default(tx, call.context, call.context.project_id or '')
        page = listing.Page(filters={})
        rows = [row for row in groups.find(tx, call.context, page) if _asked(call, row)]
        return {'security_groups': group_views(tx, rows)}


def _asked(call: Call, row: Any) -> bool:
    every = call.context.is_admin and shapes.flag(call.arg('all_tenants') or False)
    return every or row.project_id == call.context.project_id


def show(call: Call, id: str) -> dict[str, Any]:
    """One group."""
    _check_id(id)
    with call.db.read() as tx:
        return {'security_group': group_views(tx, [groups.show(tx, call.context, id)])[0]}


def _check_id(id: str) -> None:
    if not ids.is_uuid(id):
        raise errors.Invalid('Security group id should be uuid')


def create(call: Call) -> dict[str, Any]:
    """The new group."""
    given = call.body['security_group']
    with call.db.write() as tx:
        try:
            made = groups.create(tx, call.context, name=given['name'], description=given['description'] or '')
        except errors.Conflict as why:
            raise _invalid(why) from None
        return {'security_group': group_views(tx, [groups.show(tx, call.context, made)])[0]}


def update(call: Call, id: str) -> dict[str, Any]:
    """The group with its new name and description."""
    _check_id(id)
    given = call.body['security_group']
    with call.db.write() as tx:
        try:
            groups.update(tx, call.context, id, name=given['name'], description=given['description'] or '')
        except errors.Conflict as why:
            raise _invalid(why) from None
        return {'security_group': group_views(tx, [groups.show(tx, call.context, id)])[0]}


def delete(call: Call, id: str) -> None:
    """202: the group is gone."""
    _check_id(id)
    with call.db.write() as tx:
        try:
            groups.delete(tx, call.context, id)
        except errors.Conflict as why:
            raise _invalid(why) from None


def create_rule(call: Call) -> dict[str, Any]:
    """The new rule."""
    given = call.body['security_group_rule']
    group_id = given['parent_group_id']
    _check_id(group_id)
    with call.db.write() as tx:
        try:
            rule_id = rules.create(tx, call.context, _rule(given))
        except errors.Conflict as why:
            raise _invalid(why) from None
        rule = rules.show(tx, call.context, rule_id)
        return {'security_group_rule': rule_view(rule, _names(tx, [rule]))}


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    """The rule of the request as the network service's arguments.  Raises Invalid."""
    low, high = (_bound(name, given.get(name)) for name in ('from_port', 'to_port'))
    protocol = (given.get('ip_protocol') or '').lower() or None
    source = given.get('group_id')
    if not source and (protocol is None or low is None or high is None):
        raise errors.Invalid('Not enough parameters to build a valid rule.')
    cidr = None if source else given.get('cidr') or '0.0.0.0/0'
    if protocol == 'icmp':
        low, high = (None if bound == -1 else bound for bound in (low, high))
    return {
        'security_group_id': given['parent_group_id'],
        'direction': 'ingress',
        'ethertype': 'IPv6' if cidr and ':' in cidr else 'IPv4',
        'protocol': protocol,
        'port_range_min': low,
        'port_range_max': high,
        'remote_ip_prefix': cidr,
        'remote_group_id': source or None,
    }


def _bound(name: str, value: Any) -> int | None:
    return None if value in (None, '') else numbers.whole(value, name, least=-1, most=65535)


def delete_rule(call: Call, id: str) -> None:
    """202: the rule is gone."""
    with call.db.write() as tx:
        rules.delete(tx, call.context, id)
