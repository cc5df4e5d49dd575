"""Reschedule DHCP servers and routers that are on no host, or on a host whose agent is gone."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.context import Context
from nimbus.common.database import db, tables
from nimbus.network import generations, holders, standard_attributes
from nimbus.network.hosts import physical_networks, scheduling, zones
from nimbus.network.models import FloatingIp, Network, Port, Router, Service, Subnet
from nimbus.network.models_wiring import DhcpChoice
from nimbus.network.ports import ports

Due = list[tuple[str, str]]  # (kind, id of the network or router)
_SERVER = tables.Alias(Port)
# Networks with a guest on the host where their DHCP could stand and does not.
UNSERVED = (
    sa.select(Port.network_id)
    .join(
        services.Service,
        sa.and_(
            services.Service.host == Port.host,
            services.Service.binary == scheduling.AGENT['dhcp'],
            services.Service.disabled.is_(False),
        ),
    )
    .where(
        Port.host == sa.bindparam('on'),
        ~holders.IS_OWN,
        sa.exists().where(Subnet.network_id == Port.network_id, Subnet.enable_dhcp.is_(True)),
        ~sa.exists().where(scheduling.serves(_SERVER, Port.network_id, Port.host)),
        ~sa.exists().where(
            DhcpChoice.network_id == Port.network_id, DhcpChoice.host == Port.host, DhcpChoice.wanted.is_(False)
        ),
    )
    .distinct()
)


def waiting(tx: db.Tx, host: str) -> Due:
    """What has no place now or one on a host without an agent, and networks with guests on this host but no DHCP."""
    wanted = {
        'dhcp': sa.select(Network.id).where(
            sa.exists().where(Subnet.network_id == Network.id, Subnet.enable_dhcp.is_(True))
        ),
        'router': sa.select(Router.id).where(
            sa.exists().where(Port.holder_id == Router.id, Port.holder.in_((holders.ROUTER, holders.GATEWAY)))
        ),
    }
    found: Due = []
    for kind, query in wanted.items():
        agents = sa.select(services.Service.host).where(services.Service.binary == scheduling.AGENT[kind])
        column = query.selected_columns[0]
        settled = sa.or_(Service.host == '', Service.host.in_(agents))  # where an operator took it away, it stays so
        placed = sa.exists().where(Service.kind == kind, Service.subject_id == column, settled)
        found += [(kind, subject_id) for subject_id in tx.column(query.where(~placed))]
    found += [('router', router_id) for router_id in _misplaced(tx, host) if ('router', router_id) not in found]
    unserved = sorted(
        set(tx.column(UNSERVED, {'on': host})) - {subject_id for kind, subject_id in found if kind == 'dhcp'}
    )
    return found + [('dhcp', network_id) for network_id in unserved]


def _misplaced(tx: db.Tx, host: str) -> list[str]:
    """Routers that stand where their gateway's physical network is not, and could stand on this host."""
    found = set()
    for name, fit in physical_networks.hosts(tx).items():
        if host in fit:
            gateways = sa.select(Port.holder_id).join(Network, Network.id == Port.network_id)
            away = (Port.holder == holders.GATEWAY, Port.host.not_in(fit), Network.physical_network == name)
            found.update(tx.column(gateways.where(*away)))
    return sorted(found)


def place(tx: db.Tx, ctx: Context, due: Due) -> None:
    """Each has a place on a host whose agent is up, as far as there is one, and its ports are there."""
    for kind, subject_id in due:
        if kind == 'dhcp':
            network = tx.row(sa.select(Network).where(Network.id == subject_id))
            if network is not None:
                ports.keep_dhcp(tx, ctx, network)
            continue
        place_router(tx, subject_id)


def place_router(tx: db.Tx, router_id: str) -> str:
    """The router stands on a host where its gateway can be wired, as far as there is one, and its ports are there.

    Returns the host; '' when no agent is up.
    """
    there = _ports(tx, router_id)
    if not there:
        return scheduling.place(tx, 'router', router_id, _fit(tx, router_id))
    host = scheduling.place(tx, 'router', router_id, _fit(tx, router_id))
    if host:
        _follow(tx, there, host)
    return host


def _fit(tx: db.Tx, router_id: str) -> set[str] | None:
    """The hosts where the router can be wired, in the zones asked for as far as there are any; None: all."""
    fit = physical_networks.fit_for(tx, router_id) or None
    within = zones.hosts(tx, 'router', tx.scalar(sa.select(Router.zone_hints).where(Router.id == router_id)))
    return within & fit or fit if within and fit else within or fit


def _follow(tx: db.Tx, there: list[Any], host: str) -> None:
    """The ports are where their router is."""
    for port in there:
        if port.host != host:
            standard_attributes.touch(tx, Port, port.id, host=host, status=ports.DOWN, trouble=None)
            if port.host:
                generations.bump(tx, [port.host], (generations.PORT, port.id))
            ports.concern(tx, port.id, port.network_id, host, [])


def move_router(tx: db.Tx, router_id: str, host: str) -> None:
    """The router stands on that host as an operator says, or on none for ''.

    Raises Conflict where the host does not carry the physical network of its gateway.
    """
    fit = physical_networks.fit_for(tx, router_id)
    if host and fit and host not in fit:
        raise errors.Conflict(
            f'Host {host} has no bridge for the physical network of the gateway of router {router_id}.',
            type='InvalidL3Agent',
        )
    scheduling.put(tx, 'router', router_id, host)
    _follow(tx, _ports(tx, router_id), host)


def leave_unused(tx: db.Tx, router_id: str) -> bool:
    """A router without a port stands nowhere; says whether it has none."""
    unused = not _ports(tx, router_id)
    if unused:
        scheduling.remove(tx, 'router', router_id)
    return unused


def _ports(tx: db.Tx, router_id: str) -> list[Any]:
    """The router's interfaces, its gateway, and the ports of the floating IPs that lead through it."""
    floating = sa.select(FloatingIp.floating_port_id).where(FloatingIp.router_id == router_id)
    own = sa.and_(Port.holder.in_((holders.ROUTER, holders.GATEWAY)), Port.holder_id == router_id)
    return list(tx.rows(sa.select(Port).where(sa.or_(own, Port.id.in_(floating))).order_by(Port.seq)))
