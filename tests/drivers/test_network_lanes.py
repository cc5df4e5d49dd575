"""QoS of floating addresses and gateways, as the host outside of a router and the guests behind it measure it."""

import dataclasses
import subprocess

import pytest

from nimbus.network.agent.driver import Cap
from tests.drivers.netcloud import PING
from tests.drivers.netlab import RealLab, apply, sh
from tests.drivers.test_network_outside import Scene, _outside  # noqa: F401  a fixture
from tests.drivers.test_network_qos import COUNT, SECONDS, SEND, UDP

pytestmark = pytest.mark.real
HOST, FLOATING = '172.24.4.1', '172.24.4.20'
SLOW, FREE = 1000, 1500  # kbit a second: below the one with a limit of 800, above the other without


@pytest.fixture
def lab(machine):
    made = RealLab(machine)
    yield made
    made.close()


@pytest.fixture
def either(lab):
    return lab


@pytest.fixture
def scene(outside, driver, lab, wishes):
    """A guest with a floating address, and one without, behind one router."""
    made = Scene(wishes, driver, lab, (PING, UDP), (PING, UDP))
    made.float(_172_24_4_20=made.guests[0])
    return made


def limit(scene, floating=(), gateway=()):
    router = scene.wishes.routers[scene.router.id]
    led = tuple(dataclasses.replace(one, bandwidth=floating) for one in router.floating)
    scene.wishes.change(scene.wishes.routers, router.id, floating=led, bandwidth=gateway)
    apply(scene.driver, scene.wishes)


def sent(lab, guest):
    """What arrives outside of what the guest sends, in kbit a second."""
    with subprocess.Popen(['python3', '-c', COUNT], text=True, stdout=subprocess.PIPE) as counting:
        assert counting.stdout.readline() == 'ready\n'
        lab.inside(guest, 'python3', '-c', SEND, HOST, str(SECONDS), '0.0005', '1200')
        return pace(counting)


def got(lab, guest, address):
    """What arrives at the guest of what is sent to the address from outside, in kbit a second."""
    with lab.process(guest, 'python3', '-c', COUNT) as counting:
        assert counting.stdout.readline() == 'ready\n'
        sh('python3', '-c', SEND, address, str(SECONDS), '0.0005', '1200')
        return pace(counting)


def pace(counting):
    _, total, seconds, *_ = counting.stdout.readline().split()
    return int(total) * 8 / max(float(seconds), 0.1) / 1000


@pytest.mark.long
def test_a_floating_addresses_limit_holds_both_ways_and_for_nobody_else(lab, scene):
    led, plain = scene.guests
    limit(scene, floating=(Cap('egress', 800, 80), Cap('ingress', 800, 80)))
    assert 300 < sent(lab, led) < SLOW
    assert 300 < got(lab, led, FLOATING) < SLOW
    assert sent(lab, plain) > FREE
    limit(scene)
    assert sent(lab, led) > FREE and got(lab, led, FLOATING) > FREE


def test_a_gateways_limit_holds_for_those_without_a_floating_address(lab, scene):
    led, plain = scene.guests
    limit(scene, floating=(Cap('egress', 5000),), gateway=(Cap('egress', 800, 80),))
    assert 300 < sent(lab, plain) < SLOW
    assert sent(lab, led) > FREE


def test_what_somebody_broke_is_mended_and_nothing_is_left(lab, scene):
    limit(scene, floating=(Cap('egress', 800), Cap('ingress', 800)))
    gateway = 'qg-' + scene.router.gateways[0].port_id[:11]
    show = ('ip', 'netns', 'exec', scene.room, 'tc', 'qdisc', 'show')
    assert sh(*show).count('qdisc htb 1: ') == 2
    sh('ip', 'netns', 'exec', scene.room, 'tc', 'qdisc', 'del', 'dev', gateway, 'root')
    apply(scene.driver, scene.wishes)
    assert sh(*show).count('qdisc htb 1: ') == 2
    limit(scene)
    assert 'htb' not in sh(*show)
    assert 'CLASSIFY' not in sh('ip', 'netns', 'exec', scene.room, 'iptables-save')
