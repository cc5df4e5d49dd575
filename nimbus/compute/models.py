"""Tables of compute: servers and what they are made of, and what projects choose from."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Flavor(db.Base):
    """A flavor: a size of servers."""

    __tablename__ = 'flavors'
    seq: Mapped[db.Seq]
    id: Mapped[str] = mapped_column(sa.String(255), unique=True)  # an operator may choose any name for it
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str | None] = mapped_column(sa.Text())
    vcpus: Mapped[int]
    ram: Mapped[int]  # MiB
    disk: Mapped[int]  # GiB
    ephemeral: Mapped[int]  # GiB
    swap: Mapped[int]  # MiB
    rxtx_factor: Mapped[float]
    is_public: Mapped[bool]
    disabled: Mapped[bool]
    extra_specs: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class FlavorAccess(db.Base):
    """A project that may use a flavor that is not public."""

    __tablename__ = 'flavor_access'
    flavor_id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    project_id: Mapped[db.Id] = mapped_column(primary_key=True)


class Keypair(db.Base):
    """A user's public key, under a name of the user's."""

    __tablename__ = 'keypairs'
    __table_args__ = (sa.UniqueConstraint('user_id', 'name', name='keypairs_user_name'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    user_id: Mapped[db.Id]
    name: Mapped[str]
    type: Mapped[str] = mapped_column(sa.String(16))  # ssh, x509
    fingerprint: Mapped[str]
    public_key: Mapped[str] = mapped_column(sa.Text())
    created_at: Mapped[datetime.datetime]


class Server(db.Base):
    """A virtual machine, from the request for it to long after it is gone."""

    __tablename__ = 'servers'
    __table_args__ = (
        sa.Index('servers_project', 'project_id', 'deleted_at', 'seq'),
        sa.Index('servers_host', 'host', 'deleted_at'),
        sa.Index('servers_living', 'deleted_at', 'seq'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[db.Id]
    user_id: Mapped[db.Id]
    name: Mapped[str]
    description: Mapped[str | None]
    hostname: Mapped[str]
    reservation_id: Mapped[str] = mapped_column(sa.String(64))
    launch_index: Mapped[int]
    vm_state: Mapped[str] = mapped_column(sa.String(32))
    task_state: Mapped[str | None] = mapped_column(sa.String(32))
    power_state: Mapped[int]
    progress: Mapped[int]
    locked: Mapped[bool]
    locked_by: Mapped[str | None] = mapped_column(sa.String(16))  # owner, admin
    locked_reason: Mapped[str | None]
    generation: Mapped[int]  # grows with every verb that begins
    # where it runs
    host: Mapped[str | None]
    node: Mapped[str | None]
    zone: Mapped[str | None]
    pinned_zone: Mapped[str | None]  # the zone that was asked for
    forced_host: Mapped[str | None]
    forced_node: Mapped[str | None]
    hints: Mapped[dict[str, Any]]
    # what it is made of, as it was when it was asked for
    flavor_id: Mapped[str]
    flavor: Mapped[dict[str, Any]]
    image_id: Mapped[str | None] = mapped_column(sa.String(64))  # None: it boots from a volume
    image: Mapped[dict[str, Any] | None]
    networks: Mapped[list[Any]]
    security_groups: Mapped[list[Any]]
    key_name: Mapped[str | None]
    key: Mapped[dict[str, Any] | None]
    user_data: Mapped[str | None] = mapped_column(db.LongText)
    personality: Mapped[list[Any]]
    config_drive: Mapped[bool]
    admin_pass: Mapped[str | None]  # forgotten once the server is built
    guest_password: Mapped[str | None] = mapped_column(sa.String(1020))  # as the guest encrypted it for its user
    root_device: Mapped[str | None] = mapped_column(sa.String(64))
    disk_config: Mapped[str] = mapped_column(sa.String(16))
    access_ip_v4: Mapped[str | None] = mapped_column(sa.String(64))
    access_ip_v6: Mapped[str | None] = mapped_column(sa.String(64))
    properties: Mapped[dict[str, Any]]  # the user's own: 'metadata' on the wire
    fault: Mapped[dict[str, Any] | None]  # code, message, details, created
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None] = mapped_column(index=True)
    launched_at: Mapped[datetime.datetime | None]
    shelved_image_id: Mapped[str | None] = mapped_column(sa.String(64))  # which it comes back from
    shelved_at: Mapped[datetime.datetime | None]
    deleted_at: Mapped[datetime.datetime | None]


class ServerTag(db.Base):
    """A tag of a server."""

    __tablename__ = 'server_tags'
    server_id: Mapped[db.Id] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(sa.String(80), primary_key=True)


class BlockDevice(db.Base):
    """A disk of a server: its root, a blank one, or a volume."""

    __tablename__ = 'block_devices'
    __table_args__ = (sa.Index('block_devices_server', 'server_id', 'seq'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    server_id: Mapped[db.Id]
    source: Mapped[str] = mapped_column(sa.String(16))  # volume, image, snapshot, blank
    destination: Mapped[str] = mapped_column(sa.String(16))  # local, volume
    image_id: Mapped[str | None] = mapped_column(sa.String(64))
    snapshot_id: Mapped[str | None] = mapped_column(sa.String(64))
    volume_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    volume_type: Mapped[str | None]
    attachment_id: Mapped[str | None] = mapped_column(sa.String(64))
    boot_index: Mapped[int | None] = mapped_column(sa.Integer)  # 0: the root disk; None: not for booting
    device: Mapped[str | None] = mapped_column(sa.String(64))  # '/dev/vdb', once known
    disk_bus: Mapped[str | None] = mapped_column(sa.String(32))
    device_type: Mapped[str | None] = mapped_column(sa.String(32))
    guest_format: Mapped[str | None] = mapped_column(sa.String(32))
    size: Mapped[int | None]  # GiB; MiB of a swap disk
    tag: Mapped[str | None]
    delete_on_termination: Mapped[bool]
    created_at: Mapped[datetime.datetime]


class ServerGroup(db.Base):
    """A group of servers that stand on one host, or on several."""

    __tablename__ = 'server_groups'
    __table_args__ = (sa.Index('server_groups_project', 'project_id', 'seq'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[db.Id]
    user_id: Mapped[str | None] = mapped_column(sa.String(64))
    name: Mapped[str]
    policy: Mapped[str] = mapped_column(sa.String(32))
    rules: Mapped[dict[str, Any]]
    generation: Mapped[int]  # grows with each server that joins or is placed: who changes it holds the group
    created_at: Mapped[datetime.datetime]


class GroupedServer(db.Base):
    """That a server is in a group."""

    __tablename__ = 'grouped_servers'
    __table_args__ = (sa.Index('grouped_servers_group', 'group_id', 'seq'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    server_id: Mapped[db.Id] = mapped_column(unique=True)
    group_id: Mapped[db.Id]


class Move(db.Base):
    """That a server goes to another size, and later to another host: 'migration' on the wire."""

    __tablename__ = 'moves'
    __table_args__ = (
        sa.Index('moves_server', 'server_id', 'seq'),
        sa.Index('moves_status', 'status', 'updated_at'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    server_id: Mapped[db.Id]
    project_id: Mapped[db.Id]
    user_id: Mapped[str | None] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(32))  # resize, evacuation
    status: Mapped[str] = mapped_column(sa.String(32))
    vm_state: Mapped[str] = mapped_column(sa.String(32))  # the server's before
    source_host: Mapped[str | None]
    source_node: Mapped[str | None]
    target_host: Mapped[str | None]
    target_node: Mapped[str | None]
    target_address: Mapped[str | None] = mapped_column(sa.String(64))
    old_flavor_id: Mapped[str]
    old_flavor: Mapped[dict[str, Any]]
    new_flavor_id: Mapped[str]
    new_flavor: Mapped[dict[str, Any]]
    # bytes of one that runs, as far as they are known
    memory_total: Mapped[int | None]
    memory_processed: Mapped[int | None]
    memory_remaining: Mapped[int | None]
    disk_total: Mapped[int | None]
    disk_processed: Mapped[int | None]
    disk_remaining: Mapped[int | None]
    disk_kept: Mapped[bool | None]  # of an evacuation: whether both hosts share the storage with the disks
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class ConsoleToken(db.Base):
    """A token by which a console of a server is reached for a while; the token itself is kept nowhere."""

    __tablename__ = 'console_tokens'
    __table_args__ = (
        sa.Index('console_tokens_server', 'server_id'),
        sa.Index('console_tokens_ended', 'expires_at'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    server_id: Mapped[db.Id]
    host: Mapped[str]  # where the server was when the token was given
    kind: Mapped[str] = mapped_column(sa.String(32))  # novnc, serial
    address: Mapped[str]  # of the console itself, for the proxy
    port: Mapped[int]
    created_at: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime]


class Aggregate(db.Base):
    """Hosts that an operator gave a name and properties in common."""

    __tablename__ = 'aggregates'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    properties: Mapped[dict[str, Any]]
    hosts: Mapped[list[Any]]
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]


class UserLimit(db.Base):
    """A limit that an operator set for one user of a project."""

    __tablename__ = 'quota_user_limits'
    project_id: Mapped[db.Id] = mapped_column(primary_key=True)
    user_id: Mapped[db.Id] = mapped_column(primary_key=True)
    resource: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    hard_limit: Mapped[int]
