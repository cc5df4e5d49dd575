"""Read the desired state of a host's network from the database: all of it, or what changed.

The same shape either way: for each kind the values by id, None for what is
not there (any more); nimbus/network/agent/desired_state.py takes it in.  A handful of
queries whatever the number of ports, and for differences none that grows
with it.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import allocation_pools, generations, holders
from nimbus.network.hosts import arriving, desired_routers, qualities, scheduling, tunnel_peers
from nimbus.network.hosts.gathered import Found, addresses_at, addresses_of, by, values_of
from nimbus.network.models import (
    Address,
    AddressGroup,
    Group,
    Member,
    Network,
    Port,
    Rule,
    Service,
    Subnet,
)
from nimbus.network.models_wiring import Subport, Trunk
from nimbus.network.rpc import TUNNELS

PORTS = db.Gathering(sa.select(Port), Port.id)
NETWORKS = db.Gathering(sa.select(Network).order_by(Network.seq), Network.id)
SUBNETS = db.Gathering(sa.select(Subnet).order_by(Subnet.seq), Subnet.network_id)
MEMBERS = db.Gathering(sa.select(Member), Member.port_id)
LOOSE = db.Gathering(sa.select(Group.id).where(Group.stateful.is_(False)), Group.id)
KINDS = (generations.PORT, generations.NETWORK, generations.RULES, generations.MEMBERS, generations.ROUTER)


def whole(tx: db.Tx, host: str, generation: int) -> dict[str, Any]:
    """What the host must look like."""
    there = arriving.there(host)
    own = tx.rows(sa.select(Port).where(there).order_by(Port.seq))
    served = scheduling.served_on(tx, host)
    guests = [port for port in own if not holders.is_own(port)]
    members = by(tx.rows(sa.select(Member).join(Port).where(there)), 'port_id', 'group_id')
    held = {group_id for port in guests for group_id in members.get(port.id, ())}
    loose = _loose(tx, held)
    rules = _rules(tx, held)
    nets = _networks(tx, {port.network_id for port in own} | served)
    addresses = addresses_of(tx, Address.port_id.in_(sa.select(Port.id).where(there)))
    return {
        'generation': generation,
        'whole': True,
        'networks': _network_values(tx, host, nets, served),
        'ports': _ports(tx, guests, nets, addresses, members, loose),
        'rules': rules,
        'members': _members(tx, {rule['remote_group'] for of in rules.values() for rule in of} - {None}),
        'routers': desired_routers.values(tx, host, _here(tx, host)),
    }


def differences(tx: db.Tx, host: str, generation: int, subjects: set[generations.Subject]) -> dict[str, Any]:
    """What those subjects must be on the host now."""
    of = {kind: {subject_id for one, subject_id in subjects if one == kind} for kind in KINDS}
    rows = list(PORTS.rows(tx, sorted(of[generations.PORT])))
    coming = arriving.coming(tx, of[generations.PORT])
    here = [port for port in rows if host in (port.host, coming.get(port.id))]
    networks = of[generations.NETWORK] | {port.network_id for port in here if port.holder == holders.DHCP}
    routers = of[generations.ROUTER] | {port.holder_id for port in here if port.holder in desired_routers.OF_ROUTERS}
    guests = [port for port in here if not holders.is_own(port)]
    nets = _networks(tx, networks | {port.network_id for port in guests})
    places = _places(tx, rows)
    found: dict[str, Any] = {'generation': generation, 'whole': False}
    if rows or of[generations.PORT]:
        addresses = addresses_at(tx, [port.id for port in guests])
        members = {port_id: sorted(groups) for port_id, groups in places.items()}
        loose = _loose(tx, {group_id for groups in members.values() for group_id in groups})
        values = _ports(tx, guests, nets, addresses, members, loose)
        gone: dict[str, Any] = dict.fromkeys(of[generations.PORT])
        served = scheduling.served_on(tx, host, {port.network_id for port in rows})
        leases = _leases(tx, Port.id.in_([port.id for port in rows]), served)
        found |= {'ports': gone | values, 'places': gone | places, 'leases': gone | _by_port(leases)}
        away = [port.id for port in rows if port.host not in ('', host) or port.id in coming]
        found['remotes'] = gone | (tunnel_peers.beyond(tx, host, Port.id.in_(away)) if away else {})
    if networks:
        values = _network_values(
            tx, host, {one: nets[one] for one in networks if one in nets}, scheduling.served_on(tx, host, networks)
        )
        found['networks'] = dict.fromkeys(networks) | values
    if of[generations.RULES]:
        found['rules'] = _rules(tx, of[generations.RULES])
    if of[generations.MEMBERS]:
        found['members'] = _members(tx, of[generations.MEMBERS])
    if routers:
        found['routers'] = dict.fromkeys(routers) | desired_routers.values(tx, host, _here(tx, host, routers))
    return found


def _here(tx: db.Tx, host: str, among: Iterable[str] | None = None) -> set[str]:
    """The routers that stand on the host."""
    query = sa.select(Service.subject_id).where(Service.kind == 'router', Service.host == host)
    if among is not None:
        query = query.where(Service.subject_id.in_(sorted(among)))
    return set(tx.column(query))


def _ports(
    tx: db.Tx, guests: Iterable[Any], nets: dict[str, Any], addresses: Found, members: Found, loose: set[str]
) -> dict[str, Any]:
    """The values of guests' ports, each with the QoS of its own policy or its network's."""
    named = {port.id: port.qos_policy_id or nets[port.network_id].qos_policy_id for port in guests}
    quality = qualities.of(tx, named)
    trunks = _trunks(tx, [port.id for port in guests if port.holder == holders.SUBPORT])
    return {
        port.id: _port(port, nets[port.network_id], addresses, members, loose)
        | quality[port.id]
        | trunks.get(port.id, {})
        for port in guests
    }


def _trunks(tx: db.Tx, port_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Of each subport the port of its trunk, and the tag of its frames there."""
    query = sa.select(Subport.port_id, Trunk.port_id.label('parent'), Subport.segmentation_id)
    query = query.join(Trunk, Trunk.id == Subport.trunk_id).where(Subport.port_id.in_(port_ids))
    rows = tx.rows(query) if port_ids else ()
    return {row.port_id: {'parent': row.parent, 'vlan': row.segmentation_id} for row in rows}


