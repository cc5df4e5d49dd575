"""The tables of OAuth 1: who may ask in a user's name, what was asked, and what was given."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nimbus.common.database import db


class Consumer(db.Base):
    """A program that may ask users for a part of what they may do; `login.encryption` says how its secret is kept."""

    __tablename__ = 'oauth_consumers'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    description: Mapped[str | None] = mapped_column(sa.Text)
    secret: Mapped[str] = mapped_column(sa.Text)
    key_name: Mapped[db.Id]  # of the key that sealed the secret
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]


class RequestToken(db.Base):
    """What a consumer asks for; a user who agrees leaves a name, roles and a verifier."""

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
    """What a consumer was given: some of a user's roles on one project."""

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
    """A signed request that was seen and will not be taken again."""

    __tablename__ = 'oauth_nonces'
    digest: Mapped[db.Id] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime.datetime] = mapped_column(index=True)
