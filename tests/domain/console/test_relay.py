"""What is passed on between a client and a console, and which of the two is given up."""

import socket
import threading

import pytest

from nimbus.console.relay import BEHIND, Relay


class Client:
    """A client whose socket takes what the kernel takes; `open` is whether it may say more."""

    def __init__(self, sock):
        self.sock, self.sent, self._left = sock, 0, b''
        sock.setblocking(False)

    def fileno(self):
        return self.sock.fileno()

    def take(self):
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return b'', True
        return data, bool(data)

    def put(self, data):
        self._left = data

    def flush(self):
        if self._left:
            try:
                count = self.sock.send(self._left)
            except BlockingIOError:
                return False
            self.sent += count
            self._left = self._left[count:]
        return not self._left


@pytest.fixture
def ends():
    """The four ends of a client's connection and a console's; the outer ones are the first and the last."""
    made = [*socket.socketpair(), *socket.socketpair()]
    for end in made:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        end.settimeout(20)
    yield made
    for end in made:
        end.close()


@pytest.fixture
def begin(ends):
    """Starts a relay; what it returns waits for its end and says why."""

    def start(patient=True, stall=20.0, seconds=60.0):
        _, near, target, _ = ends
        relay, why = Relay(Client(near), target, patient, stall, seconds), []
        thread = threading.Thread(target=lambda: why.append(relay.run()), daemon=True)
        thread.start()

        def over():
            thread.join(20)
            return why[0]

        return over

    return start


def hear(sock, count):
    found = b''
    while len(found) < count:
        found += sock.recv(count - len(found))
    return found


def test_both_hear_all_that_the_other_says_in_order(ends, begin):
    over, (client, _, _, guest) = begin(), ends
    said = bytes(range(256)) * 4000
    for one, other in ((client, guest), (guest, client)):
        speaker = threading.Thread(target=one.sendall, args=(said,))
        speaker.start()
        assert hear(other, len(said)) == said
        speaker.join()
    guest.close()
    assert over() == 'the guest ended it'


def test_a_client_that_goes_ends_it(ends, begin):
    over = begin()
    ends[0].close()
    assert over() == 'the client ended it'


def test_a_screen_waits_for_its_client_and_loses_nothing(ends, begin):
    over, (client, _, _, guest) = begin(patient=True), ends
    guest.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 64 << 20:  # QEMU waits with it
            sent += guest.send(b'x' * 65536)
    assert sent < 4 << 20
    assert hear(client, sent) == b'x' * sent
    client.close()
    assert over() == 'the client ended it'


def test_a_serial_port_does_not_wait_so_that_its_guest_does_not(ends, begin):
    over, (_, _, _, guest) = begin(patient=False), ends
    guest.settimeout(1)
    with pytest.raises(OSError):
        for _ in range(4 * BEHIND // 4096):
            guest.sendall(b'x' * 4096)
        raise AssertionError('it took all of it')
    assert over() == 'the client takes less than the guest says'


@pytest.mark.parametrize(('who', 'speaker'), [('client', 3), ('guest', 0)])
def test_who_takes_nothing_for_too_long_is_given_up(ends, begin, who, speaker):
    over = begin(stall=0.2)
    ends[speaker].settimeout(1)
    with pytest.raises(OSError):
        while True:
            ends[speaker].sendall(b'x' * 65536)
    assert over() == f'the {who} took nothing for 0.2 seconds'


def test_it_ends_with_its_time(begin):
    assert begin(seconds=0.1)() == 'its time is over'
