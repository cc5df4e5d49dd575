"""Subnets: their rows, the checks of their ranges, pools and IPv6 modes, and the DHCP that follows from them."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, allocation_pools, generations, holders, quotas, standard_attributes
from nimbus.network import addresses as fixed
from nimbus.network.addressing import allocation
from nimbus.network.models import Address, Network, Port, Subnet
from nimbus.network.networks import segments
from nimbus.network.ports import ports

MAX_NAMESERVERS, MAX_ROUTES = 5, 20
UNSET: Any = object()  # a gateway not given; None means no gateway
PORTS_IN_USE = 'One or more ports have an IP allocation from this subnet.'


def show(tx: db.Tx, ctx: Context, subnet_id: str) -> Any:
    """The subnet: the asker's own, or of a network they share.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Subnet, subnet_id, seen=lambda: _seen(ctx))
    if row is None:
        raise standard_attributes.missing('Subnet', subnet_id)
    return row


def _seen(ctx: Context) -> Any:
    mine = sa.or_(access.seen(ctx, Network), Network.project_id == ctx.project_id)
    return Subnet.network_id.in_(sa.select(Network.id).where(mine))


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the subnets the asker may see."""
    scope = standard_attributes.scope(ctx, Subnet, _seen(ctx))
    return standard_attributes.lists(tx, Subnet, scope, page, {'shared': lambda values: _on_shared(ctx, values)})


def _on_shared(ctx: Context, values: Sequence[bool]) -> Any:
    shared = Subnet.network_id.in_(access.given(ctx.project_id))
    return sa.or_(*(shared if value else ~shared for value in values))


def create(tx: db.Tx, ctx: Context, network: Any, values: dict[str, Any], project_id: str | None = None) -> str:
    """A subnet stands on the network and its DHCP server serves it; returns its id.

    Raises Invalid on an overlap or on values that do not go together, NotFound for a pool, OverQuota.
    """
    standard_attributes.touch(tx, Network, network.id)  # racers on the same network wait here for each other
    stamp = standard_attributes.stamp(ctx, project_id)
    values = _complete(allocation.place(tx, ctx, network, values, stamp['project_id']))
    _refuse_overlap(tx, network.id, values['cidr'])
    segments.check_mtu(network.id, network.mtu, [values['ip_version']])
    quotas.take(tx, stamp['project_id'], subnet=1)
    tx.insert(Subnet, network_id=network.id, **values, **stamp)
    _slaac_existing(tx, network.id, stamp['id'])
    ports.keep_dhcp(tx, ctx, network)
    _bump(tx, network.id, allocation_pools.is_slaac(tx.row(sa.select(Subnet).where(Subnet.id == stamp['id']))))
    return stamp['id']


def _complete(values: dict[str, Any]) -> dict[str, Any]:
    """Checked values with gateway and pools filled in."""
    net = ipaddress.ip_network(values['cidr'])
    if net.version != values['ip_version']:
        raise _invalid(f'Requested subnet with cidr: {net} has ip_version {values["ip_version"]}, which do not match.')
    gateway = values.pop('gateway_ip', UNSET)
    if gateway is UNSET:
        gateway = allocation_pools.default_gateway(str(net))
    check_dhcp(values)
    values = {**values, 'cidr': str(net), 'gateway_ip': gateway}
    wanted = values.get('allocation_pools')
    check_gateway(net, gateway)
    if wanted is None:
        values['allocation_pools'] = allocation_pools.default_pools(str(net), gateway)
    else:
        check_pools(net, gateway, wanted)
    check_lists(values, net.version)
    return values


def _invalid(sentence: str, kind: str = 'InvalidInput') -> errors.Invalid:
    return errors.Invalid(f'Invalid input for operation: {sentence}' if kind == 'InvalidInput' else sentence, type=kind)


def check_dhcp(values: dict[str, Any]) -> None:
    """Nothing, when DHCP and the IPv6 modes go together.  Raises Invalid."""
    modes = values.get('ipv6_ra_mode'), values.get('ipv6_address_mode')
    if values['ip_version'] == 4 and any(modes):
        raise _invalid('ipv6_ra_mode and ipv6_address_mode are not valid for ip_version 4.')
    if any(modes) and not values.get('enable_dhcp', True):
        raise _invalid('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.')
    if all(modes) and modes[0] != modes[1]:
        raise _invalid(
            f"ipv6_ra_mode set to '{modes[0]}' with ipv6_address_mode set to '{modes[1]}' is not valid. If both "
            'attributes are set, they must be the same value.'
        )
    net = ipaddress.ip_network(values['cidr'])
    if set(modes) & {'slaac', 'dhcpv6-stateless'} and net.prefixlen != 64:
        raise _invalid(f'Invalid CIDR {net} for IPv6 address mode. OpenStack uses the EUI-64 address format, which '
                       'requires the prefix to be /64.')  # fmt: skip


def check_gateway(net: allocation_pools.Network, gateway: str | None) -> None:
    """Nothing, when the subnet may have the gateway.  Raises Invalid."""
    if gateway is None:
        return
    address = ipaddress.ip_address(gateway)
    if address.version != net.version:
        raise _invalid(f"gateway_ip '{gateway}' does not match the ip_version '{net.version}'")
    if address in net and net.version == 4 and net.prefixlen < 31:
        if address in (net.network_address, net.broadcast_address):
            raise _invalid('Gateway is not valid on subnet')


def check_pools(net: allocation_pools.Network, gateway: str | None, wanted: list[dict[str, str]]) -> None:
    """Nothing, when the pools lie within the range, apart from each other and from the gateway.  Raises Invalid."""
    first, last = allocation_pools.usable(str(net))
    parts = []
    for pool, (start, end) in zip(wanted, allocation_pools.ranges(wanted), strict=True):
        text = f'{pool["start"]}-{pool["end"]}'
        versions = {ipaddress.ip_address(pool[edge]).version for edge in ('start', 'end')}
        if versions != {net.version} or start > end:
            raise _invalid(f'The allocation pool {text} is not valid.', 'InvalidAllocationPool')
        if start < first or end > last:
            raise _invalid(
                f'The allocation pool {text} spans beyond the subnet cidr {net}.', 'OutOfBoundsAllocationPool'
            )
        if gateway and start <= int(ipaddress.ip_address(gateway)) <= end:
            raise errors.Conflict(
                f'Gateway ip {gateway} conflicts with allocation pool {text}.',
                type='GatewayConflictWithAllocationPools',
            )
        parts.append((start, end, text))
    parts.sort()
    for one, other in zip(parts, parts[1:], strict=False):
        if other[0] <= one[1]:
            raise errors.Conflict(
                f'Found overlapping allocation pools: {one[2]} {other[2]} for subnet {net}.',
                type='OverlappingAllocationPools',
            )


def check_lists(values: dict[str, Any], version: int) -> None:
    """Nothing, when name servers and routes are few enough and of the range's version.  Raises Invalid."""
    if len(values.get('dns_nameservers') or ()) > MAX_NAMESERVERS:
        raise errors.Invalid(
            f'Unable to complete operation for {values.get("id", "")}. The number of DNS nameservers exceeds the '
            f'limit {MAX_NAMESERVERS}.',
            type='DNSNameServersExhausted',
        )
    if len(values.get('host_routes') or ()) > MAX_ROUTES:
        raise errors.Invalid(
            f'Unable to complete operation for {values.get("id", "")}. The number of host routes exceeds the limit '
            f'{MAX_ROUTES}.',
            type='HostRoutesExhausted',
        )
    for route in values.get('host_routes') or ():
        hop, target = ipaddress.ip_address(route['nexthop']), ipaddress.ip_network(route['destination'], strict=False)
        if {hop.version, target.version} != {version}:
            raise _invalid(f'host_routes {route} does not match the ip_version {version}')


