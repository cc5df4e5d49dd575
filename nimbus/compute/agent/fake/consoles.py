"""The consoles of simulated guests: a screen that speaks VNC, and a serial port that repeats what it hears.

Each listens on a port of its own from when it is asked for until its guest is off.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from nimbus.compute.guest import VNC

HOST = '127.0.0.1'
WIDTH, HEIGHT, NAME_BYTES = 160, 100, 100
# 32 bits a pixel, of which 24 are color: little-endian, 255 steps of red, green and blue.
PIXELS = struct.pack('>BBBBHHHBBB3x', 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
LONGEST_CUT = 65536


class Consoles:
    """The consoles of one simulated host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Console] = {}

    def port(self, guest_id: str, kind: str, name: str) -> int:
        """Where the console of the guest of that name listens."""
        with self._lock:
            if (guest_id, kind) not in self._open:
                self._open[guest_id, kind] = Console(name, screen if kind == VNC else serial)
            return self._open[guest_id, kind].port

    def drop(self, guest_id: str) -> None:
        """The guest has no console; whoever looked at one is cut off."""
        with self._lock:
            gone = [self._open.pop(key) for key in list(self._open) if key[0] == guest_id]
        for console in gone:
            console.close()

    def close(self) -> None:
        """No guest has a console."""
        with self._lock:
            gone, self._open = list(self._open.values()), {}
        for console in gone:
            console.close()


class Console:
    """One console and those who look at it."""

    def __init__(self, name: str, speak: Callable[[socket.socket, str], None]) -> None:
        self._name, self._speak = name, speak
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._peers: dict[socket.socket, threading.Thread] = {}
        self._thread = threading.Thread(target=self._accept, name='fake-console', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nobody is connected, and nobody can be."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        with self._lock:
            peers = dict(self._peers)
        for peer, thread in peers.items():
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(peer,), name='fake-console-peer', daemon=True)
                with self._lock:
                    self._peers[peer] = thread
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # the other side is gone
                self._speak(peer, self._name)
        finally:
            with self._lock:
                self._peers.pop(peer)
            peer.close()


def serial(peer: socket.socket, name: str) -> None:
    """A serial port has said who it is and repeats what it hears."""
    peer.sendall(f'\r\n{name} login: '.encode())
    while heard := peer.recv(4096):
        peer.sendall(heard)


def screen(peer: socket.socket, name: str) -> None:
    """A screen has been shown by RFB 3.8 to the end; its color is that of the last key."""
    peer.sendall(b'RFB 003.008\n')
    if _read(peer, 12)[8:11] < b'007':
        peer.sendall(struct.pack('>I', 1))
    else:
        peer.sendall(b'\x01\x01')
        _read(peer, 1)
        peer.sendall(struct.pack('>I', 0))
    _read(peer, 1)
    words = name.encode()[:NAME_BYTES]
    peer.sendall(struct.pack('>HH', WIDTH, HEIGHT) + PIXELS + struct.pack('>I', len(words)) + words)
    _show(peer)


def _show(peer: socket.socket) -> None:
    color, shown, asked, width = 0, None, False, 4
    while True:
        match _read(peer, 1)[0]:
            case 0:  # another format of pixels
                width = _read(peer, 19)[3] // 8
            case 2:  # encodings it knows; all know the plain one
                _read(peer, 4 * struct.unpack('>xH', _read(peer, 3))[0])
            case 3:  # the screen, or what has changed of it
                shown, asked = shown if _read(peer, 9)[0] else None, True
            case 4:  # a key
                color = _read(peer, 7)[-1]
            case 5:  # the pointer
                _read(peer, 5)
            case 6 if (length := struct.unpack('>3xI', _read(peer, 7))[0]) <= LONGEST_CUT:  # text
                _read(peer, length)
            case _:
                return
        if asked and shown != color:
            head = struct.pack('>BxHHHHHi', 0, 1, 0, 0, WIDTH, HEIGHT, 0)
            peer.sendall(head + bytes([color]) * (WIDTH * HEIGHT * width))
            shown, asked = color, False


def _read(peer: socket.socket, count: int) -> bytes:
    """So many bytes.  Raises ConnectionError when the other side is gone."""
    found = b''
    while len(found) < count:
        if not (piece := peer.recv(count - len(found))):
            raise ConnectionError('The other side is gone.')
        found += piece
    return found
