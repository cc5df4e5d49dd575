"""Reads the JSON of a request's body, with limits on its size and depth."""

import enum
from typing import Any

import orjson

from nimbus.common import errors, numbers

MAX_BODY = 114_688  # bytes of JSON read at most, as upstream's size limit
AT_LEAST = 'nimbus.body_at_least'  # in a WSGI environment: bytes that chunks have announced so far, where they are many
MAX_DEPTH = 64  # a body nested deeper is refused before anything walks it


class Medias(enum.Enum):
    """Which media types are read as JSON beside application/json and its like."""

    NONE_OR_PLAIN = 'none or text/plain'  # what some clients and servers send when none is set
    NONE = 'none'


def read(
    environ: dict[str, Any], medias: tuple[str, ...], wrong_media: int, taken: Medias = Medias.NONE_OR_PLAIN
) -> Any:
    """The body's value, None when there is no body.

    Raises Invalid when it is not JSON, TooLarge when it is over the limit, and WrongMedia, with the status that the API
    has for it, when its Content-Type is neither JSON nor one of the media.
    """
    data = _bytes(environ)
    if not data:
        return None
    media = (environ.get('CONTENT_TYPE') or '').split(';')[0].strip().lower()
    if not _is_json(media, medias, taken):
        raise errors.WrongMedia(
            f'Unsupported Content-Type: {media[:80]}. Use {" or ".join(medias)}.', status=wrong_media
        )
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise errors.Invalid('Malformed request body') from None
    if _depth(body) > MAX_DEPTH:
        raise errors.Invalid(f'The request body is nested deeper than {MAX_DEPTH} levels.')
    return body


def _is_json(media: str, medias: tuple[str, ...], taken: Medias) -> bool:
    if not media or media in medias or 'json' in media:
        return True
    return media == 'text/plain' and taken is Medias.NONE_OR_PLAIN and 'application/json' in medias


def _bytes(environ: dict[str, Any]) -> bytes:
    length = environ.get('CONTENT_LENGTH') or ''
    announced = numbers.read(length) if length else 0
    if announced is None or announced < 0:
        raise errors.Invalid('Content-Length is not a number.')
    chunked = 'chunked' in environ.get('HTTP_TRANSFER_ENCODING', '').lower()
    if max(announced, environ.get(AT_LEAST, 0)) > MAX_BODY:
        raise errors.TooLarge('Request is too large.')
    data: bytes = environ['wsgi.input'].read(MAX_BODY + 1 if chunked else announced)
    if len(data) > MAX_BODY:
        raise errors.TooLarge('Request is too large.')
    return data


def _depth(value: Any, limit: int = MAX_DEPTH + 1) -> int:
    """How deep a value is nested, counted no further than the limit."""
    level, layer = 0, [value]
    while layer and level <= limit:
        layer = [
            item
            for outer in layer
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        level += 1
    return level
