"""Ports bound to hosts and deleted, for users, servers and DHCP servers."""

import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, tables
from nimbus.network import addresses as fixed
from nimbus.network import generations, holders, notifications, quotas, standard_attributes, tunnels
from nimbus.network.hosts import scheduling, zones
from nimbus.network.models import Member, Network, Port, Subnet
from nimbus.network.models_wiring import Subport, Trunk
from nimbus.network.ports import forwarded_ports, server_ports, trunk_ports
from nimbus.network.ports.port_rows import DOWN, Draft, concern, get, insert
from nimbus.network.ports.server_ports import addresses, groups_of, nics, of_server, trouble, wiring
from nimbus.network.security_groups import groups

# What others ask of ports is asked here.
__all__ = (
    'DOWN', 'Draft', 'addresses', 'concern', 'get', 'groups_of', 'insert', 'nics', 'of_server', 'trouble', 'wiring',
)  # fmt: skip

LOG = logging.getLogger(__name__)
_DHCP = tables.Alias(Port)
UNSERVED = sa.select(Network.id).where(
    Network.id == sa.bindparam('of'),
    sa.exists().where(Subnet.network_id == Network.id, Subnet.enable_dhcp.is_(True)),
    ~sa.exists().where(scheduling.serves(_DHCP, Network.id, sa.bindparam('on'))),
)


# Servers' ports


def ensure(
    tx: db.Tx,
    ctx: Context,
    *,
    port_id: str,
    network_id: str,
    server_id: str,
    project_id: str,
    host: str,
    zone: str,
    hostname: str,
    fixed_ip: str | None = None,
    groups: Sequence[str] = (),
) -> Any:
    """A server's own port of that id stands, bound to the host; its row.

    Raises NotFound when the network is gone, Conflict and OverQuota as any port.
    """
    row, owner = get(tx, port_id), f'compute:{zone}'
    if row is None:
        values = {'id': port_id, 'project_id': project_id, 'device_owner': owner, 'host': host, 'hostname': hostname}
        fixed_ips = [{'ip_address': fixed_ip}] if fixed_ip else None
        draft = _server_draft(tx, network_id, server_id, groups, fixed_ips=fixed_ips, **values)
        due = dhcp_due(tx, network_id, host)
        insert(tx, ctx, draft)
        if due:
            bring_dhcp(tx, ctx, network_id, host)
        notifications.notify(tx, ctx, port_id, 'create.start', 'create.end')
    elif row.host != host or row.device_owner != owner:
        move(tx, ctx, row, host, device_id=server_id, device_owner=owner, hostname=hostname)
        notifications.notify(tx, ctx, port_id, 'update.start', 'update.end')
    return get(tx, port_id)


def _server_draft(tx: db.Tx, network_id: str, server_id: str, groups: Sequence[str], **values: Any) -> Draft:
    """A new port of the server's own.  Raises NotFound when the network is gone."""
    network = tx.row(sa.select(Network).where(Network.id == network_id))
    if network is None:
        raise standard_attributes.missing('Network', network_id)
    values |= {'device_id': server_id, 'holder': holders.SERVER, 'holder_id': server_id}
    return Draft(
        network=network,
        groups=list(groups) or None if network.port_security_enabled else [],
        created_for_server=True,
        place=server_ports.next_place(tx, server_id),
        **values,
    )


def bind(
    tx: db.Tx,
    ctx: Context,
    port_id: str,
    *,
    server_id: str,
    project_id: str,
    host: str,
    zone: str,
    hostname: str,
) -> Any:
    """A port that the user gave is the server's and bound to the host; its row.

    Raises NotFound, Conflict when it is another server's.
    """
    row = get(tx, port_id)
    if row is None or row.project_id != project_id:
        raise standard_attributes.missing('Port', port_id)
    mine = row.holder == holders.SERVER and row.holder_id == server_id
    place = row.place if mine else server_ports.next_place(tx, server_id)
    free = sa.or_(sa.and_(Port.holder == '', Port.device_id == ''), sa.and_(*holders.held(holders.SERVER, server_id)))
    taken = {'holder': holders.SERVER, 'holder_id': server_id, 'place': place}
    if not tx.update(Port, Port.id == port_id, free, **taken):
        raise errors.Conflict(f'Port {port_id} is still in use.', type='PortInUse')
    if not mine or row.host != host or row.device_owner != f'compute:{zone}':
        move(tx, ctx, row, host, device_id=server_id, device_owner=f'compute:{zone}', hostname=hostname)
        notifications.notify(tx, ctx, port_id, 'update.start', 'update.end')
    return get(tx, port_id)


def move(tx: db.Tx, ctx: Context, row: Any, host: str, **values: Any) -> None:
    """A guest's port is on that host and nowhere else; its network's DHCP and the subports of a trunk follow."""
    _plug(tx, row, host, **values)
    follow(tx, ctx, row.network_id, host, row.host)
    carry(tx, ctx, row.id, host)


