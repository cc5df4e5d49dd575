"""A running guest goes from host to host while it is pinged, and stays where it is when that fails."""

import contextlib
import re

import pytest

from devstack import nodes
from tests.nodes.cloud import HOSTS, seconds_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
INTERVAL = 0.1  # seconds between two pings
SLOW = '\n[libvirt]\nlive_migration_bandwidth = 1\n'  # MiB a second: a move takes minutes
CONF = '/etc/nimbus/nimbus.conf'


@pytest.fixture(scope='module')
def mover(cloud, guests, tunnels):
    """A server on c1, on a network that reaches across the hosts; it may be pinged."""
    asked = {'name': 'moving', 'provider:network_type': 'vxlan', 'provider:segmentation_id': 7002}
    network = cloud.ask('network', 'POST', '/v2.0/networks', {'network': asked})['network']['id']
    subnet = {'network_id': network, 'ip_version': 4, 'cidr': '10.32.0.0/24'}
    cloud.ask('network', 'POST', '/v2.0/subnets', {'subnet': subnet})
    group = {'security_group': {'name': 'pinged'}}
    group_id = cloud.ask('network', 'POST', '/v2.0/security-groups', group)['security_group']['id']
    rule = {'security_group_id': group_id, 'direction': 'ingress', 'protocol': 'icmp'}
    cloud.ask('network', 'POST', '/v2.0/security-group-rules', {'security_group_rule': rule})
    made = {}
    for name, host in (('stays', 'c2'), ('mover', 'c1')):
        asked = {
            **cloud.like(guests['c1']),
            'name': name,
            'networks': [{'uuid': network}],
            'security_groups': [{'name': 'pinged'}],
            'availability_zone': f'nova:{host}',
        }
        one = made[name] = cloud.ask('compute', 'POST', '/servers', {'server': asked})['server']['id']
        nodes.until(lambda one=one: cloud.is_active(one), 120, lambda one=one: str(cloud.server(one)))
    nodes.until(lambda: 'login' in cloud.console(made['mover']), 180, lambda: cloud.console(made['mover'])[-2000:])
    yield made['mover']
    for one in made.values():
        cloud.ask('compute', 'DELETE', f'/servers/{one}')


class Pings:
    """The guest is pinged from the network's DHCP server all the while, by `with`."""

    def __init__(self, cloud, server: str) -> None:
        ((network, addresses),) = cloud.server(server)['addresses'].items()
        (found,) = cloud.ask('network', 'GET', f'/v2.0/networks?name={network}')['networks']
        (agent,) = cloud.ask('network', 'GET', f'/v2.0/networks/{found["id"]}/dhcp-agents')['agents']
        self.node = cloud[agent['host']]
        self._words = f'ip netns exec qdhcp-{found["id"]} ping -D -n -i {INTERVAL} {addresses[0]["addr"]}'

    def __enter__(self) -> 'Pings':
        nodes.until(lambda: self.node.run(*self._words.split(), '-c1', '-W1').returncode == 0, 60)
        self.node.must('systemd-run', '--collect', '--unit=pings', 'sh', '-c', f'exec {self._words} >/run/pings')
        nodes.until(lambda: len(self.answered()) > 10, 30)
        return self

    def __exit__(self, *_: object) -> None:
        self.node.run('systemctl', 'stop', 'pings')

    def answered(self) -> list[float]:
        """When each answer came."""
        said = self.node.must('cat', '/run/pings')
        return [float(when) for when in re.findall(r'^\[([0-9.]+)\] \d+ bytes from', said, re.MULTILINE)]

    def gap(self) -> float:
        """The longest time between two answers."""
        before = len(self.answered())
        nodes.until(lambda: len(self.answered()) > before + 10, 60)
        seen = self.answered()
        return max(later - sooner for sooner, later in zip(seen, seen[1:], strict=False))


def _go(cloud, server: str, host: str | None) -> None:
    body = {'os-migrateLive': {'host': host, 'block_migration': 'auto'}}
    cloud.ask('compute', 'POST', f'/servers/{server}/action', body, 'compute 2.68')


def _stands(cloud, server: str, host: str) -> bool:
    return cloud.state(server) == ('ACTIVE', None) and cloud.host_of(server) == host


def _moves(cloud, server: str) -> list[str]:
    """The statuses of the server's moves, the newest first."""
    found = cloud.ask('compute', 'GET', f'/os-migrations?instance_uuid={server}', version='compute 2.59')
    return [one['status'] for one in found['migrations']]


def _name(cloud, server: str) -> str:
    return cloud.server(server)['OS-EXT-SRV-ATTR:instance_name']


def _left(cloud, host: str, server: str) -> str:
    """What of the server is on the host."""
    port = _port(cloud, server)[:11]
    script = (
        f'virsh list --all --name | grep -x {_name(cloud, server)}; ls -d /var/lib/nimbus/instances/*{server}*; '
        f'ip -br link | grep {port}; ovs-vsctl list-ports br-int | grep {port}; iptables-save | grep {port}'
    )
    return cloud[host].run('bash', '-c', f'{{ {script}; }} 2>/dev/null').stdout


def _is_rid(cloud, host: str, server: str) -> None:
    """Nothing of the server is on the host, soon."""
    nodes.until(lambda: not _left(cloud, host, server), 90, lambda: _left(cloud, host, server))


def _port(cloud, server: str) -> str:
    (port,) = cloud.ask('network', 'GET', f'/v2.0/ports?device_id={server}')['ports']
    return port['id']


