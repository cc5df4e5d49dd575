"""Fixed IPs: allocate addresses of subnets to ports, each to one port even when requests race for it."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import allocation_pools
from nimbus.network.models import Address, Subnet

OF = db.Gathering(
    sa.select(Address.port_id, Address.subnet_id, Address.ip_address).order_by(Address.seq), Address.port_id
)
SUBNETS = db.Fixed(sa.select(db.table_of(Subnet)).where(Subnet.network_id == sa.bindparam('of')).order_by(Subnet.seq))
TAKEN = sa.select(Address.ip_address).where(Address.subnet_id == sa.bindparam('of'))
TAKEN_AMONG = TAKEN.where(db.among(Address.ip_address, 'some'))
RACES = 20  # lost races for an address before the request is refused with advice to try again


def subnets_of(tx: db.Tx, network_id: str) -> list[Any]:
    """The network's subnets, oldest first."""
    return tx.rows(SUBNETS, {'of': network_id})


def of(tx: db.Tx, port_ids: Sequence[str]) -> dict[str, list[Any]]:
    """The addresses of each port that has any, in the order they were given."""
    found: dict[str, list[Any]] = {}
    for row in OF.rows(tx, port_ids):
        found.setdefault(row[0], []).append(row)
    return found


def give(
    tx: db.Tx,
    port_id: str,
    network_id: str,
    mac: str,
    wanted: Sequence[dict[str, str]] | None,
    subnets: Sequence[Any] | None = None,
    owner: str = '',
) -> list[dict[str, str]]:
    """The port has the wanted addresses, or one of each kind when nothing is wanted in particular.

    `wanted` items have a subnet_id, an ip_address or both; `owner` is whose device the port is.  Raises Invalid on an
    address that no subnet has, Conflict when it is taken or none is left.
    """
    subnets = subnets if subnets is not None else subnets_of(tx, network_id)
    if wanted is None:
        return _give_default(tx, port_id, network_id, mac, for_owner(network_id, subnets, owner))
    given = []
    for item in wanted:
        subnet = _subnet_for(item, network_id, subnets)
        given.append(_give_one(tx, port_id, subnet, mac, item.get('ip_address')))
    return given


def give_guest(
    tx: db.Tx,
    port_id: str,
    network_id: str,
    mac: str,
    wanted: Sequence[dict[str, str]] | None,
    had: Sequence[Any] = (),
    owner: str = '',
) -> None:
    """The port has the wanted addresses beside those it `had`, and of each SLAAC subnet the one that its guest makes.

    Raises Invalid on an address asked for of a SLAAC subnet, and what `give` raises.
    """
    subnets = subnets_of(tx, network_id)
    if wanted is None:
        _give_default(tx, port_id, network_id, mac, for_owner(network_id, subnets, owner))
        return
    places = [(item, _subnet_for(item, network_id, subnets)) for item in wanted]
    for item, subnet in places:
        if allocation_pools.is_slaac(subnet) and item.get('ip_address'):
            raise errors.Invalid(
                f'Invalid input for operation: the port cannot be given IPv6 address {item["ip_address"]} of subnet '
                f'{subnet.id}, where guests make their addresses by themselves.',
                type='AllocationOnAutoAddressSubnet',
            )
    there = {address.subnet_id for address in had}
    plain = [item for item, subnet in places if not allocation_pools.is_slaac(subnet)]
    made = [{'subnet_id': one.id} for one in subnets if allocation_pools.is_slaac(one) and one.id not in there]
    give(tx, port_id, network_id, mac, plain + made, subnets)


def made_by_guests(tx: db.Tx, network_id: str) -> set[str]:
    """The ids of the subnets of which guests make their own addresses."""
    return {subnet.id for subnet in subnets_of(tx, network_id) if allocation_pools.is_slaac(subnet)}


def for_owner(network_id: str, subnets: Sequence[Any], owner: str) -> list[Any]:
    """The subnets whose addresses ports of that owner of devices get.  Raises Conflict where there are only others."""
    found = [subnet for subnet in subnets if not subnet.service_types or owner in subnet.service_types]
    if subnets and not found:
        raise errors.Conflict(
            f'No valid service subnet for the given device owner, network {network_id}, service type {owner}.',
            type='IpAddressGenerationFailureNoMatchingSubnet',
        )
    return found


def _give_default(tx: db.Tx, port_id: str, network_id: str, mac: str, subnets: Sequence[Any]) -> list[dict[str, str]]:
    """One IPv4 address, one of DHCPv6, and one on every SLAAC subnet, as far as the network has such subnets."""
    given = []
    managed = [[s for s in subnets if s.ip_version == v and not allocation_pools.is_slaac(s)] for v in (4, 6)]
    for candidates in filter(None, managed):
        given.append(_give_any(tx, port_id, network_id, candidates))
    for subnet in subnets:
        if allocation_pools.is_slaac(subnet):
            given.append(_give_one(tx, port_id, subnet, mac, None))
    return given


