"""What all nouns of this service share: visibility, timestamps, revision numbers, tags and lists."""

import datetime
import functools
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db, listing
from nimbus.network.models import Tag

LAST = datetime.datetime.max.replace(microsecond=0)


def stamp(ctx: context.Context, project_id: str | None = None) -> dict[str, Any]:
    """The values every new row starts with."""
    now = clock.Clock().now()
    return {
        'id': ids.dashed(),
        'project_id': project_id or ctx.project_id or '',
        'revision_number': 0,
        'created_at': now,
        'updated_at': now,
    }


def touch(tx: db.Tx, model: Any, id: str, **values: Any) -> None:
    """The row has the values and a new revision."""
    tx.update(
        model,
        model.id == id,
        revision_number=model.revision_number + 1,
        updated_at=clock.Clock().now(),
        **values,
    )


def find(tx: db.Tx, ctx: context.Context, model: Any, id: str, seen: Any = None) -> Any:
    """The row, or None where there is none that the asker may see; `seen` widens what belongs to the project."""
    row = tx.row(_by_id(model), {'id': id})
    if row is None or ctx.is_admin or ctx.is_service or row.project_id == (ctx.project_id or ''):
        return row
    if seen is None:
        return None
    return tx.row(sa.select(model).where(model.id == id, seen() if callable(seen) else seen))


@functools.cache
def _by_id(model: Any) -> Any:
    """One statement a table, so that it is made and compiled once."""
    return db.Fixed(sa.select(db.table_of(model)).where(model.id == sa.bindparam('id')))


def scope(ctx: context.Context, model: Any, seen: Any = None) -> list[Any]:
    """The condition that a row is the asker's, or matches `seen`; none for who sees every project."""
    if ctx.is_admin or ctx.is_service:
        return []
    own = model.project_id == (ctx.project_id or '')
    return [own if seen is None else sa.or_(own, seen)]


def missing(kind: str, id: str) -> errors.NotFound:
    """Neutron's answer for an id that is not there: NetworkNotFound and its like."""
    return errors.NotFound(f'{kind} {id} could not be found.', type=f'{kind}NotFound')


def lists(
    tx: db.Tx, model: Any, where: list[Any], page: listing.Page, special: dict[str, Any] | None = None
) -> list[Any]:
    """One page of the rows that meet `where`; a filter is a value or several, of a column or a name in `special`.

    Raises Invalid when the marker is none of them.
    """
    conditions: list[Any] = []
    for name, value in page.filters.items():
        values = value if isinstance(value, list) else [value]
        if special and name in special:
            conditions.append(special[name](values))
        elif name == 'changed_since':
            conditions.append(model.updated_at >= _shown_from(value))
        elif name in TAG_FILTERS:
            conditions.append(_tagged(model, name, values))
        else:
            conditions.append(_among(getattr(model, name), values))
    return listing.rows(tx, model, conditions, page, seen=where)


def _shown_from(moment: datetime.datetime) -> datetime.datetime:
    """The first moment that is shown, in whole seconds, as no earlier than that one."""
    whole = moment.replace(microsecond=0)
    return whole if whole == moment or whole >= LAST else whole + datetime.timedelta(seconds=1)


def _among(column: Any, values: Sequence[Any]) -> Any:
    if None in values:
        rest = [value for value in values if value is not None]
        return sa.or_(column.is_(None), column.in_(rest)) if rest else column.is_(None)
    return column == values[0] if len(values) == 1 else column.in_(values)


# Tags

TAGS = db.Gathering(sa.select(Tag.subject_id, Tag.tag).order_by(Tag.tag), Tag.subject_id)
TAG_FILTERS = ('tags', 'tags-any', 'not-tags', 'not-tags-any')


def _tagged(model: Any, name: str, values: Sequence[str]) -> Any:
    """Rows with all the tags, with any, without all, without any; each value is a list with commas."""
    words = {word for value in values for word in value.split(',') if word}

    def has(tags: Iterable[str]) -> Any:
        return sa.exists().where(Tag.subject_id == model.id, Tag.tag.in_(sorted(tags)))

    if name.endswith('any'):
        wanted = has(words)
    else:
        wanted = sa.and_(sa.true(), *(has([word]) for word in sorted(words)))
    return ~wanted if name.startswith('not') else wanted


def tags_of(tx: db.Tx, subject_ids: Sequence[str]) -> dict[str, list[str]]:
    """The tags of each subject that has any."""
    found: dict[str, list[str]] = {}
    for subject_id, tag in TAGS.rows(tx, subject_ids):
        found.setdefault(subject_id, []).append(tag)
    return found


def set_tags(tx: db.Tx, model: Any, subject_id: str, tags: Iterable[str]) -> None:
    """The subject has these tags and no other."""
    tx.delete(Tag, Tag.subject_id == subject_id)
    for tag in sorted(set(tags)):
        tx.insert(Tag, subject_id=subject_id, tag=tag)
    touch(tx, model, subject_id)


def add_tags(tx: db.Tx, model: Any, subject_id: str, tags: Iterable[str]) -> None:
    """The subject has these tags too."""
    had = set(tags_of(tx, [subject_id]).get(subject_id, ()))
    set_tags(tx, model, subject_id, had | set(tags))


def drop_tag(tx: db.Tx, model: Any, subject_id: str, tag: str) -> None:
    """The subject has not the tag.  Raises NotFound."""
    if not tx.delete(Tag, Tag.subject_id == subject_id, Tag.tag == tag):
        raise errors.NotFound(f'Tag {tag} could not be found.', type='TagNotFound')
    touch(tx, model, subject_id)


def forget_tags(tx: db.Tx, subject_id: str) -> None:
    """The subject's tags are gone with it."""
    tx.delete(Tag, Tag.subject_id == subject_id)
