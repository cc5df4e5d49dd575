"""QoS of ports, on the pretended host and on a real one: what packets of two guests show."""

import json

import pytest

from nimbus.network.agent.driver import Cap, Rule
from tests.drivers.netcloud import PING
from tests.drivers.netlab import apply, sh

UDP = Rule('ingress', 'IPv4', 'udp')
SECONDS = 3.0
SEND = """
import socket, sys, time
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
until, pause, size = time.monotonic() + float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
while time.monotonic() < until:
    try:
        wire.sendto(bytes(size), (sys.argv[1], 9000))
    except OSError:
        pass
    time.sleep(pause)
"""
COUNT = """
import socket, sys, time
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
wire.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
wire.bind(("", 9000))
wire.settimeout(20)
print("ready", flush=True)
count, total, marks, first, last = 0, 0, set(), None, None
try:
    while True:
        data, extra, _, _ = wire.recvmsg(65535, 64)
        wire.settimeout(1.5)
        last = time.monotonic()
        first = first or last
        count, total = count + 1, total + len(data) + 28
        marks |= {one[2][0] >> 2 for one in extra}
except TimeoutError:
    print(count, total, (last or 0) - (first or 0), *sorted(marks))
"""


@pytest.fixture
def lab(either):
    return either


def two(wishes, driver, lab):
    """A guest that sends and one that gets."""
    net, group = wishes.network(), wishes.group(PING, UDP)
    made = [wishes.port(net, groups=[group]) for _ in range(2)]
    apply(driver, wishes)
    for port in made:
        lab.attach(port)
    return made


def quality(wishes, driver, port, **values):
    wishes.change(wishes.ports, port.id, **values)
    apply(driver, wishes)


def test_a_port_has_the_quality_that_it_is_given(driver, lab, wishes):
    source, target = two(wishes, driver, lab)
    caps = (Cap('egress', 2000), Cap('ingress', 3000, 500))
    quality(wishes, driver, target, bandwidth=caps, packets=(Cap('ingress', 5),), dscp=26)
    assert lab.pings(source, target)
    quality(wishes, driver, target, bandwidth=(), packets=(), dscp=None)
    assert lab.pings(source, target)


# On a real host only


@pytest.mark.real
class TestMeasured:
    """What arrives."""

    @pytest.fixture(params=['real'])
    def either(self, request, machine):
        from tests.drivers.netlab import RealLab

        made = RealLab(machine)
        yield made
        made.close()

    def arrived(self, lab, source, target, pause=0.0005, size=1200):
        """Packets, bytes and seconds, and the marks that they carried."""
        with lab.process(target, 'python3', '-c', COUNT) as counting:
            assert counting.stdout.readline() == 'ready\n'
            lab.inside(
                source, 'python3', '-c', SEND, target.addresses[0].ip, str(SECONDS), str(pause), str(size), check=False
            )
            count, total, seconds, *marks = counting.stdout.readline().split()
        return int(count), int(total), float(seconds), [int(mark) for mark in marks]

    @pytest.mark.parametrize('direction', ['egress', 'ingress'])
    def test_a_limit_of_bandwidth_holds_that_way_and_not_the_other(self, driver, lab, wishes, direction):
        source, target = two(wishes, driver, lab)
        limited = source if direction == 'egress' else target
        quality(wishes, driver, limited, bandwidth=(Cap(direction, 800, 80),))
        _, total, seconds, _ = self.arrived(lab, source, target)
        assert 500 < total * 8 / seconds / 1000 < 1000
        _, total, seconds, _ = self.arrived(lab, target, source)
        assert total * 8 / seconds / 1000 > 2000
        quality(wishes, driver, limited, bandwidth=())
        _, total, seconds, _ = self.arrived(lab, source, target)
        assert total * 8 / seconds / 1000 > 2000

    def test_a_limit_of_packets_holds(self, driver, lab, wishes):
        source, target = two(wishes, driver, lab)
        quality(wishes, driver, target, packets=(Cap('ingress', 1, 1),))
        count, _, seconds, _ = self.arrived(lab, source, target, pause=0, size=20)
        assert 500 < (count - 1000) / seconds < 1100
        quality(wishes, driver, target, packets=())
        count, _, seconds, _ = self.arrived(lab, source, target, pause=0, size=20)
        assert count / seconds > 1200  # as fast as one process sends

    def test_packets_carry_the_mark(self, driver, lab, wishes):
        source, target = two(wishes, driver, lab)
        assert self.arrived(lab, source, target)[3] == [0]
        quality(wishes, driver, source, dscp=26)
        assert self.arrived(lab, source, target)[3] == [26]
        quality(wishes, driver, source, dscp=None)
        assert self.arrived(lab, source, target)[3] == [0]

    def test_what_somebody_broke_is_mended_and_what_stands_is_left_alone(self, driver, lab, wishes):
        source, target = two(wishes, driver, lab)
        caps = (Cap('egress', 800, 80), Cap('ingress', 2_000_000_000))
        quality(wishes, driver, source, bandwidth=caps)
        link = 'qvb' + source.id[:11]

        def bucket():
            return json.loads(sh('tc', '-json', 'qdisc', 'show', 'dev', link))[0]

        before = bucket()
        assert before['kind'] == 'tbf' and before['options']['rate'] == 100_000
        apply(driver, wishes)
        assert bucket()['handle'] == before['handle']
        sh('tc', 'qdisc', 'del', 'dev', link, 'root')
        apply(driver, wishes)
        assert bucket()['options'] == before['options']
        for cap in (Cap('egress', 1), Cap('egress', 2**31 - 1, 2**31 - 1), Cap('egress', 99_000_000, 2**31 - 1)):
            quality(wishes, driver, source, bandwidth=(cap,), packets=(Cap('egress', cap.rate, cap.burst),))
        quality(wishes, driver, source, bandwidth=(), packets=())
        assert bucket()['kind'] != 'tbf'
