"""The beginning of VNC with hypervisors and clients of all kinds."""

import socket

import pytest

from nimbus.console import rfb
from nimbus.console.options import NONE, VENCRYPT, Settings

HELLO = b'RFB 003.008\n'
BOTH = Settings(auth_schemes=(VENCRYPT, NONE))


@pytest.mark.parametrize(
    ('said', 'sentence'),
    [
        (b'RFB 003.003\n', 'instead of RFB 3.8'),
        (b'SSH-2.0-open\n', 'instead of RFB 3.8'),
        (b'', 'ended the connection'),
        (HELLO + b'\0' + b'\0\0\0\4none', 'The hypervisor says: none'),
        (HELLO + b'\0' + b'\xff\xff\xff\xff' + b'x' * 256, f'says: {"x" * 256}'),
        (HELLO + b'\1\2', r'offers the security types \[2\]'),
        (HELLO + b'\1\1' + b'\0\0\0\1\0\0\0\2no', 'says: no'),
        (HELLO + b'\1\x13' + b'\0\1', r'speaks VeNCrypt \[0, 1\]'),
        (HELLO + b'\1\x13' + b'\0\2\1', 'does not take it'),
        (HELLO + b'\1\x13' + b'\0\2\0\1\0\0\1\1', r'offers the kinds \[257\]'),
        (HELLO + b'\1\x13' + b'\0\2\0\1\0\0\1\4\0', 'does not take it'),
    ],
)
def test_a_hypervisor_that_is_not_understood_is_refused_in_a_sentence(said, sentence):
    here, there = socket.socketpair()
    with here, there:
        there.sendall(said)
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(rfb.Refused, match=sentence):
            rfb.enter(here, BOTH)


def test_one_that_asks_for_nothing_is_entered():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(HELLO + b'\1\1' + bytes(4))
        assert rfb.enter(here, BOTH) is here
        assert there.recv(100) == HELLO + b'\1'


@pytest.mark.parametrize(
    ('says', 'hears'),
    [
        (b'RFB 003.003\n', HELLO + b'\0\0\0\1'),
        (b'RFB 003.007\n\1', HELLO + b'\1\1'),
        (b'RFB 003.008\n\1', HELLO + b'\1\1' + bytes(4)),
        (b'RFB 003.889\n\1', HELLO + b'\1\1' + bytes(4)),
    ],
)
def test_a_client_is_asked_for_nothing(says, hears):
    left, heard = bytearray(says), bytearray()

    def read(count):
        found = bytes(left[:count])
        del left[:count]
        return found

    rfb.greet(read, heard.extend)
    assert (bytes(left), bytes(heard)) == (b'', hears)


@pytest.mark.parametrize('says', [b'GET / HTTP/1', b'RFB 003.008\n\2'])
def test_a_client_that_is_not_understood_is_refused(says):
    left = bytearray(says)

    def read(count):
        found = bytes(left[:count])
        del left[:count]
        return found

    with pytest.raises(rfb.Refused):
        rfb.greet(read, lambda data: None)