def _refuse_overlap(tx: db.Tx, network_id: str, cidr: str) -> None:
    net = ipaddress.ip_network(cidr)
    for other in fixed.subnets_of(tx, network_id):
        there = ipaddress.ip_network(other.cidr)
        if there.version == net.version and there.overlaps(net):
            raise _invalid(f'Requested subnet with cidr: {cidr} for network: {network_id} overlaps with another subnet')


def _slaac_existing(tx: db.Tx, network_id: str, subnet_id: str) -> None:
    """Ports that were there before a SLAAC subnet make themselves an address on it too."""
    subnet = tx.row(sa.select(Subnet).where(Subnet.id == subnet_id))
    if not allocation_pools.is_slaac(subnet):
        return
    before = sa.select(Port.id, Port.mac_address).where(Port.network_id == network_id, ~holders.IS_OWN)
    for port in tx.rows(before):
        fixed.give(tx, port.id, network_id, port.mac_address, [{'subnet_id': subnet_id}], [subnet])


def update(tx: db.Tx, ctx: Context, subnet_id: str, values: dict[str, Any]) -> None:
    """The subnet has the values, and DHCP follows.  Raises NotFound, Invalid, Conflict."""
    row = show(tx, ctx, subnet_id)
    net = ipaddress.ip_network(row.cidr)
    merged = {**row._mapping, **values}
    gateway = merged['gateway_ip']
    if 'gateway_ip' in values and gateway != row.gateway_ip:
        check_gateway(net, gateway)
        _refuse_moving_gateway(tx, row)
    if 'gateway_ip' in values or 'allocation_pools' in values:
        check_pools(net, gateway, merged['allocation_pools'])
    check_dhcp(merged)
    check_lists(merged, net.version)
    standard_attributes.touch(tx, Subnet, subnet_id, **values)
    network = tx.row(sa.select(Network).where(Network.id == row.network_id))
    ports.keep_dhcp(tx, ctx, network)
    _bump(tx, row.network_id, False)


