"""Security group rules: their rows, and the checks that they are valid and not there twice."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ip_protocols, numbers
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, generations, quotas, standard_attributes
from nimbus.network.models import AddressGroup, DefaultGroup, Group, Rule

# Names a protocol may be asked by, and the number on the wire.
ICMP = (1, 58)
PORTED = (6, 17, 33, 132, 136)
ONLY_IPV6 = (41, 43, 44, 58, 59, 60)
ANY = (None, 'any', '0', '-1', 'ip', '')
ANYWHERE = ('0.0.0.0/0', '::/0')  # ranges that a rule without one means too
VALUES = (
    'direction',
    'ethertype',
    'protocol',
    'port_range_min',
    'port_range_max',
    'remote_ip_prefix',
    'remote_group_id',
    'remote_address_group_id',
)  # of a rule, beside its description


def show(tx: db.Tx, ctx: Context, rule_id: str) -> Any:
    """The rule.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Rule, rule_id)
    if row is None:
        raise errors.NotFound(f'Security group rule {rule_id} does not exist', type='SecurityGroupRuleNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the rules the asker may see."""
    return standard_attributes.lists(tx, Rule, standard_attributes.scope(ctx, Rule), page, FILTERS)


def _of_default(values: Sequence[bool]) -> Any:
    of_default = Rule.security_group_id.in_(sa.select(DefaultGroup.group_id))
    return sa.or_(*(of_default if value else ~of_default for value in values))


FILTERS = {'belongs_to_default_sg': _of_default}


def create(tx: db.Tx, ctx: Context, values: dict[str, Any]) -> str:
    """The rule stands in its group, and every host with a member port is nudged; returns its id.

    Raises NotFound for a group the asker does not have, Invalid on values that do not go together, Conflict on a
    rule the group has already, OverQuota.
    """
    group = standard_attributes.find(tx, ctx, Group, values['security_group_id'])
    if group is None:
        raise _no_group(values['security_group_id'])
    values = normal(values)
    remote = values.get('remote_group_id')
    if remote is not None and not _may_name(tx, ctx, Group, remote):
        raise _no_group(remote)
    ranges = values.get('remote_address_group_id')
    if ranges is not None:
        # Whoever deletes the address group meanwhile waits here, and then finds the rule.
        tx.update(AddressGroup, AddressGroup.id == ranges, name=AddressGroup.name)
    if ranges is not None and not _may_name(tx, ctx, AddressGroup, ranges):
        raise errors.NotFound(f'Address group {ranges} could not be found.', type='AddressGroupNotFound')
    quotas.take(tx, group.project_id, security_group_rule=1)
    wanted = {name: value for name, value in values.items() if name not in ('security_group_id', 'project_id')}
    rule_id = insert(tx, ctx, group.project_id, group.id, wanted)
    standard_attributes.touch(tx, Group, group.id)
    generations.bump(tx, generations.of_members(tx, [group.id]), (generations.RULES, group.id))
    return rule_id


def _may_name(tx: db.Tx, ctx: Context, model: Any, group_id: str) -> bool:
    seen = access.seen(ctx, model)
    return standard_attributes.find(tx, ctx, model, group_id, seen=seen) is not None


def check_bulk(wanted: Sequence[dict[str, Any]]) -> None:
    """Nothing, when the rules of one request may stand beside each other.

    Raises Invalid for rules of several groups or that cannot be, Conflict where one is there twice.
    """
    if len({values['security_group_id'] for values in wanted}) > 1:
        raise _invalid(
            'Only allowed to update rules for one security profile at a time', 'SecurityGroupNotSingleGroupRules'
        )
    seen = set()
    for values in map(normal, wanted):
        given = fingerprint(values)
        if given in seen:
            raise errors.Conflict('Duplicate Security Group Rule in POST.', type='DuplicateSecurityGroupRuleInPost')
        seen.add(given)


def delete(tx: db.Tx, ctx: Context, rule_id: str) -> None:
    """The rule is gone, and every host with a member port of its group is nudged.  Raises NotFound."""
    row = show(tx, ctx, rule_id)
    if tx.delete(Rule, Rule.id == rule_id):
        quotas.give_back(tx, row.project_id, security_group_rule=1)
        standard_attributes.touch(tx, Group, row.security_group_id)
        hosts = generations.of_members(tx, [row.security_group_id])
        generations.bump(tx, hosts, (generations.RULES, row.security_group_id))


def insert(tx: db.Tx, ctx: Context, project_id: str, group_id: str, values: dict[str, Any]) -> str:
    """The rule's row stands; returns its id.  Raises Conflict on a rule the group has already."""
    stamp = standard_attributes.stamp(ctx, project_id)
    mark = fingerprint(values)
    row = {**dict.fromkeys(VALUES), 'description': '', **values}
    try:
        with tx.connection.begin_nested():
            tx.insert(Rule, security_group_id=group_id, fingerprint=mark, **row, **stamp)
    except sa.exc.IntegrityError:
        raise _not_inserted(tx, group_id, mark) from None
    return stamp['id']


def _not_inserted(tx: db.Tx, group_id: str, fingerprint: str) -> errors.NimbusError:
    """Why the database refused the rule: the group has it already, or is gone."""
    existing = tx.scalar(sa.select(Rule.id).where(Rule.security_group_id == group_id, Rule.fingerprint == fingerprint))
    if existing is None:
        return errors.Transient('A security group was deleted meanwhile; please try again.')
    return errors.Conflict(
        f'Security group rule already exists. Rule id is {existing}.', type='SecurityGroupRuleExists'
    )


def fingerprint(values: Mapping[str, Any]) -> str:
    """What two rules have in common that let the same pass."""
    protocol, ethertype = values.get('protocol'), values['ethertype']
    number = None if protocol in ANY else _number(protocol)
    if ethertype == 'IPv6' and number == ip_protocols.NUMBERS['icmp']:
        number = ip_protocols.NUMBERS['ipv6-icmp']
    prefix = plain(values.get('remote_ip_prefix'))
    parts = (
        values['direction'],
        ethertype,
        number,
        values.get('port_range_min'),
        values.get('port_range_max'),
        None if prefix in ANYWHERE else prefix,
        values.get('remote_group_id') or values.get('remote_address_group_id'),
    )
    return '/'.join('' if part is None else str(part) for part in parts)


def normal(values: dict[str, Any]) -> dict[str, Any]:
    """The values as they are kept.  Raises Invalid when they do not go together."""
    values = dict(values)
    protocol = values.get('protocol')
    number = None if protocol in ANY else _number(protocol)
    values['protocol'] = None if protocol in (None, 'any', '', '-1') else str(protocol)
    low, high = values.get('port_range_min'), values.get('port_range_max')
    if number is None and (low is not None or high is not None):
        raise _invalid('Must also specify protocol if port range is given.', 'SecurityGroupProtocolRequiredWithPorts')
    if number in ICMP:
        _check_icmp(low, high)
    elif number in PORTED:
        values['port_range_min'], values['port_range_max'] = _ports(low, high)
    elif low is not None or high is not None:
        raise _invalid(
            f'Ports cannot be specified for protocol {protocol}. Ports are only supported for '
            f'{", ".join(_ported_names())}.',
            'SecurityGroupInvalidProtocolForPort',
        )
    if number in ONLY_IPV6 and values['ethertype'] != 'IPv6':
        raise _invalid(
            f'Invalid ethertype {values["ethertype"]} for protocol {protocol}.',
            'SecurityGroupEthertypeConflictWithProtocol',
        )
    if sum(bool(values.get(f'remote_{kind}')) for kind in ('ip_prefix', 'group_id', 'address_group_id')) > 1:
        raise _invalid(
            'Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
            'SecurityGroupMultipleRemoteEntites',
        )
    _check_prefix(values.get('remote_ip_prefix'), values['ethertype'])
    return values


def _no_group(group_id: str) -> errors.NotFound:
    return errors.NotFound(f'Security group {group_id} does not exist', type='SecurityGroupNotFound')


def _invalid(sentence: str, kind: str) -> errors.Invalid:
    return errors.Invalid(sentence, type=kind)


def _ported_names() -> list[str]:
    return sorted(name for name, number in ip_protocols.NUMBERS.items() if number in PORTED)


def _number(protocol: Any) -> int:
    word = str(protocol).lower()
    if word in ip_protocols.NUMBERS:
        return ip_protocols.NUMBERS[word]
    number = numbers.read(word)
    if number is not None and 0 <= number <= 255:
        return number
    raise _invalid(
        f'Security group rule protocol {protocol} not supported. Only protocol values '
        f'{sorted(ip_protocols.NUMBERS)} and integer representations [0 to 255] are supported.',
        'SecurityGroupRuleInvalidProtocol',
    )


def _check_icmp(kind: int | None, code: int | None) -> None:
    for name, value, field in (('type', kind, 'port_range_min'), ('code', code, 'port_range_max')):
        if value is not None and not 0 <= value <= 255:
            raise _invalid(
                f'Invalid value for ICMP {name} ({field}) {value}. It must be 0 to 255.',
                'SecurityGroupInvalidIcmpValue',
            )
    if code is not None and kind is None:
        raise _invalid(
            f'ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing.',
            'SecurityGroupMissingIcmpType',
        )


def _ports(low: int | None, high: int | None) -> tuple[int | None, int | None]:
    if low is None and high is None:
        return None, None
    if 0 in (low, high):
        raise _invalid('Invalid value for port 0', 'SecurityGroupInvalidPortValue')
    if low is None or high is None or low > high:
        raise _invalid(
            'For TCP/UDP protocols, port_range_min must be <= port_range_max', 'SecurityGroupInvalidPortRange'
        )
    return low, high


def _check_prefix(prefix: str | None, ethertype: str) -> None:
    if not prefix:
        return
    try:
        version = ipaddress.ip_network(prefix, strict=False).version
    except ValueError as why:
        raise errors.Invalid(f'{prefix} is not a valid IP network.') from why
    if ethertype != f'IPv{version}':
        raise _invalid(
            f'Conflicting value ethertype {ethertype} for CIDR {prefix}', 'SecurityGroupRuleParameterConflict'
        )


def plain(prefix: str | None) -> str | None:
    """A prefix with no bits set beyond its length."""
    return str(ipaddress.ip_network(prefix, strict=False)) if prefix else None
