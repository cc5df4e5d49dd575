"""VNC with certificates between the proxy and a real QEMU."""

import contextlib
import dataclasses
import shutil
import socket
import struct
import subprocess
import types

import pytest

from nimbus.compute.guest import VNC
from nimbus.console import rfb
from nimbus.console.options import NONE, VENCRYPT, Settings
from nimbus.console.proxy import Proxy
from nimbus.console.targets import Target
from tests.browser import Browser
from tests.wire.identity import pki

from .compute_rigs import QEMU, wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which(QEMU), reason='needs QEMU'),
]
START = b'\x01'  # a client's first word after security: others may stay


@pytest.fixture
def place(tmp_path):
    return pki.Authority(tmp_path), tmp_path


@contextlib.contextmanager
def started(authority, folder, listen):
    """A QEMU without a machine whose VNC wants certificates of the authority, and listens there."""
    made = authority.vouch('hypervisor')
    for name, path in {'ca-cert': authority.file, 'server-cert': made.certificate, 'server-key': made.key}.items():
        shutil.copy(path, folder / f'{name}.pem')
    words = [QEMU, '-machine', 'none', '-display', 'none', '-nodefaults']
    words += ['-object', f'tls-creds-x509,id=tls,endpoint=server,dir={folder},verify-peer=on']
    words += ['-vnc', f'{listen},tls-creds=tls']
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def hypervisor(place):
    """Where such a QEMU listens on a unix socket."""
    authority, folder = place
    door = folder / 'vnc'
    with started(authority, folder, f'unix:{door}') as process:
        wait_for(lambda: door.exists() or process.poll() is not None, 20, 'the door')
        assert process.poll() is None, process.stdout.read()
        yield str(door)


@pytest.fixture
def screen(place):
    """The port of a QEMU that wants certificates at a port of TCP."""
    authority, folder = place
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    with started(authority, folder, f'127.0.0.1:{port - 5900}'):
        wait_for(lambda: answers(port), 20, 'the screen')
        yield port


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), 5).close()
    except OSError:
        return False
    return True


def entered(door, settings):
    """What the hypervisor says to a client's first word."""
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(20)
        plain.connect(door)
        with rfb.enter(plain, settings) as there:
            there.sendall(START)
            return there.recv(24)


def settings_of(authority, own=None, schemes=(VENCRYPT,)):
    return Settings(
        auth_schemes=schemes,
        vencrypt_ca_certs=str(authority.file),
        vencrypt_client_cert=str(own.certificate) if own else '',
        vencrypt_client_key=str(own.key) if own else '',
    )


def test_the_proxy_reaches_a_hypervisor_that_wants_a_certificate(place, hypervisor):
    authority, _ = place
    for schemes in ((VENCRYPT,), (VENCRYPT, NONE)):
        assert len(entered(hypervisor, settings_of(authority, authority.vouch(f'proxy-{len(schemes)}'), schemes))) == 24


def test_a_browser_sees_the_screen_of_a_hypervisor_that_it_could_not_speak_to(place, screen):
    authority, _ = place
    target = Target('server', 'c1', VNC, '127.0.0.1', screen, 60)
    targets = types.SimpleNamespace(of=lambda token: target, confirm=lambda target: None)
    settings = dataclasses.replace(settings_of(authority, authority.vouch('proxy')), port=0)
    served = Proxy(settings, targets)
    served.start()
    try:
        with Browser(served.port, '/?token=x') as browser:
            assert browser.hear(12) == b'RFB 003.008\n'
            browser.say(b'RFB 003.008\n\x01' + START)  # all that it has to say, at once
            assert browser.hear(6) == b'\x01\x01' + bytes(4)
            width, height, length = struct.unpack('>HH16xI', browser.hear(24))
            assert browser.hear(length).startswith(b'QEMU')
            browser.say(struct.pack('>BxHi', 2, 1, 0) + struct.pack('>BBHHHH', 3, 0, 0, 0, width, height))
            left = width * height
            while left:
                _, count = struct.unpack('>BxH', browser.hear(4))
                for _ in range(count):
                    wide, high = struct.unpack('>4xHH4x', browser.hear(12))
                    browser.hear(wide * high * 4)
                    left -= wide * high
    finally:
        served.stop()


def test_without_a_certificate_or_with_a_stranger_s_it_is_refused(place, hypervisor, tmp_path):
    authority, _ = place
    (tmp_path / 'other').mkdir()
    other = pki.Authority(tmp_path / 'other', 'other')
    for own in (None, other.vouch('stranger')):
        with pytest.raises(OSError):
            entered(hypervisor, settings_of(authority, own))


def test_a_hypervisor_that_nobody_vouches_for_is_not_believed(place, hypervisor, tmp_path):
    authority, _ = place
    (tmp_path / 'other').mkdir()
    other = pki.Authority(tmp_path / 'other', 'other')
    with pytest.raises(OSError, match='certificate verify failed'):
        entered(hypervisor, settings_of(other, authority.vouch('proxy')))


def test_a_hypervisor_that_wants_certificates_is_not_spoken_to_in_the_clear(place, hypervisor):
    authority, _ = place
    with pytest.raises(rfb.Refused, match='are allowed'):
        entered(hypervisor, settings_of(authority, schemes=(NONE,)))