def carry(tx: db.Tx, ctx: Context, parent_id: str, host: str) -> None:
    """The subports of the trunk that the port may be are on the host."""
    for port in trunk_ports.carried(tx, parent_id):
        if port.host != host:
            move(tx, ctx, port, host)


def free_subport(tx: db.Tx, ctx: Context, port_id: str) -> None:
    """The port is no trunk's subport any more, and on no host."""
    tx.delete(Subport, Subport.port_id == port_id)
    move(tx, ctx, get(tx, port_id), '', holder='', holder_id='', device_owner='')


def end_trunk(tx: db.Tx, ctx: Context, parent_id: str) -> None:
    """The port is no trunk, and what was its subports are on no host."""
    trunk = trunk_ports.trunk_of(tx, parent_id)
    if trunk is None:
        return
    for port in trunk_ports.carried(tx, parent_id):
        free_subport(tx, ctx, port.id)
    if tx.delete(Trunk, Trunk.id == trunk.id):
        standard_attributes.forget_tags(tx, trunk.id)
        quotas.give_back(tx, trunk.project_id, trunk=1)


def _plug(tx: db.Tx, row: Any, host: str, **values: Any) -> None:
    """The port is on that host and nowhere else, not wired yet."""
    standard_attributes.touch(tx, Port, row.id, host=host, status=DOWN, trouble=None, **values)
    if row.host and row.host != host:
        generations.bump(tx, [row.host], (generations.PORT, row.id), *_served(row))
    concern(tx, row.id, row.network_id, host, groups.of_ports(tx, [row.id]).get(row.id, []))


def unbind(tx: db.Tx, ctx: Context, port_id: str, *, keeps: bool = False) -> None:
    """The port is on no host, and no server's unless its server `keeps` it; one that is gone already is fine."""
    row = get(tx, port_id)
    if row is not None and (row.host or row.device_id or row.holder):
        free: dict[str, Any] = {'device_id': '', 'device_owner': '', 'holder': '', 'holder_id': '', 'hostname': ''}
        move(tx, ctx, row, '', **({} if keeps else free | {'profile': {}, 'place': 0}))
        notifications.notify(tx, ctx, port_id, 'update.start', 'update.end')


def drop(tx: db.Tx, ctx: Context, port_id: str) -> None:
    """The port, its addresses and its places in groups are gone; gone already is fine."""
    row = get(tx, port_id)
    if row is None:
        return
    end_trunk(tx, ctx, port_id)
    if row.holder == holders.SUBPORT:
        tx.delete(Subport, Subport.port_id == port_id)
    member = groups.of_ports(tx, [port_id]).get(port_id, [])
    hosts = generations.of_ports(tx, row.network_id) | generations.of_peers(tx, member) | {row.host}
    fixed.take_back(tx, port_id)
    tx.delete(Member, Member.port_id == port_id)
    if not tx.delete(Port, Port.id == port_id):
        return
    forwarded_ports.let_go(tx, port_id)
    standard_attributes.forget_tags(tx, port_id)
    if row.holder not in holders.UNCOUNTED:
        quotas.give_back(tx, row.project_id, port=1)
    generations.bump(tx, hosts, (generations.PORT, port_id), *_served(row))
    if row.host and not holders.is_own(row):
        follow(tx, ctx, row.network_id, '', row.host)


def _served(row: Any) -> list[generations.Subject]:
    """What else changes once a port of the network service itself is gone."""
    if row.holder in (holders.ROUTER, holders.GATEWAY):
        return [(generations.ROUTER, row.holder_id)]
    return [(generations.NETWORK, row.network_id)] if row.holder == holders.DHCP else []


def leave_groups(tx: db.Tx, port_id: str) -> None:
    """The port is in no group, as one that belongs to the network service itself."""
    hosts = generations.of_peers(tx, groups.of_ports(tx, [port_id]).get(port_id, []))
    generations.bump(tx, hosts, (generations.PORT, port_id))
    tx.delete(Member, Member.port_id == port_id)


# The DHCP servers' own ports


def keep_dhcp(tx: db.Tx, ctx: Context, network: Any) -> None:
    """Each host where the network's DHCP is to stand has a port of it, with an address on every subnet served."""
    served = tx.rows(
        sa.select(Subnet).where(Subnet.network_id == network.id, Subnet.enable_dhcp.is_(True)).order_by(Subnet.seq)
    )
    there = {port.host: port for port in holders.of(tx, holders.DHCP, network.id)}
    if not served:
        scheduling.remove(tx, 'dhcp', network.id)
    wanted = _dhcp_hosts(tx, network, set(there)) if served else set()
    if served and not wanted:
        away = scheduling.choices(tx, network.id)[1]
        for port in [port for host, port in there.items() if host in away]:
            drop(tx, ctx, port.id)
        return
    spare = [there.pop(host) for host in sorted(set(there) - wanted)]
    for host in sorted(wanted):
        port = there.get(host) or (spare.pop() if spare else _new_dhcp(tx, ctx, network, host))
        if _serve(tx, port, served) or port.host != host:
            _plug(tx, port, host, device_id=scheduling.dhcp_device(host, network.id))
    for port in spare:
        drop(tx, ctx, port.id)


