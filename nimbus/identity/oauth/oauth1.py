"""OAuth 1.0a requests: verifies those for a request token, for an access token, and for logging in with one."""

import dataclasses
import datetime
import hashlib
from types import ModuleType
from typing import Any

from sqlalchemy import exc

from nimbus.common import errors, numbers
from nimbus.common.database import db
from nimbus.identity.login.auth import Authority
from nimbus.identity.login.proofs import Asked, Proof
from nimbus.identity.models_oauth import Nonce
from nimbus.identity.oauth import oauth1_consumers, oauth1_tokens
from nimbus.identity.people import projects
from nimbus.identity.tokens.payload import EPOCH
from nimbus.identity.tokens.scopes import missing

METHOD = 'oauth1'
LATE = 601  # seconds after its timestamp for which a signed request may be accepted


@dataclasses.dataclass(frozen=True)
class Signed:
    """The parameters of a request whose signature is valid."""

    consumer_id: str
    token: Any  # the row of the request or access token it was signed with, None for neither
    timestamp: str
    nonce: str


def enrol(authority: Authority, database: db.Database) -> None:
    """The authentication method `oauth1` is available from now on."""
    authority.enrol(METHOD, lambda _, asked: _prove(database, asked, authority.now()))


def asking(tx: db.Tx, asked: Asked, project_id: str | None) -> Signed:
    """The parameters of a request for a request token.

    Raises Invalid when one is missing, NotFound on an unknown consumer or project, Unauthenticated when the
    signature is wrong.
    """
    given = _given(asked, 'oauth_consumer_key')
    if not project_id:
        raise missing('Requested-Project-Id', 'request')
    projects.show(tx, project_id)
    secret = tx.encryption.decrypt(oauth1_consumers.show(tx, given['oauth_consumer_key']).secret)
    if not _is_right(_signatures().asks(asked.url, asked.headers, secret)):
        raise errors.Unauthenticated('Invalid signature')
    return _signed(given, None)


def exchanging(tx: db.Tx, asked: Asked, now: datetime.datetime) -> Signed:
    """The parameters of a request for an access token, with the request token's row; raises as `asking` does."""
    given = _given(asked, 'oauth_consumer_key', 'oauth_token', 'oauth_verifier')
    row = oauth1_tokens.request(tx, given['oauth_token'], now)
    consumer = oauth1_consumers.find_one(tx, given['oauth_consumer_key'])
    own = consumer is not None and row.consumer_id == consumer.id
    secret = tx.encryption.decrypt(consumer.secret) if consumer else None
    token = tx.encryption.decrypt(row.secret) if own else None
    if not _is_right(_signatures().exchanges(asked.url, asked.headers, secret, token, row.verifier)):
        raise errors.Unauthenticated(_why(consumer, own, row.verifier == given['oauth_verifier']))
    return _signed(given, row)


def _why(consumer: Any, own: bool, verified: bool) -> str:
    if consumer is None:
        return 'Provided consumer does not exist.'
    if not own:
        return 'Provided consumer key does not match stored consumer key.'
    return 'Invalid signature' if verified else 'Provided verifier does not match stored verifier'


def spend(tx: db.Tx, signed: Signed, now: datetime.datetime) -> None:
    """The request's nonce is recorded as used.  Raises Unauthenticated when it was used before."""
    tx.delete(Nonce, Nonce.ends_at < now)
    token_id = signed.token.id if signed.token else ''
    whole = '\0'.join((signed.consumer_id, token_id, signed.timestamp, signed.nonce))
    stamp = numbers.read(signed.timestamp)
    if stamp is None:
        raise errors.Unauthenticated('The timestamp must be a number of seconds')
    ends = EPOCH + datetime.timedelta(seconds=stamp + LATE)
    try:
        tx.insert(Nonce, digest=hashlib.sha256(whole.encode()).hexdigest(), ends_at=ends)
    except exc.IntegrityError:
        raise errors.Unauthenticated('The nonce was used before') from None


def _prove(database: db.Database, asked: Asked, now: datetime.datetime) -> Proof:
    """The proof for the user whose access token the login is signed with."""
    given = _given(asked, 'oauth_token')
    with database.read() as tx:
        row = oauth1_tokens.access(tx, given['oauth_token'])
        if row is None:
            raise errors.Unauthenticated('Access token not found', status=404)
        if row.expires_at and now > row.expires_at:
            raise errors.Unauthenticated('Access token is expired')
        consumer = oauth1_consumers.find_one(tx, given.get('oauth_consumer_key', ''))
        own = consumer is not None and row.consumer_id == consumer.id
        secrets = (tx.encryption.decrypt(consumer.secret), tx.encryption.decrypt(row.secret)) if own else (None, None)
    if not _signatures().is_good(asked.url, asked.headers, *secrets):
        raise errors.Unauthenticated('Could not validate the access token')
    with database.write() as tx:
        spend(tx, _signed(given, row), now)
    marks = {'access_token_id': row.id}
    return Proof(row.user_id, (METHOD,), marks=marks, ends=row.expires_at, scope=('project', row.project_id))


def _signatures() -> ModuleType:
    """The module that checks signatures; loaded when needed, as most clouds never do."""
    from nimbus.identity.oauth import oauth1_signatures

    return oauth1_signatures


def _given(asked: Asked, *required: str) -> dict[str, str]:
    """The OAuth parameters of the Authorization header.  Raises Invalid when a required one is missing."""
    given = _signatures().parameters(asked.headers.get('Authorization', ''))
    if given is None:
        raise missing('OAuth in the Authorization header', 'request')
    for name in required:
        if not given.get(name):
            raise missing(name, 'request')
    return given


def _is_right(said: dict[str, str] | None) -> bool:
    """Whether the request is valid.  Raises Invalid when it is not an OAuth request."""
    if said is None:
        return False
    if 'error' in said:
        raise errors.Invalid(
            f'Validation failed with errors: {said["error"]}, detail message is: {said.get("error_description", "")}.'
        )
    return True


def _signed(given: dict[str, str], token: Any) -> Signed:
    return Signed(given['oauth_consumer_key'], token, given['oauth_timestamp'], given['oauth_nonce'])
