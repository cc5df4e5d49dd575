"""The tables of identity.

A domain is a project that is nobody's child: one table holds both, as their
ids and their assignments live in one space.  `domain_id` of a domain and of a
global role is '' rather than NULL, so that names are unique among them.
"""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nimbus.common.database import db

# Whoever knows the tables of identity knows those too.
from nimbus.identity import models_federation, models_oauth  # noqa: F401

ROOT = ''  # the domain_id of what belongs to no domain


def _unique(name: str, *columns: str) -> Any:
    return (sa.UniqueConstraint(*columns, name=name), db.Base.__table_args__)


class Project(db.Base):
    """A project, or a domain."""

    __tablename__ = 'projects'
    __table_args__ = _unique('projects_domain_name', 'domain_id', 'name')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)  # looked for without a domain too
    domain_id: Mapped[db.Id] = mapped_column(index=True)
    parent_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    is_domain: Mapped[bool]
    enabled: Mapped[bool]
    description: Mapped[str] = mapped_column(sa.Text)
    extra: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class ProjectTag(db.Base):
    """One tag of a project."""

    __tablename__ = 'project_tags'
    __table_args__ = _unique('project_tags_once', 'project_id', 'name')
    seq: Mapped[db.Seq]
    project_id: Mapped[db.Id]
    name: Mapped[str] = mapped_column(index=True)


class User(db.Base):
    """A person or a service that logs in."""

    __tablename__ = 'users'
    __table_args__ = _unique('users_domain_name', 'domain_id', 'name')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)  # looked for without a domain too
    domain_id: Mapped[db.Id]
    enabled: Mapped[bool]
    default_project_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    password_hash: Mapped[str | None]
    password_created_at: Mapped[datetime.datetime | None]
    password_expires_at: Mapped[datetime.datetime | None]
    password_self_service: Mapped[bool | None]  # the user chose it; None: nobody knows
    last_active_at: Mapped[datetime.date | None]  # day of the last login by password; see `activity`
    passcode_counter: Mapped[int | None]  # the newest window of which a one-time passcode was used
    extra: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class PastPassword(db.Base):
    """A password that a user must not choose again."""

    __tablename__ = 'past_passwords'
    seq: Mapped[db.Seq]
    user_id: Mapped[db.Id] = mapped_column(index=True)
    password_hash: Mapped[str]
    created_at: Mapped[datetime.datetime]


class LoginFailure(db.Base):
    """How often a user has brought a wrong secret by a method since the last right one."""

    __tablename__ = 'login_failures'
    user_id: Mapped[db.Id] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime.datetime]


class Group(db.Base):
    """Users that are given roles together."""

    __tablename__ = 'user_groups'
    __table_args__ = _unique('user_groups_domain_name', 'domain_id', 'name')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)  # looked for without a domain too
    domain_id: Mapped[db.Id]
    description: Mapped[str] = mapped_column(sa.Text)
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class Membership(db.Base):
    """A user is in a group."""

    __tablename__ = 'memberships'
    __table_args__ = _unique('memberships_once', 'user_id', 'group_id')
    seq: Mapped[db.Seq]
    user_id: Mapped[db.Id]
    group_id: Mapped[db.Id] = mapped_column(index=True)


class Role(db.Base):
    """What a policy asks for by name; with a domain it only serves to imply others."""

    __tablename__ = 'roles'
    __table_args__ = _unique('roles_domain_name', 'domain_id', 'name')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str]
    domain_id: Mapped[db.Id]
    description: Mapped[str | None] = mapped_column(sa.Text)
    extra: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class ImpliedRole(db.Base):
    """Who has the prior role has the implied one too."""

    __tablename__ = 'implied_roles'
    __table_args__ = _unique('implied_roles_once', 'prior_id', 'implied_id')
    seq: Mapped[db.Seq]
    prior_id: Mapped[db.Id]
    implied_id: Mapped[db.Id] = mapped_column(index=True)


