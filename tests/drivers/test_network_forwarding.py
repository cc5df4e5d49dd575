"""Port forwarding and conntrack helpers, on the pretended host and on a real one."""

import socket

import pytest

from nimbus.network.agent.driver import Floating, Forward, Helper
from tests.drivers.netcloud import fresh
from tests.drivers.netlab import apply, sh
from tests.drivers.test_network_outside import TCP, Scene, _outside  # noqa: F401  a fixture

ADDRESS = '172.24.4.20'
SHUT = ()


@pytest.fixture
def lab(either):
    return either


def forward(scene, *leads):
    """The floating address forwards those ports: (outer range, guest, first port inside)."""
    forwards = tuple(
        Forward('tcp', outer, guest.addresses[0].ip, (inner, inner + outer[1] - outer[0]))
        for outer, guest, inner in leads
    )
    held = next((one.port_id for one in scene.wishes.routers[scene.router.id].floating), fresh())
    floating = (Floating(held, ADDRESS, None, forwards),) if leads else ()
    scene.wishes.change(scene.wishes.routers, scene.router.id, floating=floating)
    apply(scene.driver, scene.wishes)


def arrives(lab, port, guest, inner):
    """Whether a connection to that port of the floating address is answered by the guest at its port inside."""
    if not lab.real:
        return lab.host.comes_in(ADDRESS, 6, port) == guest.id
    with lab.echo(guest, inner):
        return talks(port)


def talks(port):
    try:
        with socket.create_connection((ADDRESS, port), 1.5) as talk:
            talk.sendall(b'a')
            return talk.recv(9) == b'a'
    except OSError:
        return False


def test_a_port_leads_in_and_others_of_the_address_do_not(driver, lab, wishes):
    scene = Scene(wishes, driver, lab, (TCP,), (TCP,), SHUT)
    one, two, shut = scene.guests
    forward(scene, ((2222, 2222), one, 22), ((2223, 2223), two, 22), ((2224, 2224), shut, 22))
    assert arrives(lab, 2222, one, 22) and arrives(lab, 2223, two, 22)
    assert not arrives(lab, 2224, shut, 22) and not arrives(lab, 22, one, 22)
    forward(scene, ((2222, 2222), two, 22))
    assert arrives(lab, 2222, two, 22) and not arrives(lab, 2223, two, 22)
    forward(scene)
    assert not arrives(lab, 2222, two, 22)


def test_each_port_of_a_range_leads_to_its_own(driver, lab, wishes):
    scene = Scene(wishes, driver, lab, (TCP,))
    guest = scene.guests[0]
    forward(scene, ((8000, 8009), guest, 7000))
    for outer, inner in ((8000, 7000), (8005, 7005), (8009, 7009)):
        assert arrives(lab, outer, guest, inner)
    assert not arrives(lab, 8010, guest, 7010)


# On a real host only


@pytest.mark.real
class TestPackets:
    """What packets show that pass a real router."""

    @pytest.fixture(params=['real'])
    def either(self, request, machine):
        from tests.drivers.netlab import RealLab

        made = RealLab(machine)
        yield made
        made.close()

    def test_connections_end_when_their_ports_lead_elsewhere_and_others_go_on(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (TCP,), (TCP,))
        one, two = scene.guests
        stays = ((2000, 2009), one, 7000)
        forward(scene, stays, ((3000, 3009), one, 7100))
        with lab.echo(one, 7005), lab.echo(one, 7105), lab.echo(two, 7105):
            with socket.create_connection((ADDRESS, 2005), 3) as kept, socket.create_connection((ADDRESS, 3005)) as cut:
                for talk in (kept, cut):
                    talk.settimeout(1.5)
                    talk.sendall(b'a')
                    assert talk.recv(9) == b'a'
                forward(scene, stays, ((3000, 3009), two, 7100))
                kept.sendall(b'b')
                assert kept.recv(9) == b'b'
                cut.sendall(b'b')
                with pytest.raises((TimeoutError, ConnectionResetError)):
                    cut.recv(9)
            assert talks(3005)

    def test_a_guest_reaches_another_by_a_forwarded_port(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (TCP,), (TCP,))
        one, two = scene.guests
        forward(scene, ((2222, 2222), one, 7000))
        with lab.echo(one, 7000):
            assert lab.connects(two, ADDRESS, 2222)

    def test_a_helper_is_asked_of_the_kernel_and_one_that_it_lacks_is_told(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (TCP,))
        wishes.change(wishes.routers, scene.router.id, helpers=(Helper('tcp', 21, 'ftp'), Helper('udp', 69, 'tftp')))
        failed = driver.apply(wishes.desired())
        raw = sh('ip', 'netns', 'exec', scene.room, 'iptables-save', '-t', 'raw')
        if failed:
            assert set(failed) == {scene.router.id} and 'iptables-restore' in failed[scene.router.id]
        else:
            assert '--dport 21 -j CT --helper ftp' in raw and '--dport 69 -j CT --helper tftp' in raw
        wishes.change(wishes.routers, scene.router.id, helpers=())
        apply(driver, wishes)
        assert 'helper' not in sh('ip', 'netns', 'exec', scene.room, 'iptables-save', '-t', 'raw')
