"""The in-process bus, reached from other processes of the cloud through a socket each.

A frame is a head and its parts.  There: a call's number (0: no answer is wanted), whether all listeners get it, and the
lengths of the name, the context and the message.  Back: the number, what kind of answer it is, and its length.
"""

import contextlib
import itertools
import logging
import queue
import socket
import struct
import threading
from typing import Any

from oslo_messaging._drivers import common as remote

from nimbus.common import errors
from nimbus.common.messaging import inproc

LOG = logging.getLogger(__name__)
THERE, BACK = struct.Struct('!QBHII'), struct.Struct('!QBI')
ANSWER, FAILURE, UNHEARD = range(3)


def serve(name: str, sock: socket.socket) -> None:
    """What comes by the socket is sent on the bus of that name in this process, until the other end closes."""
    threading.Thread(target=_End(inproc.bus(name), sock).run, name='bus-bridge', daemon=True).start()


def reach(name: str, sock: socket.socket) -> None:
    """The bus of that name is in the process at the other end of the socket, for whoever sends in this one."""
    inproc.replace(name, FarBus(sock))


def _read(stream: Any, size: int) -> bytes:
    """So many bytes.  Raises EOFError."""
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class _End:
    """The end of a bridge where the bus is."""

    def __init__(self, bus: inproc.Bus, sock: socket.socket) -> None:
        self._bus, self._sock, self._lock = bus, sock, threading.Lock()

    def run(self) -> None:
        with contextlib.suppress(EOFError, OSError), self._sock, self._sock.makefile('rb') as stream:
            while True:
                number, everyone, *sizes = THERE.unpack(_read(stream, THERE.size))
                name, ctxt, message = (_read(stream, size) for size in sizes)
                way = _Way(self, number) if number else None
                if not self._bus.send(name.decode(), (ctxt, message, way), bool(everyone)) and way:
                    self.answer(number, UNHEARD, b'')

    def answer(self, number: int, kind: int, data: bytes) -> None:
        """The caller of that number has the answer, unless its process has ended."""
        with contextlib.suppress(OSError), self._lock:
            self._sock.sendall(BACK.pack(number, kind, len(data)) + data)


class _Way:
    """Where the answer to one call is put."""

    def __init__(self, end: _End, number: int) -> None:
        self._end, self._number = end, number

    def put(self, answer: tuple[bytes, BaseException | None]) -> None:
        data, failure = answer
        if failure is None:
            self._end.answer(self._number, ANSWER, data)
        else:
            told = remote.serialize_remote_exception((type(failure), failure, failure.__traceback__))
            self._end.answer(self._number, FAILURE, told.encode())


class FarBus(inproc.Bus):
    """The bus of another process: for sending alone."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock, self._sending = sock, threading.Lock()
        self._numbers = itertools.count(1)
        self._calls: dict[int, queue.SimpleQueue[Any]] = {}
        threading.Thread(target=self._receive, name='bus-bridge', daemon=True).start()

    def send(self, name: str, message: Any, everyone: bool = False) -> bool:
        """The message is on its way; the answer may be that nobody listens."""
        ctxt, said, answer = message
        number = 0
        if answer is not None:
            number = next(self._numbers)
            self._calls[number] = answer
        named = name.encode()
        head = THERE.pack(number, everyone, len(named), len(ctxt), len(said))
        try:
            with self._sending:
                self._sock.sendall(head + named + ctxt + said)
        except OSError:  # the other process has ended, and this one will in a moment
            self._calls.pop(number, None)
            return False
        return True

    def _receive(self) -> None:
        with contextlib.suppress(EOFError, OSError), self._sock.makefile('rb') as stream:
            while True:
                number, kind, size = BACK.unpack(_read(stream, BACK.size))
                data = _read(stream, size)
                answer = self._calls.pop(number, None)
                if answer is not None:
                    answer.put(_made(kind, data))


def _made(kind: int, data: bytes) -> Any:
    """What the caller takes from its queue."""
    if kind == ANSWER:
        return data, None
    if kind == UNHEARD:
        return inproc.UNHEARD
    return b'null', inproc.Remote(remote.deserialize_remote_exception(data.decode(), [errors.__name__]))
