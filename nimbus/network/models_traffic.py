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


class QosPolicy(Standard, db.Base):
    """A QoS policy: rules that hold for the ports, networks, floating IPs and gateways that name it.

    `default_of` is the project whose default it is; the constraint keeps a project from having two.
    """

    __tablename__ = 'qos_policies'
    name: Mapped[str]
    default_of: Mapped[str | None] = mapped_column(sa.String(64), unique=True)


class QosRule(db.Base):
    """A rule of a QoS policy; each kind once for each direction."""

    __tablename__ = 'qos_rules'
    __table_args__ = (
        sa.UniqueConstraint('policy_id', 'kind', 'direction', name='qos_rules_once'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    policy_id: Mapped[str] = mapped_column(sa.ForeignKey('qos_policies.id', ondelete='CASCADE'))
    kind: Mapped[str] = mapped_column(sa.String(32))  # one of nimbus/network/qos/rules.py's KINDS
    direction: Mapped[str] = mapped_column(sa.String(8))  # 'egress' is from the guest; '' where there is none
    amount: Mapped[int]  # kbit/s, thousands of packets a second, or the mark
    burst: Mapped[int]
