"""The tables of federation."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


def _unique(name: str, *columns: str) -> Any:
    return (sa.UniqueConstraint(*columns, name=name), db.Base.__table_args__)


class IdentityProvider(db.Base):
    """An identity provider, and the domain of its users in this cloud."""

    __tablename__ = 'identity_providers'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    domain_id: Mapped[db.Id] = mapped_column(index=True)
    enabled: Mapped[bool]
    description: Mapped[str | None] = mapped_column(sa.Text)
    authorization_ttl: Mapped[int | None]  # minutes for which groups are kept after a login


class RemoteId(db.Base):
    """A remote id: the entity id or issuer by which an identity provider names itself in assertions."""

    __tablename__ = 'identity_provider_remote_ids'
    seq: Mapped[db.Seq]
    identity_provider_id: Mapped[db.Id] = mapped_column(index=True)
    remote_id: Mapped[str] = mapped_column(unique=True)


class Protocol(db.Base):
    """A federation protocol of an identity provider, and the mapping its assertions are evaluated with."""

    __tablename__ = 'federation_protocols'
    __table_args__ = _unique('federation_protocols_once', 'identity_provider_id', 'id')
    seq: Mapped[db.Seq]
    id: Mapped[db.Id]
    identity_provider_id: Mapped[db.Id]
    mapping_id: Mapped[db.Id] = mapped_column(index=True)
    remote_id_attribute: Mapped[str | None] = mapped_column(sa.String(64))


class FederationMapping(db.Base):
    """Rules that map an assertion to a user, groups and projects."""

    __tablename__ = 'federation_mappings'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    rules: Mapped[list[Any]]
    schema_version: Mapped[str] = mapped_column(sa.String(5))


class ServiceProvider(db.Base):
    """A service provider: another cloud, where users of this one may log in."""

    __tablename__ = 'service_providers'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    enabled: Mapped[bool]
    description: Mapped[str | None] = mapped_column(sa.Text)
    auth_url: Mapped[str]
    sp_url: Mapped[str]
    relay_state_prefix: Mapped[str]


class FederatedUser(db.Base):
    """A user's identity at an identity provider."""

    __tablename__ = 'federated_users'
    __table_args__ = _unique('federated_users_once', 'identity_provider_id', 'protocol_id', 'unique_id')
    seq: Mapped[db.Seq]
    user_id: Mapped[db.Id] = mapped_column(index=True)
    identity_provider_id: Mapped[db.Id]
    protocol_id: Mapped[db.Id]
    unique_id: Mapped[str] = mapped_column(index=True)  # looked for without a provider too
    display_name: Mapped[str | None]
    is_origin: Mapped[bool]  # the user was created by a login with this


class ExpiringMembership(db.Base):
    """A user is in a group by a mapping at a federated login, until the provider's `authorization_ttl` has passed."""

    __tablename__ = 'expiring_memberships'
    __table_args__ = _unique('expiring_memberships_once', 'user_id', 'group_id', 'identity_provider_id')
    seq: Mapped[db.Seq]
    user_id: Mapped[db.Id]
    group_id: Mapped[db.Id] = mapped_column(index=True)
    identity_provider_id: Mapped[db.Id] = mapped_column(index=True)
    last_verified: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime]


class UsedAssertion(db.Base):
    """A SAML assertion that was used for a login; kept until it has expired."""

    __tablename__ = 'used_assertions'
    seq: Mapped[db.Seq]
    mark: Mapped[db.Id] = mapped_column(unique=True)
    until: Mapped[datetime.datetime] = mapped_column(index=True)
