"""Fetch what a URI names, over a connection to an address that was checked.

The name is resolved once, and the connection goes to one of the addresses that
were found then: a name server that answers differently a second time is not
asked a second time.  Each redirect is a new target, checked like the first.
"""

import http.client
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from nimbus.common import errors
from nimbus.image.downloads import rules as checks
from nimbus.image.downloads.rules import Rules, Target

PIECE = 1 << 20
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = {'User-Agent': 'nimbus-image', 'Accept': '*/*', 'Accept-Encoding': 'identity'}


class Download:
    """One download: its size, where the server says it, and its bytes; closed at the end of a `with` block."""

    def __init__(self, rules: Rules, uri: str, most: int, part: tuple[int, int] | None = None) -> None:
        """The answer's head is there; a `part` is a first byte and how many.

        Raises Invalid, TooLarge when it says more than `most` bytes.
        """
        self._part = part
        self._rules, self._until = rules, time.monotonic() + rules.seconds
        self._connection: Connection | None = None
        self._watch: threading.Timer | None = None
        try:
            self._answer = self._follow(checks.target(rules, uri))
            self.size = self._length(most)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """The connection is gone."""
        if self._watch:
            self._watch.cancel()
        if self._connection:
            self._connection.end()

    def pieces(self) -> Iterator[bytes]:
        """The bytes as they come.  Raises Invalid when they break off or take too long."""
        skipped, left = self._skip, self._part[1] if self._part else None
        while left is None or left > 0:
            self._check_time()
            try:
                piece = self._answer.read1(PIECE)
            except (OSError, http.client.HTTPException) as why:
                self._check_time()
                raise errors.Invalid(f'The download broke off: {_said(why)}.') from why
            if not piece:
                self._check_time()
                return
            if skipped:
                skipped, piece = max(skipped - len(piece), 0), piece[skipped:]
            if left is not None:
                piece = piece[:left]
                left -= len(piece)
            if piece:
                yield piece

    def _follow(self, target: Target) -> http.client.HTTPResponse:
        for _ in range(self._rules.redirects + 1):
            answer = self._ask(target)
            if answer.status not in REDIRECTS:
                break
            onward = answer.headers.get('Location')
            if not onward:
                raise errors.Invalid(f'{target.uri} leads on to nowhere.')
            self.close()
            target = checks.target(self._rules, _joined(target.uri, onward))
        else:
            raise errors.Invalid(f'{target.uri} is behind more than {self._rules.redirects} redirects.')
        if answer.status != 200 and not (answer.status == 206 and self._is_part(answer)):
            raise errors.Invalid(f'{target.uri} answers {answer.status}.')
        self._skip = self._part[0] if self._part and answer.status == 200 else 0
        if answer.headers.get('Content-Encoding', 'identity').lower() != 'identity':
            raise errors.Invalid(f'{target.uri} sends its data encoded, which was not asked for.')
        return answer

    def _ask(self, target: Target) -> http.client.HTTPResponse:
        kind = SecureConnection if target.scheme == 'https' else Connection
        self._connection = connection = kind(self._rules, target, self._until)
        try:
            connection.connect()
            self._end_in_time(connection)
            return connection.ask(self._wanted())
        except (OSError, http.client.HTTPException) as why:
            self._check_time()
            raise errors.Invalid(f'{target.uri} cannot be downloaded: {_said(why)}.') from why

    def _wanted(self) -> dict[str, str]:
        """The headers that ask for the part."""
        if not self._part or not self._part[1]:
            return HEADERS
        start, length = self._part
        return {**HEADERS, 'Range': f'bytes={start}-{start + length - 1}'}

    def _is_part(self, answer: http.client.HTTPResponse) -> bool:
        """Whether a partial answer begins where it was asked to."""
        told = answer.headers.get('Content-Range', '').lower()
        return self._part is not None and told.startswith(f'bytes {self._part[0]}-')

    def _end_in_time(self, connection: 'Connection') -> None:
        """A server that sends a byte now and then is cut off when the time is over."""
        self._watch = threading.Timer(max(self._until - time.monotonic(), 0), connection.cut)
        self._watch.daemon = True
        self._watch.start()

    def _check_time(self) -> None:
        if time.monotonic() >= self._until:
            raise errors.Invalid(f'The download takes longer than {self._rules.seconds:g} seconds.')

    def _length(self, most: int) -> int | None:
        size = self._answer.length
        if size is not None and size > most:
            raise errors.TooLarge(f'The download has {size} bytes; at most {most} are allowed.')
        return size


class Connection(http.client.HTTPConnection):
    """A connection to an address that the rules allow; what is sent names the target's own host."""

    def __init__(self, rules: Rules, target: Target, until: float) -> None:
        """It is made before `until`, of time.monotonic(), or not at all."""
        super().__init__(target.host, target.port, timeout=rules.pause)
        self._rules, self._target, self._until = rules, target, until
        self._socket: socket.socket | None = None  # kept when the answer is all that still reads from it
        self._answer: http.client.HTTPResponse | None = None

    def connect(self) -> None:
        """Connected to the first allowed address that answers.  Raises Invalid and OSError."""
        failure: OSError | None = None
        for family, name in checks.resolve(self._rules, self._target.host, self._target.port):
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            made = socket.socket(family, socket.SOCK_STREAM)
            try:
                made.settimeout(min(self._rules.pause, left))
                made.connect(name)
                made.settimeout(self._rules.pause)
                if not checks.allows(self._rules, checks.address(made.getpeername()[0])):
                    raise errors.Invalid(f'No address of {self._target.host} may be downloaded from.')
                self.sock = self._socket = self._secured(made)
                return
            except OSError as why:
                made.close()
                failure = why
            except errors.Invalid:
                made.close()
                raise
        raise failure or OSError('no address')

    def _secured(self, made: socket.socket) -> socket.socket:
        return made

    def cut(self) -> None:
        """Whoever reads from the connection is told that it ended."""
        try:
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it ended by itself
            pass

    def end(self) -> None:
        """Nothing of the connection is left open."""
        if self._answer is not None:
            self._answer.close()
        self.close()

    def ask(self, headers: dict[str, str]) -> http.client.HTTPResponse:
        """The head of the target's answer."""
        self.request('GET', self._target.path, headers=headers)
        self._answer = self.getresponse()
        return self._answer


class SecureConnection(Connection):
    """The same under TLS, whose certificate must be for the target's host."""

    default_port = 443

    def _secured(self, made: socket.socket) -> socket.socket:
        return ssl.create_default_context().wrap_socket(made, server_hostname=self._target.host)


def _joined(uri: str, onward: str) -> str:
    """Where a redirect leads to; what is no URL as it is, for the rules to refuse."""
    try:
        return urllib.parse.urljoin(uri, onward)
    except ValueError:
        return onward


def _said(why: Exception) -> str:
    """What users read of a failure of the network: its kind, for its text may tell of this host."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return 'its certificate cannot be verified'
    if isinstance(why, TimeoutError):
        return 'it did not answer in time'
    if isinstance(why, ConnectionRefusedError):
        return 'the connection was refused'
    return 'the connection failed' if isinstance(why, OSError) else 'its answer is no HTTP'
