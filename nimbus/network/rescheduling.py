"""Reschedule DHCP servers and routers that are on no host, or on a host whose agent is gone."""

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.context import Context
from nimbus.common.database import db, tables
from nimbus.network import holders, standard_attributes
from nimbus.network.hosts import scheduling
from nimbus.network.models import Network, Port, Router, Service, Subnet
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
        ~sa.exists().where(
            _SERVER.holder_id == Port.network_id, _SERVER.holder == holders.DHCP, _SERVER.host == Port.host
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
            sa.exists().where(Port.holder_id == Router.id, Port.holder == holders.ROUTER)
        ),
    }
    found: Due = []
    for kind, query in wanted.items():
        agents = sa.select(services.Service.host).where(services.Service.binary == scheduling.AGENT[kind])
        column = query.selected_columns[0]
        placed = sa.exists().where(Service.kind == kind, Service.subject_id == column, Service.host.in_(agents))
        found += [(kind, subject_id) for subject_id in tx.column(query.where(~placed))]
    unserved = sorted(
        set(tx.column(UNSERVED, {'on': host})) - {subject_id for kind, subject_id in found if kind == 'dhcp'}
    )
    return found + [('dhcp', network_id) for network_id in unserved]


def place(tx: db.Tx, ctx: Context, due: Due) -> None:
    """Each has a place on a host whose agent is up, as far as there is one, and its ports are there."""
    for kind, subject_id in due:
        if kind == 'dhcp':
            network = tx.row(sa.select(Network).where(Network.id == subject_id))
            if network is not None:
                ports.keep_dhcp(tx, ctx, network)
            continue
        host = scheduling.place(tx, 'router', subject_id)
        for port in holders.of(tx, holders.ROUTER, subject_id):
            if host and port.host != host:
                standard_attributes.touch(tx, Port, port.id, host=host, status=ports.DOWN, trouble=None)
                ports.concern(tx, port.id, port.network_id, host, [])
