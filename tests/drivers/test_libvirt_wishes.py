"""Parts and limits that flavors and images wish for, in machines that run: each is there, and each limit holds."""

# ruff: noqa: F811 - fixtures are imported by their names

import dataclasses
import http.server
import os
import subprocess
import threading
import time
import uuid

import pytest

from nimbus.compute.agent.driver import RUNNING
from nimbus.compute.agent.libvirt.connection import SHARING
from nimbus.compute.guest import SCSI, SOUNDS, USB, WATCHDOGS, Blank, Nic
from tests.cases import one_first

from .compute_rigs import wait_for
from .test_libvirt_driver import bridge, definition, rig, run_inside  # noqa: F401 - fixtures

pytestmark = pytest.mark.real
MIB = 1 << 20
SENT = 512 * 1024


def has_queue(kind: str) -> bool:
    """Whether the kernel has the kind of queue, tried on a link of its own."""
    name = 'q' + uuid.uuid4().hex[:11]
    if subprocess.run(['ip', 'link', 'add', name, 'type', 'bridge'], capture_output=True).returncode:
        return False
    try:
        return not subprocess.run(['tc', 'qdisc', 'add', 'dev', name, 'root', kind], capture_output=True).returncode
    finally:
        subprocess.run(['ip', 'link', 'delete', name], capture_output=True)


@pytest.fixture
def wishing(rig, spawn):
    """Makes a guest whose flavor and image wish so."""

    def make(specs=None, properties=None, **changes):
        image = dataclasses.replace(rig.guest()[0].image, properties=properties or {})
        return spawn(image=image, extra_specs=specs or {}, **changes)

    return make


@pytest.fixture
def booted(rig, spawn):
    """Makes a guest with a system in it, which has booted."""

    def make(**changes):
        guest = spawn(bootable=True, **changes)
        rig.booted(guest)
        return guest

    return make


def runs_with(rig, guest, path: str) -> dict[str, str]:
    """The attributes of what the running guest has at the path."""
    assert rig.driver.state(guest.id) == RUNNING
    return definition(rig, guest).find(path).attrib


@pytest.mark.parametrize('model', one_first(*SCSI))
def test_a_disk_is_on_a_controller_of_every_model(rig, wishing, model):
    guest = wishing(properties={'hw_disk_bus': 'scsi', 'hw_scsi_model': model})
    assert runs_with(rig, guest, "./devices/controller[@type='scsi']")['model'] == model


@pytest.mark.parametrize('model', one_first(*SOUNDS))
def test_a_sound_card_of_every_model_is_made(rig, wishing, model):
    assert runs_with(rig, wishing({'hw:sound_model': model}), './devices/sound')['model'] == model


@pytest.mark.parametrize('model', one_first(*USB))
def test_a_usb_controller_of_every_model_is_made(rig, wishing, model):
    guest = wishing({'hw:usb_model': model})
    assert runs_with(rig, guest, "./devices/controller[@type='usb']")['model'] == model
    assert (definition(rig, guest).find('./devices/input') is None) == (model == 'none')


@pytest.mark.parametrize('action', one_first(*WATCHDOGS))
def test_a_watchdog_of_every_action_is_made(rig, wishing, action):
    assert runs_with(rig, wishing({'hw:watchdog_action': action}), './devices/watchdog')['action'] == action


@pytest.mark.parametrize('machine', one_first('pc', 'q35'))
def test_a_guest_has_all_the_parts_that_are_wished_for_at_once(rig, wishing, bridge, machine):
    nic = Nic(str(uuid.uuid4()), 'fa:16:3e:00:00:01', bridge, 'tap' + bridge[3:], 1500, queues=2, packed=True)
    specs = {'hw:serial_port_count': '3', 'hw:pmu': 'false', 'hide_hypervisor_id': 'true', 'hw_rng:rate_bytes': '2048'}
    wished = {'hw_input_bus': 'virtio', 'hw_video_ram': '32', 'hw_machine_type': machine, 'hw_watchdog_action': 'pause'}
    guest = wishing(specs | {'hw_rng:rate_period': '500'}, wished, vcpus=2, nics=(nic,))
    root = definition(rig, guest)
    assert runs_with(rig, guest, './devices/rng/rate') == {'bytes': '2048', 'period': '500'}
    assert len(root.findall('./devices/serial')) == 3 and root.find('./features/kvm/hidden').get('state') == 'on'
    assert [one.get('type') for one in root.findall("./devices/input[@bus='virtio']")] == ['tablet', 'keyboard']
    assert (
        root.find('./devices/video/model').get('vram') == '32768' and root.find('./features/pmu').get('state') == 'off'
    )
    assert root.find('./devices/interface/driver').attrib == {'queues': '2', 'packed': 'on'}


