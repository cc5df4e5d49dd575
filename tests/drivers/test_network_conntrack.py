"""What a removed rule had let in stops, whichever end speaks next, and everything else goes on."""

import contextlib
import dataclasses

import pytest

from nimbus.network.agent.driver import Rule
from nimbus.network.agent.firewall import conntrack
from tests.cases import one_first
from tests.drivers.netflows import flow, goes_on
from tests.drivers.netlab import apply, sh

pytestmark = pytest.mark.real

CIDRS = {'IPv4': '192.168.50.0/24', 'IPv6': '2001:db8:a::/64'}
kinds = pytest.mark.parametrize('kind', one_first('tcp', 'udp'))
families = pytest.mark.parametrize('family', one_first('IPv4', 'IPv6'))
ways = pytest.mark.parametrize('way', one_first('ingress', 'egress'))
firsts = pytest.mark.parametrize('first', one_first('guest', 'remote'))


@dataclasses.dataclass
class Scene:
    """A guest behind the filter, and another one of its network that nothing filters."""

    lab: object
    driver: object
    wishes: object
    guest: object
    remote: object
    group: str

    def flow(self, kind, way, number):
        """A flow that began in the guest's direction `way`; its ends are told guest first."""
        pair = (self.remote, self.guest) if way == 'ingress' else (self.guest, self.remote)
        return self._ends(flow(self.lab, kind, *pair, number), way)

    @contextlib.contextmanager
    def _ends(self, made, way):
        with made as (asking, serving):
            yield (serving, asking) if way == 'ingress' else (asking, serving)

    def set_rules(self, *rules):
        self.wishes.change(self.wishes.groups, self.group, rules=rules)
        apply(self.driver, self.wishes)


@pytest.fixture
def scene(driver, lab, wishes):
    """A guest with these rules, and its neighbour; both attached."""

    def make(family, *rules):
        net, group = wishes.network(CIDRS[family], dhcp=False), wishes.group(*rules)
        guest, remote = wishes.port(net, groups=[group]), wishes.port(net, security=False)
        apply(driver, wishes)
        for port in (guest, remote):
            lab.attach(port)
        return Scene(lab, driver, wishes, guest, remote, group)

    return make


def silent(cut, kept, first='guest'):
    """Whether nothing passes the cut flow in either way, though its ends try, while the kept one goes on."""
    guest, remote = cut
    order = [guest, remote] if first == 'guest' else [remote, guest]
    for number in range(3):
        for end in order:
            end.say(f'late-{number}')
        assert goes_on(*kept)
    # A TCP that hears nothing says it again, at first after a fifth of a second.
    return guest.hears(1) is None and remote.hears(0) is None


def comes_back(guest, remote):
    """Whether the guest hears something new of a flow that was cut."""
    remote.say('again')
    heard = guest.hears(5)
    while heard not in (None, 'again'):
        heard = guest.hears(5)  # what TCP kept comes first
    return heard == 'again'


@kinds
@families
@ways
@firsts
def test_no_packet_of_a_flow_passes_whose_rule_is_gone(scene, kind, family, way, first):
    other = 'egress' if way == 'ingress' else 'ingress'
    wide, gone = Rule(other, family), Rule(way, family, kind, 8000, 8000)
    kept = Rule(way, family, kind, 9000, 9000)
    host = scene(family, wide, gone, kept)
    with (
        host.flow(kind, way, 8000) as cut,
        host.flow(kind, way, 9000) as beside,
        host.flow(kind, other, 7000) as back,
    ):
        host.set_rules(wide, kept)
        assert silent(cut, beside, first)
        assert goes_on(*back)


@kinds
def test_a_flow_goes_on_when_its_rule_comes_back(scene, kind):
    wide, rule, kept = Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 8000), Rule('ingress', 'IPv4', kind, 9000)
    host = scene('IPv4', wide, rule, kept)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        host.set_rules(wide, kept)
        assert silent(cut, beside)
        host.set_rules(wide, kept, rule)
        assert comes_back(*cut) and f'mark={conntrack.HELD}' not in sh('conntrack', '-L')