def _told(cloud, server: str) -> str:
    """What is known of a move that does not come to its end."""
    why = cloud.control.run('bash', '-c', f'{cloud.who()}nimbus why {server}').stdout
    logs = [cloud[host].run('journalctl', '-u', 'nimbus-compute', '-n', '40', '--no-pager').stdout for host in HOSTS]
    return '\n'.join([str(cloud.server(server)), why, *logs])


@pytest.mark.parametrize(('source', 'target'), [('c1', 'c2'), ('c2', 'c1')])
def test_a_running_guest_goes_to_another_host_and_answers_again_at_once(cloud, mover, source, target):
    with Pings(cloud, mover) as pings:
        _go(cloud, mover, target)
        took = seconds_until(lambda: _stands(cloud, mover, target), 180, lambda: _told(cloud, mover))
        gap = pings.gap()
    print(f'live migration from {source} to {target}: {took:.1f} s, silent for {gap:.2f} s')
    assert _moves(cloud, mover)[0] == 'completed'
    assert _name(cloud, mover) in cloud.guests(target) and _name(cloud, mover) not in cloud.guests(source)
    _is_rid(cloud, source, mover)
    assert cloud.ask('network', 'GET', f'/v2.0/ports/{_port(cloud, mover)}')['port']['status'] == 'ACTIVE'
    assert gap < 5


@contextlib.contextmanager
def _slow(cloud, host: str):
    """Moves from the host take minutes."""
    before = cloud[host].must('cat', CONF)
    _configure(cloud, host, before + SLOW)
    try:
        yield
    finally:
        _configure(cloud, host, before)


def _configure(cloud, host: str, text: str) -> None:
    cloud[host].must('tee', CONF, input=text)
    cloud[host].must('systemctl', 'restart', 'nimbus-compute')
    nodes.until(cloud.is_whole, 90, lambda: str(cloud.up()))


def _under_way(cloud, server: str) -> dict:
    """The move, once some of the guest's disk was sent, which comes before its memory."""

    def look() -> list[dict]:
        found = cloud.ask('compute', 'GET', f'/servers/{server}/migrations', version='compute 2.68')['migrations']
        return [one for one in found if one['status'] == 'running' and one['disk_processed_bytes']]

    return nodes.until(look, 90, lambda: _told(cloud, server))[0]


def test_a_move_that_is_broken_off_leaves_the_guest_running_where_it_was(cloud, mover):
    born = cloud.guests('c1')
    with _slow(cloud, 'c1'), Pings(cloud, mover) as pings:
        _go(cloud, mover, 'c2')
        move = _under_way(cloud, mover)
        cloud.ask('compute', 'DELETE', f'/servers/{mover}/migrations/{move["id"]}', version='compute 2.68')
        took = seconds_until(lambda: cloud.state(mover) == ('ACTIVE', None), 60, lambda: _told(cloud, mover))
        gap = pings.gap()
    print(f'a move that was broken off: {took:.1f} s, silent for {gap:.2f} s')
    assert cloud.host_of(mover) == 'c1' and _moves(cloud, mover)[0] == 'cancelled'
    assert cloud.guests('c1') == born and 'fault' not in cloud.server(mover)
    _is_rid(cloud, 'c2', mover)
    assert gap < 1


def _take_back(cloud, host: str) -> None:
    """New servers may come to the host again."""
    path = f'/os-services?host={host}&binary=nova-compute'
    (service,) = cloud.ask('compute', 'GET', path, version='compute 2.53')['services']
    cloud.ask('compute', 'PUT', f'/os-services/{service["id"]}', {'status': 'enabled'}, 'compute 2.53')


def test_a_host_is_emptied_of_a_guest_that_runs_on(cloud, guests, mover):
    with Pings(cloud, mover) as pings:
        done = cloud.control.run('nimbus-manage', 'host', 'drain', 'c1', '--reason', 'new memory', seconds=400)
        gap = pings.gap()
    print(f'{done.stdout}\nsilent for {gap:.2f} s')
    _take_back(cloud, 'c1')
    assert _stands(cloud, mover, 'c2'), _told(cloud, mover)
    stays = guests['c1'] if cloud.host_of(guests['c1']) == 'c1' else ''
    assert done.returncode == bool(stays) and stays in done.stdout
    if not stays:  # the other modules find it where they made it
        _go(cloud, guests['c1'], 'c1')
        nodes.until(lambda: _stands(cloud, guests['c1'], 'c1'), 180, lambda: _told(cloud, guests['c1']))
    assert gap < 5


def test_a_guest_whose_target_is_lost_on_the_way_runs_on_where_it_was(cloud, mover):
    source = Pings(cloud, mover).node.name  # the network's DHCP server does not move with its guests
    (target,) = set(HOSTS) - {source}
    if cloud.host_of(mover) != source:
        _go(cloud, mover, source)
        nodes.until(lambda: _stands(cloud, mover, source), 180, lambda: _told(cloud, mover))
    born = cloud.guests(source)
    with _slow(cloud, source), Pings(cloud, mover) as pings:
        _go(cloud, mover, target)
        _under_way(cloud, mover)
        cloud[target].cut()
        try:
            took = seconds_until(lambda: cloud.state(mover) == ('ACTIVE', None), 200, lambda: str(cloud.server(mover)))
            gap = pings.gap()
        finally:
            cloud[target].boot()
    print(f'a move whose target was lost: given up after {took:.0f} s, silent for {gap:.2f} s')
    assert cloud.host_of(mover) == source and cloud.guests(source) == born
    assert _moves(cloud, mover)[0] in ('error', 'failed')
    _is_rid(cloud, target, mover)
    assert gap < 1
