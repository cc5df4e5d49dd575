"""Application credentials: secrets with which a user's programs authenticate on one project."""

import datetime
import secrets
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids, times
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models import ApplicationCredential as Row
from nimbus.identity.models import Role

SECRET_BYTES = 64


def show(tx: db.Tx, user_id: str, credential_id: str) -> Any:
    """The row of one of the user's credentials.  Raises NotFound."""
    row = tx.row(sa.select(Row).where(Row.id == credential_id, Row.user_id == user_id))
    if row is None:
        raise errors.NotFound(f'Could not find Application Credential: {credential_id}.')
    return row


def find(tx: db.Tx, user_id: str, page: listing.Page) -> list[Any]:
    """A page of the user's credentials."""
    return lists.some(tx, Row, [Row.user_id == user_id], page)


def owner_of(tx: db.Tx, credential_id: str) -> str | None:
    """The id of the user whose credential it is, None when there is none."""
    return tx.scalar(sa.select(Row.user_id).where(Row.id == credential_id))


def new_secret() -> str:
    """A new random secret."""
    return secrets.token_urlsafe(SECRET_BYTES)


def create(tx: db.Tx, user_id: str, values: dict[str, Any], secret_hash: str, limit: int = -1) -> str:
    """A new credential exists; returns its id.  Raises Conflict on a taken name, Invalid on an end in the past."""
    if values.get('expires_at') and values['expires_at'] <= clock.Clock().now():
        raise errors.Invalid("Invalid application credential: The 'expires_at' must not be before now.")
    if 0 <= limit <= tx.scalar(sa.select(sa.func.count()).select_from(Row).where(Row.user_id == user_id)):
        raise errors.Forbidden(
            f'Unable to create additional application credentials, maximum of {limit} already exceeded for user.'
        )
    credential_id = ids.plain()
    lists.add(
        tx,
        Row,
        f'Conflict occurred attempting to store application_credential - Duplicate entry found with name '
        f'{values["name"]}.',
        id=credential_id,
        user_id=user_id,
        project_id=values['project_id'],
        name=values['name'],
        description=values.get('description'),
        secret_hash=secret_hash,
        role_ids=values['role_ids'],
        unrestricted=values.get('unrestricted', False),
        expires_at=values.get('expires_at'),
        access_rules=values.get('access_rules'),
        created_at=clock.Clock().now(),
    )
    return credential_id


def delete(tx: db.Tx, user_id: str, credential_id: str) -> None:
    """The credential is gone, and its tokens are refused.  Raises NotFound."""
    show(tx, user_id, credential_id)
    tx.delete(Row, Row.id == credential_id)
    revocations.revoke(tx, 'credential', credential_id)


def roles_of(tx: db.Tx, rows: list[Any]) -> dict[str, Any]:
    """The rows of the roles that the credentials delegate, by role id."""
    wanted = {role_id for row in rows for role_id in row.role_ids}
    return {role.id: role for role in tx.rows(sa.select(Role).where(Role.id.in_(wanted)))}


def moment(text: str | None) -> datetime.datetime | None:
    """The expiry that a request gives as text, in UTC.  Raises Invalid."""
    if text is None:
        return None
    given = times.read(text) if 'T' in text else None
    if given is None:
        raise errors.Invalid(
            'Timestamp not in expected format. The server could not comply with the request since it is either '
            'malformed or otherwise incorrect. The client is assumed to be in error.'
        )
    return given
