"""Tables of what steers traffic beside networks, ports and routers: port forwarding and conntrack helpers."""

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column
from nimbus.network.models import Standard


class PortForwarding(Standard, db.Base):
    """Ports of a floating IP that lead to one port of a fixed address, or to as many."""

    __tablename__ = 'port_forwardings'
    floating_ip_id: Mapped[str] = mapped_column(sa.ForeignKey('floating_ips.id', ondelete='CASCADE'), index=True)
    protocol: Mapped[str] = mapped_column(sa.String(16))
    internal_port_id: Mapped[db.Id] = mapped_column(index=True)
    internal_ip_address: Mapped[str] = mapped_column(sa.String(64))
    external_first: Mapped[int] = mapped_column(sa.Integer)
    external_last: Mapped[int] = mapped_column(sa.Integer)
    internal_first: Mapped[int] = mapped_column(sa.Integer)
    internal_last: Mapped[int] = mapped_column(sa.Integer)


class ConntrackHelper(Standard, db.Base):
    """A protocol that a router's connection tracking follows at a port, so that what belongs to a connection passes."""

    __tablename__ = 'conntrack_helpers'
    __table_args__ = (
        sa.UniqueConstraint('router_id', 'protocol', 'port', 'helper', name='conntrack_helpers_once'),
        db.Base.__table_args__,
    )
    router_id: Mapped[str] = mapped_column(sa.ForeignKey('routers.id', ondelete='CASCADE'))
    protocol: Mapped[str] = mapped_column(sa.String(16))
    port: Mapped[int] = mapped_column(sa.Integer)
    helper: Mapped[str] = mapped_column(sa.String(64))