def _bump(tx: db.Tx, network_id: str, readdressed: bool) -> None:
    """The network's hosts have a new generation for its subnets, and for all where ports got or lost an address."""
    only = () if readdressed else ((generations.NETWORK, network_id),)
    generations.bump(tx, generations.of_networks(tx, [network_id]), *only)


def _refuse_moving_gateway(tx: db.Tx, row: Any) -> None:
    if not row.gateway_ip:
        return
    used = tx.row(
        sa.select(Port.id)
        .join(Address, Address.port_id == Port.id)
        .where(Address.subnet_id == row.id, Address.ip_address == row.gateway_ip, Port.holder == holders.ROUTER)
    )
    if used is not None:
        raise errors.Conflict(
            f'Current gateway ip {row.gateway_ip} already in use by port {used.id}. Unable to update.',
            type='GatewayIpInUse',
        )


def delete(tx: db.Tx, ctx: Context, subnet_id: str) -> None:
    """The subnet is gone.  Raises NotFound, Conflict while a port other than the DHCP server's has an address of it."""
    row = show(tx, ctx, subnet_id)
    gone_with_it = sa.true() if allocation_pools.is_slaac(row) else holders.GOES_ALONG
    busy = (
        sa.select(Port.id)
        .join(Address, Address.port_id == Port.id)
        .where(Address.subnet_id == subnet_id, sa.or_(~gone_with_it, Port.holder == holders.ROUTER))
    )
    if tx.row(busy.limit(1)) is not None:
        raise _in_use(subnet_id)
    network = tx.row(sa.select(Network).where(Network.id == row.network_id))
    tx.update(Subnet, Subnet.id == subnet_id, enable_dhcp=False)
    ports.keep_dhcp(tx, ctx, network)
    try:
        with tx.connection.begin_nested():
            tx.delete(Address, Address.subnet_id == subnet_id)
            deleted = tx.delete(Subnet, Subnet.id == subnet_id)
    except sa.exc.IntegrityError as why:
        raise _in_use(subnet_id) from why
    if deleted:
        standard_attributes.forget_tags(tx, subnet_id)
        quotas.give_back(tx, row.project_id, subnet=1)
        standard_attributes.touch(tx, Network, row.network_id)
        _bump(tx, row.network_id, allocation_pools.is_slaac(row))


def _in_use(subnet_id: str) -> errors.Conflict:
    return errors.Conflict(f'Unable to complete operation on subnet {subnet_id}: {PORTS_IN_USE}', type='SubnetInUse')
