"""This cloud as a SAML identity provider: `/v3/auth/OS-FEDERATION/saml2` and `/v3/OS-FEDERATION/saml2/metadata`."""

import urllib.parse
from typing import Any

from nimbus.api.identity.authentication import authority
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.common import errors
from nimbus.identity.catalog import service_providers
from nimbus.identity.saml.provider import Provider, statement_of
from nimbus.identity.saml.signed_xml import written
from nimbus.identity.tokens.subjects import Subject

XML = ('Content-Type', 'text/xml')
_NAMED = {'type': 'object', 'properties': {'id': {'type': 'string'}}, 'required': ['id'], 'additionalProperties': False}
_IDENTITY = {
    'type': 'object',
    'properties': {'token': _NAMED, 'methods': {'type': 'array'}},
    'required': ['token'],
    'additionalProperties': False,
}
_SCOPE = {
    'type': 'object',
    'properties': {'service_provider': _NAMED},
    'required': ['service_provider'],
    'additionalProperties': False,
}
EXCHANGE = Shape(
    {
        'type': 'object',
        'required': ['auth'],
        'properties': {
            'auth': {
                'type': 'object',
                'properties': {'identity': _IDENTITY, 'scope': _SCOPE},
                'required': ['identity', 'scope'],
                'additionalProperties': False,
            }
        },
    }
)


def provider(call: Call) -> Provider:
    """The process's SAML identity provider."""
    found: Provider = call.parts.extra.setdefault('saml', Provider())
    return found


def relay_state_prefix(call: Call) -> str:
    """The default relay state prefix of service providers."""
    return provider(call).settings.relay_state_prefix


def metadata(call: Call) -> Reply:
    """GET /OS-FEDERATION/saml2/metadata."""
    return Reply(provider(call).metadata(), 200, [XML])


def assertion(call: Call) -> Reply:
    """POST /auth/OS-FEDERATION/saml2."""
    response, consumer = _exchange(call)
    return _answer(response, consumer)


def envelope(call: Call) -> Reply:
    """POST /auth/OS-FEDERATION/saml2/ecp."""
    response, consumer = _exchange(call)
    return _answer(provider(call).envelope(response, consumer.relay_state_prefix or ''), consumer)


def _exchange(call: Call) -> tuple[Any, Any]:
    """A SAML response about the user of the token in the body, and the service provider that it is for.

    Raises NotFound and Forbidden.
    """
    auth = call.body['auth']
    with call.db.read() as tx:
        consumer = service_providers.show(tx, auth['scope']['service_provider']['id'])
    if not consumer.enabled:
        raise errors.Forbidden(f'Service Provider {consumer.id} is disabled')
    subject = _subject(call, auth['identity']['token']['id'])
    with call.db.read() as tx:
        given = statement_of(tx, subject)
    return provider(call).response(given, consumer.sp_url), consumer


def _subject(call: Call, token: str) -> Subject:
    """The subject of the token.  Raises NotFound when it is not valid, or is restricted by access rules."""
    try:
        subject = authority(call).validator.entry(token).subject
    except errors.Unauthenticated:
        raise errors.NotFound('Failed to validate token') from None
    if subject.rules is not None:
        raise errors.NotFound('Failed to validate token')
    return subject


def _answer(document: Any, consumer: Any) -> Reply:
    return Reply(
        written(document),
        200,
        [
            XML,
            ('X-sp-url', _ascii(consumer.sp_url)),
            ('X-auth-url', _ascii(consumer.auth_url)),
            ('Vary', 'X-Auth-Token'),
        ],
    )


def _ascii(url: str) -> str:
    """The URL with characters that are not allowed in a header percent-encoded."""
    return urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")


SAML = (
    Route('GET', '/OS-FEDERATION/saml2/metadata', metadata, None, open=True),
    Route('POST', '/auth/OS-FEDERATION/saml2', assertion, None, shape=EXCHANGE, open=True),
    Route('POST', '/auth/OS-FEDERATION/saml2/ecp', envelope, None, shape=EXCHANGE, open=True),
)
