"""All that a host's network must be, as the value its agent hands to its driver.

A handful of queries whatever the number of ports; the keys are the fields of
`Desired` in agent/drivers/base.py.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import db
from nimbus.network import generations, ports
from nimbus.network.models import Address, Group, Member, Network, Port, Router, Rule, Service, Subnet

Found = dict[str, list[Any]]


def desired(tx: db.Tx, host: str) -> dict[str, Any]:
    """What the host must look like at its present generation."""
    generation = generations.of(tx, host)
    own = tx.rows(sa.select(Port).where(Port.host == host).order_by(Port.seq))
    served = set(tx.column(sa.select(Service.subject_id).where(Service.kind == 'dhcp', Service.host == host)))
    nets = _networks(tx, {port.network_id for port in own} | served)
    addresses = _addresses(tx, Address.port_id.in_(sa.select(Port.id).where(Port.host == host)))
    guests = [port for port in own if not port.device_owner.startswith(ports.OWN)]
    members = _by(tx.rows(sa.select(Member).join(Port).where(Port.host == host)), 'port_id', 'group_id')
    wanted = {group_id for port in guests for group_id in members.get(port.id, ())}
    return {
        'generation': generation,
        'networks': _network_values(tx, nets, served, own, addresses),
        'ports': [_port(port, nets[port.network_id], addresses, members) for port in guests],
        'groups': _groups(tx, wanted),
        'routers': _routers(tx, host, own, addresses),
    }


def _by(rows: Iterable[Any], key: str, value: str | None = None) -> Found:
    found: Found = {}
    for row in rows:
        found.setdefault(getattr(row, key), []).append(getattr(row, value) if value else row)
    return found


def _addresses(tx: db.Tx, where: Any) -> Found:
    return _by(tx.rows(sa.select(Address).where(where).order_by(Address.seq)), 'port_id')


def _values(addresses: Found, port_id: str) -> list[dict[str, str]]:
    return [{'ip': a.ip_address, 'subnet_id': a.subnet_id} for a in addresses.get(port_id, ())]


def _port(port: Any, network: Any, addresses: Found, members: Found) -> dict[str, Any]:
    return {
        'id': port.id,
        'network_id': port.network_id,
        'mac': port.mac_address,
        'addresses': _values(addresses, port.id),
        'device_id': port.device_id,
        'project_id': port.project_id,
        'hostname': port.hostname,
        'admin_up': port.admin_state_up and network.admin_state_up,
        'security': port.port_security_enabled,
        'groups': sorted(members.get(port.id, ())),
        'allowed_pairs': [[pair['ip_address'], pair['mac_address']] for pair in port.allowed_address_pairs],
    }


# Networks and their DHCP


def _networks(tx: db.Tx, network_ids: set[str]) -> dict[str, Any]:
    rows = tx.rows(sa.select(Network).where(Network.id.in_(sorted(network_ids))).order_by(Network.seq))
    return {row.id: row for row in rows}


def _network_values(
    tx: db.Tx, nets: dict[str, Any], served: set[str], own: Iterable[Any], addresses: Found
) -> list[dict[str, Any]]:
    query = sa.select(Subnet).where(Subnet.network_id.in_(sorted(nets))).order_by(Subnet.seq)
    subnets = _by(tx.rows(query), 'network_id')
    servers = {port.network_id: port for port in own if port.device_owner == ports.DHCP}
    leases = _leases(tx, {network_id for network_id in served & set(servers) if nets[network_id].admin_state_up})
    found = []
    for network in nets.values():
        value: dict[str, Any] = {
            'id': network.id,
            'type': network.network_type,
            'segment': None,
            'mtu': network.mtu,
            'subnets': [_subnet(subnet) for subnet in subnets.get(network.id, ())],
        }
        server = servers.get(network.id)
        if server is not None and network.id in served and network.admin_state_up and server.admin_state_up:
            value |= {
                'dhcp_port_id': server.id,
                'dhcp_mac': server.mac_address,
                'dhcp_addresses': _values(addresses, server.id),
                'leases': leases.get(network.id, []),
            }
        found.append(value)
    return found


def _subnet(subnet: Any) -> dict[str, Any]:
    return {
        'id': subnet.id,
        'cidr': subnet.cidr,
        'ip_version': subnet.ip_version,
        'gateway_ip': subnet.gateway_ip,
        'dhcp': subnet.enable_dhcp,
        'dns': list(subnet.dns_nameservers),
        'routes': [[route['destination'], route['nexthop']] for route in subnet.host_routes],
    }


def _leases(tx: db.Tx, network_ids: set[str]) -> dict[str, list[dict[str, str]]]:
    """Every guest's address on the networks, on whatever host it is."""
    query = (
        sa.select(
            Port.id,
            Port.mac_address,
            Port.hostname,
            Port.device_id,
            Port.project_id,
            Address.network_id,
            Address.ip_address,
            Address.subnet_id,
        )
        .join(Address, Address.port_id == Port.id)
        .join(Subnet, Subnet.id == Address.subnet_id)
        .where(
            Address.network_id.in_(sorted(network_ids)),
            Subnet.enable_dhcp.is_(True),
            ~Port.device_owner.startswith(ports.OWN),
        )
        .order_by(Address.seq)
    )
    found: dict[str, list[dict[str, str]]] = {}
    for row in tx.rows(query) if network_ids else ():
        lease = {
            'port_id': row.id,
            'mac': row.mac_address,
            'ip': row.ip_address,
            'subnet_id': row.subnet_id,
            'hostname': row.hostname or 'host-' + row.ip_address.replace('.', '-').replace(':', '-'),
            'device_id': row.device_id,
            'project_id': row.project_id,
        }
        found.setdefault(row.network_id, []).append(lease)
    return found


