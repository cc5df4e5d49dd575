"""Parses the request line and headers of HTTP/1 requests."""

import dataclasses
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

MAX_HEAD = 32_768  # bytes of a request line and its headers
MAX_LINE = 16_384  # bytes of a request line, or of one header
MAX_HEADERS = 100
END = b'\r\n\r\n'
# A lone line feed or carriage return ends a line for some servers and not for others, which lets requests be smuggled.
CONTROL = re.compile(r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n')
LONE_END = re.compile(rb'(?<!\r)\n')
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
DIGITS = re.compile(r'[0-9]{1,19}\Z')
ONCE = frozenset({'HTTP_HOST', 'CONTENT_LENGTH', 'HTTP_TRANSFER_ENCODING', 'CONTENT_TYPE'})
_KEYS: dict[str, str] = {}  # header name -> its name in a WSGI environment; empty for one that is left out
MAX_KEYS = 1000


class Refused(Exception):
    """The request is invalid or not supported: a status and a sentence; the connection ends after the response."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclasses.dataclass(slots=True)
class Head:
    """A request without its body."""

    environ: dict[str, Any]  # its WSGI environment, without the variables that describe the server
    target: str  # as the client wrote it
    length: int | None  # bytes of the body; None for one that comes in chunks
    keeps: bool  # the connection may be used again
    is_old: bool  # HTTP/1.0, which knows no chunks
    expects: bool  # the client waits for leave to send the body
    is_whole: Callable[[], bool] = lambda: True  # whether all of the body came, and so the connection may be kept


def parse(data: bytes) -> Head:
    """The head that `data` is, its last empty line left out.  Raises Refused."""
    text = data.decode('latin-1')
    if CONTROL.search(text):
        raise Refused(400, 'A line of the request does not end as HTTP wants, or holds a control character.')
    lines = text.split('\r\n')
    if len(lines) > MAX_HEADERS + 1:
        raise Refused(431, f'The request has more than {MAX_HEADERS} headers.')
    environ, target, is_old = _request_line(lines[0])
    for line in lines[1:]:
        _add(environ, line)
    header = environ.get('HTTP_CONNECTION')
    keeps = not is_old if header is None else _keeps(header, is_old)
    return Head(environ, target, _length(environ, is_old), keeps, is_old, _expects(environ, is_old))


def check_unfinished(data: bytes | bytearray, known: int) -> None:
    """Checks an incomplete head from the byte `known` on.  Raises Refused when it cannot become valid."""
    if len(data) > MAX_HEAD:
        end = data.find(b'\r\n')
        if end < 0 or end > MAX_LINE:
            raise Refused(414, f'The request line is longer than {MAX_LINE} bytes.')
        raise Refused(431, f'The headers are longer than {MAX_HEAD} bytes.')
    if LONE_END.search(data, known):
        raise Refused(400, 'A line of the request does not end as HTTP wants, or holds a control character.')


def _request_line(line: str) -> tuple[dict[str, Any], str, bool]:
    if len(line) > MAX_LINE:
        raise Refused(414, f'The request line is longer than {MAX_LINE} bytes.')
    words = line.split(' ')
    if len(words) != 3 or not TOKEN.match(words[0]):
        raise Refused(400, 'The request line is not METHOD PATH HTTP/1.1.')
    method, target, protocol = words
    if protocol not in ('HTTP/1.1', 'HTTP/1.0'):
        raise Refused(505 if protocol.startswith('HTTP/') else 400, 'The server supports HTTP/1.1 and HTTP/1.0 only.')
    if target[:7].lower() == 'http://':
        target = '/' + target[7:].partition('/')[2]
    if target[:1] != '/' and target != '*':
        raise Refused(400, 'The path of the request does not begin with a slash.')
    path, _, query = target.partition('?')
    environ = {
        'REQUEST_METHOD': method,
        'SCRIPT_NAME': '',
        'RAW_PATH_INFO': path,
        'PATH_INFO': urllib.parse.unquote(path, 'latin-1') if '%' in path else path,
        'QUERY_STRING': query,
        'SERVER_PROTOCOL': protocol,
    }
    return environ, target, protocol == 'HTTP/1.0'


def _add(environ: dict[str, Any], line: str) -> None:
    """The header is in the environment.  Raises Refused."""
    if len(line) > MAX_LINE:
        raise Refused(431, f'A header is longer than {MAX_LINE} bytes.')
    name, colon, value = line.partition(':')
    key = _KEYS.get(name)
    if key is None:
        if not colon or not TOKEN.match(name):
            raise Refused(400, 'A header is not NAME: VALUE.')
        key = _key(name)
    if not key:
        return
    value = value.strip(' \t')
    if key in environ:
        if key in ONCE:
            raise Refused(400, f'The header {name[:80]} is there twice.')
        value = f'{environ[key]},{value}'
    environ[key] = value


def _key(name: str) -> str:
    """The header's name in a WSGI environment.

    It is empty for a name with an underscore: WSGI could not tell it from the one with a hyphen, which a proxy may
    have taken care of.
    """
    key = '' if '_' in name else name.upper().replace('-', '_')
    key = f'HTTP_{key}' if key and key not in ('CONTENT_LENGTH', 'CONTENT_TYPE') else key
    if len(_KEYS) < MAX_KEYS and len(name) < 100:
        _KEYS[name] = key
    return key


def _keeps(header: str, is_old: bool) -> bool:
    words = [word.strip() for word in header.lower().split(',')]
    return 'keep-alive' in words if is_old else 'close' not in words


def _length(environ: dict[str, Any], is_old: bool) -> int | None:
    """The body's length, None for chunks.  Raises Refused on an ambiguous one, by which requests could be smuggled."""
    coding, length = environ.get('HTTP_TRANSFER_ENCODING'), environ.get('CONTENT_LENGTH')
    if coding is not None:
        if length is not None:
            raise Refused(400, 'A request has a Content-Length or a Transfer-Encoding, not both.')
        if coding.lower() != 'chunked' or is_old:
            raise Refused(400, 'The only Transfer-Encoding taken here is chunked, in HTTP/1.1.')
        return None
    if length is None:
        return 0
    if not DIGITS.match(length):
        raise Refused(400, 'Content-Length is not a number of bytes.')
    return int(length)


def _expects(environ: dict[str, Any], is_old: bool) -> bool:
    header = environ.get('HTTP_EXPECT')
    if header is None or is_old:
        return False
    if header.lower() != '100-continue':
        raise Refused(417, 'The only expectation met here is 100-continue.')
    return True
