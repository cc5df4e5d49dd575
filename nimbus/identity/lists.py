"""How identity reads its rows: one by id, or some by filters."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import db, errors, listing

OLDEST_FIRST = (('seq', 'asc'),)


def one(tx: db.Tx, model: Any, noun: str, row_id: str) -> Any:
    """The row.  Raises NotFound."""
    row = tx.row(sa.select(model).where(model.id == row_id))
    if row is None:
        raise errors.NotFound(f'Could not find {noun}: {row_id}.')
    return row


def some(tx: db.Tx, model: Any, where: list[Any], page: listing.Page) -> list[Any]:
    """A page of the rows that match, oldest first unless asked otherwise.

    Filters are `column` or `column__contains` and its kin, as Keystone's lists take them.
    """
    conditions = where + [condition(model, name, value) for name, value in page.filters.items()]
    if not page.sorts:
        page = listing.Page(page.limit, page.marker, OLDEST_FIRST, page.filters, page.reverse)
    return listing.rows(tx, model, conditions, page)


def condition(model: Any, name: str, value: Any) -> Any:
    """What a filter means in SQL."""
    column_name, _, how = name.partition('__')
    column = getattr(model, column_name)
    if not how:
        return column == value
    fold = how.startswith('i')
    subject, text = (sa.func.lower(column), str(value).lower()) if fold else (column, str(value))
    how = how.removeprefix('i')
    return {
        'contains': subject.contains,
        'startswith': subject.startswith,
        'endswith': subject.endswith,
    }[how](text, autoescape=True)
