"""The tables of identity.

A domain is a project with `is_domain` and no parent: one table holds both, as
they share one space of ids and assignments.  `domain_id` of a domain and of a
global role is '' rather than NULL, so that names are unique among them.
"""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column

# Importing the tables of identity registers those too.
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
    password_self_service: Mapped[bool | None]  # whether the user chose it; None: unknown
    last_active_at: Mapped[datetime.date | None]  # day of the last login by password; see `activity`
    passcode_counter: Mapped[int | None]  # the newest window of which a one-time passcode was used
    extra: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class PastPassword(db.Base):
    """An earlier password of a user, kept for unique_last_password_count."""

    __tablename__ = 'past_passwords'
    seq: Mapped[db.Seq]
    user_id: Mapped[db.Id] = mapped_column(index=True)
    password_hash: Mapped[str]
    created_at: Mapped[datetime.datetime]


class LoginFailure(db.Base):
    """How often in a row a user has failed to authenticate with a method."""

    __tablename__ = 'login_failures'
    user_id: Mapped[db.Id] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime.datetime]


class Group(db.Base):
    """Users that roles are assigned to together."""

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
    """A role, which policy rules check by name; a domain-specific one only implies others."""

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
    """A user with the prior role has the implied one too."""

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
    """A region, which endpoints are in."""

    __tablename__ = 'regions'
    seq: Mapped[db.Seq]
    id: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(sa.Text)
    parent_region_id: Mapped[str | None] = mapped_column(index=True)
    extra: Mapped[dict[str, Any]]


class Service(db.Base):
    """A service of the catalog."""

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
    """A secret with which a user's programs authenticate on one project, with some of the user's roles."""

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
    access_rules: Mapped[list[Any] | None]  # ids of the access rules it is restricted to; None: unrestricted


class AccessRule(db.Base):
    """One kind of request that a user's application credentials may be restricted to."""

    __tablename__ = 'access_rules'
    __table_args__ = _unique('access_rules_once', 'user_id', 'service', 'path', 'method')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    user_id: Mapped[db.Id]
    service: Mapped[str] = mapped_column(sa.String(64))
    path: Mapped[str]
    method: Mapped[str] = mapped_column(sa.String(16))


class Trust(db.Base):
    """A user delegates roles on a project to another user."""

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
    """The public id of a user or group of an LDAP directory."""

    __tablename__ = 'id_mappings'
    __table_args__ = _unique('id_mappings_local', 'domain_id', 'kind', 'local_id')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    domain_id: Mapped[db.Id]
    kind: Mapped[str] = mapped_column(sa.String(8))  # user, group
    local_id: Mapped[str]


class Credential(db.Base):
    """A credential of a user, such as an EC2 key or a TOTP seed; its blob is encrypted, see `login.encryption`."""

    __tablename__ = 'credentials'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    user_id: Mapped[db.Id] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    type: Mapped[str]
    blob: Mapped[str] = mapped_column(db.LongText)
    key_name: Mapped[db.Id]  # of the key that encrypted the blob
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class Policy(db.Base):
    """A policy document, stored for the service that reads it."""

    __tablename__ = 'policies'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    type: Mapped[str]
    blob: Mapped[str] = mapped_column(db.LongText)
    extra: Mapped[dict[str, Any]]


class PolicyAssociation(db.Base):
    """A policy is associated with an endpoint, a service, or a service in a region; '' where one does not apply."""

    __tablename__ = 'policy_associations'
    __table_args__ = _unique('policy_associations_once', 'endpoint_id', 'service_id', 'region_id')
    seq: Mapped[db.Seq]
    policy_id: Mapped[db.Id] = mapped_column(index=True)
    endpoint_id: Mapped[db.Id]
    service_id: Mapped[db.Id]
    region_id: Mapped[str]


class EndpointGroup(db.Base):
    """An endpoint group: the endpoints whose attributes match its filters at the time of reading."""

    __tablename__ = 'endpoint_groups'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None] = mapped_column(sa.Text)
    filters: Mapped[dict[str, Any]]


class ProjectEndpoint(db.Base):
    """An endpoint is associated with a project, whose catalog then shows associated endpoints only."""

    __tablename__ = 'project_endpoints'
    __table_args__ = _unique('project_endpoints_once', 'project_id', 'endpoint_id')
    seq: Mapped[db.Seq]
    project_id: Mapped[db.Id]
    endpoint_id: Mapped[db.Id] = mapped_column(index=True)


class ProjectEndpointGroup(db.Base):
    """An endpoint group is associated with a project, whose catalog then shows associated endpoints only."""

    __tablename__ = 'project_endpoint_groups'
    __table_args__ = _unique('project_endpoint_groups_once', 'project_id', 'endpoint_group_id')
    seq: Mapped[db.Seq]
    project_id: Mapped[db.Id]
    endpoint_group_id: Mapped[db.Id] = mapped_column(index=True)


class RegisteredLimit(db.Base):
    """A registered limit: the default limit of a resource for all projects; '' is no region."""

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
    """A limit of one project or domain that overrides a registered limit, whose service and resource it repeats."""

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
    """A revocation that every token validator applies; see `revocations`."""

    __tablename__ = 'revocations'
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(16))
    subject: Mapped[str]
    before: Mapped[datetime.datetime | None]  # tokens issued before are refused; None: caches are invalidated only
    created_at: Mapped[datetime.datetime] = mapped_column(index=True)


class RevocationCounter(db.Base):
    """The newest revocation's number: one row, whose lock makes numbers follow the order of commits."""

    __tablename__ = 'revocation_counter'
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
