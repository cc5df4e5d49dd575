"""List snapshots: which ones the asker may see, and Cinder's filters as SQL."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import context
from nimbus.common.database import db, listing
from nimbus.volume.models import Snapshot, SnapshotMetadata, Volume
from nimbus.volume.volumes import snapshots

PLAIN = ('id', 'name', 'status', 'volume_id', 'user_id', 'description', 'host')
LIKE = ('name', 'status', 'description')  # these take name~=part


def find(tx: db.Tx, ctx: context.Context, page: listing.Page, *, everyone: bool = False) -> list[Any]:
    """A page of the snapshots the asker sees, filtered by `page.filters`.  Raises Invalid."""
    return snapshots.find(tx, _seen(ctx, everyone), _conditions(page.filters), page)


def total(tx: db.Tx, ctx: context.Context, filters: dict[str, Any], *, everyone: bool = False) -> int:
    """How many snapshots match.  Raises Invalid."""
    return snapshots.total(tx, _seen(ctx, everyone) + _conditions(filters))


def of_projects(tx: db.Tx, host: str) -> dict[str, tuple[int, int]]:
    """How many snapshots a host has, and their GiB, by project."""
    columns = Snapshot.project_id, sa.func.count(), db.total(Snapshot.size)
    rows = tx.rows(sa.select(*columns).where(Snapshot.host == host).group_by(Snapshot.project_id))
    return {row[0]: (row[1], row[2]) for row in rows}


def _seen(ctx: context.Context, everyone: bool) -> list[Any]:
    return [] if everyone else [Snapshot.project_id == ctx.project_id]


def _conditions(filters: dict[str, Any]) -> list[Any]:
    return [_condition(name, value) for name, value in filters.items()]


def _condition(name: str, value: Any) -> Any:
    if name.endswith('~') and name[:-1] in LIKE:
        return getattr(Snapshot, name[:-1]).contains(value, autoescape=True)
    if name in PLAIN or name == 'project_id':
        return getattr(Snapshot, name) == value
    if name == 'availability_zone':
        return Snapshot.volume_id.in_(sa.select(Volume.id).where(Volume.availability_zone == value))
    if name == 'metadata':
        return sa.and_(sa.true(), *(_has(key, text) for key, text in value.items()))
    return sa.false()  # by what no snapshot of this cloud has


def _has(key: str, text: str) -> Any:
    found = sa.exists().where(SnapshotMetadata.snapshot_id == Snapshot.id, SnapshotMetadata.meta_key == key)
    return found.where(SnapshotMetadata.value == text).correlate(Snapshot)
