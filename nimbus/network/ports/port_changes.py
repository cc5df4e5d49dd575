"""Users' requests to create, update and delete ports, with Neutron's checks of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import addresses as fixed
from nimbus.network import generations, holders, standard_attributes
from nimbus.network.models import Port, Router
from nimbus.network.ports import (
    floating_addresses,
    forwarded_ports,
    macs,
    port_visibility,
    ports,
    router_ports,
    trunk_ports,
)
from nimbus.network.qos import bindings
from nimbus.network.security_groups import groups

MAX_PAIRS = 10
PLAIN = (
    'name',
    'description',
    'admin_state_up',
    'device_id',
    'device_owner',
    'vnic_type',
    'profile',
    'dns_name',
    'dns_domain',
)


def create(tx: db.Tx, ctx: Context, network: Any, project_id: str, values: dict[str, Any]) -> str:
    """The port that the values describe stands; returns its id.  Raises Invalid, Conflict, NotFound, OverQuota."""
    secure = values.get('port_security_enabled')
    secure = network.port_security_enabled if secure is None else secure
    if not secure and values.get('groups'):
        raise errors.Invalid(
            'Port Security must be enabled and port must have an IP address in order to use security groups.',
            type='PortSecurityAndIPRequiredForSecurityGroups',
        )
    _check_pairs(values.get('allowed_address_pairs', ()), secure)
    _refuse_foreign_router(tx, ctx, project_id, values.get('device_owner', ''), values.get('device_id', ''))
    values = {**values, 'extra_dhcp_opts': dhcp_options((), values.get('extra_dhcp_opts'))}
    bindings.checked(tx, ctx, values.get('qos_policy_id'))
    draft = ports.Draft(network=network, project_id=project_id, **_paired(values))
    due = not holders.is_own(draft) and ports.dhcp_due(tx, network.id, draft.host)
    port_id = ports.insert(tx, ctx, draft)
    if due:
        ports.bring_dhcp(tx, ctx, network.id, draft.host)
    return port_id


def _refuse_foreign_router(tx: db.Tx, ctx: Context, project_id: str, device_owner: str, device_id: str) -> None:
    """Nothing, unless the port would say that it is an interface of another project's router.  Raises Conflict."""
    if ctx.is_admin or device_owner not in holders.ROUTER_OWNERS or not device_id:
        return
    owner = tx.scalar(sa.select(Router.project_id).where(Router.id == device_id))
    if owner is not None and owner != project_id:
        raise errors.Conflict(
            f"The device_id {device_id} is not owned by your project or matches another project's router.",
            type='DeviceIDNotOwnedByTenant',
        )


