"""The tables of OAuth 1: consumers, request tokens, access tokens and the nonces that were used."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Consumer(db.Base):
    """A consumer, to which users may delegate roles; its secret is encrypted, see `login.encryption`."""

    __tablename__ = 'oauth_consumers'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    description: Mapped[str | None] = mapped_column(sa.Text)
    secret: Mapped[str] = mapped_column(sa.Text)
    key_name: Mapped[db.Id]  # of the key that encrypted the secret
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class RequestToken(db.Base):
    """A request token of a consumer; a user who authorizes it sets the user, the roles and a verifier."""

    __tablename__ = 'oauth_request_tokens'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    consumer_id: Mapped[db.Id] = mapped_column(index=True)
    project_id: Mapped[db.Id] = mapped_column(index=True)
    secret: Mapped[str] = mapped_column(sa.Text)
    key_name: Mapped[db.Id]
    user_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    role_ids: Mapped[list[Any] | None]
    verifier: Mapped[str | None] = mapped_column(sa.String(16))
    expires_at: Mapped[datetime.datetime | None] = mapped_column(index=True)


class AccessToken(db.Base):
    """An access token of a consumer: some of a user's roles on one project."""

    __tablename__ = 'oauth_access_tokens'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    consumer_id: Mapped[db.Id] = mapped_column(index=True)
    user_id: Mapped[db.Id] = mapped_column(index=True)
    project_id: Mapped[db.Id] = mapped_column(index=True)
    secret: Mapped[str] = mapped_column(sa.Text)
    key_name: Mapped[db.Id]
    role_ids: Mapped[list[Any]]
    expires_at: Mapped[datetime.datetime | None]


class Nonce(db.Base):
    """The nonce of a signed request, which is not accepted again."""

    __tablename__ = 'oauth_nonces'
    digest: Mapped[db.Id] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime.datetime] = mapped_column(index=True)