class Assignment(db.Base):
    """An actor has a role on a target, or, inherited, on the projects below it."""

    __tablename__ = 'assignments'
    __table_args__ = _unique(
        'assignments_once', 'actor_id', 'actor_type', 'target_id', 'target_type', 'role_id', 'inherited'
    )
    seq: Mapped[db.Seq]
    actor_type: Mapped[str] = mapped_column(sa.String(8))  # user, group
    actor_id: Mapped[db.Id]
    target_type: Mapped[str] = mapped_column(sa.String(8))  # project, domain, system
    target_id: Mapped[db.Id] = mapped_column(index=True)  # 'system' for the system
    role_id: Mapped[db.Id] = mapped_column(index=True)
    inherited: Mapped[bool]


class Region(db.Base):
    """A place where endpoints stand."""

    __tablename__ = 'regions'
    seq: Mapped[db.Seq]
    id: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(sa.Text)
    parent_region_id: Mapped[str | None] = mapped_column(index=True)
    extra: Mapped[dict[str, Any]]


class Service(db.Base):
    """A kind of API that the catalog shows."""

    __tablename__ = 'catalog_services'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    type: Mapped[str]
    name: Mapped[str | None]
    enabled: Mapped[bool]
    extra: Mapped[dict[str, Any]]


class Endpoint(db.Base):
    """One URL of a service."""

    __tablename__ = 'endpoints'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    service_id: Mapped[db.Id] = mapped_column(index=True)
    region_id: Mapped[str | None] = mapped_column(index=True)
    interface: Mapped[str] = mapped_column(sa.String(16))
    url: Mapped[str] = mapped_column(sa.Text)
    enabled: Mapped[bool]
    extra: Mapped[dict[str, Any]]


class ApplicationCredential(db.Base):
    """A secret of its own that stands for a user on one project, with some of the roles."""

    __tablename__ = 'application_credentials'
    __table_args__ = _unique('application_credentials_user_name', 'user_id', 'name')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    user_id: Mapped[db.Id]
    project_id: Mapped[db.Id] = mapped_column(index=True)
    name: Mapped[str]
    description: Mapped[str | None] = mapped_column(sa.Text)
    secret_hash: Mapped[str]
    role_ids: Mapped[list[Any]]
    unrestricted: Mapped[bool]
    expires_at: Mapped[datetime.datetime | None]
    created_at: Mapped[datetime.datetime]
    access_rules: Mapped[list[Any] | None]  # ids of the only requests it may make; None: any


class AccessRule(db.Base):
    """One kind of request that a user's application credentials may be confined to."""

    __tablename__ = 'access_rules'
    __table_args__ = _unique('access_rules_once', 'user_id', 'service', 'path', 'method')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    user_id: Mapped[db.Id]
    service: Mapped[str] = mapped_column(sa.String(64))
    path: Mapped[str]
    method: Mapped[str] = mapped_column(sa.String(16))


class Trust(db.Base):
    """A user lends roles on a project to another."""

    __tablename__ = 'trusts'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    trustor_user_id: Mapped[db.Id] = mapped_column(index=True)
    trustee_user_id: Mapped[db.Id] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    impersonation: Mapped[bool]
    role_ids: Mapped[list[Any]]
    remaining_uses: Mapped[int | None]
    redelegation_count: Mapped[int]
    redelegated_trust_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    expires_at: Mapped[datetime.datetime | None]
    created_at: Mapped[datetime.datetime]


class DomainOption(db.Base):
    """One option of a domain's own configuration."""

    __tablename__ = 'domain_options'
    __table_args__ = _unique('domain_options_once', 'domain_id', 'section', 'name')
    seq: Mapped[db.Seq]
    domain_id: Mapped[db.Id]
    section: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(64))
    value: Mapped[dict[str, Any]]  # {'value': anything JSON has}


class IdMapping(db.Base):
    """The public id of a user or group that lives in a directory outside."""

    __tablename__ = 'id_mappings'
    __table_args__ = _unique('id_mappings_local', 'domain_id', 'kind', 'local_id')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    domain_id: Mapped[db.Id]
    kind: Mapped[str] = mapped_column(sa.String(8))  # user, group
    local_id: Mapped[str]


