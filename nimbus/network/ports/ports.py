"""Ports as rows: created, bound to a host and deleted, for users, servers and DHCP servers."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.context import Context
from nimbus.common.database import db, tables
from nimbus.network import addresses as fixed
from nimbus.network import generations, holders, notifications, quotas, standard_attributes, tunnels
from nimbus.network.hosts import scheduling, zones
from nimbus.network.models import Member, Network, Port, Subnet
from nimbus.network.ports import forwarded_ports, macs, server_ports
from nimbus.network.ports.server_ports import addresses, groups_of, nics, of_server, trouble, wiring
from nimbus.network.security_groups import groups

__all__ = ('addresses', 'groups_of', 'nics', 'of_server', 'trouble', 'wiring')  # the seam is `ports` alone

LOG = logging.getLogger(__name__)
MAC_TRIES = 16
DOWN = 'DOWN'  # of a port that its host has not wired
BY_ID = db.Fixed(sa.select(db.table_of(Port)).where(Port.id == sa.bindparam('of')))
_DHCP = tables.Alias(Port)
UNSERVED = sa.select(Network.id).where(
    Network.id == sa.bindparam('of'),
    sa.exists().where(Subnet.network_id == Network.id, Subnet.enable_dhcp.is_(True)),
    ~sa.exists().where(scheduling.serves(_DHCP, Network.id, sa.bindparam('on'))),
)
SINCE = db.Fixed(
    sa.update(db.table_of(Port)).where(Port.id == sa.bindparam('of')).values(since=sa.bindparam('reached'))
)


@dataclasses.dataclass(frozen=True)
class Draft:
    """A port that is to be made."""

    network: Any
    project_id: str
    id: str = dataclasses.field(default_factory=ids.dashed)
    name: str = ''
    description: str = ''
    mac_address: str | None = None
    fixed_ips: Sequence[dict[str, str]] | None = None  # None: one of each kind
    groups: Sequence[str] | None = None  # None: the project's default group
    admin_state_up: bool = True
    device_id: str = ''
    device_owner: str = ''
    holder: str = ''
    holder_id: str = ''
    host: str = ''
    vnic_type: str = 'normal'
    profile: dict[str, Any] = dataclasses.field(default_factory=dict)
    port_security_enabled: bool | None = None  # None: as the network says
    allowed_address_pairs: Sequence[dict[str, str]] = ()
    extra_dhcp_opts: Sequence[dict[str, Any]] = ()
    hostname: str = ''
    dns_name: str | None = None
    dns_domain: str | None = None
    created_for_server: bool = False
    place: int = 0
    qos_policy_id: str | None = None


def insert(tx: db.Tx, ctx: Context, draft: Draft) -> str:
    """The port stands with its addresses and groups, and every host concerned is nudged; returns its id.

    Raises OverQuota, Conflict on a MAC or address that is taken, Invalid on an address no subnet has.
    """
    own = holders.is_own(draft)
    if draft.holder not in holders.UNCOUNTED:
        quotas.take(tx, draft.project_id, port=1)
    secure = draft.port_security_enabled
    secure = not own and (draft.network.port_security_enabled if secure is None else secure)
    mac = _insert_row(tx, ctx, draft, secure)
    (fixed.give if holders.of_service(draft) else fixed.give_guest)(
        tx, draft.id, draft.network.id, mac, draft.fixed_ips, owner=draft.device_owner
    )
    if draft.groups is None:
        wanted = [groups.ensure_default(tx, ctx, draft.project_id)] if secure else []
        groups.put_in(tx, draft.id, wanted)
    else:
        wanted = list(draft.groups)
        groups.join(tx, ctx, draft.id, draft.project_id, wanted)
    concern(tx, draft.id, draft.network.id, draft.host, wanted)
    return draft.id


def _insert_row(tx: db.Tx, ctx: Context, draft: Draft, secure: bool) -> str:
    values = dataclasses.asdict(dataclasses.replace(draft, network=None))
    for name in ('network', 'mac_address', 'fixed_ips', 'groups', 'port_security_enabled'):
        del values[name]
    values = standard_attributes.stamp(ctx, draft.project_id) | values
    values |= {
        'network_id': draft.network.id,
        'port_security_enabled': secure,
        'allowed_address_pairs': list(draft.allowed_address_pairs),
        'extra_dhcp_opts': list(draft.extra_dhcp_opts),
        'status': DOWN,
        'since': 0,
    }
    for _ in range(MAC_TRIES):
        mac = draft.mac_address or macs.new()
        try:
            with tx.trial():
                tx.insert(Port, mac_address=mac, **values)
            return mac
        except sa.exc.IntegrityError:
            _explain_clash(tx, draft, mac)
    raise errors.Conflict(
        f'Unable to generate unique mac on network {draft.network.id}.', type='MacAddressGenerationFailure'
    )


def _explain_clash(tx: db.Tx, draft: Draft, mac: str) -> None:
    """Raise what was in the way of a new port's row, if trying another MAC does not help."""
    if tx.row(sa.select(Port.id).where(Port.id == draft.id)) is not None:
        raise errors.Conflict(f'Port {draft.id} exists already.', type='PortBound') from None
    if tx.row(sa.select(Network.id).where(Network.id == draft.network.id)) is None:
        raise standard_attributes.missing('Network', draft.network.id) from None
    if draft.mac_address:
        raise errors.Conflict(
            f'Unable to complete operation for network {draft.network.id}. The mac address {mac} is in use.',
            type='MacAddressInUse',
        ) from None


