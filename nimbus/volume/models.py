"""Tables of the volume service."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Volume(db.Base):
    """One disk."""

    __tablename__ = 'volumes'
    __table_args__ = (
        sa.Index('volumes_project', 'project_id', 'created_at', 'seq'),
        sa.Index('volumes_host', 'host'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str | None]
    description: Mapped[str | None]
    size: Mapped[int]  # GiB
    status: Mapped[str] = mapped_column(sa.String(32))
    attach_status: Mapped[str] = mapped_column(sa.String(32))
    migration_status: Mapped[str | None] = mapped_column(sa.String(32))
    availability_zone: Mapped[str | None]
    wished_host: Mapped[str | None]  # where an operator wants it
    host: Mapped[str | None]  # where it is
    backend: Mapped[str | None]
    service_id: Mapped[str | None] = mapped_column(sa.String(64))
    type_id: Mapped[str | None] = mapped_column(sa.String(64))
    bootable: Mapped[bool]
    readonly: Mapped[bool | None]
    image: Mapped[dict[str, Any] | None]  # facts of the image it was made from
    trouble: Mapped[str | None] = mapped_column(sa.Text())  # why it is in error
    snapshot_id: Mapped[str | None] = mapped_column(sa.String(64))  # what it was made from
    source_volid: Mapped[str | None] = mapped_column(sa.String(64))
    backup_id: Mapped[str | None] = mapped_column(sa.String(64))
    copied_for: Mapped[str | None] = mapped_column(sa.String(64))  # the snapshot or volume that is being made of it
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class VolumeMetadata(db.Base):
    """One pair of a volume's metadata."""

    __tablename__ = 'volume_metadata'
    volume_id: Mapped[db.Id] = mapped_column(primary_key=True)
    meta_key: Mapped[str] = mapped_column(primary_key=True)  # as `key` is a word of SQL
    value: Mapped[str]


