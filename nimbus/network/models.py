"""Tables of the network service."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Standard:
    """What every noun of this service has."""

    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[str] = mapped_column(sa.String(64), index=True)
    description: Mapped[str]
    revision_number: Mapped[int]
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]


class Network(Standard, db.Base):
    """A network: a broadcast domain."""

    __tablename__ = 'networks'
    __table_args__ = (sa.Index('networks_segment', 'segment', unique=True), db.Base.__table_args__)
    name: Mapped[str]
    admin_state_up: Mapped[bool]
    shared: Mapped[bool]
    external: Mapped[bool]
    is_default: Mapped[bool]
    port_security_enabled: Mapped[bool]
    mtu: Mapped[int] = mapped_column(sa.Integer)
    network_type: Mapped[str] = mapped_column(sa.String(16))
    physical_network: Mapped[str | None] = mapped_column(sa.String(64))
    segmentation_id: Mapped[int | None]
    segment: Mapped[str | None] = mapped_column(sa.String(100))  # what no other network may be on
    qos_policy_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    zone_hints: Mapped[list[Any] | None]  # the zones that its DHCP is to be in
    dns_domain: Mapped[str | None]


class AddressScope(Standard, db.Base):
    """A set of pools of addresses none of which is there twice."""

    __tablename__ = 'address_scopes'
    name: Mapped[str]
    ip_version: Mapped[int] = mapped_column(sa.Integer)


class SubnetPool(Standard, db.Base):
    """Ranges of addresses out of which subnets are allocated, each part of them once."""

    __tablename__ = 'subnet_pools'
    name: Mapped[str]
    ip_version: Mapped[int] = mapped_column(sa.Integer)
    prefixes: Mapped[list[Any]]
    min_prefixlen: Mapped[int] = mapped_column(sa.Integer)
    max_prefixlen: Mapped[int] = mapped_column(sa.Integer)
    default_prefixlen: Mapped[int] = mapped_column(sa.Integer)
    default_quota: Mapped[int | None]  # of one project: addresses, or ranges of /64
    is_default: Mapped[bool]
    address_scope_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)


class Subnet(Standard, db.Base):
    """A subnet: a range of addresses on a network; `first` orders ranges for the overlap check."""

    __tablename__ = 'subnets'
    network_id: Mapped[str] = mapped_column(sa.ForeignKey('networks.id'), index=True)
    name: Mapped[str]
    ip_version: Mapped[int] = mapped_column(sa.Integer)
    cidr: Mapped[str] = mapped_column(sa.String(64))
    gateway_ip: Mapped[str | None] = mapped_column(sa.String(64))
    enable_dhcp: Mapped[bool]
    ipv6_ra_mode: Mapped[str | None] = mapped_column(sa.String(16))
    ipv6_address_mode: Mapped[str | None] = mapped_column(sa.String(16))
    allocation_pools: Mapped[list[Any]]
    dns_nameservers: Mapped[list[Any]]
    host_routes: Mapped[list[Any]]
    subnetpool_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    service_types: Mapped[list[Any] | None]  # the device owners whose ports get its addresses; none: all


class Port(Standard, db.Base):
    """A port: a MAC and addresses on a network, and what is plugged into it."""

    __tablename__ = 'ports'
    __table_args__ = (
        sa.UniqueConstraint('network_id', 'mac_address', name='ports_network_mac'),
        sa.Index('ports_device', 'device_id'),
        sa.Index('ports_holder', 'holder_id'),
        sa.Index('ports_host', 'host'),
        db.Base.__table_args__,
    )
    network_id: Mapped[str] = mapped_column(sa.ForeignKey('networks.id'), index=True)
    name: Mapped[str]
    mac_address: Mapped[str] = mapped_column(sa.String(32))
    admin_state_up: Mapped[bool]
    status: Mapped[str] = mapped_column(sa.String(16))
    trouble: Mapped[str | None] = mapped_column(sa.Text())  # why it is not wired, in a sentence
    device_id: Mapped[str]
    device_owner: Mapped[str]
    holder: Mapped[str] = mapped_column(sa.String(8), server_default='')  # '' or a kind of nimbus/network/holders.py
    holder_id: Mapped[db.Id] = mapped_column(server_default='')
    host: Mapped[str]  # '': bound nowhere
    vnic_type: Mapped[str] = mapped_column(sa.String(32))
    profile: Mapped[dict[str, Any]]
    port_security_enabled: Mapped[bool]
    allowed_address_pairs: Mapped[list[Any]]
    extra_dhcp_opts: Mapped[list[Any] | None]  # what its guest's lease says beside the subnet's own
    hostname: Mapped[str]  # of the guest, for its lease
    dns_name: Mapped[str | None]  # what its addresses are called instead
    dns_domain: Mapped[str | None]
    created_for_server: Mapped[bool]  # made with a server and gone with it
    place: Mapped[int] = mapped_column(sa.Integer)  # among the server's ports, in the order asked for
    since: Mapped[int]  # generation of its host that first has it; an older report says nothing of it
    qos_policy_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)  # its own, not its network's


class Arrival(db.Base):
    """That a port is wired on a host ahead of the guest that is on its way there."""

    __tablename__ = 'port_arrivals'
    __table_args__ = (sa.Index('port_arrivals_host', 'host'), db.Base.__table_args__)
    port_id: Mapped[str] = mapped_column(sa.ForeignKey('ports.id', ondelete='CASCADE'), primary_key=True)
    host: Mapped[str]
    status: Mapped[str] = mapped_column(sa.String(16))
    trouble: Mapped[str | None] = mapped_column(sa.Text())
    since: Mapped[int]  # generation of the host that first has it


class Address(db.Base):
    """A fixed address of a port; the constraint is what keeps it from being given twice."""

    __tablename__ = 'port_addresses'
    __table_args__ = (
        sa.UniqueConstraint('subnet_id', 'ip_address', name='port_addresses_subnet_ip'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    port_id: Mapped[str] = mapped_column(sa.ForeignKey('ports.id', ondelete='CASCADE'), index=True)
    network_id: Mapped[str] = mapped_column(sa.String(64), index=True)
    subnet_id: Mapped[str] = mapped_column(sa.ForeignKey('subnets.id'))
    ip_address: Mapped[str] = mapped_column(sa.String(64))


class Group(Standard, db.Base):
    """A security group."""

    __tablename__ = 'security_groups'
    name: Mapped[str]
    stateful: Mapped[bool]


class DefaultGroup(db.Base):
    """Which group is a project's default one; the key is what keeps it from being made twice."""

    __tablename__ = 'default_security_groups'
    project_id: Mapped[db.Id] = mapped_column(primary_key=True)
    group_id: Mapped[db.Id]


