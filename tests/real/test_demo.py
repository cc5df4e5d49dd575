"""The demo that devstack/up leaves, tried from outside: by its address, its key and its console."""

import configparser
import ipaddress
import os
import pathlib
import re
import subprocess

import pytest
from keystoneauth1 import exceptions as ksa

from devstack import demo, place, processes

STATE = pathlib.Path(os.environ.get('NIMBUS_STATE', '/var/lib/nimbus'))
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason='the secrets of the cloud are readable by root alone'),
    pytest.mark.skipif(
        os.geteuid() == 0 and not (STATE / 'choices.json').exists(),
        reason=f'there is no cloud in {STATE}; devstack/up brings one up, NIMBUS_STATE names another folder',
    ),
]


@pytest.fixture(scope='module')
def made() -> demo.Demo:
    """The demo as devstack/up finds or makes it."""
    where = place.Place(STATE, place.remembered(STATE))
    return demo.make(where, STATE / 'guest' / 'nimbus-guest.qcow2')


def here(*words: str) -> subprocess.CompletedProcess:
    """What a command on this host printed, in no namespace."""
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def login(made: demo.Demo, command: str) -> subprocess.CompletedProcess:
    """What a command printed in the guest."""
    options = ('StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=60', 'BatchMode=yes')
    words = [word for option in options for word in ('-o', option)]
    return here('ssh', *words, '-i', str(made.key), f'cirros@{made.address}', command)


def test_a_second_run_finds_the_same_server(made):
    where = place.Place(STATE, place.remembered(STATE))
    again = demo.make(where, STATE / 'guest' / 'nimbus-guest.qcow2')
    assert (again.server_id, again.network_id) == (made.server_id, made.network_id)


def test_the_guest_answers_ping_at_its_floating_address(made):
    answer = here('ping', '-c', '1', '-W', '20', made.address)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_injected_key_opens_the_guest(made):
    answer = login(made, 'cat /proc/sys/kernel/hostname')
    assert (answer.returncode, answer.stdout.strip()) == (0, 'demo.novalocal'), answer.stderr


def test_the_guest_reaches_this_host_through_its_router(made):
    outside = place.Place(STATE, place.remembered(STATE))
    gateway = str(ipaddress.ip_network(demo.outside.cidr(outside))[1])
    answer = login(made, f'sudo ping -c 2 -W 5 {gateway}')
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_server_shows_its_floating_address(made, api):
    server = api.of('compute').get(f'/servers/{made.server_id}').json()['server']
    shown = {entry['addr']: entry['OS-EXT-IPS:type'] for entry in server['addresses']['demo']}
    assert shown[made.address] == 'floating' and 'fixed' in shown.values()
    (floating,) = api.of('network').get(f'/v2.0/floatingips?floating_ip_address={made.address}').json()['floatingips']
    assert floating['status'] == 'ACTIVE'


def test_the_console_offers_a_login(made):
    assert 'login:' in made.console


def test_the_private_key_is_readable_by_its_owner_alone(made):
    assert made.key.stat().st_mode & 0o777 == 0o600


@pytest.fixture(scope='module')
def api() -> demo.Api:
    """The cloud as the demo user sees it."""
    return demo.Api(place.Place(STATE, place.remembered(STATE)), 'demo')


def settled(service, path: str, key: str, status: str | None) -> dict:
    """The row once it has the status, or is gone when that is None."""
    seen: dict = {}

    def done() -> bool:
        try:
            seen.update(service.get(path).json()[key])
        except ksa.NotFound:
            return status is None
        return seen['status'] == status

    assert processes.wait_until(done, 60, 0.25), f'{path}: {seen}'
    return seen


def disks(made: demo.Demo) -> set[str]:
    """The block devices that the guest sees, as 'KIBIBYTES NAME'."""
    answer = login(made, 'cat /proc/partitions')
    assert answer.returncode == 0, answer.stderr
    return {' '.join(line.split()[2:]) for line in answer.stdout.splitlines()[2:]}