def _dhcp_hosts(tx: db.Tx, network: Any, there: set[str]) -> set[str]:
    """Every host that has guests on the network; any one host without guests, and where tunnels lead there from all.

    Where operators put the network's DHCP it stands as well, and where they took it away it does not.
    """
    added, away = scheduling.choices(tx, network.id)
    within = zones.hosts(tx, 'dhcp', network.zone_hints)
    guests: set[str] = set()
    if network.network_type not in tunnels.TUNNELS:
        query = sa.select(Port.host).where(Port.network_id == network.id, Port.host != '', ~holders.IS_OWN)
        guests = scheduling.able(tx, 'dhcp', set(tx.column(query)), there) - away
        only = guests or added or within
    else:
        ends = set(tunnels.ends(tx))
        only = added or (ends & within or ends if within else ends)
    if away:
        only = (only or scheduling.agents(tx, 'dhcp')) - away
        if not only:
            scheduling.put(tx, 'dhcp', network.id, '')
            return added
    host = scheduling.place(tx, 'dhcp', network.id, only)
    return guests | added or ({host} if host else set())


def _new_dhcp(tx: db.Tx, ctx: Context, network: Any, host: str) -> Any:
    draft = Draft(
        network=network,
        project_id=network.project_id,
        device_id=scheduling.dhcp_device(host, network.id),
        device_owner=holders.OWNER[holders.DHCP],
        holder=holders.DHCP,
        holder_id=network.id,
        host=host,
        fixed_ips=(),
    )
    return get(tx, insert(tx, ctx, draft))


def dhcp_due(tx: db.Tx, network_id: str, host: str) -> bool:
    """Whether DHCP must come to the host with its first guest of the network.

    The network is locked then, before a port of it is made, so that racers wait here for each other.
    """
    if not host or tx.row(UNSERVED, {'of': network_id, 'on': host}) is None:
        return False
    tx.update(Network, Network.id == network_id, mtu=Network.mtu)
    return True


def bring_dhcp(tx: db.Tx, ctx: Context, network_id: str, host: str) -> None:
    """DHCP of the network stands on the host, which has a guest now."""
    network = tx.row(sa.select(Network).where(Network.id == network_id))
    if network is None:
        return
    keep_dhcp(tx, ctx, network)
    others = scheduling.hosts_of(tx, 'dhcp', network_id) - {host}
    if others and network.network_type == 'local':
        LOG.warning(
            'Network %s has guests on %s and on %s: it is local to each host, and they do not reach each other',
            network_id, host, ', '.join(sorted(others)),
        )  # fmt: skip


def bring_missing_dhcp(tx: db.Tx, ctx: Context, port_ids: Sequence[str]) -> None:
    """DHCP stands where the ports do, as far as it can.

    It is brought with a port; but two that came to two hosts at one moment did not see each other, and the one may have
    taken along the DHCP that the other found on its host.
    """
    where = sa.select(Port.network_id, Port.host).where(Port.id.in_(list(port_ids))).distinct()
    for network_id, host in tx.rows(where.order_by(Port.network_id)):
        if dhcp_due(tx, network_id, host):
            bring_dhcp(tx, ctx, network_id, host)


def take_dhcp_along(tx: db.Tx, ctx: Context, network_id: str, left: str) -> None:
    """DHCP of the network stands no more on the host that its last guest left, unless it stands nowhere else."""
    serving = scheduling.hosts_of(tx, 'dhcp', network_id)
    if left not in serving or len(serving) == 1:
        return
    guests = sa.select(Port.id).where(Port.network_id == network_id, Port.host == left, ~holders.IS_OWN)
    if tx.row(guests.limit(1)) is None:
        tx.update(Network, Network.id == network_id, mtu=Network.mtu)
        keep_dhcp(tx, ctx, tx.row(sa.select(Network).where(Network.id == network_id)))


def follow(tx: db.Tx, ctx: Context, network_id: str, host: str, left: str) -> None:
    """DHCP of the network is where a guest's port went, and no more where it was the last."""
    if dhcp_due(tx, network_id, host):
        bring_dhcp(tx, ctx, network_id, host)
    if left and left != host:
        take_dhcp_along(tx, ctx, network_id, left)


def _serve(tx: db.Tx, port: Any, served: Sequence[Any]) -> bool:
    """The DHCP port has an address on each subnet served that has one left; returns whether any changed."""
    had = {address.subnet_id: address.ip_address for address in fixed.of(tx, [port.id]).get(port.id, [])}
    keep = [had[subnet.id] for subnet in served if subnet.id in had]
    if len(keep) != len(had):
        fixed.take_back(tx, port.id, keep)
    changed = len(keep) != len(had)
    for subnet in served:
        if subnet.id not in had:
            try:
                fixed.give(tx, port.id, port.network_id, port.mac_address, [{'subnet_id': subnet.id}], served)
                changed = True
            except errors.Conflict as why:  # a subnet without a free address is none that needs a server
                LOG.info('Network %s has no DHCP server on subnet %s: %s', port.network_id, subnet.id, why)
    return changed