def test_an_empty_disk_is_on_a_bus_of_its_own(rig, wishing):
    guest = wishing(blanks=(Blank('eph0', 16, 'ext4', 'sda', 'sata'), Blank('swap', 16, 'swap', 'vdb')))
    targets = [one.attrib for one in definition(rig, guest).findall("./devices/disk[@device='disk']/target")]
    assert [(one['dev'], one['bus']) for one in targets] == [('vda', 'virtio'), ('sda', 'sata'), ('vdb', 'virtio')]
    assert rig.driver.state(guest.id) == RUNNING


def test_a_volume_is_a_cd_of_the_guest(rig, wishing):
    guest = wishing(volumes=(rig.volume('sda', bus='sata', cdrom=True),))
    (disk,) = definition(rig, guest).findall("./devices/disk[@device='cdrom']")
    assert disk.find('target').attrib == {'dev': 'sda', 'bus': 'sata'} and disk.find('readonly') is not None
    assert rig.driver.state(guest.id) == RUNNING


def test_a_guest_writes_and_reads_its_disks_no_faster_than_its_flavor_lets_it(rig, booted):
    specs = {'quota:disk_write_bytes_sec': str(MIB), 'quota:disk_read_iops_sec': '100'}
    guest = booted(extra_specs=specs, blanks=(Blank('swap', 32, 'swap', 'vdb'),))
    began = time.monotonic()
    run_inside(rig, guest, 'dd if=/dev/zero of=/dev/vdb bs=64k count=128 conv=fsync')
    assert time.monotonic() - began > 6  # 8 MiB
    domain = rig.driver._libvirt().lookupByUUIDString(guest.id)
    assert domain.blockIoTune('vda')['read_iops_sec'] == 100 and domain.blockIoTune('vdb')['write_bytes_sec'] == MIB


@pytest.mark.long
def test_a_volume_takes_no_more_than_the_qualities_of_its_type_let_through(rig, booted):
    guest = booted(extra_specs={'quota:disk_write_bytes_sec': str(64 * MIB)})
    volume = rig.volume('vdb')
    limits = {'write_bytes_sec': str(MIB), 'read_iops_sec': '100', 'vendor:other': 'x'}
    rig.driver.attach(guest.id, dataclasses.replace(volume, data={**volume.data, 'qos_specs': limits}))
    wait_for(lambda: 'vdb' in run_inside(rig, guest, 'cat /proc/partitions'), 20, 'the disk')
    began = time.monotonic()
    run_inside(rig, guest, 'dd if=/dev/zero of=/dev/vdb bs=64k count=128 conv=fsync')
    assert time.monotonic() - began > 6  # 8 MiB
    domain = rig.driver._libvirt().lookupByUUIDString(guest.id)
    told = domain.blockIoTune('vdb')
    assert (told['write_bytes_sec'], told['read_iops_sec']) == (MIB, 100)


@pytest.mark.long
@pytest.mark.skipif(not os.access(SHARING, os.W_OK), reason='no control groups of the first version')
def test_a_guest_computes_no_more_than_its_flavor_lets_it(rig, booted):
    guest = booted(extra_specs={'quota:cpu_period': '100000', 'quota:cpu_quota': '40000', 'quota:cpu_shares': '512'})
    run_inside(rig, guest, 'sh -c "while :; do :; done" >/dev/null 2>&1 &')
    domain = rig.driver._libvirt().lookupByUUIDString(guest.id)
    began, used = time.monotonic(), domain.info()[4]
    wait_for(lambda: domain.info()[4] > used + 2e9, 60, 'two seconds of a processor')
    assert time.monotonic() - began > 3.6


class Bytes(http.server.BaseHTTPRequestHandler):
    """Answers 512 KiB."""

    def do_GET(self):  # noqa: N802 - http.server's name
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(SENT))

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not has_queue('sfq'), reason='this kernel has not the queue that libvirt limits cards with, sfq')
def test_a_card_lets_no_more_through_than_the_flavor_says(rig, booted, bridge):
    nic = Nic(str(uuid.uuid4()), 'fa:16:3e:00:00:01', bridge, 'tap' + bridge[3:], 1500, limits={'inbound_average': 128})
    guest = booted(nics=(nic,))
    subprocess.run(['ip', 'addr', 'add', '10.97.0.1/24', 'dev', bridge], check=True)
    with http.server.HTTPServer(('10.97.0.1', 0), Bytes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run_inside(rig, guest, 'ip addr add 10.97.0.2/24 dev eth0; ip link set eth0 up')
        began = time.monotonic()
        url = f'http://10.97.0.1:{server.server_port}/'
        got = run_inside(rig, guest, f'timeout 30 wget -q -O - {url} | wc -c')
        took = time.monotonic() - began
        server.shutdown()
    assert (int(got), took > 2.5) == (SENT, True)
