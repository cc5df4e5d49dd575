"""What `nimbus-manage host check` says of where a host's consoles are."""

import types

import pytest

from nimbus.cmd.manage import hostchecks


@pytest.mark.parametrize(
    ('bus', 'listen', 'proxyclient', 'warned'),
    [
        ('rabbit://x', '127.0.0.1', None, True),
        ('rabbit://x', '::1', None, True),
        ('rabbit://x', '127.0.0.1', 'c1.inner', False),
        ('rabbit://x', '192.0.2.7', None, False),
        ('rabbit://x', '0.0.0.0', None, False),
        ('inproc:///x', '127.0.0.1', None, False),
    ],
)
def test_consoles_that_no_other_host_reaches_are_warned_of(bus, listen, proxyclient, warned):
    libvirt = types.SimpleNamespace(vnc_listen=listen, server_proxyclient_address=proxyclient)
    conf = types.SimpleNamespace(bus=bus, libvirt=libvirt, compute=types.SimpleNamespace(driver='libvirt'))
    found = list(hostchecks.consoles(conf, None))
    assert bool(found) is warned and all(f'are at {listen},' in finding.sentence for finding in found)
