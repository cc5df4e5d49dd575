"""Tables of how ports are wired and filtered: further bindings, trunks, DHCP by hand, and how groups begin."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column
from nimbus.network.models import Standard


class Binding(db.Base):
    """That a port is prepared for a host on which it is not active; the active one is the port's own."""

    __tablename__ = 'port_bindings'
    port_id: Mapped[str] = mapped_column(sa.ForeignKey('ports.id', ondelete='CASCADE'), primary_key=True)
    host: Mapped[str] = mapped_column(primary_key=True)
    vnic_type: Mapped[str] = mapped_column(sa.String(32))
    profile: Mapped[dict[str, Any]]


class DhcpChoice(db.Base):
    """That an operator put a network's DHCP server on a host by hand, or took it away from there."""

    __tablename__ = 'dhcp_choices'
    network_id: Mapped[str] = mapped_column(sa.ForeignKey('networks.id', ondelete='CASCADE'), primary_key=True)
    host: Mapped[str] = mapped_column(primary_key=True)
    wanted: Mapped[bool]


class Trunk(Standard, db.Base):
    """A port whose guest's tagged frames belong to other ports, by their tags."""

    __tablename__ = 'trunks'
    name: Mapped[str]
    admin_state_up: Mapped[bool]
    port_id: Mapped[str] = mapped_column(sa.ForeignKey('ports.id'), unique=True)


class Subport(db.Base):
    """That the frames of a trunk with one tag belong to a port; neither the tag nor the port is there twice."""

    __tablename__ = 'trunk_subports'
    __table_args__ = (
        sa.UniqueConstraint('trunk_id', 'segmentation_type', 'segmentation_id', name='trunk_subports_once'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    trunk_id: Mapped[str] = mapped_column(sa.ForeignKey('trunks.id', ondelete='CASCADE'))
    port_id: Mapped[str] = mapped_column(sa.ForeignKey('ports.id'), unique=True)
    segmentation_type: Mapped[str] = mapped_column(sa.String(16))
    segmentation_id: Mapped[int] = mapped_column(sa.Integer)


class DefaultStatefulness(db.Base):
    """Whether new security groups of a project are stateful where nobody says; '*' stands for every project."""

    __tablename__ = 'default_statefulness'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[db.Id] = mapped_column(unique=True)
    stateful: Mapped[bool]
