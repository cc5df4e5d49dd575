"""A client's HTTP/1.1 connection: reads its requests and sends the responses, one after another."""

import functools
import io
import logging
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from eventlet import hubs

from nimbus.api.kit import faults
from nimbus.api.kit.bodies import AT_LEAST, MAX_BODY
from nimbus.cmd.serving import access_log, answers, request_heads
from nimbus.cmd.serving.chunks import Chunks
from nimbus.cmd.serving.connections import ANSWERING, ASKING, IDLE, LINGERING
from nimbus.cmd.serving.request_heads import Head, Refused
from nimbus.cmd.serving.streams import Pump
from nimbus.cmd.serving.uploads import CONTINUE, Upload
from nimbus.cmd.serving.waiting_queue import HOLD, WaitingQueue
from nimbus.cmd.serving.waiting_room import SLOW

if TYPE_CHECKING:
    from nimbus.cmd.serving.server import Server

LOG = logging.getLogger(__name__)
PIECE = 16_384  # bytes taken from a socket at once
AHEAD = 4096  # bytes taken at once while a head is read: what comes behind it is held until its turn
CUT_SHORT = 'The request ended before all of its body was there.'
MAX_RAW = 4 * MAX_BODY  # bytes of chunks, with what stands between them
MAX_BUFFER = 8192  # bytes that are held without being counted


class Port:
    """A listening socket and the application behind it."""

    def __init__(
        self,
        server: 'Server',
        sock: socket.socket,
        app: Callable[..., Iterable[bytes]],
        is_costly: Callable[[dict[str, Any]], bool] | None,
        envelope: faults.Envelope,
        line: WaitingQueue | None,
    ) -> None:
        self.server, self.sock, self.app, self.envelope = server, sock, app, envelope
        self.is_costly, self.line = is_costly, line
        host, port = sock.getsockname()[:2]
        self.environ = {
            'SERVER_NAME': host,
            'SERVER_PORT': str(port),
            'GATEWAY_INTERFACE': 'CGI/1.1',
            'wsgi.version': (1, 0),
            'wsgi.url_scheme': 'http',
            'wsgi.multithread': True,
            'wsgi.multiprocess': server.peers is not None,
            'wsgi.run_once': False,
        }


