"""Servers' ports as compute needs them: their status, addresses and security groups."""

import dataclasses
import types
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.database import db, tables
from nimbus.network import allocation_pools, generations, holders
from nimbus.network.hosts import scheduling
from nimbus.network.models import Address, Group, Member, Network, Port, Subnet
from nimbus.network.ports import floating_addresses

ADDRESSES = db.Gathering(
    sa.select(Port.holder_id, Port.id, Port.mac_address, Network.name, Address.ip_address)
    .join(Address, Address.port_id == Port.id)
    .join(Network, Network.id == Port.network_id)
    .where(Port.holder == holders.SERVER)
    .order_by(Port.place, Port.seq, Address.seq),
    Port.holder_id,
)
GROUPS = db.Gathering(
    sa.select(Port.holder_id, Group.id, Group.name, Group.seq)
    .join(Member, Member.port_id == Port.id)
    .join(Group, Group.id == Member.group_id)
    .where(Port.holder == holders.SERVER)
    .order_by(Group.seq)
    .distinct(),
    Port.holder_id,
)

STATUS = db.Gathering(sa.select(Port.id, Port.status), Port.id)
OF_SERVER = db.Gathering(
    sa.select(Port).where(Port.holder == holders.SERVER).order_by(Port.place, Port.seq), Port.holder_id
)
FIXED = db.Gathering(sa.select(Address).order_by(Address.seq), Address.port_id)
NETWORKS = db.Gathering(sa.select(Network), Network.id)
SUBNETS = db.Gathering(sa.select(Subnet), Subnet.id)


def wiring(tx: db.Tx, port_ids: Sequence[str]) -> dict[str, str]:
    """Each port's status: ACTIVE once its host has wired and filtered it, DOWN before, ERROR when it cannot."""
    return {row.id: row.status for row in STATUS.rows(tx, port_ids)}


def trouble(tx: db.Tx, port_id: str) -> str | None:
    """Why the port is not wired, in a sentence; None when nothing is known to be wrong."""
    return tx.scalar(sa.select(Port.trouble).where(Port.id == port_id))


@dataclasses.dataclass(frozen=True)
class Unserved:
    """An address that no DHCP server hands out to its guest."""

    host: str
    ip: str
    network_id: str
    subnet_id: str

    def __str__(self) -> str:
        return (
            f'no DHCP server on {self.host} hands out {self.ip} of network {self.network_id}: it has no agent that '
            f'takes networks, or subnet {self.subnet_id} has no address left for one'
        )


def unserved(tx: db.Tx, port_ids: Sequence[str]) -> list[Unserved]:
    """Each address of the ports that no DHCP server of their host hands out, though the subnet says so.

    None in a cloud without any DHCP agent, where nobody expects one.
    """
    if not services.find(tx, 'network', binary=scheduling.AGENT['dhcp']):
        return []
    server, own = tables.Alias(Port), tables.Alias(Address)
    by_server = (
        sa.exists()
        .where(scheduling.serves(server, Port.network_id, Port.host))
        .where(own.port_id == server.id, own.subnet_id == Address.subnet_id)
    )
    rows = tx.rows(
        sa.select(Port.host, Address.ip_address, Subnet)
        .join(Address, Address.port_id == Port.id)
        .join(Subnet, Subnet.id == Address.subnet_id)
        .where(Port.id.in_(list(port_ids)), Port.host != '', Subnet.enable_dhcp.is_(True), ~by_server)
        .order_by(Address.seq)
    )
    return [
        Unserved(row.host, row.ip_address, row.network_id, row.id) for row in rows if not allocation_pools.is_slaac(row)
    ]


def of_server(tx: db.Tx, server_id: str) -> list[Any]:
    """The server's ports with their `fixed_ips`, in the order asked for at boot."""
    rows = OF_SERVER.rows(tx, [server_id])
    found = [types.SimpleNamespace(**row._mapping, fixed_ips=[]) for row in rows]
    by_id = {port.id: port for port in found}
    for address in FIXED.rows(tx, list(by_id)):
        by_id[address.port_id].fixed_ips.append({'subnet_id': address.subnet_id, 'ip_address': address.ip_address})
    return found


def tell_again(tx: db.Tx, server_id: str) -> None:
    """The hosts of the server's ports ask for each of them once more, with its groups and leases, and make it so."""
    for port in of_server(tx, server_id):
        generations.bump(tx, [port.host], (generations.PORT, port.id))


def next_place(tx: db.Tx, server_id: str) -> int:
    """The place of one more port among the server's."""
    return (tx.scalar(sa.select(sa.func.max(Port.place)).where(*holders.held(holders.SERVER, server_id))) or 0) + 1


def nics(tx: db.Tx, server_id: str) -> list[dict[str, Any]]:
    """What the guest's interfaces are made from, in the order asked for at boot."""
    ports = of_server(tx, server_id)
    networks = {n.id: n for n in NETWORKS.rows(tx, [p.network_id for p in ports])}
    wanted = {ip['subnet_id'] for port in ports for ip in port.fixed_ips}
    subnets = {s.id: s for s in SUBNETS.rows(tx, sorted(wanted))}
    return [
        {
            'port_id': port.id,
            'place': port.place,
            'mac': port.mac_address,
            'bridge': 'qbr' + port.id[:11],
            'tap': 'tap' + port.id[:11],
            'mtu': networks[port.network_id].mtu,
            'network_id': port.network_id,
            'network_name': networks[port.network_id].name,
            'addresses': [_address(ip['ip_address'], subnets[ip['subnet_id']]) for ip in port.fixed_ips],
        }
        for port in ports
    ]


def _address(ip: str, subnet: Any) -> dict[str, Any]:
    gateway, routes = allocation_pools.leading_out(subnet)
    return {
        'ip': ip,
        'version': subnet.ip_version,
        'cidr': subnet.cidr,
        'gateway': gateway,
        'dns': list(subnet.dns_nameservers),
        'routes': [{'destination': destination, 'nexthop': hop} for destination, hop in routes],
        'dhcp': subnet.enable_dhcp,
        'mode': subnet.ipv6_address_mode,
    }


def addresses(tx: db.Tx, server_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What each server shows under `addresses`, by network name."""
    found: dict[str, list[dict[str, Any]]] = {}
    if not server_ids:
        return found
    floating = floating_addresses.of_servers(tx, server_ids)
    for server_id, port_id, mac, name, ip in ADDRESSES.rows(tx, server_ids):
        for shown in (ip, *floating.get((port_id, ip), ())):
            entry = {
                'network': name,
                'mac': mac,
                'ip': shown,
                'version': 6 if ':' in shown else 4,
                'type': 'fixed' if shown == ip else 'floating',
            }
            found.setdefault(server_id, []).append(entry)
    return found


def groups_of(tx: db.Tx, server_ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """The security groups that each server's ports are in."""
    found: dict[str, list[dict[str, str]]] = {}
    if not server_ids:
        return found
    for server_id, group_id, name, _ in GROUPS.rows(tx, server_ids):
        found.setdefault(server_id, []).append({'name': name, 'id': group_id})
    return found
