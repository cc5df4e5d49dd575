"""Tables of the scheduler."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Host(db.Base):
    """A compute host: what it has, what is kept back, how far it is overcommitted and what is claimed of it."""

    __tablename__ = 'hosts'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    host: Mapped[str] = mapped_column(unique=True)
    node: Mapped[str]  # the hypervisor's own host name
    zone: Mapped[str] = mapped_column(sa.String(64))
    facts: Mapped[dict[str, Any]]  # what changes seldom: type, version, arch, address, CPU
    vcpus: Mapped[int]
    memory_mb: Mapped[int]
    disk_gb: Mapped[int]
    reserved_vcpus: Mapped[int]
    reserved_memory_mb: Mapped[int]
    reserved_disk_gb: Mapped[int]
    vcpus_ratio: Mapped[float]
    memory_mb_ratio: Mapped[float]
    disk_gb_ratio: Mapped[float]
    used_vcpus: Mapped[int]
    used_memory_mb: Mapped[int]
    used_disk_gb: Mapped[int]
    failed_builds: Mapped[int] = mapped_column(server_default='0')  # since one succeeded
    given_traits: Mapped[list[Any] | None]  # by operators, beside those that its driver reports
    generation: Mapped[int]  # grows with every change of the row
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime] = mapped_column(index=True)


class Claim(db.Base):
    """What one server holds of one host."""

    __tablename__ = 'claims'
    seq: Mapped[db.Seq]
    server_id: Mapped[db.Id] = mapped_column(unique=True)
    host_id: Mapped[db.Id] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(64))
    user_id: Mapped[str | None] = mapped_column(sa.String(64))
    vcpus: Mapped[int]
    memory_mb: Mapped[int]
    disk_gb: Mapped[int]
    created_at: Mapped[datetime.datetime]


class Trait(db.Base):
    """A trait of an operator's own: hosts may be given it."""

    __tablename__ = 'traits'
    seq: Mapped[db.Seq]
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime.datetime]
