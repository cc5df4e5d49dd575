"""DHCP and metadata as a guest of a real host gets them."""

import dataclasses
import hashlib
import hmac
import http.server
import json
import os
import signal
import threading

import pytest

from nimbus.network.agent.dhcp import dnsmasq
from nimbus.network.agent.driver import Address, Rule, Subnet
from nimbus.network.agent.firewall.allowed_traffic import link_local
from nimbus.network.agent.host import daemons
from nimbus.network.agent.metadata import listener as metadata
from tests.drivers.compute_rigs import wait_for
from tests.drivers.netcloud import fresh
from tests.drivers.netlab import apply, sh

pytestmark = pytest.mark.real
TCP = Rule('ingress', 'IPv4', 'tcp', 8000, 8010)


def test_dhcp_gives_routes_mtu_names_and_metadata(driver, lab, wishes):
    net = wishes.network(dns=('9.9.9.9',), routes=(('10.99.0.0/16', '192.168.50.7'),))
    port = wishes.port(net, groups=[wishes.group()])
    apply(driver, wishes)
    lab.attach(port, address=False)
    offer = lab.offer(port)
    assert offer['ip'] == port.addresses[0].ip
    assert offer['mtu'] == '1450'
    assert offer['dns'] == '9.9.9.9'
    assert offer['domain'] == 'nimbus'
    assert offer['router'] == '192.168.50.1'
    routes = offer['staticroutes'].split()
    assert dict(zip(routes[::2], routes[1::2], strict=True)) == {
        '10.99.0.0/16': '192.168.50.7',
        '169.254.169.254/32': '192.168.50.2',
        '0.0.0.0/0': '192.168.50.1',
    }


@pytest.fixture
def narrow():
    """The driver makes files as the unit's daemon does."""
    old = os.umask(0o027)
    yield
    os.umask(old)


def test_a_guest_that_came_later_gets_an_address_where_the_daemons_umask_is_narrow(narrow, driver, lab, wishes):
    net, group = wishes.network(), wishes.group()
    wishes.port(net, groups=[group])
    apply(driver, wishes)
    later = wishes.port(net, groups=[group])  # of which dnsmasq, nobody by now, reads when it is told to look again
    apply(driver, wishes)
    lab.attach(later, address=False)
    assert lab.leases(later) == later.addresses[0].ip


def test_what_a_dhcp_server_complains_of_stands_in_a_log_that_does_not_grow_for_ever(driver, lab, wishes):
    net = wishes.network()
    wishes.port(net, groups=[wishes.group()])
    apply(driver, wishes)
    log = lab.state / 'dhcp' / net / dnsmasq.LOG
    assert 'started' in log.read_text()
    with open(log, 'a') as file:
        file.write('x' * dnsmasq.LOG_BYTES)
    driver.apply(wishes.desired())
    assert log.stat().st_size == 0
    assert 'started' in log.with_name(dnsmasq.LOG + '.1').read_text()
    wishes.port(net)
    apply(driver, wishes)  # dnsmasq reads its files again, and says so
    wait_for(lambda: 'read' in log.read_text(), 5, 'a line of the running dnsmasq')


def test_an_address_that_moves_is_handed_to_its_new_owner(driver, lab, wishes):
    net = wishes.network()
    group = wishes.group()
    old = wishes.port(net, groups=[group])
    apply(driver, wishes)
    lab.attach(old, address=False)
    assert lab.leases(old) == old.addresses[0].ip
    del wishes.ports[old.id]
    wishes.change(wishes.networks, net, leases=())
    new = wishes.port(net, host=int(old.addresses[0].ip.split('.')[-1]), groups=[group])
    assert new.addresses == old.addresses
    apply(driver, wishes)
    lab.attach(new, address=False)
    assert lab.leases(new) == old.addresses[0].ip


