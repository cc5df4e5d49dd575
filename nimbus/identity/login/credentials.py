"""Credentials: secrets of users, such as EC2 keys and TOTP seeds, stored encrypted and shown on request."""

import dataclasses
import hashlib
import json
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists
from nimbus.identity.login.encryption import Encryption
from nimbus.identity.models import Credential as Row
from nimbus.identity.models_oauth import AccessToken, Consumer, RequestToken

EC2 = 'ec2'
# How an EC2 credential was made; this never changes, as it restricts the tokens that the credential gives.
ORIGIN = ('trust_id', 'app_cred_id', 'access_token_id', 'access_id')

# Every encrypted column and the column of its key: all are encrypted anew when the keys rotate.
SEALED: tuple[tuple[Any, str], ...] = (
    (Row, 'blob'),
    (Consumer, 'secret'),
    (RequestToken, 'secret'),
    (AccessToken, 'secret'),
)


@dataclasses.dataclass(frozen=True)
class Credential:
    """A credential with its blob decrypted."""

    id: str
    user_id: str
    project_id: str | None
    type: str
    blob: str = dataclasses.field(repr=False)
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


def of_user(tx: db.Tx, user_id: str, kind: str | None = None) -> list[Credential]:
    """The user's credentials, of one type where it is given."""
    query = sa.select(Row).where(Row.user_id == user_id, *([Row.type == kind] if kind else []))
    return [_decrypted(tx, row) for row in tx.rows(query.order_by(Row.seq))]


def show(tx: db.Tx, credential_id: str) -> Credential:
    """The credential.  Raises NotFound."""
    return _decrypted(tx, lists.one(tx, Row, 'credential', credential_id))


def owner_of(tx: db.Tx, credential_id: str) -> str:
    """The id of the user whose credential it is, whether it can be decrypted or not.  Raises NotFound."""
    return lists.one(tx, Row, 'credential', credential_id).user_id


def find(tx: db.Tx, page: listing.Page, owner_id: str | None = None) -> list[Credential]:
    """A page of the credentials, of one user where it is given."""
    rows = lists.some(tx, Row, [Row.user_id == owner_id] if owner_id is not None else [], page)
    return [_decrypted(tx, row) for row in rows]


def _decrypted(tx: db.Tx, row: Any) -> Credential:
    return Credential(row.id, row.user_id, row.project_id, row.type, tx.encryption.decrypt(row.blob), row.extra)


def create(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any], limit: int = -1) -> str:
    """A new credential exists; returns its id, which for an EC2 credential is derived from its access key.

    Raises Invalid on an EC2 blob without an access key, Conflict when it exists, Forbidden when the user has reached
    the limit.
    """
    user_id, kind = values['user_id'], values['type']
    count = sa.select(sa.func.count()).select_from(Row).where(Row.user_id == user_id)
    if 0 <= limit <= tx.scalar(count):
        raise errors.Forbidden(
            f'Unable to create additional credentials, maximum of {limit} already exceeded for user.'
        )
    credential_id = ids.plain()
    if kind.lower() == EC2:
        if values.get('project_id') is None:
            raise errors.Invalid("'project_id' is a required property")
        credential_id = id_of_key(parsed(values['blob'])['access'])
    blob, key_name = tx.encryption.encrypt(values['blob'])
    lists.add(
        tx,
        Row,
        f'Conflict occurred attempting to store credential - Duplicate entry found with ID {credential_id}.',
        id=credential_id,
        user_id=user_id,
        project_id=values.get('project_id'),
        type=kind,
        blob=blob,
        key_name=key_name,
        extra=extra,
        created_at=clock.Clock().now(),
    )
    return credential_id


def update(tx: db.Tx, credential_id: str, blob: str) -> None:
    """The credential has the blob.  Raises NotFound, and Invalid on a blob that is not allowed for its type."""
    row = show(tx, credential_id)
    if row.type.lower() == EC2:
        before, after = json.loads(row.blob), parsed(blob)
        for name in ORIGIN:
            if before.get(name) != after.get(name):
                raise errors.Invalid(f'{name} can not be updated for credential')
    encrypted, key_name = tx.encryption.encrypt(blob)
    tx.update(Row, Row.id == credential_id, blob=encrypted, key_name=key_name)


def delete(tx: db.Tx, credential_id: str) -> None:
    """The credential is gone.  Raises NotFound."""
    if not tx.delete(Row, Row.id == credential_id):
        raise errors.NotFound(f'Could not find credential: {credential_id}.')


def id_of_key(access: str) -> str:
    """The id of the EC2 credential with that access key."""
    return hashlib.sha256(access.encode()).hexdigest()


def parsed(blob: str) -> dict[str, Any]:
    """The decoded blob of an EC2 credential.  Raises Invalid when it is not JSON with an access key."""
    try:
        found = json.loads(blob)
    except ValueError:
        raise errors.Invalid('Invalid blob in credential') from None
    if not isinstance(found, dict) or not isinstance(found.get('access'), str):
        raise errors.Invalid(
            f'Expecting to find {"access" if isinstance(found, dict) else "blob"} in credential. The server could not '
            'comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be '
            'in error.'
        )
    return found


def left_behind(tx: db.Tx, encryption: Encryption) -> int:
    """How many secrets are not encrypted with the current primary key."""
    return sum(
        tx.scalar(sa.select(sa.func.count()).select_from(model).where(model.key_name != (encryption.key_name() or '')))
        for model, _ in SEALED
    )


def migrate(tx: db.Tx, encryption: Encryption, most: int = 500) -> int:
    """Up to `most` more secrets are encrypted with the current primary key; returns how many were not before."""
    done = 0
    for model, name in SEALED:
        column = getattr(model, name)
        query = sa.select(model.id, column.label('encrypted')).where(model.key_name != (encryption.key_name() or ''))
        for row in tx.rows(query.order_by(model.seq).limit(most - done)):
            encrypted, key_name = encryption.encrypt(encryption.decrypt(row.encrypted))
            # A row written in the meantime was encrypted with the key that was primary then.
            tx.update(model, model.id == row.id, column == row.encrypted, **{name: encrypted}, key_name=key_name)
            done += 1
    return done