@kinds
def test_a_flow_that_came_back_is_cut_again_though_the_guest_spoke_first(scene, kind):
    wide, rule, kept = Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 8000), Rule('ingress', 'IPv4', kind, 9000)
    host = scene('IPv4', wide, rule, kept)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        host.set_rules(wide, kept)
        host.set_rules(wide, kept, rule)
        assert goes_on(*cut) and goes_on(*cut)
        host.set_rules(wide, kept)
        assert silent(cut, beside)


# An ICMP error about the guest's datagram: what the kernel calls related to a flow.
REFUSE = """
import socket, struct, sys
here, guest, port, number = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
inner = struct.pack('!BBHHHBBH', 0x45, 0, 32, 1, 0, 64, 17, 0) + socket.inet_aton(guest) + socket.inet_aton(here)
body = bytes(4) + inner + struct.pack('!HHHH', port, number, 12, 0) + bytes(4)
words = struct.unpack(f'!{len(body) // 2}H', body)
total = 0x0303 + sum(words)
while total >> 16:
    total = (total & 0xFFFF) + (total >> 16)
wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
wire.sendto(struct.pack('!BBH', 3, 3, ~total & 0xFFFF) + body, (guest, 0))
"""


def test_no_error_about_a_flow_passes_whose_rule_is_gone(scene, lab):
    gone, kept = Rule('egress', 'IPv4', 'udp', 8000), Rule('egress', 'IPv4', 'udp', 9000)
    host = scene('IPv4', gone, kept)
    here, there = host.remote.addresses[0].ip, host.guest.addresses[0].ip

    def refuse(number):
        line = next(line for line in sh('conntrack', '-L', '-p', 'udp').splitlines() if f'dport={number} ' in line)
        port = next(word.partition('=')[2] for word in line.split() if word.startswith('sport='))
        lab.inside(host.remote, 'python3', '-c', REFUSE, here, there, port, str(number))

    host.set_rules(gone, kept)  # a test's group lets everything out at first
    with host.flow('udp', 'egress', 8000) as cut, host.flow('udp', 'egress', 9000) as beside:
        host.set_rules(kept)
        refuse(8000)
        refuse(9000)
        assert (beside[0].hears(5), cut[0].hears(1)) == ('refused', None)


def test_a_new_connection_begins_where_an_old_one_is_held(scene):
    wide, rule, kept = (
        Rule('egress', 'IPv4'),
        Rule('ingress', 'IPv4', 'tcp', 8000),
        Rule('ingress', 'IPv4', 'tcp', 9000),
    )
    host = scene('IPv4', wide, rule, kept)
    with host.flow('tcp', 'ingress', 8000) as cut, host.flow('tcp', 'ingress', 9000) as beside:
        host.set_rules(wide, kept)
        assert silent(cut, beside)
        with host.flow('tcp', 'egress', 8000) as fresh:
            assert goes_on(*fresh)


@kinds
def test_a_flow_stays_cut_for_an_agent_that_began_anew(scene, lab, wishes, kind):
    wide, rule, kept = Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 8000), Rule('ingress', 'IPv4', kind, 9000)
    host = scene('IPv4', wide, rule, kept)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        host.set_rules(wide, kept)
        host.driver.close()
        host.driver = lab.driver()
        host.driver.open()
        apply(host.driver, wishes)
        assert silent(cut, beside)
        host.set_rules(wide, kept, rule)
        assert f'mark={conntrack.HELD}' not in sh('conntrack', '-L')


@kinds
def test_a_rule_that_goes_while_no_agent_runs_cuts_at_the_next_start(scene, lab, wishes, kind):
    wide, rule, kept = Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 8000), Rule('ingress', 'IPv4', kind, 9000)
    host = scene('IPv4', wide, rule, kept)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        host.driver.close()
        host.driver = lab.driver()
        host.driver.open()
        host.set_rules(wide, kept)
        assert silent(cut, beside)


