"""Error responses: the HTTP status of each kind of error, and each API's JSON or HTML envelope for it."""

import html
from collections.abc import Callable
from typing import Any

from webob import acceptparse

from nimbus.api.kit.encoding import encode
from nimbus.common import errors

Envelope = Callable[[int, str, errors.NimbusError, str], tuple[str, bytes]]

STATUS: dict[type[errors.NimbusError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Precondition: 412,
    errors.TooLarge: 413,
    errors.OverQuota: 403,
    errors.WrongMedia: 415,
    errors.NotBuilt: 501,
    errors.Unavailable: 503,
    errors.Stale: 409,
    errors.NoValidHost: 409,
}
TITLES = {
    300: 'Multiple Choices',
    400: 'Bad Request',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'Not Found',
    405: 'Method Not Allowed',
    406: 'Not Acceptable',
    409: 'Conflict',
    410: 'Gone',
    412: 'Precondition Failed',
    413: 'Request Entity Too Large',
    415: 'Unsupported Media Type',
    416: 'Range Not Satisfiable',
    429: 'Too Many Requests',
    500: 'Internal Server Error',
    501: 'Not Implemented',
    503: 'Service Unavailable',
}
# Nova's and Cinder's names of the statuses.
FAULT_NAMES = {
    400: 'badRequest',
    401: 'unauthorized',
    403: 'forbidden',
    404: 'itemNotFound',
    405: 'badMethod',
    406: 'notAcceptable',
    409: 'conflictingRequest',
    413: 'overLimit',
    415: 'badMediaType',
    429: 'overLimit',
    501: 'notImplemented',
    503: 'serviceUnavailable',
}


def status_of(error: errors.NimbusError) -> int:
    """The HTTP status of an error; `status` among its facts overrides its kind's."""
    status = error.facts.get('status')
    if isinstance(status, int):
        return status
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def named(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Nova's and Cinder's: `{"itemNotFound": {"code": 404, "message": "..."}}`."""
    name = str(error.facts.get('fault', FAULT_NAMES.get(status, 'computeFault')))
    body: dict[str, Any] = {'code': status, 'message': sentence}
    if status in (413, 429):
        body['retryAfter'] = '0'
    return 'application/json', encode({name: body})


def keystone(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Keystone's: `{"error": {"code": 404, "title": "Not Found", "message": "..."}}`."""
    body = {'error': {'code': status, 'title': TITLES.get(status, 'Error'), 'message': sentence}}
    return 'application/json', encode(body)


def neutron(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Neutron's: `{"NeutronError": {"type": "NetworkNotFound", "message": "...", "detail": ""}}`."""
    kind = str(error.facts.get('type', 'HTTP' + TITLES.get(status, 'Error').replace(' ', '')))
    body = {'NeutronError': {'type': kind, 'message': sentence, 'detail': ''}}
    return 'application/json', encode(body)


def glance(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Glance's: a small HTML page, as its clients read it."""
    title = f'{status} {TITLES.get(status, "Error")}'
    page = (
        f'<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n  '
        f'{html.escape(sentence)}<br /><br />\n\n\n </body>\n</html>'
    )
    return 'text/html; charset=UTF-8', page.encode()


def glance_json(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Glance's for clients that prefer JSON: `{"message": "...", "code": "404 Not Found", "title": "Not Found"}`."""
    title = TITLES.get(status, 'Error')
    return 'application/json', encode({'message': sentence, 'code': f'{status} {title}', 'title': title})


def glance_text(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Glance's for clients that take neither HTML nor JSON."""
    return 'text/plain; charset=UTF-8', f'{status} {TITLES.get(status, "Error")}\n\n{sentence}\n\n   '.encode()


# What an API's envelope becomes by the media type that a client prefers, in the order in which equals are chosen.
FORMS: dict[Envelope, dict[str, Envelope]] = {
    glance: {'text/html': glance, 'application/json': glance_json, 'text/plain': glance_text}
}


def preferred(envelope: Envelope, accept: str | None) -> Envelope:
    """The envelope in the form that the header Accept prefers, where the API has several."""
    forms = FORMS.get(envelope)
    if forms is None:
        return envelope
    offers = acceptparse.create_accept_header(accept).acceptable_offers(list(forms))
    return forms[offers[0][0]] if offers else glance_text


def placement(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Placement's: a list of errors after the API working group's guideline."""
    entry = {
        'status': status,
        'title': TITLES.get(status, 'Error'),
        'detail': sentence,
        'request_id': request_id,
    }
    if 'code' in error.facts:
        entry['code'] = error.facts['code']
    if status == 406:
        entry |= {
            'min_version': error.facts.get('min_version'),
            'max_version': error.facts.get('max_version'),
        }
    return 'application/json', encode({'errors': [entry]})
