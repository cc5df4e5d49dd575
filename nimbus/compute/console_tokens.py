"""Tokens of consoles: each lets its bearer reach one console of one server for a while; only their hashes are kept."""

import datetime
import hashlib
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, ids
from nimbus.common.database import db
from nimbus.compute.models import ConsoleToken, Server


def give(tx: db.Tx, row: Any, kind: str, address: str, port: int, seconds: int) -> str:
    """A new token for the console of the server of the row, which its host has at that address and port."""
    token, now = ids.dashed(), clock.Clock().now()
    # Whoever asks again and again has so many rows as tokens that are good.
    tx.delete(ConsoleToken, ConsoleToken.server_id == row.id, ConsoleToken.expires_at <= now)
    tx.insert(
        ConsoleToken,
        token_hash=_hash(token),
        server_id=row.id,
        host=row.host,
        kind=kind,
        address=address,
        port=port,
        created_at=now,
        expires_at=now + datetime.timedelta(seconds=seconds),
    )
    return token


def find(tx: db.Tx, token: str) -> Any:
    """The token's row; None when it is none, or its time is over, or its server is gone or on another host."""
    where = (
        ConsoleToken.token_hash == _hash(token),
        ConsoleToken.expires_at > clock.Clock().now(),
        Server.id == ConsoleToken.server_id,
        Server.host == ConsoleToken.host,
        Server.deleted_at.is_(None),
    )
    return tx.row(sa.select(ConsoleToken).where(*where))


def forget(tx: db.Tx, server_id: str) -> None:
    """No token leads to the server any more."""
    tx.delete(ConsoleToken, ConsoleToken.server_id == server_id)


def forget_ended(tx: db.Tx, most: int) -> int:
    """Tokens whose time is over have left no row, `most` at once; returns how many."""
    ended = tx.column(sa.select(ConsoleToken.seq).where(ConsoleToken.expires_at <= clock.Clock().now()).limit(most))
    return tx.delete(ConsoleToken, ConsoleToken.seq.in_(ended)) if ended else 0


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors='surrogatepass')).hexdigest()
