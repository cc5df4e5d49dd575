"""OAuth 1 request tokens, which users authorize, and the access tokens that they are exchanged for."""

import dataclasses
import datetime
import secrets
import string
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db
from nimbus.identity import revocations
from nimbus.identity.models import Role
from nimbus.identity.models_oauth import AccessToken, RequestToken
from nimbus.identity.people import projects
from nimbus.identity.roles import assignments

# A verifier is read from one screen and typed into another, so it has no characters that look alike.
LETTERS = ''.join(one for one in string.ascii_letters + string.digits if one not in 'jiIl1oO0')
LENGTH = 8
KEPT = datetime.timedelta(days=1)  # how long an expired request token is kept, so that its use is answered "expired"


@dataclasses.dataclass(frozen=True)
class Made:
    """A new token: its id, its secret, which is not shown again, and its expiry."""

    id: str
    secret: str = dataclasses.field(repr=False)
    expires_at: datetime.datetime | None


def _made(tx: db.Tx, life: int, now: datetime.datetime) -> tuple[Made, dict[str, Any]]:
    """A new token and its columns; with a life of 0 it does not expire."""
    ends = now + datetime.timedelta(seconds=life) if life else None
    made = Made(ids.plain(), ids.plain(), ends)
    secret, key_name = tx.encryption.encrypt(made.secret)
    return made, {'id': made.id, 'secret': secret, 'key_name': key_name, 'expires_at': ends}


def ask(tx: db.Tx, consumer_id: str, project_id: str, life: int, now: datetime.datetime) -> Made:
    """The consumer has a new request token, for roles on the project."""
    tx.delete(RequestToken, RequestToken.expires_at < now - KEPT)
    made, columns = _made(tx, life, now)
    tx.insert(RequestToken, **columns, consumer_id=consumer_id, project_id=project_id, user_id=None, role_ids=None)
    return made


def request(tx: db.Tx, request_id: str, now: datetime.datetime) -> Any:
    """The request token's row.  Raises NotFound, and Unauthenticated when it has expired."""
    row = tx.row(sa.select(RequestToken).where(RequestToken.id == request_id))
    if row is None:
        raise errors.NotFound('Request token not found')
    if row.expires_at and now > row.expires_at:
        raise errors.Unauthenticated('Request token is expired')
    return row


def authorize(tx: db.Tx, row: Any, user_id: str, given: list[dict[str, str]]) -> str:
    """The user has authorized the token for the roles; returns the verifier, which the consumer must send.

    Raises NotFound on an unknown role or project, Unauthenticated when the user lacks one of the roles on the project.
    """
    wanted = named_roles(tx, given)
    project = projects.show(tx, row.project_id)
    groups = assignments.groups_of(tx, user_id)
    held = {role.id for role in assignments.effective(tx, user_id, groups, 'project', project)}
    if not set(wanted) <= held:
        raise errors.Unauthenticated('authorizing user does not have role required')
    verifier = ''.join(secrets.choice(LETTERS) for _ in range(LENGTH))
    if not tx.update(RequestToken, RequestToken.id == row.id, user_id=user_id, role_ids=wanted, verifier=verifier):
        raise errors.NotFound('Request token not found')
    return verifier


def named_roles(tx: db.Tx, given: list[dict[str, str]]) -> list[str]:
    """The ids of roles given by id, or by name, which must exist; each once.  Raises NotFound."""
    found = []
    for one in given:
        role_id = one.get('id') or tx.scalar(sa.select(Role.id).where(Role.name == one['name'], Role.domain_id == ''))
        if role_id is None:
            raise errors.NotFound(f'Could not find role: {one["name"]}.')
        found.append(role_id)
    return list(dict.fromkeys(found))


def exchange(tx: db.Tx, row: Any, life: int, now: datetime.datetime) -> Made:
    """The request token is exchanged for an access token.  Raises NotFound when it was exchanged already."""
    same = (
        RequestToken.id == row.id,
        RequestToken.verifier == row.verifier,
    )  # and not exchanged by another request since
    if not tx.delete(RequestToken, *same):
        raise errors.NotFound('Request token not found')
    made, columns = _made(tx, life, now)
    tx.insert(
        AccessToken,
        **columns,
        consumer_id=row.consumer_id,
        user_id=row.user_id,
        project_id=row.project_id,
        role_ids=row.role_ids,
    )
    return made


def access(tx: db.Tx, access_id: str) -> Any:
    """The access token's row, None when there is none."""
    return tx.row(sa.select(AccessToken).where(AccessToken.id == access_id))


def show(tx: db.Tx, access_id: str) -> Any:
    """The access token's row.  Raises NotFound."""
    row = access(tx, access_id)
    if row is None:
        raise errors.NotFound('Access token not found')
    return row


def of_user(tx: db.Tx, user_id: str) -> list[Any]:
    """The access tokens that the user has authorized, oldest first."""
    return list(tx.rows(sa.select(AccessToken).where(AccessToken.user_id == user_id).order_by(AccessToken.seq)))


def roles_of(tx: db.Tx, row: Any) -> list[Any]:
    """The rows of the roles that the access token delegates and that still exist."""
    return list(tx.rows(sa.select(Role).where(Role.id.in_(row.role_ids)).order_by(Role.seq)))


def delete(tx: db.Tx, access_id: str) -> None:
    """The access token is deleted, and tokens issued for it are revoked.  Raises NotFound."""
    if not tx.delete(AccessToken, AccessToken.id == access_id):
        raise errors.NotFound('Access token not found')
    revocations.revoke(tx, 'access_token', access_id)