def test_an_attached_volume_appears_in_the_guest_and_goes_again(made, api):
    compute, volume = api.of('compute'), api.of('block-storage')
    before = disks(made)
    disk = volume.post('/volumes', json={'volume': {'size': 1, 'name': 'probe'}}).json()['volume']['id']
    settled(volume, f'/volumes/{disk}', 'volume', 'available')
    attachments = f'/servers/{made.server_id}/os-volume_attachments'
    compute.post(attachments, json={'volumeAttachment': {'volumeId': disk}})
    settled(volume, f'/volumes/{disk}', 'volume', 'in-use')
    assert processes.wait_until(lambda: disks(made) - before, 20, 0.5)
    assert [line.split()[0] for line in disks(made) - before] == ['1048576']
    compute.delete(f'{attachments}/{disk}')
    settled(volume, f'/volumes/{disk}', 'volume', 'available')
    assert processes.wait_until(lambda: disks(made) == before, 20, 0.5)
    volume.delete(f'/volumes/{disk}')
    settled(volume, f'/volumes/{disk}', 'volume', None)
    assert not [path for path in (STATE / 'volumes').rglob(f'*{disk}*') if path.is_file()]


def traces(server_id: str, port: dict) -> dict[str, bool]:
    """What of a server is on this host, as QEMU, the kernel, the switch and the files show it."""
    switch = ['--timeout=10', f'--db={ovsdb()}']
    management = f'unix:{pathlib.Path(ovsdb().removeprefix("unix:")).parent}/br-int.mgmt'
    address, mac = port['fixed_ips'][0]['ip_address'], port['mac_address']
    # A log tells what was; it goes with its network.
    leases = [path for path in (STATE / 'network').rglob('*') if path.name != 'dnsmasq.log']
    leased = re.compile(rf'(?<![\d.]){re.escape(address)}(?![\d.])')  # and no longer one that begins alike
    return {
        'guest': bool([one for one in processes.Registry(STATE).opening('qemu-system') if _uses(one.pid, server_id)]),
        'disk': (STATE / 'instances' / server_id).exists(),
        'tap': f'tap{port["id"][:11]}' in said('ip', '-o', 'link'),
        'port': port['id'] in said('ovs-vsctl', *switch, 'list', 'Interface'),
        'flow': mac in said('ovs-ofctl', 'dump-flows', management),
        'rule': port['id'][:10] in said('iptables-save'),
        'lease': any(leased.search(path.read_text(errors='replace')) for path in leases if path.is_file()),
    }


def _uses(pid: int, server_id: str) -> bool:
    return server_id.encode() in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()


def said(*words: str) -> str:
    """What a command printed.  Raises CalledProcessError."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def ovsdb() -> str:
    """Where the switch of the cloud is asked."""
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(STATE / 'nimbus.conf')
    return conf['network']['ovsdb']


def test_a_deleted_server_leaves_nothing_on_the_host(made, api):
    compute, network = api.of('compute'), api.of('network')
    like = compute.get(f'/servers/{made.server_id}').json()['server']
    body = {
        'name': 'passing', 'imageRef': like['image']['id'], 'flavorRef': like['flavor']['id'],
        'networks': [{'uuid': made.network_id}],
    }  # fmt: skip
    server_id = compute.post('/servers', json={'server': body}).json()['server']['id']
    settled(compute, f'/servers/{server_id}', 'server', 'ACTIVE')
    [port] = network.get(f'/v2.0/ports?device_id={server_id}').json()['ports']
    assert all(traces(server_id, port).values()), traces(server_id, port)
    compute.delete(f'/servers/{server_id}')
    settled(compute, f'/servers/{server_id}', 'server', None)
    processes.wait_until(lambda: not any(traces(server_id, port).values()), 30, 0.5)
    assert not any(traces(server_id, port).values()), traces(server_id, port)
    assert not network.get(f'/v2.0/ports?device_id={server_id}').json()['ports']
