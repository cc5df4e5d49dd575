"""Logins with a SAML assertion that identity verifies itself, as sent by an ECP client (enhanced client or proxy)."""

import urllib.parse
from typing import Any

from nimbus.api.identity.authentication import authority
from nimbus.api.kit.bodies import MAX_BODY
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.login.proofs import VerifiedAssertion
from nimbus.identity.saml import request
from nimbus.identity.saml.consumer import Consumer
from nimbus.identity.saml.replays import use
from nimbus.identity.saml.signed_xml import ECP
from nimbus.identity.saml.trust import Trusted
from nimbus.identity.settings.saml import Saml

PAOS = 'application/vnd.paos+xml'


def is_asked_for(call: Call) -> bool:
    """Whether an ECP client asks for an authentication request, and this cloud is a SAML service provider."""
    takes = PAOS in (call.header('Accept') or '') and ECP in (call.header('PAOS') or '')
    return call.environ['REQUEST_METHOD'] == 'GET' and takes and _consumer(call) is not None


def is_brought(call: Call) -> bool:
    """Whether the request has a SAML assertion, and this cloud is a SAML service provider."""
    media = (call.header('Content-Type') or '').split(';')[0].strip().lower()
    return call.environ['REQUEST_METHOD'] == 'POST' and media == PAOS and _consumer(call) is not None


def ask(call: Call, idp_id: str, protocol_id: str) -> Reply:
    """The authentication request that the ECP client sends to its identity provider."""
    issuer, place = authority(call), _place(call, idp_id, protocol_id)
    entity_id = _settings(call).sp_entity_id or ''
    body = request.made(issuer.validator.keys, entity_id, place, issuer.now())
    return Reply(body, 200, [('Content-Type', PAOS), ('Cache-Control', 'no-store')])


def vouched(call: Call, idp_id: str, protocol_id: str) -> VerifiedAssertion:
    """The verified assertion of the request, which is recorded as used.

    Raises Invalid when it is not SAML, Unauthenticated when it is not valid or not trusted.
    """
    issuer, place, consumer = authority(call), _place(call, idp_id, protocol_id), _consumer(call)
    if consumer is None:
        raise errors.NotBuilt('This cloud does not read SAML assertions: [saml] sp_entity_id and sp_url must be set.')
    now, keys = issuer.now(), issuer.validator.keys
    found = consumer.read(_body(call), place, lambda request_id: request.is_ours(keys, request_id, place, now))
    call.db.with_retries(lambda tx: use(tx, found, now))
    return VerifiedAssertion(found.issuer, found.attributes, found.session_ends)


def _place(call: Call, idp_id: str, protocol_id: str) -> str:
    """The public URL that an assertion for the protocol must be addressed to."""
    below, protocol = urllib.parse.quote(idp_id, safe=''), urllib.parse.quote(protocol_id, safe='')
    root = (_settings(call).sp_url or '').rstrip('/')
    return f'{root}/OS-FEDERATION/identity_providers/{below}/protocols/{protocol}/auth'


def _settings(call: Call) -> Saml:
    provider: Any = call.parts.extra.get('saml')
    return provider.settings if provider else Saml()


def _consumer(call: Call) -> Consumer | None:
    """The process's SAML service provider, None where it is not configured."""
    settings, extra = _settings(call), call.parts.extra
    if not (settings.sp_entity_id and settings.sp_url):
        return None
    if 'saml-consumer' not in extra:
        trusted = Trusted(settings.sp_trusted_metadata)
        extra['saml-consumer'] = Consumer(settings.sp_entity_id, trusted, call.parts.clock)
    found: Consumer = extra['saml-consumer']
    return found


def _body(call: Call) -> bytes:
    pieces, size = [], 0
    for piece in call.read():
        size += len(piece)
        if size > MAX_BODY:
            raise errors.TooLarge('Request is too large.')
        pieces.append(piece)
    return b''.join(pieces)