def test_the_dhcp_server_runs_unprivileged_and_survives_its_driver(driver, lab, wishes):
    port = wishes.port(wishes.network(), groups=[wishes.group()])
    apply(driver, wishes)
    pid = dnsmasq_pid(lab, wishes)
    assert os.stat(f'/proc/{pid}').st_uid == 65534
    driver.close()
    again = lab.driver()
    again.open()
    apply(again, wishes)
    assert dnsmasq_pid(lab, wishes) == pid
    os.kill(pid, signal.SIGKILL)
    apply(again, wishes)
    assert dnsmasq_pid(lab, wishes) != pid
    lab.attach(port, address=False)
    assert lab.leases(port) == port.addresses[0].ip


def dnsmasq_pid(lab, wishes):
    net = next(iter(wishes.networks))
    return int((lab.state / 'dhcp' / net / 'pid').read_text())


def test_a_guest_is_told_the_options_that_its_port_asks_for(driver, lab, wishes):
    net = wishes.network()
    asking, other = wishes.port(net), wishes.port(net)
    options = (('bootfile-name', 'boot.0'), ('26', '1300'), ('router', ''))
    leases = tuple(
        dataclasses.replace(lease, options=options if lease.port_id == asking.id else ())
        for lease in wishes.networks[net].leases
    )
    wishes.change(wishes.networks, net, leases=leases)
    apply(driver, wishes)
    for port in (asking, other):
        lab.attach(port, address=False)
    told = lab.offer(asking)
    assert (told.get('ip'), told.get('boot_file')) == (asking.addresses[0].ip, 'boot.0')
    assert 'boot_file' not in lab.offer(other)


def test_stateful_dhcpv6_is_served(driver, lab, wishes):
    net = wishes.network('2001:db8:a::/64')
    wishes.port(net)
    apply(driver, wishes)
    line = daemons.command_line(dnsmasq_pid(lab, wishes))
    assert any(part.startswith('--dhcp-range=set:subnet-') and ',2001:db8:a::,static,64,' in part for part in line)
    assert ':547 ' in sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ss', '-6nul')