def _give_any(tx: db.Tx, port_id: str, network_id: str, subnets: Sequence[Any]) -> dict[str, str]:
    for subnet in subnets:
        if ip := _take_free(tx, port_id, subnet):
            return {'subnet_id': subnet.id, 'ip_address': ip}
    raise errors.Conflict(f'No more IP addresses available on network {network_id}.', type='IpAddressGenerationFailure')


def _subnet_for(item: dict[str, str], network_id: str, subnets: Sequence[Any]) -> Any:
    ip = item.get('ip_address')
    if subnet_id := item.get('subnet_id'):
        found = next((s for s in subnets if s.id == subnet_id), None)
        if found is None:
            raise errors.Invalid(
                f'Invalid input for operation: Failed to create port on network {network_id}, because fixed_ips '
                f'included invalid subnet {subnet_id}.',
                type='InvalidInput',
            )
        if ip and not fits(found, ip):
            raise errors.Invalid(
                f'IP address {ip} is not a valid IP for the specified subnet.', type='InvalidIpForSubnet'
            )
        return found
    if not ip:
        raise errors.Invalid(
            'Invalid input for operation: IP allocation requires subnet_id or ip_address.', type='InvalidInput'
        )
    found = next((s for s in subnets if fits(s, ip)), None)
    if found is None:
        raise errors.Invalid(
            f'IP address {ip} is not a valid IP for any of the subnets on the specified network.',
            type='InvalidIpForNetwork',
        )
    return found


def fits(subnet: Any, ip: str) -> bool:
    """Whether a port on the subnet may have the address."""
    address = ipaddress.ip_address(ip)
    if address.version != subnet.ip_version:
        return False
    first, last = allocation_pools.usable(subnet.cidr)
    return first <= int(address) <= last


def _give_one(tx: db.Tx, port_id: str, subnet: Any, mac: str, ip: str | None) -> dict[str, str]:
    if ip is None and allocation_pools.is_slaac(subnet):
        ip = allocation_pools.eui64(subnet.cidr, mac)
    if ip is not None:
        ip = str(ipaddress.ip_address(ip))
        if not _take(tx, port_id, subnet, ip):
            raise errors.Conflict(
                f'IP address {ip} already allocated in subnet {subnet.id}', type='IpAddressAlreadyAllocated'
            )
        return {'subnet_id': subnet.id, 'ip_address': ip}
    found = _take_free(tx, port_id, subnet)
    if found is None:
        raise errors.Conflict(
            f'No more IP addresses available for subnet {subnet.id}.', type='IpAddressGenerationFailureForSubnet'
        )
    return {'subnet_id': subnet.id, 'ip_address': found}


def _take_free(tx: db.Tx, port_id: str, subnet: Any) -> str | None:
    """Some free address of the subnet's pools, now the port's; None when all are taken."""
    for _ in range(RACES):
        ip = _free(tx, subnet)
        if ip is None:
            return None
        if _take(tx, port_id, subnet, ip):
            return ip
    raise errors.Transient('Too many ports are being made on this subnet at once; please try again.')


def _free(tx: db.Tx, subnet: Any) -> str | None:
    parts = allocation_pools.ranges(subnet.allocation_pools)
    some = allocation_pools.some(parts, subnet.ip_version)
    taken = set(tx.column(TAKEN_AMONG, {'of': subnet.id, 'some': some})) if some else set()
    for ip in some:
        if ip not in taken:
            return ip
    taken = set(tx.column(TAKEN, {'of': subnet.id}))
    return next((ip for ip in allocation_pools.every(parts, subnet.ip_version) if ip not in taken), None)


def _take(tx: db.Tx, port_id: str, subnet: Any, ip: str) -> bool:
    """Whether the address is the port's now; the constraint decides among racers."""
    try:
        with tx.trial():
            tx.insert(Address, port_id=port_id, network_id=subnet.network_id, subnet_id=subnet.id, ip_address=ip)
    except sa.exc.IntegrityError:
        if tx.row(sa.select(Subnet.id).where(Subnet.id == subnet.id)) is None:
            raise errors.Transient('The subnet was deleted while its address was being given.') from None
        return False
    return True


def take_back(tx: db.Tx, port_id: str, keep: Sequence[str] = ()) -> None:
    """The port has none of its addresses but those to keep."""
    where = [Address.port_id == port_id] + ([Address.ip_address.not_in(list(keep))] if keep else [])
    tx.delete(Address, *where)
