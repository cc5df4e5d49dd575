"""Unified limits: registered limits, which are defaults for all projects, and limits of a project or domain."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists
from nimbus.identity.catalog import catalog
from nimbus.identity.models import Limit, Project, RegisteredLimit
from nimbus.identity.people import projects
from nimbus.identity.tokens import scopes

MODELS: dict[str, Any] = {'registered_limit': RegisteredLimit, 'limit': Limit}
FLAT, STRICT = 'flat', 'strict_two_level'
DESCRIPTIONS = {
    FLAT: 'Limit enforcement and validation does not take project hierarchy into consideration.',
    STRICT: 'This model requires project hierarchy never exceeds a depth of two',
}
UNLIMITED = -1


def show(tx: db.Tx, noun: str, row_id: str) -> Any:
    """The row of a limit or a registered limit.  Raises NotFound."""
    row = tx.row(sa.select(MODELS[noun]).where(MODELS[noun].id == row_id))
    if row is None:
        raise errors.NotFound(f'Could not find {noun.replace("_", " ")} for {row_id}.')
    return row


def find(tx: db.Tx, noun: str, page: listing.Page, where: list[Any] | None = None) -> list[Any]:
    """A page of limits or registered limits."""
    return lists.some(tx, MODELS[noun], where or [], page)


def within(domain_id: str) -> list[Any]:
    """The SQL conditions that restrict a list of limits to those of a domain and of its projects."""
    theirs = sa.select(Project.id).where(Project.domain_id == domain_id)
    return [sa.or_(Limit.domain_id == domain_id, Limit.project_id.in_(theirs))]


def _check_parts(tx: db.Tx, noun: str, values: dict[str, Any]) -> None:
    """Raises Invalid when a service, region, project or domain in the values does not exist."""
    for part in ('service', 'region', 'project', 'domain'):
        given = values.get(f'{part}_id')
        if not given:
            continue
        try:
            if part in catalog.MODELS:
                catalog.show(tx, part, given)
            elif not projects.show(tx, given).is_domain and part == 'domain':
                raise errors.NotFound(f'Could not find domain: {given}.')
        except errors.NotFound as why:
            raise scopes.missing(f'{part}_id', noun) from why


def register(tx: db.Tx, given: list[dict[str, Any]]) -> list[Any]:
    """All of the registered limits are created, or none; returns their rows.  Raises Invalid and Conflict."""
    made = []
    for values in given:
        _check_parts(tx, 'registered_limit', values)
        row = {'description': None, **values, 'region_id': values.get('region_id') or '', 'id': ids.plain()}
        lists.add(tx, RegisteredLimit, _taken('registered_limit'), **row)
        made.append(show(tx, 'registered_limit', row['id']))
    return made


def _taken(noun: str) -> str:
    return f'Conflict occurred attempting to store {noun} - Duplicate entry.'


def update_registered(tx: db.Tx, row_id: str, values: dict[str, Any]) -> None:
    """The registered limit has the values.  Raises NotFound, Invalid, Conflict, Forbidden while limits refer to it."""
    show(tx, 'registered_limit', row_id)
    _check_parts(tx, 'registered_limit', values)
    _check_unused(tx, row_id)
    if 'region_id' in values:
        values = {**values, 'region_id': values['region_id'] or ''}
    lists.change(tx, RegisteredLimit, _taken('registered_limit'), row_id, **values)


def delete_registered(tx: db.Tx, row_id: str) -> None:
    """The registered limit is gone.  Raises NotFound, and Forbidden while limits refer to it."""
    show(tx, 'registered_limit', row_id)
    _check_unused(tx, row_id)
    tx.delete(RegisteredLimit, RegisteredLimit.id == row_id)


def _check_unused(tx: db.Tx, row_id: str) -> None:
    if tx.scalar(sa.select(Limit.seq).where(Limit.registered_limit_id == row_id).limit(1)) is not None:
        raise errors.Forbidden(
            f'Unable to update or delete registered limit {row_id} because there are project limits associated with it.'
        )


def create(tx: db.Tx, given: list[dict[str, Any]], model: str) -> list[Any]:
    """All of the limits are created, or none; returns their rows.

    Raises Invalid when a reference does not exist, Forbidden without a registered limit or against the model, Conflict.
    """
    rows = [_row(tx, values) for values in given]
    if model == STRICT:
        _check_tree(tx, rows)
    for row in rows:
        lists.add(tx, Limit, _taken('limit'), **row)
    return [show(tx, 'limit', row['id']) for row in rows]


def _row(tx: db.Tx, values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a limit's row.  A project that is a domain is stored as `domain_id`."""
    _check_parts(tx, 'limit', values)
    project_id, domain_id = values.get('project_id') or '', values.get('domain_id') or ''
    if not project_id and not domain_id:
        raise scopes.missing('project_id or domain_id', 'limit')
    if project_id and projects.show(tx, project_id).is_domain:
        project_id, domain_id = '', project_id
    resource = {
        'service_id': values['service_id'],
        'region_id': values.get('region_id') or '',
        'resource_name': values['resource_name'],
    }
    where = [getattr(RegisteredLimit, name) == value for name, value in resource.items()]
    registered = tx.scalar(sa.select(RegisteredLimit.id).where(*where))
    if registered is None:
        raise errors.Forbidden('Unable to create a limit that has no corresponding registered limit.')
    return {
        **resource,
        'id': ids.plain(),
        'registered_limit_id': registered,
        'project_id': project_id,
        'domain_id': domain_id,
        'resource_limit': values['resource_limit'],
        'description': values.get('description'),
    }