class Rule(Standard, db.Base):
    """What a security group lets pass; `fingerprint` keeps one group from having the same rule twice."""

    __tablename__ = 'security_group_rules'
    __table_args__ = (
        sa.UniqueConstraint('security_group_id', 'fingerprint', name='security_group_rules_once'),
        db.Base.__table_args__,
    )
    security_group_id: Mapped[str] = mapped_column(sa.ForeignKey('security_groups.id', ondelete='CASCADE'))
    fingerprint: Mapped[str]
    direction: Mapped[str] = mapped_column(sa.String(8))
    ethertype: Mapped[str] = mapped_column(sa.String(8))
    protocol: Mapped[str | None] = mapped_column(sa.String(40))
    port_range_min: Mapped[int | None] = mapped_column(sa.Integer)
    port_range_max: Mapped[int | None] = mapped_column(sa.Integer)
    remote_ip_prefix: Mapped[str | None] = mapped_column(sa.String(64))
    remote_group_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey('security_groups.id', ondelete='CASCADE'), index=True
    )
    remote_address_group_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)


class AddressGroup(Standard, db.Base):
    """Ranges of addresses that rules of security groups name together."""

    __tablename__ = 'address_groups'
    name: Mapped[str]
    addresses: Mapped[list[Any]]


class DefaultRule(Standard, db.Base):
    """What new security groups begin with; one that is deleted stays as `gone`, so that no first one returns."""

    __tablename__ = 'default_security_group_rules'
    direction: Mapped[str] = mapped_column(sa.String(8))
    ethertype: Mapped[str] = mapped_column(sa.String(8))
    protocol: Mapped[str | None] = mapped_column(sa.String(40))
    port_range_min: Mapped[int | None] = mapped_column(sa.Integer)
    port_range_max: Mapped[int | None] = mapped_column(sa.Integer)
    remote_ip_prefix: Mapped[str | None] = mapped_column(sa.String(64))
    remote_group_id: Mapped[str | None] = mapped_column(sa.String(64))  # 'PARENT': the group itself
    remote_address_group_id: Mapped[str | None] = mapped_column(sa.String(64))
    used_in_default_sg: Mapped[bool]
    used_in_non_default_sg: Mapped[bool]
    gone: Mapped[bool]


