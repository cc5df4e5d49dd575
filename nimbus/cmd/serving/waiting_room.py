"""Where connections wait whose clients are slow: looked at rarely and a few at a time, whatever they send.

A hub wakes up for every byte.  Thousands of clients that send one each second, all at the same moment, would keep it
from everybody else for half of that second.
"""

import select
import socket
from typing import Any

import eventlet
import greenlet
from eventlet import hubs

SLOW = 0.5  # seconds after which the rest of a request is waited for here
PAUSE = 0.5  # seconds between two looks: what a slow client waits longer at most
AT_ONCE = 32  # connections that go on before others have their turn


class WaitingRoom:
    """Sockets that are readable go on with the next look; all of it belongs to the hub's thread."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, Any] = {}

    def wait(self, sock: socket.socket) -> None:
        """The socket has something to read, or has ended."""
        number = sock.fileno()
        self._waiting[number] = greenlet.getcurrent()
        self._epoll.register(number, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT)
        try:
            hubs.get_hub().switch()
        finally:
            del self._waiting[number]
            self._epoll.unregister(number)

    def look(self) -> None:
        """Whatever can be read now goes on."""
        hub = hubs.get_hub()
        while ready := self._epoll.poll(0, AT_ONCE):
            for number, _ in ready:
                hub.schedule_call_global(0, self._waiting[number].switch)
            eventlet.sleep(0)

    def close(self) -> None:
        """Nothing is watched any more."""
        self._epoll.close()
