"""Queries shared by identity's tables: show by id, list with filters, insert and update with unique names."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from nimbus.common import errors
from nimbus.common.database import db, listing
from nimbus.identity.models import Project

OLDEST_FIRST = (('seq', 'asc'),)
MAX_ID = 64  # characters of an id that the client chooses
MAX_ID_BYTES = 250  # that a token has room for


def one(tx: db.Tx, model: Any, noun: str, row_id: str) -> Any:
    """The row.  Raises NotFound."""
    row = tx.row(sa.select(model).where(model.id == row_id))
    if row is None:
        raise errors.NotFound(f'Could not find {noun}: {row_id}.')
    return row


def check_id(noun: str, row_id: str) -> None:
    """Raises Invalid when an id that the client chose is too long to be stored."""
    if len(row_id) > MAX_ID or len(row_id.encode()) > MAX_ID_BYTES:
        raise errors.Invalid(f'The id of {noun} may have {MAX_ID} characters, and {MAX_ID_BYTES} bytes in UTF-8.')


def domain(tx: db.Tx, domain_id: str) -> Any:
    """The domain's row.  Raises NotFound, also on the id of a project that is no domain."""
    row = tx.row(sa.select(Project).where(Project.id == domain_id, Project.is_domain.is_(True)))
    if row is None:
        raise errors.NotFound(f'Could not find domain: {domain_id}.')
    return row


def some(tx: db.Tx, model: Any, where: list[Any], page: listing.Page) -> list[Any]:
    """A page of the rows that match, oldest first unless asked otherwise.

    Filters are `column`, or `column__contains` and Keystone's other comparisons.  Raises NotFound when the marker is
    not the id of a matching row.
    """
    conditions = where + [condition(model, name, value) for name, value in page.filters.items()]
    if not page.sorts:
        page = listing.Page(page.limit, page.marker, OLDEST_FIRST, page.filters, page.reverse)
    try:
        return listing.rows(tx, model, [], page, seen=conditions)
    except errors.Invalid:
        raise errors.NotFound(f'Marker {page.marker} could not be found.') from None


def add(tx: db.Tx, model: Any, taken: str, **values: Any) -> None:
    """The row is inserted.  Raises Conflict with the sentence `taken` when a unique name or id is in use."""
    try:
        tx.insert(model, **values)
    except exc.IntegrityError as why:
        raise errors.Conflict(taken) from why


def add_once(tx: db.Tx, model: Any, **values: Any) -> None:
    """The row is inserted.  Raises Transient when another transaction inserted the same: a second try finds it."""
    try:
        tx.insert(model, **values)
    except exc.IntegrityError as why:
        raise errors.Transient('The same was added at this moment; please try again.') from why


def change(tx: db.Tx, model: Any, taken: str, row_id: str, **values: Any) -> None:
    """The row has the values.  Raises Conflict with the sentence `taken` when a unique name is in use."""
    try:
        if values:
            tx.update(model, model.id == row_id, **values)
    except exc.IntegrityError as why:
        raise errors.Conflict(taken) from why


def duplicate(noun: str, name: str, domain_id: str | None) -> str:
    """The error sentence for a name that is in use."""
    place = f' at domain ID {domain_id}' if domain_id else ''
    return f'Conflict occurred attempting to store {noun} - Duplicate entry found with name {name}{place}.'


def mutable(row: Any, noun: str, verb: str, options: dict[str, Any] | None = None) -> None:
    """Raises Forbidden when the row is marked immutable and `options` does not lift that."""
    lifted = options is not None and options.get('immutable') is not True and 'immutable' in options
    if row.options.get('immutable') and not lifted:
        raise errors.Forbidden(
            f'Unable to {verb} immutable {noun} resource: `{row.id}. Set resource option "immutable" to false first.'
        )


def merged(kept: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    """The resource options after an update: a null removes one."""
    return {name: value for name, value in {**kept, **(given or {})}.items() if value is not None}


def condition(model: Any, name: str, value: Any) -> Any:
    """The SQL condition of a filter."""
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