class Connection:
    """Reads in a greenlet of the hub; only a complete request takes a native thread."""

    def __init__(self, port: Port, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        self._port, self._server, self._sock = port, port.server, sock
        self._peer = {'REMOTE_ADDR': str(peer[0]), 'REMOTE_PORT': str(peer[1])}
        self._connections = port.server.connections
        self._buffer = bytearray()
        self._began = 0.0  # when the request at hand was there
        self._why: Refused | None = None  # why it was cut
        self._is_cut = False
        self.waits = ''  # for what: one of the constants of connections.py
        self.since = 0.0  # the moment from which it does, of time.monotonic()
        self.held = 0  # bytes that wait for the client
        self.progress = 0  # bytes of an answer that were taken in this window

    def serve(self) -> None:
        """Every request is answered, and the connection closed."""
        self._connections.enter(self)
        self._connections.wait(self, IDLE)
        try:
            while self._one() and not self._server.stopping:
                self._connections.wait(self, ASKING if self._buffer else IDLE)
        except OSError:  # the client is gone
            pass
        except Exception:
            LOG.exception('The connection of %s failed', self._peer['REMOTE_ADDR'])
        finally:
            self._connections.leave(self)
            self._sock.close()

    def cut(self, why: Refused | None) -> None:
        """The connection is shut down, and a wait for its client ends with an error."""
        self._is_cut, self._why = True, why
        try:
            self._sock.shutdown(socket.SHUT_RD if why else socket.SHUT_RDWR)
        except OSError:  # the client was faster
            pass

    def _one(self) -> bool:
        """One request has been answered; returns whether there may be another."""
        head: Head | None = None
        try:
            head = self._head()
            if head is None:
                return False
            environ = self._environ(head)
            body = self._body(head)
        except Refused as why:
            return self._refuse(why, head)
        environ['wsgi.input'] = body if body is not None else self._upload(head)
        self._connections.settle(self)
        answer = self._ask(environ, head)
        upload = environ['wsgi.input'] if body is None else None
        return self._finish(answer, environ, head, upload)

    def _receive(self, size: int = PIECE) -> bytes:
        """The next bytes; empty at their end.  Raises Refused when the connection was cut."""
        while True:
            try:
                data = self._sock.recv(size)
                break
            except BlockingIOError:
                self._wait_for_more()
        if not data:
            self._check_cut()
        return data

    def _check_cut(self) -> None:
        """Raises Refused when the connection was cut."""
        if self._is_cut and self._why:
            # Raised itself, what the connection holds would hold the frames, and so all that was read.
            raise Refused(self._why.status, self._why.sentence)

    def _wait_for_more(self) -> None:
        """The client has sent more, or has closed the connection."""
        if self.waits != IDLE and time.monotonic() - self.since > SLOW:
            self._server.room.wait(self._sock)
        else:
            hubs.trampoline(self._sock, read=True)

    def _head(self) -> Head | None:
        """The next request's head, None when the client has closed the connection."""
        buffer, looked = self._buffer, 0
        _skip_empty(buffer)
        while (end := buffer.find(request_heads.END, max(0, looked - 3))) < 0:
            if buffer:
                request_heads.check_unfinished(buffer, looked)
            looked = len(buffer)
            data = self._receive(AHEAD)
            if not data:
                if buffer:
                    raise Refused(400, 'The request ended before all of its head was there.')
                return None
            if self.waits != ASKING:
                self._connections.wait(self, ASKING)
            buffer += data
            _skip_empty(buffer)
            if len(buffer) > MAX_BUFFER:
                self._connections.hold(self, len(buffer))
        if end > request_heads.MAX_HEAD:
            raise Refused(431, f'The headers are longer than {request_heads.MAX_HEAD} bytes.')
        head = request_heads.parse(bytes(buffer[:end]))
        del buffer[: end + 4]
        if self.waits == IDLE:
            self._connections.wait(self, ASKING)
        return head

    def _environ(self, head: Head) -> dict[str, Any]:
        environ = head.environ
        environ.update(self._port.environ)
        environ.update(self._peer)
        return environ

    def _body(self, head: Head) -> io.BytesIO | None:
        """The whole body; None for one that is read in the request's thread instead.  Raises Refused."""
        length = head.length
        if length == 0:
            return io.BytesIO()
        if length is None:
            return self._chunked(head)
        if length > MAX_BODY:
            return None
        if head.expects and not self._buffer:
            self._write(CONTINUE)
        buffer = self._buffer
        there = min(length, len(buffer))
        body = bytearray(length)
        body[:there] = buffer[:there]
        del buffer[:there]
        with memoryview(body) as view:
            while there < length:
                there += self._into(view[there:], there)
        return io.BytesIO(bytes(body))

    def _into(self, view: memoryview, there: int) -> int:
        """The next bytes are in the view; how many.  Raises Refused."""
        while True:
            try:
                size = self._sock.recv_into(view)
                break
            except BlockingIOError:
                if there > MAX_BUFFER:
                    self._connections.hold(self, there)
                self._wait_for_more()
        if not size:
            self._check_cut()
            raise Refused(400, CUT_SHORT)
        return size

    def _chunked(self, head: Head) -> io.BytesIO | None:
        if head.expects and not self._buffer:
            self._write(CONTINUE)
        chunks, body, raw = Chunks(), bytearray(), bytearray(self._buffer)
        body += chunks.feed(raw)
        while not chunks.done:
            if len(body) + chunks.left > MAX_BODY:
                head.expects = False
                head.environ[AT_LEAST] = len(body) + chunks.left
                self._buffer = raw
                return None
            if len(raw) > MAX_RAW:
                raise Refused(413, 'The chunks of the body are too small.')
            body += chunks.feed(self._more(raw))
        self._buffer = bytearray(chunks.rest())
        del head.environ['HTTP_TRANSFER_ENCODING']
        head.environ['CONTENT_LENGTH'] = str(len(body))
        return io.BytesIO(bytes(body))

    def _more(self, buffer: bytearray) -> bytes:
        """The next bytes, which are in the buffer too.  Raises Refused."""
        data = self._receive()
        if not data:
            raise Refused(400, CUT_SHORT)
        buffer += data
        if len(buffer) > MAX_BUFFER:
            self._connections.hold(self, len(buffer))
        return data

    def _upload(self, head: Head) -> Upload:
        there, self._buffer = bytes(self._buffer), bytearray()
        upload = Upload(self._server.uploads, self._sock, there, head.length, head.expects)
        head.is_whole = upload.is_whole
        return upload

    def _ask(self, environ: dict[str, Any], head: Head) -> answers.Answer:
        self._began = time.monotonic()
        port, workers = self._port, self._server.workers
        work = functools.partial(self._work, environ, head)

        def run() -> answers.Answer:
            if not self._buffer:
                return workers.run(work)  # type: ignore[no-any-return]
            # Who asks before it has read the answer can wait.
            return workers.run_later(work, self._is_reset) or _refused(head, 'Too many requests wait behind others')

        if port.line is None or port.is_costly is None or not port.is_costly(environ):
            return run()
        return port.line.run(run, self._is_gone) or _refused(head, 'Too many logins are waiting')

    def _work(self, environ: dict[str, Any], head: Head) -> answers.Answer:
        """The answer; in a native thread."""
        answer = answers.ask(self._port.app, environ, head)
        if answer.pieces is None and self._server.settings.access_log:
            access_log.write(environ, head.target, answer.status, len(answer.data), self._began)
        return answer

    def _is_gone(self) -> bool:
        """Whether the client has closed the connection, and so will not read an answer."""
        poll = select.poll()  # recv would wait, or be hidden by bytes that were not read yet
        poll.register(self._sock.fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))

    def _is_reset(self) -> bool:
        """Whether the client has closed the connection for reading too, as one does that leaves answers unread."""
        poll = select.poll()
        poll.register(self._sock.fileno(), 0)  # POLLERR and POLLHUP are told anyway
        return bool(poll.poll(0))

    def _finish(self, answer: answers.Answer, environ: dict[str, Any], head: Head, upload: Upload | None) -> bool:
        """The answer is sent; whether the connection may be used again."""
        if upload is not None:
            upload.close()
            self._buffer = bytearray(upload.behind)
        size = len(answer.data)
        try:
            self._write(answer.data)
            if answer.pieces is not None:
                size += self._send_pieces(answer)
        finally:
            if answer.pieces is not None:
                self._end(answer, environ, head, size)
        if not head.is_whole():
            self._linger()
        return answer.keeps and not self._is_cut

    def _end(self, answer: answers.Answer, environ: dict[str, Any], head: Head, size: int) -> None:
        def end() -> None:
            if answer.close is not None:
                answer.close()
            if self._server.settings.access_log:
                access_log.write(environ, head.target, answer.status, size, self._began)

        self._server.workers.run(end, computes=False)

    def _send_pieces(self, answer: answers.Answer) -> int:
        """All pieces are sent; each is made in a native thread, which is free again while the client reads slowly."""
        pump = Pump(self._sock, answer)
        self._connections.open_file()
        try:
            while not pump.done:
                self._server.workers.run(pump.turn, computes=False)
                if pump.rest:
                    self._write(pump.rest)
        finally:
            self._connections.close_file()
        return pump.size

    def _write(self, data: bytes) -> None:
        """The bytes have been sent.  Raises OSError when the client has gone or the connection was cut."""
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return
        self.progress = sent
        self._connections.wait(self, ANSWERING)
        left = memoryview(bytes(data[sent:]))  # what was sent is not held
        while left:
            self._connections.hold(self, len(left))
            hubs.trampoline(self._sock, write=True)
            if self._is_cut:
                raise ConnectionAbortedError
            try:
                sent = self._sock.send(left)
            except BlockingIOError:
                continue
            self.progress += sent
            left = left[sent:]
        self._connections.settle(self)

    def _refuse(self, why: Refused, head: Head | None) -> bool:
        """An invalid request is answered with the error, as far as the client reads it; always False."""
        answer = answers.refusal(why, self._port.envelope, head)
        if self._server.settings.access_log:
            request = f'{head.environ["REQUEST_METHOD"]} {access_log.masked(head.target)}' if head else '-'
            access_log.write_refused(self._peer['REMOTE_ADDR'], why.status, request)
        try:
            self._sock.send(answer.data)  # a socket that takes nothing is not waited for
        except BlockingIOError:
            return False
        if not self._is_cut:
            self._linger()
        return False

    def _linger(self) -> None:
        """The client reads the answer though it still sends: closed at once, its system would throw the answer away."""
        self._sock.shutdown(socket.SHUT_WR)
        self._buffer.clear()
        self._connections.settle(self)
        self._connections.wait(self, LINGERING)
        while not self._is_cut and self._receive():
            pass


def _skip_empty(buffer: bytearray) -> None:
    """Empty lines before a request are gone: some clients end a body with one that is not part of it."""
    while buffer.startswith(b'\r\n'):
        del buffer[:2]


def _refused(head: Head, why: str) -> answers.Answer:
    return answers.refusal(Refused(503, f'{why} at the moment; please try again.'), faults.keystone, head)


assert HOLD == 2  # as the answer's Retry-After says
