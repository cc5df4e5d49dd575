"""Access rules: the only requests that an application credential may be used for."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists
from nimbus.identity.models import AccessRule, ApplicationCredential

PARTS = ('service', 'path', 'method')


def show(tx: db.Tx, user_id: str, rule_id: str) -> Any:
    """The row of one of the user's rules.  Raises NotFound."""
    row = tx.row(sa.select(AccessRule).where(AccessRule.id == rule_id, AccessRule.user_id == user_id))
    if row is None:
        raise errors.NotFound(f'Could not find Access Rule: {rule_id}.')
    return row


def find(tx: db.Tx, user_id: str, page: listing.Page) -> list[Any]:
    """A page of the user's rules."""
    return lists.some(tx, AccessRule, [AccessRule.user_id == user_id], page)


def of(tx: db.Tx, rows: list[Any]) -> dict[str, Any]:
    """The rule rows, by id, of the application credentials."""
    wanted = {rule_id for row in rows for rule_id in row.access_rules or ()}
    return {rule.id: rule for rule in tx.rows(sa.select(AccessRule).where(AccessRule.id.in_(wanted)))} if wanted else {}


def as_shown(row: Any) -> dict[str, str]:
    """The rule as a token or a credential shows it."""
    return {'id': row.id, **{name: getattr(row, name) for name in PARTS}}


def take(tx: db.Tx, user_id: str, given: list[dict[str, str]]) -> list[str]:
    """The ids of rules given by id or by their fields; new ones are created.  Raises NotFound and Invalid."""
    return list(dict.fromkeys(_take(tx, user_id, one) for one in given))


def _take(tx: db.Tx, user_id: str, given: dict[str, str]) -> str:
    if given.get('id'):
        row = tx.row(sa.select(AccessRule).where(AccessRule.id == given['id']))
        if row is not None and row.user_id == user_id:
            return row.id
        if row is not None or not all(given.get(name) for name in PARTS):
            raise errors.NotFound(f'Could not find Access Rule: {given["id"]}.')
    missing = [name for name in PARTS if not given.get(name)]
    if missing:
        raise errors.Invalid(f"An access rule needs a service, a path and a method; '{missing[0]}' is missing.")
    same = [getattr(AccessRule, name) == given[name] for name in PARTS]
    found = tx.scalar(sa.select(AccessRule.id).where(AccessRule.user_id == user_id, *same))
    if found is not None:
        return found
    rule_id = given.get('id') or ids.plain()
    lists.add_once(tx, AccessRule, id=rule_id, user_id=user_id, **{name: given[name] for name in PARTS})
    return rule_id


def delete(tx: db.Tx, user_id: str, rule_id: str) -> None:
    """The rule is deleted.  Raises NotFound, Forbidden while a credential is restricted to it."""
    show(tx, user_id, rule_id)
    query = sa.select(ApplicationCredential.access_rules).where(ApplicationCredential.user_id == user_id)
    if any(rule_id in (used or ()) for used in tx.column(query)):
        raise errors.Forbidden('May not delete access rule in use')
    tx.delete(AccessRule, AccessRule.id == rule_id)