class Credential(db.Base):
    """Something that a user left in identity's keeping; `login.encryption` says how its blob is kept."""

    __tablename__ = 'credentials'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    user_id: Mapped[db.Id] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    type: Mapped[str]
    blob: Mapped[str] = mapped_column(db.LongText)
    key_name: Mapped[db.Id]  # of the key that sealed the blob
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class Policy(db.Base):
    """A text that says who may do what, kept for a service that asks for it."""

    __tablename__ = 'policies'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    type: Mapped[str]
    blob: Mapped[str] = mapped_column(db.LongText)
    extra: Mapped[dict[str, Any]]


class PolicyAssociation(db.Base):
    """A policy is that of an endpoint, of a service, or of a service in a region; '' where that is not told."""

    __tablename__ = 'policy_associations'
    __table_args__ = _unique('policy_associations_once', 'endpoint_id', 'service_id', 'region_id')
    seq: Mapped[db.Seq]
    policy_id: Mapped[db.Id] = mapped_column(index=True)
    endpoint_id: Mapped[db.Id]
    service_id: Mapped[db.Id]
    region_id: Mapped[str]


class EndpointGroup(db.Base):
    """The endpoints that have certain attributes, whichever these are at the time."""

    __tablename__ = 'endpoint_groups'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None] = mapped_column(sa.Text)
    filters: Mapped[dict[str, Any]]


class ProjectEndpoint(db.Base):
    """The catalog of a project shows this endpoint, and others only if they are told too."""

    __tablename__ = 'project_endpoints'
    __table_args__ = _unique('project_endpoints_once', 'project_id', 'endpoint_id')
    seq: Mapped[db.Seq]
    project_id: Mapped[db.Id]
    endpoint_id: Mapped[db.Id] = mapped_column(index=True)


class ProjectEndpointGroup(db.Base):
    """The catalog of a project shows the endpoints of this group, and others only if they are told too."""

    __tablename__ = 'project_endpoint_groups'
    __table_args__ = _unique('project_endpoint_groups_once', 'project_id', 'endpoint_group_id')
    seq: Mapped[db.Seq]
    project_id: Mapped[db.Id]
    endpoint_group_id: Mapped[db.Id] = mapped_column(index=True)


class RegisteredLimit(db.Base):
    """How much of a resource everybody may have who was not told otherwise; '' is no region."""

    __tablename__ = 'registered_limits'
    __table_args__ = _unique('registered_limits_once', 'service_id', 'region_id', 'resource_name')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    service_id: Mapped[db.Id]
    region_id: Mapped[str]
    resource_name: Mapped[str]
    default_limit: Mapped[int]
    description: Mapped[str | None] = mapped_column(sa.Text)


class Limit(db.Base):
    """How much of a resource a project or a domain may have; what it is registered as is repeated from there."""

    __tablename__ = 'limits'
    __table_args__ = _unique('limits_once', 'registered_limit_id', 'project_id', 'domain_id')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    registered_limit_id: Mapped[db.Id]
    service_id: Mapped[db.Id]
    region_id: Mapped[str]
    resource_name: Mapped[str]
    project_id: Mapped[db.Id] = mapped_column(index=True)
    domain_id: Mapped[db.Id] = mapped_column(index=True)
    resource_limit: Mapped[int]
    description: Mapped[str | None] = mapped_column(sa.Text)


class Revocation(db.Base):
    """Something that validators must not believe any longer; see `revocations`."""

    __tablename__ = 'revocations'
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(16))
    subject: Mapped[str]
    before: Mapped[datetime.datetime | None]  # tokens issued before are refused; None: only caches are stale
    created_at: Mapped[datetime.datetime] = mapped_column(index=True)


class RevocationCounter(db.Base):
    """The newest revocation's number: one row, whose lock makes numbers follow the order of commits."""

    __tablename__ = 'revocation_counter'
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
