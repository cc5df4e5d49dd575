"""`/v3/OS-OAUTH2/token`: the client credentials grant of RFC 6749."""

import base64
import binascii
import urllib.parse
from collections.abc import Callable
from typing import Any

from nimbus.api.identity import notifications
from nimbus.api.identity.authentication import authority
from nimbus.api.kit import faults
from nimbus.api.kit.bodies import MAX_BODY
from nimbus.api.kit.certificates import TrustedProxies, thumbprint
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.oauth import oauth2_certificates
from nimbus.identity.settings.oauth import CERTIFICATE, SECRET
from nimbus.identity.tokens.scopes import UNSCOPED
from nimbus.identity.tokens.subjects import Subject

FORM = 'application/x-www-form-urlencoded'
REFUSED = ('GET', 'PUT', 'PATCH', 'DELETE')
MAX_FIELDS = 64
# A token is never cached by a proxy or client.
UNKEPT = [('Cache-Control', 'no-store'), ('Pragma', 'no-cache')]
_ERRORS = {400: 'invalid_request', 401: 'invalid_client'}


def refuse(call: Call) -> Reply:
    """GET, PUT, PATCH and DELETE /OS-OAUTH2/token."""
    return _refused(call, 405, 'other_error', 'The method is not allowed for the requested URL.')


def issue(call: Call) -> Reply:
    """POST /OS-OAUTH2/token."""
    given = _form(call)
    grant = given.get('grant_type')
    if grant is None:
        return _refused(call, 400, 'invalid_request', 'The parameter grant_type is required.')
    if grant != 'client_credentials':
        sentence = f'The parameter grant_type {grant} is not supported.'
        return _refused(call, 400, 'unsupported_grant_type', sentence)
    known = authority(call).settings.oauth.oauth2_authn_methods
    certificate = _certificate(call) if CERTIFICATE in known else None
    if certificate is not None and given.get('client_id'):
        return _by_certificate(call, given['client_id'], certificate)
    client_id, secret = _basic(call) or (given.get('client_id'), given.get('client_secret'))
    if certificate is not None or not client_id or not secret or SECRET not in known:
        return _refused(call, 401, 'invalid_client', 'Client authentication failed.')
    return _by_secret(call, client_id, secret)


def _by_secret(call: Call, client_id: str, secret: str) -> Reply:
    method = 'application_credential'
    identity = {'methods': [method], method: {'id': client_id, 'secret': secret}}
    return _answer(call, identity, lambda: authority(call).login(identity))


def _certificate(call: Call) -> bytes | None:
    """The client's certificate, in DER, from a trusted front; None without one."""
    conf = call.parts.conf
    return TrustedProxies.of(conf).certificate(call.environ) if conf is not None else None


def _by_certificate(call: Call, client_id: str, certificate: bytes) -> Reply:
    issuer = authority(call)
    mapping_id = issuer.settings.oauth.oauth2_cert_dn_mapping_id

    def login() -> tuple[str, Subject]:
        with call.db.read() as tx:
            given = (client_id, certificate, thumbprint(certificate), mapping_id, issuer.now())
            proof = oauth2_certificates.prove(tx, *given)
        return issuer.issue(proof, proof.scope or UNSCOPED)

    method = oauth2_certificates.METHOD
    return _answer(call, {'methods': [method], method: {'user': {'id': client_id}}}, login)


def _answer(call: Call, identity: dict[str, Any], login: Callable[[], tuple[str, Subject]]) -> Reply:
    try:
        token, subject = login()
    except errors.Unauthenticated as why:
        notifications.logged_in(call, identity, None, why)
        return _refused(call, 401, 'invalid_client', why.sentence)
    except errors.NimbusError as why:
        status = faults.status_of(why)
        unknown = 'An unknown error occurred and failed to get an OAuth2.0 access token.'
        return _refused(call, status, _ERRORS.get(status, 'other_error'), why.sentence if status == 400 else unknown)
    notifications.logged_in(call, identity, subject.user_id, None)
    left = subject.claims.expires_at - subject.claims.issued_at
    body = {'access_token': token, 'token_type': 'Bearer', 'expires_in': int(left.total_seconds())}
    return Reply(body, 200, UNKEPT)


def _refused(call: Call, status: int, error: str, sentence: str) -> Reply:
    headers = list(UNKEPT)
    if status == 401:
        headers.append(('WWW-Authenticate', f'Keystone uri="{call.parts.extra.get("identity_url", "")}"'))
    if status == 405:
        headers.append(('Allow', 'POST'))
    return Reply({'error': error, 'error_description': sentence}, status, headers)


def _form(call: Call) -> dict[str, str]:
    """The form in the body, {} where the body is not a form.  Raises TooLarge."""
    data = b''
    for piece in call.read():
        data += piece
        if len(data) > MAX_BODY:
            raise errors.TooLarge('Request is too large.')
    if (call.header('Content-Type') or '').split(';')[0].strip().lower() != FORM:
        return {}
    try:
        pairs = urllib.parse.parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _basic(call: Call) -> tuple[str, str] | None:
    """The client id and secret of Basic authentication, None without it."""
    scheme, _, given = (call.header('Authorization') or '').partition(' ')
    if scheme.lower() != 'basic':
        return None
    try:
        client_id, _, secret = base64.b64decode(given, validate=True).decode().partition(':')
    except (binascii.Error, ValueError):
        return None
    return client_id, secret