def concern(tx: db.Tx, port_id: str, network_id: str, host: str, group_ids: Sequence[str]) -> None:
    """Every host that must know of the port is at a new generation, and the port is not wired before its own is."""
    hosts = generations.of_ports(tx, network_id) | generations.of_peers(tx, group_ids)
    reached = generations.bump(tx, hosts | {host}, (generations.PORT, port_id))
    if host:
        tx.change(SINCE, {'of': port_id, 'reached': reached[host]})


def get(tx: db.Tx, port_id: str) -> Any:
    """The port's row whoever asks, or None."""
    return tx.row(BY_ID, {'of': port_id})


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
        _plug(tx, row, host, device_id=server_id, device_owner=owner, hostname=hostname)
        follow(tx, ctx, network_id, host, row.host)
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
        _plug(tx, row, host, device_id=server_id, device_owner=f'compute:{zone}', hostname=hostname)
        follow(tx, ctx, row.network_id, host, row.host)
        notifications.notify(tx, ctx, port_id, 'update.start', 'update.end')
    return get(tx, port_id)


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
        _plug(tx, row, '', **({} if keeps else free | {'profile': {}, 'place': 0}))
        follow(tx, ctx, row.network_id, '', row.host)
        notifications.notify(tx, ctx, port_id, 'update.start', 'update.end')


def drop(tx: db.Tx, ctx: Context, port_id: str) -> None:
    """The port, its addresses and its places in groups are gone; gone already is fine."""
    row = get(tx, port_id)
    if row is None:
        return
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
        return
    spare = [there.pop(host) for host in sorted(set(there) - wanted)]
    for host in sorted(wanted):
        port = there.get(host) or (spare.pop() if spare else _new_dhcp(tx, ctx, network, host))
        if _serve(tx, port, served) or port.host != host:
            _plug(tx, port, host, device_id=scheduling.dhcp_device(host, network.id))
    for port in spare:
        drop(tx, ctx, port.id)


def _dhcp_hosts(tx: db.Tx, network: Any, there: set[str]) -> set[str]:
    """Every host that has guests on the network; any one host without guests, and where tunnels lead there from all."""
    if network.network_type in tunnels.TUNNELS:
        ends, within = set(tunnels.ends(tx)), zones.hosts(tx, 'dhcp', network.zone_hints)
        host = scheduling.place(tx, 'dhcp', network.id, ends & within or ends if within else ends)
        return {host} if host else set()
    guests = set(tx.column(sa.select(Port.host).where(Port.network_id == network.id, Port.host != '', ~holders.IS_OWN)))
    wanted = scheduling.able(tx, 'dhcp', guests, there)
    host = scheduling.place(tx, 'dhcp', network.id, wanted or zones.hosts(tx, 'dhcp', network.zone_hints))
    return wanted or ({host} if host else set())


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