def _port(port: Any, network: Any, addresses: Found, members: Found, loose: set[str]) -> dict[str, Any]:
    return {
        'id': port.id,
        'network_id': port.network_id,
        'mac': port.mac_address,
        'addresses': values_of(addresses, port.id),
        'device_id': port.holder_id if port.holder == holders.SERVER else '',
        'project_id': port.project_id,
        'hostname': port.hostname,
        'admin_up': port.admin_state_up and network.admin_state_up,
        'security': port.port_security_enabled,
        'groups': sorted(members.get(port.id, ())),
        **({'tracked': False} if loose.intersection(members.get(port.id, ())) else {}),
        'allowed_pairs': [[_plain(pair), pair['mac_address']] for pair in port.allowed_address_pairs],
    }


def _plain(pair: dict[str, str]) -> str:
    """A pair's address or range, with no bits set beyond its length, as packet filters show it."""
    ip = pair['ip_address']
    return str(ipaddress.ip_network(ip, strict=False)) if '/' in ip else ip


# Networks and their DHCP


def _networks(tx: db.Tx, network_ids: set[str]) -> dict[str, Any]:
    return {row.id: row for row in NETWORKS.rows(tx, sorted(network_ids))}


def _network_values(tx: db.Tx, host: str, nets: dict[str, Any], served: set[str]) -> dict[str, Any]:
    """The networks, those that are served here with their leases."""
    subnets = by(SUBNETS.rows(tx, sorted(nets)), 'network_id')
    query = sa.select(Port).where(Port.network_id.in_(sorted(served)), Port.holder == holders.DHCP)
    servers = {port.network_id: port for port in tx.rows(query.where(Port.host == host))} if served else {}
    addresses = addresses_at(tx, [port.id for port in servers.values()])
    up = {one for one in served & set(servers) & set(nets) if nets[one].admin_state_up and servers[one].admin_state_up}
    leases = by(_leases(tx, sa.true(), up), 'network_id')
    remotes: dict[str, dict[str, Any]] = {name: {} for name in nets}
    spanning = sorted(network.id for network in nets.values() if network.network_type in TUNNELS)
    if spanning:
        for port_id, port in tunnel_peers.beyond(tx, host, Port.network_id.in_(spanning)).items():
            remotes[port['network_id']][port_id] = port
    found = {}
    for network in nets.values():
        value: dict[str, Any] = {
            'id': network.id,
            'type': network.network_type,
            'segment': network.segmentation_id,
            'physical': network.physical_network,
            'mtu': network.mtu,
            'subnets': [_subnet(subnet) for subnet in subnets.get(network.id, ())],
        }
        if network.id in up:
            server = servers[network.id]
            value |= {
                'dhcp_port_id': server.id,
                'dhcp_mac': server.mac_address,
                'dhcp_addresses': values_of(addresses, server.id),
            }
        found[network.id] = {
            'value': value,
            'leases': _by_port(leases.get(network.id, ())),
            'remotes': remotes[network.id],
        }
    return found


def _subnet(subnet: Any) -> dict[str, Any]:
    gateway, routes = allocation_pools.leading_out(subnet)
    return {
        'id': subnet.id,
        'cidr': subnet.cidr,
        'ip_version': subnet.ip_version,
        'gateway_ip': gateway,
        'dhcp': subnet.enable_dhcp,
        'dns': list(subnet.dns_nameservers),
        'routes': [list(route) for route in routes],
        'ra_mode': subnet.ipv6_ra_mode,
        'address_mode': subnet.ipv6_address_mode,
    }