@kinds
def test_a_flow_is_cut_when_one_of_two_groups_leaves_its_port(scene, wishes, kind):
    host = scene('IPv4', Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 9000))
    more = wishes.group(Rule('ingress', 'IPv4', kind, 8000))
    host.guest = wishes.change(wishes.ports, host.guest.id, groups=(host.group, more))
    apply(host.driver, wishes)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        wishes.change(wishes.ports, host.guest.id, groups=(host.group,))
        apply(host.driver, wishes)
        assert silent(cut, beside)


@kinds
@families
def test_a_flow_is_cut_when_its_other_end_leaves_the_remote_group(scene, wishes, kind, family):
    friends = wishes.group()
    kept = Rule('ingress', family, kind, 9000)
    host = scene(family, Rule('egress', family), Rule('ingress', family, kind, 8000, remote_group=friends), kept)
    wishes.change(wishes.groups, friends, members=(host.remote.addresses[0].ip,))
    apply(host.driver, wishes)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        wishes.change(wishes.groups, friends, members=())
        apply(host.driver, wishes)
        assert silent(cut, beside)


@kinds
def test_a_flow_is_cut_when_security_comes_over_a_port_that_had_none(scene, wishes, kind):
    host = scene('IPv4', Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 9000))
    host.guest = wishes.change(wishes.ports, host.guest.id, security=False)
    apply(host.driver, wishes)
    with host.flow(kind, 'ingress', 8000) as cut, host.flow(kind, 'ingress', 9000) as beside:
        wishes.change(wishes.ports, host.guest.id, security=True)
        apply(host.driver, wishes)
        assert silent(cut, beside)


EXTRA = '192.168.50.99'


@pytest.fixture
def paired(scene, wishes, lab):
    """A guest with an address pair beside its own address."""

    def make(*rules):
        host = scene('IPv4', *rules)
        lab.inside(host.guest, 'ip', 'addr', 'add', EXTRA + '/24', 'dev', 'eth0')
        host.guest = wishes.change(wishes.ports, host.guest.id, allowed_pairs=((EXTRA, ''),))
        apply(host.driver, wishes)
        return host

    return make


@kinds
def test_a_flow_to_an_address_pair_ends_with_the_pair_and_comes_back_with_it(paired, wishes, lab, kind):
    host = paired(Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 8000, 9000))
    there = dataclasses.replace(host.guest, addresses=(dataclasses.replace(host.guest.addresses[0], ip=EXTRA),))
    with flow(lab, kind, host.remote, there, 8000) as (remote, guest), host.flow(kind, 'ingress', 9000) as beside:
        wishes.change(wishes.ports, host.guest.id, allowed_pairs=())
        apply(host.driver, wishes)
        assert silent((guest, remote), beside, 'remote')
        wishes.change(wishes.ports, host.guest.id, allowed_pairs=((EXTRA, ''),))
        apply(host.driver, wishes)
        assert comes_back(guest, remote)


@kinds
def test_a_flow_of_an_address_pair_ends_with_the_pair(paired, wishes, lab, kind):
    host, extra = paired(Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 9000)), EXTRA
    lab.inside(host.guest, 'ip', 'route', 'replace', host.remote.addresses[0].ip, 'dev', 'eth0', 'src', extra)
    with host.flow(kind, 'egress', 8000) as cut:
        lab.inside(host.guest, 'ip', 'route', 'del', host.remote.addresses[0].ip)
        with host.flow(kind, 'ingress', 9000) as beside:
            wishes.change(wishes.ports, host.guest.id, allowed_pairs=())
            apply(host.driver, wishes)
            assert silent(cut, beside, 'remote')


@kinds
def test_nothing_is_tracked_of_a_port_that_is_gone(scene, wishes, kind):
    host = scene('IPv4', Rule('egress', 'IPv4'), Rule('ingress', 'IPv4', kind, 8000))
    with host.flow(kind, 'ingress', 8000) as (guest, remote):
        del wishes.ports[host.guest.id]
        apply(host.driver, wishes)
        for end in (guest, remote, guest):
            end.say('late')
        assert guest.hears(1) is None and remote.hears(0) is None
        assert f'zone={conntrack.FIRST_ZONE} ' not in sh('conntrack', '-L')