class Snapshot(db.Base):
    """What a volume had at one moment."""

    __tablename__ = 'volume_snapshots'
    __table_args__ = (
        sa.Index('volume_snapshots_project', 'project_id', 'created_at', 'seq'),
        sa.Index('volume_snapshots_volume', 'volume_id'),
        sa.Index('volume_snapshots_host', 'host'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    volume_id: Mapped[str] = mapped_column(sa.String(64))
    project_id: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str | None]
    description: Mapped[str | None]
    size: Mapped[int]  # GiB, as the volume had
    status: Mapped[str] = mapped_column(sa.String(32))
    progress: Mapped[str | None] = mapped_column(sa.String(8))
    host: Mapped[str]  # where it is
    type_id: Mapped[str | None] = mapped_column(sa.String(64))
    bootable: Mapped[bool]  # of the volume, and so is the image
    image: Mapped[dict[str, Any] | None]
    trouble: Mapped[str | None] = mapped_column(sa.Text())  # why it is in error
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class SnapshotMetadata(db.Base):
    """One pair of a snapshot's metadata."""

    __tablename__ = 'volume_snapshot_metadata'
    snapshot_id: Mapped[db.Id] = mapped_column(primary_key=True)
    meta_key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Backup(db.Base):
    """What a volume had at one moment, kept in a store of backups."""

    __tablename__ = 'volume_backups'
    __table_args__ = (
        sa.Index('volume_backups_project', 'project_id', 'created_at', 'seq'),
        sa.Index('volume_backups_volume', 'volume_id'),
        sa.Index('volume_backups_place', 'place'),
        sa.Index('volume_backups_parent', 'parent_place'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    volume_id: Mapped[str] = mapped_column(sa.String(64))
    snapshot_id: Mapped[str | None] = mapped_column(sa.String(64))
    project_id: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str | None]
    description: Mapped[str | None]
    container: Mapped[str | None]
    size: Mapped[int]  # GiB, as the volume had
    status: Mapped[str] = mapped_column(sa.String(32))
    availability_zone: Mapped[str | None]
    host: Mapped[str]  # whose agent reads and writes it
    service: Mapped[str]  # the kind of store
    shared: Mapped[bool]  # whether the agents of all hosts reach the store
    place: Mapped[str] = mapped_column(sa.String(64))  # its key in the store; an imported backup has another's
    parent_id: Mapped[str | None] = mapped_column(sa.String(64))
    parent_place: Mapped[str | None] = mapped_column(sa.String(64))
    object_count: Mapped[int]
    bootable: Mapped[bool]  # of the volume, and so is the image
    image: Mapped[dict[str, Any] | None]
    trouble: Mapped[str | None] = mapped_column(sa.Text())  # why it is in error, or could not be restored
    data_timestamp: Mapped[datetime.datetime]  # when what it holds was so
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class BackupMetadata(db.Base):
    """One pair of a backup's metadata."""

    __tablename__ = 'volume_backup_metadata'
    backup_id: Mapped[db.Id] = mapped_column(primary_key=True)
    meta_key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Attachment(db.Base):
    """A volume with, or on its way to or from, whoever uses it."""

    __tablename__ = 'volume_attachments'
    __table_args__ = (
        sa.Index('volume_attachments_volume', 'volume_id'),
        sa.Index('volume_attachments_server', 'server_id'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    volume_id: Mapped[str] = mapped_column(sa.String(64))
    project_id: Mapped[str] = mapped_column(sa.String(64))
    server_id: Mapped[str | None] = mapped_column(sa.String(64))
    by_service: Mapped[bool]  # made for a server by the compute service, which alone may end it
    status: Mapped[str] = mapped_column(sa.String(32))  # reserved, attaching, attached, detaching
    mode: Mapped[str] = mapped_column(sa.String(8))
    device: Mapped[str | None]
    host: Mapped[str | None]
    connector: Mapped[dict[str, Any] | None]
    connection: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]
    attached_at: Mapped[datetime.datetime | None]


class Transfer(db.Base):
    """An offer of a volume to whoever has its key; it is gone once it is accepted."""

    __tablename__ = 'volume_transfers'
    __table_args__ = (
        sa.Index('volume_transfers_project', 'project_id'),
        sa.Index('volume_transfers_volume', 'volume_id'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    volume_id: Mapped[str] = mapped_column(sa.String(64))
    project_id: Mapped[str] = mapped_column(sa.String(64))  # whose volume it is
    name: Mapped[str | None]
    salt: Mapped[str] = mapped_column(sa.String(64))
    key_hash: Mapped[str] = mapped_column(sa.String(64))  # the key itself is told once and never kept
    no_snapshots: Mapped[bool]
    created_at: Mapped[datetime.datetime]


class Message(db.Base):
    """What a project is told of a request that failed after it was accepted."""

    __tablename__ = 'volume_messages'
    __table_args__ = (
        sa.Index('volume_messages_project', 'project_id', 'created_at', 'seq'),
        sa.Index('volume_messages_expires', 'expires_at'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[str] = mapped_column(sa.String(64))
    request_id: Mapped[str | None]
    resource_type: Mapped[str] = mapped_column(sa.String(36))
    resource_uuid: Mapped[str] = mapped_column(sa.String(64))
    event_id: Mapped[str] = mapped_column(sa.String(255))
    action_id: Mapped[str] = mapped_column(sa.String(10))
    detail_id: Mapped[str] = mapped_column(sa.String(10))
    message_level: Mapped[str] = mapped_column(sa.String(16))
    created_at: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime]


class VolumeType(db.Base):
    """A kind of volume that users may choose."""

    __tablename__ = 'volume_types'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str | None]
    is_public: Mapped[bool]
    extra_specs: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class DefaultType(db.Base):
    """The type of a project's volumes that name none."""

    __tablename__ = 'volume_default_types'
    project_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    type_id: Mapped[str] = mapped_column(sa.String(64))


class TypeAccess(db.Base):
    """A project that may choose a private volume type."""

    __tablename__ = 'volume_type_access'
    type_id: Mapped[db.Id] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
