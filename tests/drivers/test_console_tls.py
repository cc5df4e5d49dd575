"""VNC with certificates between the proxy and a real QEMU."""

import shutil
import socket
import subprocess

import pytest

from nimbus.console import rfb
from nimbus.console.options import NONE, VENCRYPT, Settings
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


@pytest.fixture
def hypervisor(place):
    """A QEMU without a machine whose VNC wants certificates of the authority; where it listens."""
    authority, folder = place
    made = authority.vouch('hypervisor')
    for name, path in {'ca-cert': authority.file, 'server-cert': made.certificate, 'server-key': made.key}.items():
        shutil.copy(path, folder / f'{name}.pem')
    door = folder / 'vnc'
    words = [QEMU, '-machine', 'none', '-display', 'none', '-nodefaults']
    words += ['-object', f'tls-creds-x509,id=tls,endpoint=server,dir={folder},verify-peer=on']
    words += ['-vnc', f'unix:{door},tls-creds=tls']
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: door.exists() or process.poll() is not None, 20, 'the door')
        assert process.poll() is None, process.stdout.read()
        yield str(door)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


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
