"""Two ends of one flow in the namespaces of guests: each says what it hears, and sends what it is told."""

import contextlib
import queue
import threading

END = """
import socket, sys, threading
role, kind, family, address, number = sys.argv[1:]
s = socket.socket(getattr(socket, family), getattr(socket, 'SOCK_STREAM' if kind == 'tcp' else 'SOCK_DGRAM'))
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
def hear(heard):
    while heard:
        print(heard.decode(), flush=True, end='')
        try:
            heard = s.recv(99)
        except ConnectionRefusedError:
            heard = b'refused\\n'
if role == 'serve':
    s.bind((address, int(number)))
    if kind == 'tcp':
        s.listen()
        print('ready', flush=True)
        s = s.accept()[0]
        first = s.recv(99)
    else:
        print('ready', flush=True)
        first, peer = s.recvfrom(99)
        s.connect(peer)
else:
    s.settimeout(3)
    s.connect((address, int(number)))
    s.settimeout(None)
    print('ready', flush=True)
    s.send(sys.stdin.readline().encode())
    first = s.recv(99)
if kind == 'tcp':
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
threading.Thread(target=hear, args=(first,), daemon=True).start()
for line in sys.stdin:
    s.send(line.encode())
"""


class End:
    """One end of a flow."""

    def __init__(self, running):
        self._running = running
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._running.stdout:
            self._lines.put(line.strip())

    def say(self, word):
        self._running.stdin.write(word + '\n')
        self._running.stdin.flush()

    def hears(self, seconds=5):
        """The next thing it heard; None when that is nothing for so long."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None


@contextlib.contextmanager
def flow(lab, kind, asker, server, number):
    """A flow that `asker` began to `server`'s port, both of whose ends have heard of each other."""
    address = server.addresses[0].ip
    family = 'AF_INET6' if ':' in address else 'AF_INET'
    with contextlib.ExitStack() as stack:

        def end(port, role):
            words = ('python3', '-uc', END, role, kind, family, address, str(number))
            return End(stack.enter_context(lab.process(port, *words)))

        serving = end(server, 'serve')
        assert serving.hears() == 'ready'
        asking = end(asker, 'ask')
        assert asking.hears() == 'ready'
        asking.say('hello')
        assert serving.hears() == 'hello'
        serving.say('welcome')
        assert asking.hears() == 'welcome'
        yield asking, serving


def goes_on(one, other):
    """Whether both ends of the flow hear each other."""
    one.say('to')
    there = other.hears() == 'to'
    other.say('fro')
    return there and one.hears() == 'fro'
