"""How long servers ran in a time, and what that comes to for their projects."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.compute.models import Server


def find(
    tx: db.Tx,
    start: datetime.datetime,
    stop: datetime.datetime,
    *,
    project_id: str | None = None,
    limit: int,
    marker: str | None = None,
) -> list[Any]:
    """The servers that ran at any moment of the time, by project; deleted ones as long as they have a row.

    Raises Invalid on a marker that is none.
    """
    where: list[Any] = [Server.launched_at < stop]
    where.append(sa.or_(Server.deleted_at.is_(None), Server.deleted_at >= start))
    where += [Server.project_id == project_id] if project_id is not None else []
    if marker is not None:
        known = [Server.id == marker, *([Server.project_id == project_id] if project_id is not None else [])]
        after = tx.row(sa.select(Server.project_id, Server.id).where(*known))
        if after is None:
            raise errors.Invalid(f'Marker {marker} could not be found.')
        later = sa.and_(Server.project_id == after.project_id, Server.id > after.id)
        where.append(sa.or_(Server.project_id > after.project_id, later))
    query = sa.select(Server).where(*where).order_by(Server.project_id, Server.id)
    return list(tx.rows(query.limit(limit)))


def hours(row: Any, start: datetime.datetime, stop: datetime.datetime) -> float:
    """How many hours of the time the server was there for."""
    begin, end = max(row.launched_at, start), min(row.deleted_at or stop, stop)
    return max(0.0, (end - begin).total_seconds() / 3600)
