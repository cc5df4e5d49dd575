"""Where guests' consoles are reached, with every hypervisor driver."""

import socket

import pytest

from nimbus.common import errors
from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.guest import SERIAL, VNC

from .compute_rigs import wait_for


def connected(place):
    peer = socket.create_connection((place.host, place.port), 30)
    peer.settimeout(60)
    return peer


def hear(peer, end):
    """What is said until the end was."""
    found = b''
    while end not in found:
        piece = peer.recv(4096)
        assert piece, f'it ended after {found[-200:]!r}'
        found += piece
    return found


def test_a_screen_speaks_vnc(rig, spawn):
    guest = spawn()
    with connected(rig.driver.console_address(guest.id, VNC)) as peer:
        assert hear(peer, b'\n') == b'RFB 003.008\n'


def test_a_serial_port_says_what_the_log_keeps_and_hears_what_is_typed(rig, spawn):
    guest = spawn(bootable=True)
    rig.booted(guest)
    with connected(rig.driver.console_address(guest.id, SERIAL)) as peer:
        peer.sendall(b'\n')
        assert b'login: ' in hear(peer, b'login: ')
        peer.sendall(b'nobody\n')
        hear(peer, b'nobody')
    if rig.real:
        wait_for(lambda: 'nobody' in rig.driver.console(guest.id, None), 30, 'the log')


def test_consoles_of_two_guests_are_two(rig, spawn):
    first, second = spawn(), spawn()
    places = {rig.driver.console_address(guest.id, kind) for guest in (first, second) for kind in (VNC, SERIAL)}
    assert len(places) == 4


def test_a_guest_that_is_off_has_no_console(rig, spawn):
    guest = spawn()
    place = rig.driver.console_address(guest.id, VNC)
    rig.driver.stop(guest.id, 0)
    for kind in (VNC, SERIAL):
        with pytest.raises(errors.Conflict, match=f'^Guest {guest.id} is off.$'):
            rig.driver.console_address(guest.id, kind)
    with pytest.raises(ConnectionError):
        connected(place)


def test_a_guest_that_comes_back_has_one_again(rig, spawn):
    guest, other = spawn(), spawn()
    before = rig.driver.console_address(guest.id, SERIAL)
    rig.driver.suspend(guest.id)
    if rig.real:  # another one listens there by now
        listener = socket.create_server((before.host, before.port))
    rig.driver.resume(guest)
    after = rig.driver.console_address(guest.id, SERIAL)
    assert after != rig.driver.console_address(other.id, SERIAL)
    if rig.real:
        listener.close()
        assert after != before
    with connected(after):
        pass


def test_a_guest_that_is_not_here_has_none(rig):
    with pytest.raises(Missing):
        rig.driver.console_address('4b2a9e0c-2b7b-4c9d-8f5d-0a8d3f6f1e11', VNC)


@pytest.mark.parametrize(
    ('told', 'there'),
    [
        ({}, '127.0.0.1'),
        ({'vnc_listen': '192.0.2.7'}, '192.0.2.7'),
        ({'vnc_listen': '0.0.0.0'}, '192.0.2.1'),
        ({'vnc_listen': '::'}, '192.0.2.1'),
        ({'vnc_listen': '0.0.0.0', 'server_proxyclient_address': 'c1.inner'}, 'c1.inner'),
    ],
)
def test_a_host_tells_the_address_at_which_others_reach_its_consoles(told, there):
    consoles = pytest.importorskip('nimbus.compute.agent.libvirt.consoles', exc_type=ImportError)
    from nimbus.compute.agent.libvirt.settings import LibvirtSettings

    assert consoles.reached_at(LibvirtSettings('/instances', host_ip='192.0.2.1', **told)) == there


def test_a_port_for_a_serial_console_is_one_that_nobody_has():
    consoles = pytest.importorskip('nimbus.compute.agent.libvirt.consoles', exc_type=ImportError)
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        ports = consoles.SerialPorts('127.0.0.1', f'{port}:{port}')
        with pytest.raises(Refused, match='no port left'):
            ports.free()
    assert ports.free() == port
