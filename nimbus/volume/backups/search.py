"""List backups: which ones the asker may see, and Cinder's filters as SQL."""

from typing import Any

from nimbus.common import context
from nimbus.common.database import db, listing
from nimbus.volume.backups import backups
from nimbus.volume.models import Backup

PLAIN = ('id', 'name', 'status', 'volume_id', 'snapshot_id', 'parent_id', 'user_id', 'description', 'container', 'host',
         'size', 'availability_zone')  # fmt: skip
LIKE = ('name', 'status', 'description')  # these take name~=part


def find(tx: db.Tx, ctx: context.Context, page: listing.Page, *, everyone: bool = False) -> list[Any]:
    """A page of the backups the asker sees, filtered by `page.filters`.  Raises Invalid."""
    return backups.find(tx, _seen(ctx, everyone), _conditions(page.filters), page)


def total(tx: db.Tx, ctx: context.Context, filters: dict[str, Any], *, everyone: bool = False) -> int:
    """How many backups match.  Raises Invalid."""
    return backups.total(tx, _seen(ctx, everyone) + _conditions(filters))


def _seen(ctx: context.Context, everyone: bool) -> list[Any]:
    return [] if everyone else [Backup.project_id == ctx.project_id]


def _conditions(filters: dict[str, Any]) -> list[Any]:
    return [_condition(name, value) for name, value in filters.items()]


def _condition(name: str, value: Any) -> Any:
    if name.endswith('~'):
        return getattr(Backup, name[:-1]).contains(value, autoescape=True)
    return getattr(Backup, name) == value
