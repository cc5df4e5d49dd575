"""A line to a server that is listened to: what was said to it, and how many spoke."""

import contextlib
import socket
import threading


class Wiretap:
    """Passes on what it hears between those who connect to it and a port of the loopback."""

    def __init__(self, port: int) -> None:
        self._target, self.heard, self.opened, self.most = port, bytearray(), 0, 0
        self._open = 0
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._door = socket.create_server(('127.0.0.1', 0))
        self.port = int(self._door.getsockname()[1])
        self._start(self._accept)

    def close(self) -> None:
        """The line is cut, and no thread of it is left."""
        # A thread that waits for a caller is woken by one.
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def cut(self) -> None:
        """Every call that is going on is broken off."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _start(self, work, *told) -> None:
        thread = threading.Thread(target=work, args=told, name='wiretap', daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(('127.0.0.1', self._target))
            except OSError:
                caller.close()
                continue
            with self._lock:
                self._sockets += [caller, server]
                self.opened += 1
                self._open += 1
                self.most = max(self.most, self._open)
            self._start(self._pass, caller, server, True)
            self._start(self._pass, server, caller, False)

    def _pass(self, source: socket.socket, target: socket.socket, listened: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if listened:
                    self.heard += data
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if listened:
            with self._lock:
                self._open -= 1
        source.close()