def update(tx: db.Tx, row_id: str, values: dict[str, Any], model: str) -> None:
    """The limit has the values.  Raises NotFound, and Forbidden when the enforcement model does not allow it."""
    row = show(tx, 'limit', row_id)
    if model == STRICT and 'resource_limit' in values:
        _check_tree(tx, [{**row._mapping, **values}])
    if values:
        tx.update(Limit, Limit.id == row_id, **values)


def delete(tx: db.Tx, row_id: str) -> None:
    """The limit is deleted, and the registered limit applies again.  Raises NotFound."""
    show(tx, 'limit', row_id)
    tx.delete(Limit, Limit.id == row_id)


def _check_tree(tx: db.Tx, rows: list[dict[str, Any]]) -> None:
    """Raises Forbidden when a project's limit would be above its domain's, in these rows or in existing ones."""
    for row in rows:
        if row['project_id']:
            good = _size(row['resource_limit']) <= _size(_of_parent(tx, row, rows))
        else:
            good = all(_size(value) <= _size(row['resource_limit']) for value in _of_children(tx, row))
        if not good:
            level = 'project_id' if row['project_id'] else 'domain_id'
            raise errors.Forbidden(
                f'Invalid resource limit: The resource limit ({level}: {row[level]}, resource_name: '
                f'{row["resource_name"]}, resource_limit: {row["resource_limit"]}, service_id: {row["service_id"]}, '
                f"region_id: {row['region_id'] or None}) doesn't satisfy current hierarchy model.."
            )


def _size(value: int) -> float:
    return float('inf') if value == UNLIMITED else value


def _of_parent(tx: db.Tx, row: dict[str, Any], rows: list[dict[str, Any]]) -> int:
    """The limit of the project's domain: from a row of the same request, its own limit, or the registered limit."""
    parent_id = projects.show(tx, row['project_id']).parent_id
    same = row['registered_limit_id']
    for one in rows:
        if one['domain_id'] == parent_id and one['registered_limit_id'] == same:
            return one['resource_limit']
    own = tx.scalar(sa.select(Limit.resource_limit).where(Limit.domain_id == parent_id, *_of(same)))
    if own is not None:
        return own
    return tx.scalar(sa.select(RegisteredLimit.default_limit).where(RegisteredLimit.id == same))


def _of(registered_id: str) -> list[Any]:
    return [Limit.registered_limit_id == registered_id]


def _of_children(tx: db.Tx, row: dict[str, Any]) -> list[int]:
    below = sa.select(Project.id).where(Project.domain_id == row['domain_id'])
    return tx.column(
        sa.select(Limit.resource_limit).where(Limit.project_id.in_(below), *_of(row['registered_limit_id']))
    )