class Member(db.Base):
    """A port's place in a security group."""

    __tablename__ = 'security_group_ports'
    port_id: Mapped[str] = mapped_column(sa.ForeignKey('ports.id', ondelete='CASCADE'), primary_key=True)
    group_id: Mapped[str] = mapped_column(sa.ForeignKey('security_groups.id'), primary_key=True, index=True)


class Router(Standard, db.Base):
    """A router: a namespace that routes between the subnets it has ports on."""

    __tablename__ = 'routers'
    name: Mapped[str]
    admin_state_up: Mapped[bool]
    status: Mapped[str] = mapped_column(sa.String(16))
    routes: Mapped[list[Any]]
    enable_snat: Mapped[bool] = mapped_column(server_default=sa.true())
    qos_policy_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)  # of its gateway
    zone_hints: Mapped[list[Any] | None]  # the zones that it is to be in


class FloatingIp(Standard, db.Base):
    """An address of an external network that leads to a fixed one; a port of its own holds it there.

    The constraint is what keeps a fixed address from having two of one external network.
    """

    __tablename__ = 'floating_ips'
    __table_args__ = (
        sa.UniqueConstraint('floating_network_id', 'port_id', 'fixed_ip_address', name='floating_ips_fixed'),
        db.Base.__table_args__,
    )
    floating_network_id: Mapped[db.Id]
    floating_port_id: Mapped[db.Id] = mapped_column(unique=True)
    floating_ip_address: Mapped[str] = mapped_column(sa.String(64))
    dns_name: Mapped[str | None]
    dns_domain: Mapped[str | None]
    port_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    fixed_ip_address: Mapped[str | None] = mapped_column(sa.String(64))
    router_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    qos_policy_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)


class Sharing(db.Base):
    """Who beside its project may use a noun of this service: one project, or '*' for every one.

    The constraint keeps a noun from being shared twice in the same way.
    """

    __tablename__ = 'network_sharings'
    __table_args__ = (
        sa.UniqueConstraint('object_id', 'target_project', 'action', name='network_sharings_once'),
        sa.Index('network_sharings_target', 'target_project'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    project_id: Mapped[str] = mapped_column(sa.String(64), index=True)
    object_type: Mapped[str] = mapped_column(sa.String(32))
    object_id: Mapped[db.Id]
    action: Mapped[str] = mapped_column(sa.String(32))
    target_project: Mapped[db.Id]


class Topology(db.Base):
    """The network and the router that were allocated for a project that asked for no more."""

    __tablename__ = 'network_topologies'
    project_id: Mapped[db.Id] = mapped_column(primary_key=True)
    network_id: Mapped[db.Id]
    router_id: Mapped[db.Id]


class Tag(db.Base):
    """A tag of a noun of this service."""

    __tablename__ = 'network_tags'
    subject_id: Mapped[db.Id] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(sa.String(60), primary_key=True)


class Host(db.Base):
    """A host's generation: how often its desired state changed, and which generation its agent last applied."""

    __tablename__ = 'network_hosts'
    host: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int]
    applied: Mapped[int]
    applied_at: Mapped[datetime.datetime | None]


class Service(db.Base):
    """The host to which a network's DHCP server or a router is scheduled."""

    __tablename__ = 'network_services'
    kind: Mapped[str] = mapped_column(sa.String(8), primary_key=True)  # 'dhcp' or 'router'
    subject_id: Mapped[db.Id] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(index=True)


class Change(db.Base):
    """What made a host's generation rise; a generation without such a row may have changed anything."""

    __tablename__ = 'network_changes'
    host: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    subject_id: Mapped[db.Id] = mapped_column(primary_key=True)
