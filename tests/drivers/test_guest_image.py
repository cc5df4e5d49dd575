"""The guest image of devstack: an address with routes and MTU by DHCP, its data by the metadata service."""

import json
import re
import subprocess
import sys
import uuid

import pytest

from nimbus.compute.guest import Nic

from .compute_rigs import LibvirtRig, wait_for

pytestmark = pytest.mark.real

# A metadata service as the network's namespace offers it, in a few lines: it runs inside the namespace.
METADATA = """
import http.server, json, sys
data = json.loads(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = data.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write((body or '').encode())
    def log_message(self, *args):
        pass
http.server.HTTPServer(('169.254.169.254', 80), Handler).serve_forever()
"""
OPENSTACK = {
    '/openstack/latest/meta_data.json': json.dumps(
        {'uuid': 'u-1', 'hostname': 'wren', 'public_keys': {'k': 'ssh-ed25519 AAAA me'}}
    ),
    '/openstack/latest/user_data': '#!/bin/sh\nip route\nip link show eth0\n',
}
EC2 = {
    '/latest/meta-data/instance-id': 'i-00000001',
    '/latest/meta-data/hostname': 'robin',
    '/latest/meta-data/public-keys/0/openssh-key': 'ssh-ed25519 AAAA me',
    '/latest/user-data': '#!/bin/sh\nip route\nip link show eth0\n',
}


def ip(*words: str) -> None:
    subprocess.run(['ip', *words], check=True)


@pytest.fixture(scope='module')
def rig():
    made = LibvirtRig.lent()
    yield made
    made.close()


@pytest.fixture
def network(tmp_path):
    """A bridge, and behind it a namespace with dnsmasq and a metadata service."""
    key = uuid.uuid4().hex[:8]
    space, bridge, outer, inner = f'nhns-{key}', f'qbr{key}', f'nho{key}', f'nhi{key}'
    processes = []

    def serve(data: dict) -> str:
        for program in (
            [
                '/usr/sbin/dnsmasq',
                '-k',
                '--conf-file=/dev/null',
                '--no-ping',
                '--bind-interfaces',
                f'--interface={inner}',
                '--port=0',
                '--dhcp-range=10.211.0.10,10.211.0.20,60',
                f'--dhcp-leasefile={tmp_path}/leases',
                '--dhcp-option=121,169.254.169.254/32,10.211.0.1,10.212.0.0/24,10.211.0.1,0.0.0.0/0,10.211.0.1',
                '--dhcp-option=26,1400',
                f'--pid-file={tmp_path}/pid',
            ],
            [sys.executable, '-c', METADATA, json.dumps(data)],
        ):
            processes.append(
                subprocess.Popen(
                    ['ip', 'netns', 'exec', space, *program],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        return bridge

    ip('netns', 'add', space)
    ip('link', 'add', bridge, 'type', 'bridge')
    ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', space)
    ip('link', 'set', outer, 'master', bridge, 'up')
    ip('link', 'set', bridge, 'up')
    ip('-n', space, 'link', 'set', 'lo', 'up')
    ip('-n', space, 'address', 'add', '10.211.0.1/24', 'dev', inner)
    ip('-n', space, 'address', 'add', '169.254.169.254/32', 'dev', inner)
    ip('-n', space, 'link', 'set', inner, 'up')
    yield serve
    for process in processes:
        process.terminate()
        process.wait(10)
    ip('link', 'delete', bridge)
    ip('netns', 'delete', space)


@pytest.mark.parametrize(
    'data, source, name',
    [
        (OPENSTACK, 'metadata service, instance u-1', 'wren'),
        (EC2, 'EC2 metadata service, instance i-00000001', 'robin'),
    ],
    ids=['openstack', 'ec2'],
)
def test_a_guest_is_set_up_by_dhcp_and_the_metadata_service(rig, network, data, source, name):
    bridge = network(data)
    nic = Nic(str(uuid.uuid4()), 'fa:16:3e:00:00:07', bridge, 'tap' + bridge[3:], 1500)
    guest, base = rig.bootable(nics=(nic,), config_drive=None)
    rig.driver.spawn(guest, base, lambda percent: None)
    try:
        wait_for(lambda: 'user data exit 0' in rig.driver.console(guest.id, None), 80, 'user data')
        console = rig.driver.console(guest.id, None).replace('\r', '')
    finally:
        rig.driver.destroy(guest.id)
    assert f'datasource: {source}' in console and f'ready: {name} eth0=10.211.0.' in console
    assert 'ssh keys: 1' in console
    assert re.search(r'10\.212\.0\.0/24 via 10\.211\.0\.1', console), 'the routes of option 121 are missing'
    assert re.search(r'default via 10\.211\.0\.1', console)
    assert 'mtu 1400' in console, 'the MTU of option 26 is missing'


def test_building_again_is_quick_and_changes_nothing(rig):
    from .compute_rigs import build_guest_image

    image = build_guest_image()
    before = image.stat().st_mtime_ns
    assert build_guest_image().stat().st_mtime_ns == before
    assert image.stat().st_size < 24 * 1024**2