# Security groups


def _groups(tx: db.Tx, group_ids: set[str]) -> list[dict[str, Any]]:
    """The groups of the host's ports with their rules, and those that the rules name with their addresses."""
    if not group_ids:
        return []
    rules = _by(
        tx.rows(sa.select(Rule).where(Rule.security_group_id.in_(sorted(group_ids))).order_by(Rule.seq)),
        'security_group_id',
    )
    remote = {rule.remote_group_id for of in rules.values() for rule in of if rule.remote_group_id}
    members = _members(tx, remote)
    known = tx.column(sa.select(Group.id).where(Group.id.in_(sorted(group_ids | remote))).order_by(Group.seq))
    return [
        {
            'id': group_id,
            'rules': [_rule(rule) for rule in rules.get(group_id, ())],
            'members': members.get(group_id, []),
        }
        for group_id in known
    ]


def _rule(rule: Any) -> dict[str, Any]:
    return {
        'direction': rule.direction,
        'ethertype': rule.ethertype,
        'protocol': rule.protocol,
        'port_min': rule.port_range_min,
        'port_max': rule.port_range_max,
        'remote_prefix': rule.remote_ip_prefix,
        'remote_group': rule.remote_group_id,
    }


def _members(tx: db.Tx, group_ids: set[str]) -> dict[str, list[str]]:
    """Every address of the groups' ports, those they may use beside their own included."""
    if not group_ids:
        return {}
    found: dict[str, set[str]] = {}
    wanted = sorted(group_ids)
    given = sa.select(Member.group_id, Address.ip_address).join(Address, Address.port_id == Member.port_id)
    for group_id, ip in tx.rows(given.where(Member.group_id.in_(wanted))):
        found.setdefault(group_id, set()).add(ip)
    paired = sa.select(Member.group_id, Port.allowed_address_pairs).join(Port, Port.id == Member.port_id)
    for group_id, pairs in tx.rows(paired.where(Member.group_id.in_(wanted))):
        found.setdefault(group_id, set()).update(pair['ip_address'] for pair in pairs)
    return {group_id: sorted(ips) for group_id, ips in found.items()}


# Routers


def _routers(tx: db.Tx, host: str, own: Iterable[Any], addresses: Found) -> list[dict[str, Any]]:
    here = sa.select(Service.subject_id).where(Service.kind == 'router', Service.host == host)
    rows = tx.rows(sa.select(Router).where(Router.id.in_(here)).order_by(Router.seq))
    interfaces = _by((port for port in own if port.device_owner == ports.ROUTER), 'device_id')
    return [
        {
            'id': router.id,
            'ports': [
                {
                    'port_id': port.id,
                    'network_id': port.network_id,
                    'mac': port.mac_address,
                    'addresses': _values(addresses, port.id),
                }
                for port in interfaces.get(router.id, ())
                if port.admin_state_up
            ],
            'routes': [[route['destination'], route['nexthop']] for route in router.routes],
            'admin_up': router.admin_state_up,
        }
        for router in rows
    ]
