"""EC2 credentials: an access key and a secret, with which a request is signed instead of carrying a token."""

import datetime
import json
import uuid
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, times
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.identity.login import credentials, signatures
from nimbus.identity.login.credentials import EC2, Credential
from nimbus.identity.login.proofs import Proof
from nimbus.identity.models import ApplicationCredential
from nimbus.identity.tokens import subjects

METHOD = 'ec2credential'


def create(tx: db.Tx, user_id: str, project_id: str, limit: int = -1) -> str:
    """The user has a new access key for the project; returns it.  Raises Forbidden when the limit is reached."""
    access = uuid.uuid4().hex
    blob = json.dumps({'access': access, 'secret': uuid.uuid4().hex, 'trust_id': None})
    values = {'user_id': user_id, 'project_id': project_id, 'type': EC2, 'blob': blob}
    credentials.create(tx, values, {}, limit)
    return access


def show(tx: db.Tx, access: str) -> Credential:
    """The credential with the access key.  Raises NotFound."""
    try:
        found = credentials.show(tx, credentials.id_of_key(access))
    except errors.NotFound:
        found = None
    if found is None or found.type != EC2:
        raise errors.NotFound('EC2 access key not found.')
    return found


def contents(credential: Credential) -> dict[str, Any]:
    """The decoded blob of the credential."""
    return json.loads(credential.blob)


def prove(tx: db.Tx, request: dict[str, Any], s3: bool, life: int, clock: Clock) -> tuple[Proof, str]:
    """The proof of who signed the request to EC2 or S3, and the id of the project.

    Raises NotFound on an unknown access key, Unauthenticated on a signature that is wrong, expired or missing.
    """
    credential = show(tx, request['access'])
    kept = contents(credential)
    secret, signature = kept.get('secret'), request.get('signature')
    if not signature or not isinstance(secret, str):
        raise errors.Unauthenticated('EC2 signature not supplied.')
    if s3:
        if not signatures.is_good_s3(secret, request.get('token', ''), signature):
            raise errors.Unauthenticated('Credential signature mismatch')
    else:
        if not signatures.is_good(secret, request):
            raise errors.Unauthenticated('Invalid EC2 signature.')
        _check_age(signatures.moment_of(request), life, clock)
    return Proof(credential.user_id, (METHOD,), None, _lender(tx, credential, kept)), credential.project_id or ''


def _check_age(moment: str | None, life: int, clock: Clock) -> None:
    """Raises Unauthenticated when the signature's timestamp is too far from now."""
    if moment is None:
        return
    signed = times.read(moment)
    if signed is None:
        raise errors.Unauthenticated('Credential timestamp is invalid')
    if abs(clock.now() - signed) > datetime.timedelta(seconds=life):
        raise errors.Unauthenticated('Credential is expired')


def _lender(tx: db.Tx, credential: Credential, kept: dict[str, Any]) -> Any:
    """The application credential that restricts the tokens of an EC2 credential; None where none does.

    Raises Unauthenticated where the credential was made by a delegation that was revoked, or is of an unknown kind.
    """
    if kept.get('trust_id') or kept.get('access_token_id'):
        raise subjects.refusal()
    lender_id = kept.get('app_cred_id')
    if not lender_id:
        return None
    row = tx.row(
        sa.select(ApplicationCredential).where(
            ApplicationCredential.id == str(lender_id),
            ApplicationCredential.user_id == credential.user_id,
            ApplicationCredential.project_id == credential.project_id,
        )
    )
    if row is None or row.expires_at and row.expires_at <= Clock().now():
        raise subjects.refusal()
    return row