def dhcp_options(had: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The options with those given changed, added, or removed where they have no value."""
    kept = {(option['opt_name'], option['ip_version']): option for option in had}
    for option in given or ():
        kept[option['opt_name'], option['ip_version']] = option
    return [option for option in kept.values() if option['opt_value'] is not None]


def _check_pairs(pairs: Sequence[dict[str, Any]], secure: bool) -> None:
    if pairs and not secure:
        raise errors.Conflict(
            'Port Security must be enabled in order to have allowed address pairs on a port.',
            type='AddressPairAndPortSecurityRequired',
        )
    if len(pairs) > MAX_PAIRS:
        raise errors.Invalid(
            f'The number of allowed address pair exceeds the maximum {MAX_PAIRS}.', type='AllowedAddressPairExhausted'
        )


def _paired(values: dict[str, Any], mac: str | None = None) -> dict[str, Any]:
    """The values with a MAC in every address pair that has the port's own."""
    pairs = values.get('allowed_address_pairs')
    if not pairs:
        return values
    mac = values.get('mac_address') or mac or macs.new()
    named = [{'ip_address': pair['ip_address'], 'mac_address': pair.get('mac_address') or mac} for pair in pairs]
    seen = set()
    for pair in named:
        key = pair['mac_address'], pair['ip_address']
        if key in seen:
            raise errors.Invalid(
                f'Request contains duplicate address pair: mac_address {key[0]} ip_address {key[1]}.',
                type='DuplicateAddressPairInRequest',
            )
        seen.add(key)
    return {**values, 'mac_address': mac, 'allowed_address_pairs': named}


@dataclasses.dataclass
class _Change:
    """One update under way."""

    tx: db.Tx
    ctx: Context
    row: Any
    values: dict[str, Any]

    def value(self, name: str) -> Any:
        return self.values.get(name, getattr(self.row, name))


def update(tx: db.Tx, ctx: Context, port_id: str, values: dict[str, Any]) -> None:
    """The port has the values, and the agent of every host concerned is nudged.

    Raises NotFound, Invalid, Conflict.
    """
    row = port_visibility.show(tx, ctx, port_id)
    change = _Change(tx, ctx, row, values)
    before = groups.of_ports(tx, [port_id]).get(port_id, [])
    after = _groups_after(change, before)
    if 'device_owner' in values or 'device_id' in values:
        owner, device = (values.get(name, getattr(row, name)) for name in ('device_owner', 'device_id'))
        _refuse_foreign_router(tx, ctx, row.project_id, owner, device)
    kept = {name: values[name] for name in PLAIN if name in values}
    if 'allowed_address_pairs' in values:
        _check_pairs(values['allowed_address_pairs'], change.value('port_security_enabled'))
        kept['allowed_address_pairs'] = _paired(values, row.mac_address)['allowed_address_pairs']
    if 'extra_dhcp_opts' in values:
        kept['extra_dhcp_opts'] = dhcp_options(row.extra_dhcp_opts or (), values['extra_dhcp_opts'])
    if 'port_security_enabled' in values:
        kept['port_security_enabled'] = values['port_security_enabled']
    if values.get('mac_address') and values['mac_address'] != row.mac_address:
        _change_mac(change)
    if values.get('qos_policy_id', row.qos_policy_id) != row.qos_policy_id:
        bindings.refuse_removal(tx, ctx, row.qos_policy_id)
        kept['qos_policy_id'] = bindings.checked(tx, ctx, values['qos_policy_id'], port_id)
    host = values.get('host', row.host)
    if host != row.host:
        kept |= {'host': host, 'status': ports.DOWN, 'trouble': None}
    standard_attributes.touch(tx, Port, port_id, **kept)
    if 'fixed_ips' in values:
        _change_addresses(change)
    if after != before:
        groups.join(tx, ctx, port_id, row.project_id, after)
    generations.bump(tx, [row.host] if row.host != host else [], (generations.PORT, port_id))
    ports.concern(tx, port_id, row.network_id, host, sorted({*before, *after}))
    if row.host != host and not holders.is_own(row):
        ports.follow(tx, ctx, row.network_id, host, row.host)
        ports.carry(tx, ctx, port_id, host)


def _groups_after(change: _Change, before: list[str]) -> list[str]:
    wanted = change.values.get('groups', before)
    secure, row = change.value('port_security_enabled'), change.row
    if secure or not wanted:
        return sorted(set(wanted))
    if 'groups' in change.values:
        raise errors.Invalid(
            'Port Security must be enabled and port must have an IP address in order to use security groups.',
            type='PortSecurityAndIPRequiredForSecurityGroups',
        )
    raise errors.Conflict(
        f'Port {row.id} has security group associated. Cannot disable port security or ip address until security '
        'group is removed.',
        type='PortSecurityPortHasSecurityGroup',
    )


def _change_mac(change: _Change) -> None:
    row, mac = change.row, change.values['mac_address']
    if row.holder == holders.SERVER or row.host and row.device_owner.startswith('compute:'):
        raise errors.Conflict(
            f'Unable to complete operation on port {row.id}, port is already bound, port type: ovs, old_mac '
            f'{row.mac_address}, new_mac {mac}.',
            type='PortBound',
        )
    try:
        with change.tx.connection.begin_nested():
            change.tx.update(Port, Port.id == row.id, mac_address=mac)
    except sa.exc.IntegrityError as why:
        raise errors.Conflict(
            f'Unable to complete operation for network {row.network_id}. The mac address {mac} is in use.',
            type='MacAddressInUse',
        ) from why
    _remake(change)


def _remake(change: _Change) -> None:
    """The addresses that the guest makes of its MAC are those of its new one."""
    tx, row = change.tx, change.row
    if holders.of_service(row):
        return
    made = fixed.made_by_guests(tx, row.network_id)
    had = fixed.of(tx, [row.id]).get(row.id, [])
    kept = [address for address in had if address.subnet_id not in made]
    if len(kept) != len(had):
        fixed.take_back(tx, row.id, [address.ip_address for address in kept])
        fixed.give_guest(tx, row.id, row.network_id, change.values['mac_address'], [], kept)


def _change_addresses(change: _Change) -> None:
    """The port has the addresses asked for.  Raises Conflict, Invalid where something else needs those it had."""
    tx, row = change.tx, change.row
    if row.holder == holders.FLOATING:
        raise errors.Conflict(
            f'The address of port {row.id} is that of floating IP {row.holder_id}, and goes with it.',
            type='ServicePortInUse',
        )
    _move(change)
    kept = [address.ip_address for address in fixed.of(tx, [row.id]).get(row.id, ())]
    floating_addresses.refuse_loss(tx, row.id, kept)
    forwarded_ports.release(tx, row.id, kept)
    if row.holder == holders.ROUTER:
        router_ports.check_moved(tx, row.holder_id, row.id)


def _move(change: _Change) -> None:
    """The port has the addresses asked for; those it had and keeps are never free in between."""
    tx, row, wanted = change.tx, change.row, list(change.values['fixed_ips'] or [])
    had = fixed.of(tx, [row.id]).get(row.id, [])
    free = {address.ip_address: address for address in had}
    keep, ask = [], []
    for item in wanted:
        match = next((a for a in free.values() if _is(item, a)), None)
        if match is None:
            ask.append(item)
        else:
            keep.append(match.ip_address)
            del free[match.ip_address]
    mac = change.value('mac_address')
    if holders.of_service(row):
        fixed.take_back(tx, row.id, keep)
        fixed.give(tx, row.id, row.network_id, mac, ask)
        return
    # What a guest makes by itself stays whatever the request says.
    made = fixed.made_by_guests(tx, row.network_id)
    keep += [address.ip_address for address in had if address.subnet_id in made]
    fixed.take_back(tx, row.id, keep)
    fixed.give_guest(tx, row.id, row.network_id, mac, ask, [one for one in had if one.ip_address in keep])


def _is(item: dict[str, str], address: Any) -> bool:
    return item.get('subnet_id', address.subnet_id) == address.subnet_id and (
        item.get('ip_address', address.ip_address) == address.ip_address
    )


def delete(tx: db.Tx, ctx: Context, port_id: str) -> None:
    """The port is gone.  Raises NotFound, Conflict for a router's or floating IP's, and where another's leads to it."""
    row = port_visibility.show(tx, ctx, port_id)
    if row.holder in (holders.ROUTER, *holders.OUTSIDE):
        raise errors.Conflict(
            f'Port {port_id} cannot be deleted directly via the port API: has device owner {row.device_owner}.',
            type='ServicePortInUse',
        )
    trunk_ports.refuse_deletion(tx, port_id)
    if not (ctx.is_admin or ctx.is_service):
        floating_addresses.refuse_others(tx, port_id, ctx.project_id)
    ports.drop(tx, ctx, port_id)
