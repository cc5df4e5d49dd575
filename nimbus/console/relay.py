"""Passes on what a client and a guest's console say to each other, in bounded memory, until one of them ends."""

import select
import socket
import ssl
import time
from typing import Protocol

CHUNK = 65536  # bytes passed on at a time
BEHIND = 262144  # bytes that a client of a serial port may be behind
NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)  # nothing can be read or written just now


class Client(Protocol):
    """The client's end: a websocket that is read and written without waiting."""

    sent: int  # bytes that have left so far

    def fileno(self) -> int:
        """Of the socket below."""

    def take(self) -> tuple[bytes, bool]:
        """What has come, and whether more may."""

    def put(self, data: bytes) -> None:
        """The data is on its way; nothing else may be."""

    def flush(self) -> bool:
        """Whether all that was put has left."""


class Ended(Exception):
    """The relay is over, and why."""


class Relay:
    """One console that is open."""

    def __init__(self, client: Client, target: socket.socket, patient: bool, stall: float, seconds: float) -> None:
        """A `patient` console waits while its client takes nothing, as VNC does; another does not, and its client is
        given up when it is too far behind.

        `stall` is the time in which each side must take something that is for it; `seconds` is all that there is.
        """
        self._client, self._target, self._patient = client, target, patient
        self._stall, self._end = stall, time.monotonic() + seconds
        self._to_client, self._to_target = bytearray(), bytearray()
        self._moved = {'client': time.monotonic(), 'guest': time.monotonic()}
        self._sent = client.sent
        target.setblocking(False)

    def run(self) -> str:
        """Why the relay is over, once it is."""
        try:
            while True:
                self._turn()
        except Ended as why:
            return str(why)
        except OSError as why:
            return f'a connection broke: {why}'

    def _turn(self) -> None:
        sent = self._client.flush()
        while sent and self._to_client:
            self._client.put(bytes(self._to_client[:CHUNK]))
            del self._to_client[:CHUNK]
            sent = self._client.flush()
        hungry = not self._to_client and sent if self._patient else True
        self._wait(sent, hungry)
        self._hear_client()
        if hungry:
            self._hear_target()
        self._tell_target()
        self._check(sent)

    def _wait(self, sent: bool, hungry: bool) -> None:
        """Something can be done, or a second has passed."""
        if hungry and getattr(self._target, 'pending', int)():
            return  # TLS has more than what its socket shows
        poll = select.poll()
        for fileno, reads, writes in (
            (self._client.fileno(), not self._full(), not sent),
            (self._target.fileno(), hungry, bool(self._to_target)),
        ):
            # One of which nothing is wanted would be told of over and over once it has ended.
            if events := (select.POLLIN if reads else 0) | (select.POLLOUT if writes else 0):
                poll.register(fileno, events)
        poll.poll(min(1000, max(0, int((self._end - time.monotonic()) * 1000) + 1)))

    def _full(self) -> bool:
        return len(self._to_target) >= CHUNK

    def _hear_client(self) -> None:
        if self._full():
            return
        data, more = self._client.take()
        if data and not self._to_target:
            self._moved['guest'] = time.monotonic()
        self._to_target += data
        if not more:
            raise Ended('the client ended it')

    def _hear_target(self) -> None:
        try:
            data = self._target.recv(CHUNK)
        except NOW:
            return
        if not data:
            raise Ended('the guest ended it')
        if not self._to_client:
            self._moved['client'] = time.monotonic()
        self._to_client += data
        if len(self._to_client) > BEHIND:
            raise Ended('the client takes less than the guest says')

    def _tell_target(self) -> None:
        if not self._to_target:
            return
        try:
            count = self._target.send(bytes(self._to_target[:CHUNK]))
        except NOW:
            return
        del self._to_target[:count]
        self._moved['guest'] = time.monotonic()

    def _check(self, sent: bool) -> None:
        now = time.monotonic()
        if self._client.sent != self._sent:
            self._sent, self._moved['client'] = self._client.sent, now
        if now > self._end:
            raise Ended('its time is over')
        for who, waits in (('client', bool(self._to_client) or not sent), ('guest', bool(self._to_target))):
            if waits and now - self._moved[who] > self._stall:
                raise Ended(f'the {who} took nothing for {self._stall:g} seconds')