class Api(http.server.BaseHTTPRequestHandler):
    """A metadata API that tells which headers reached it."""

    def do_GET(self):
        body = json.dumps({'path': self.path, 'headers': dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def told(lab):
    """What the agent is wired as, told to a metadata listener in front of a real HTTP server."""
    api = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
    thread = threading.Thread(target=api.serve_forever, args=(0.05,))
    thread.start()
    os.makedirs(lab.state, exist_ok=True)
    current = {}
    settings = metadata.Settings(lab.settings.metadata_socket, 'secret', f'http://127.0.0.1:{api.server_port}')
    listener = metadata.Listener(settings, lambda: current.get('desired'))
    listener.start()
    yield current
    listener.stop()
    api.shutdown()
    thread.join()
    api.server_close()


def ask(lab, port, *extra, at='169.254.169.254'):
    return lab.inside(port, 'busybox', 'timeout', '5', 'python3', '-c', FETCH, at, *extra, check=False)


FETCH = """
import sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(urllib.request.Request(f"http://{sys.argv[1]}/openstack/latest/meta_data.json",
          headers=dict(zip(sys.argv[2::2], sys.argv[3::2]))), timeout=4).read().decode())
except urllib.error.HTTPError as why:
    print(why.code)
"""
FORGED = (
    'X-Instance-ID',
    'victim',
    'X-Tenant-ID',
    'victim',
    'X-Instance-ID-Signature',
    '00',
    'X-Forwarded-For',
    '192.168.50.99',
    'X-Neutron-Network-ID',
    'other',
    'X-Neutron-Router-ID',
    'other',
)


@pytest.mark.parametrize('way', ['dhcp', 'router'])
def test_metadata_says_who_asks_and_believes_no_guest(driver, lab, wishes, told, way):
    net = wishes.network(dhcp=way == 'dhcp')
    port, stranger = (wishes.port(net, groups=[wishes.group()]) for _ in range(2))
    wishes.router(net)
    told['desired'] = wishes.desired()
    assert driver.apply(told['desired']) == {}
    for one in (port, stranger):
        lab.attach(one)
        hop = '192.168.50.2' if way == 'dhcp' else '192.168.50.1'
        lab.inside(one, 'ip', 'route', 'add', '169.254.169.254', 'via', hop)
    for extra in ((), FORGED):
        said = json.loads(ask(lab, port, *extra))
        headers = {name.lower(): value for name, value in said['headers'].items()}
        assert said['path'] == '/openstack/latest/meta_data.json'
        assert headers['x-instance-id'] == port.device_id
        assert headers['x-tenant-id'] == port.project_id
        assert headers['x-forwarded-for'] == port.addresses[0].ip
        proof = hmac.new(b'secret', port.device_id.encode(), hashlib.sha256).hexdigest()
        assert headers['x-instance-id-signature'] == proof
        assert 'victim' not in json.dumps(said) and 'other' not in headers.values()
    del wishes.ports[stranger.id]
    told['desired'] = wishes.desired()
    assert ask(lab, stranger).strip() == '404'


def test_a_guest_with_nothing_but_its_link_asks_for_metadata_over_ipv6(driver, lab, wishes, told):
    net = wishes.network('2001:db8:a::/64')
    port = wishes.port(net, groups=[wishes.group(Rule('egress', 'IPv6'))])
    told['desired'] = wishes.desired()
    for _ in range(2):
        assert driver.apply(told['desired']) == {}
    lab.attach(port, address=False)
    said = json.loads(ask(lab, port, *FORGED, at='[fe80::a9fe:a9fe%25eth0]'))
    headers = {name.lower(): value for name, value in said['headers'].items()}
    assert headers['x-instance-id'] == port.device_id
    assert headers['x-forwarded-for'] == link_local(port.mac)


def test_a_router_tells_metadata_over_ipv6_where_no_dhcp_server_does(driver, lab, wishes, told):
    net = wishes.network('2001:db8:a::/64', dhcp=False)
    port = wishes.port(net, groups=[wishes.group(Rule('egress', 'IPv6'))])
    router = wishes.router(net)
    told['desired'] = wishes.desired()
    for _ in range(2):
        assert driver.apply(told['desired']) == {}
    lab.attach(port, address=False)
    said = json.loads(ask(lab, port, at='[fe80::a9fe:a9fe%25eth0]'))
    headers = {name.lower(): value for name, value in said['headers'].items()}
    assert (headers['x-instance-id'], headers['x-forwarded-for']) == (port.device_id, link_local(port.mac))
    wishes.change(wishes.routers, router.id, ports=())
    apply(driver, wishes)
    assert ask(lab, port, at='[fe80::a9fe:a9fe%25eth0]') == ''


def test_the_ipv6_address_of_the_metadata_goes_with_the_last_ipv6_subnet(driver, lab, wishes):
    net = wishes.network('2001:db8:a::/64')
    apply(driver, wishes)
    assert 'fe80::a9fe:a9fe/64' in sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ip', 'addr')
    wishes.change(wishes.networks, net, subnets=(), dhcp_addresses=())
    apply(driver, wishes)
    assert 'fe80::a9fe:a9fe' not in sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ip', 'addr')


def test_a_subnet_without_its_prefix_is_not_needed_to_name_a_second_address(driver, lab, wishes):
    net = wishes.network()
    second = Subnet(fresh(), '192.168.60.0/24', 4, '192.168.60.1', True)
    wishes.change(
        wishes.networks,
        net,
        subnets=wishes.networks[net].subnets + (second,),
        dhcp_addresses=wishes.networks[net].dhcp_addresses + (Address('192.168.60.2', second.id),),
    )
    apply(driver, wishes)
    shown = sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ip', 'addr')
    assert '192.168.50.2/24' in shown and '192.168.60.2/24' in shown