def _leases(tx: db.Tx, which: Any, network_ids: set[str]) -> list[Any]:
    """Addresses that DHCP servers of the networks hand out to guests, on whatever host these are."""
    query = (
        sa.select(
            Port.id.label('port_id'),
            Port.mac_address,
            sa.func.coalesce(Port.dns_name, Port.hostname).label('hostname'),
            Port.holder,
            Port.holder_id,
            Port.project_id,
            Port.extra_dhcp_opts,
            Address.network_id,
            Address.ip_address,
            Address.subnet_id,
        )
        .join(Address, Address.port_id == Port.id)
        .join(Subnet, Subnet.id == Address.subnet_id)
        .where(
            which,
            Address.network_id.in_(sorted(network_ids)),
            Subnet.enable_dhcp.is_(True),
            ~holders.IS_OWN,
        )
        .order_by(Address.seq)
    )
    return list(tx.rows(query)) if network_ids else []


def _by_port(rows: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """What each port's guest is handed out: on which network, which addresses."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault(row.port_id, {'network_id': row.network_id, 'leases': []})
        one['leases'].append(
            {
                'port_id': row.port_id,
                'mac': row.mac_address,
                'ip': row.ip_address,
                'subnet_id': row.subnet_id,
                'hostname': row.hostname or 'host-' + row.ip_address.replace('.', '-').replace(':', '-'),
                'device_id': row.holder_id if row.holder == holders.SERVER else '',
                'project_id': row.project_id,
                'options': _options(row),
            }
        )
    return found


def _options(lease: Any) -> list[list[str]]:
    """What the port asks of DHCP for addresses of the lease's kind."""
    version = 6 if ':' in lease.ip_address else 4
    given = lease.extra_dhcp_opts or ()
    return [[option['opt_name'], option['opt_value']] for option in given if option['ip_version'] == version]


# Security groups


def _rules(tx: db.Tx, group_ids: set[str]) -> dict[str, list[dict[str, Any]]]:
    """The rules of each group; none where there is no such group."""
    if not group_ids:
        return {}
    query = sa.select(Rule).where(Rule.security_group_id.in_(sorted(group_ids))).order_by(Rule.seq)
    rules = by(tx.rows(query), 'security_group_id')
    return {group_id: [_rule(rule) for rule in rules.get(group_id, ())] for group_id in sorted(group_ids)}


def _loose(tx: db.Tx, group_ids: set[str]) -> set[str]:
    """Which of the groups work without connection tracking."""
    return {row.id for row in LOOSE.rows(tx, sorted(group_ids))}


def _rule(rule: Any) -> dict[str, Any]:
    return {
        'direction': rule.direction,
        'ethertype': rule.ethertype,
        'protocol': rule.protocol,
        'port_min': rule.port_range_min,
        'port_max': rule.port_range_max,
        'remote_prefix': rule.remote_ip_prefix,
        'remote_group': rule.remote_group_id or rule.remote_address_group_id,
    }


def _members(tx: db.Tx, group_ids: set[str]) -> dict[str, dict[str, list[str]]]:
    """Every address of each group's ports by port, those they may use beside their own included.

    An address group has its ranges, under its own id.
    """
    found: dict[str, dict[str, list[str]]] = {group_id: {} for group_id in sorted(group_ids)}
    if not group_ids:
        return found
    for group_id, port_id, ip in tx.rows(
        sa.select(Member.group_id, Member.port_id, Address.ip_address)
        .join(Address, Address.port_id == Member.port_id)
        .where(Member.group_id.in_(sorted(group_ids)))
        .order_by(Address.seq)
    ):
        found[group_id].setdefault(port_id, []).append(ip)
    paired = sa.select(Member.group_id, Port.id, Port.allowed_address_pairs).join(Port, Port.id == Member.port_id)
    for group_id, port_id, pairs in tx.rows(paired.where(Member.group_id.in_(sorted(group_ids)))):
        if pairs:
            found[group_id].setdefault(port_id, []).extend(_plain(pair) for pair in pairs)
    for group_id, ranges in tx.rows(
        sa.select(AddressGroup.id, AddressGroup.addresses).where(AddressGroup.id.in_(sorted(group_ids)))
    ):
        found[group_id][group_id] = [_single(one) for one in ranges]
    return found


def _single(cidr: str) -> str:
    """A range of one address as the address."""
    net = ipaddress.ip_network(cidr)
    return str(net.network_address) if net.num_addresses == 1 else cidr


def _places(tx: db.Tx, rows: Iterable[Any]) -> dict[str, dict[str, list[str]]]:
    """What each port adds to the addresses of each of its groups."""
    ports_by_id = {port.id: port for port in rows}
    if not ports_by_id:
        return {}
    own = by(MEMBERS.rows(tx, sorted(ports_by_id)), 'port_id', 'group_id')
    addresses = addresses_at(tx, own)
    found = {}
    for port_id, group_ids in own.items():
        ips = [address.ip_address for address in addresses.get(port_id, ())]
        ips += [_plain(pair) for pair in ports_by_id[port_id].allowed_address_pairs]
        found[port_id] = dict.fromkeys(group_ids, ips)
    return found
