"""Guests by libvirt and QEMU, looked at from outside: files, processes, links, and from within the guest."""

import base64
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import uuid
from xml.etree import ElementTree as ET

import libvirt
import pytest

from nimbus.compute.agent.driver import RUNNING, SHUTDOWN, Refused
from nimbus.compute.guest import Blank, Nic

from .compute_rigs import REPO, LibvirtRig, embedded_root, qemu_pids, wait_for

pytestmark = pytest.mark.real


@pytest.fixture(scope='module')
def rig():
    made = LibvirtRig.lent()
    yield made
    made.close()


@pytest.fixture
def bridge():
    """A bridge such as the network agent makes for a port."""
    name = 'qbr' + uuid.uuid4().hex[:11]
    subprocess.run(['ip', 'link', 'add', name, 'type', 'bridge'], check=True)
    subprocess.run(['ip', 'link', 'set', name, 'up'], check=True)
    yield name
    subprocess.run(['ip', 'link', 'delete', name], check=True)


def folder_of(rig, guest) -> pathlib.Path:
    return rig.instances / guest.id


def definition(rig, guest) -> ET.Element:
    return ET.parse(folder_of(rig, guest) / 'libvirt.xml').getroot()


def link(name: str) -> dict:
    return json.loads(subprocess.run(['ip', '-j', '-d', 'link', 'show', name], check=True, capture_output=True).stdout)[
        0
    ]


def ask_agent(rig, guest, command: str, **arguments) -> dict:
    """What the agent inside the guest answers."""
    import libvirt
    import libvirt_qemu

    request = json.dumps({'execute': command, 'arguments': arguments})
    domain = rig.driver._libvirt().lookupByUUIDString(guest.id)

    def answer():
        try:
            return json.loads(libvirt_qemu.qemuAgentCommand(domain, request, 5, 0))
        except libvirt.libvirtError:
            return None

    return wait_for(answer, 40, 'the guest agent')['return']


def run_inside(rig, guest, command: str) -> str:
    """What a shell command printed inside the guest."""
    pid = ask_agent(rig, guest, 'guest-exec', path='/bin/sh', arg=['-c', command], **{'capture-output': True})['pid']
    done = wait_for(lambda: (s := ask_agent(rig, guest, 'guest-exec-status', pid=pid))['exited'] and s, 20)
    return base64.b64decode(done.get('out-data', '')).decode()


def test_a_guest_folder_has_its_files_with_narrow_modes(rig, spawn):
    guest = spawn(
        config_drive={'openstack/latest/meta_data.json': 'e30='},
        blanks=(Blank('local', 1024, 'ext4'), Blank('swap', 8, 'swap')),
    )
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder_of(rig, guest).iterdir()}
    assert modes == {
        'disk': 0o600,
        'disk.local': 0o600,
        'disk.swap': 0o600,
        'disk.config': 0o640,
        'host': 0o600,
        'disk.info': 0o600,
        'console.log': 0o600,
        'libvirt.xml': 0o600,
    }
    assert folder_of(rig, guest).stat().st_mode & 0o777 == 0o711


def test_the_root_disk_is_an_overlay_as_large_as_the_flavor_says(rig, spawn):
    guest = spawn(root_gb=2)
    done = subprocess.run(
        ['qemu-img', 'info', '-U', '--output=json', folder_of(rig, guest) / 'disk'],
        check=True,
        capture_output=True,
    )
    found = json.loads(done.stdout)
    assert (found['format'], found['virtual-size']) == ('qcow2', 2 * 1024**3)
    assert found['backing-filename'] == rig.guest()[1]
    assert found['backing-filename-format'] == 'qcow2'


def test_a_root_disk_smaller_than_its_image_is_refused(rig):
    path = rig.folder / 'large.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '3G'], check=True)
    guest, base = rig._cached(path, {'root_gb': 2})
    with pytest.raises(Refused, match='and the flavor has a root disk of 2 GiB only.'):
        rig.driver.spawn(guest, base, lambda percent: None)
    assert rig.leftovers(guest) == []


def test_disks_come_in_order_with_explicit_formats_and_ended_chains(rig, spawn):
    volumes = (rig.volume('vde'), rig.volume('vdb'))
    guest = spawn(config_drive={'a': 'YQ=='}, blanks=(Blank('local', 1024, 'ext4'),), volumes=volumes)
    disks = definition(rig, guest).findall('./devices/disk')
    assert [disk.find('target').get('dev') for disk in disks] == ['vda', 'vdc', 'vdb', 'vde', 'hdd']
    assert [disk.find('driver').get('type') for disk in disks] == ['qcow2', 'raw', 'raw', 'raw', 'raw']
    assert [disk.findtext('serial') for disk in disks] == [None, None, volumes[1].id, volumes[0].id, None]
    for disk in disks:
        last = disk
        while (below := last.find('backingStore')) is not None and len(below):
            last = below
        assert below is not None, 'a chain is left for QEMU to probe'
    assert disks[-1].get('device') == 'cdrom'


def test_empty_disks_asked_for_one_by_one_are_formatted_and_named_as_asked(rig, spawn):
    blanks = (Blank('eph0', 64, 'ext4', 'vdd'), Blank('eph1', 64, 'ext2'), Blank('swap', 8, 'swap', 'vdb'))
    guest = spawn(blanks=blanks)
    disks = definition(rig, guest).findall('./devices/disk')
    assert [disk.find('target').get('dev') for disk in disks] == ['vda', 'vdd', 'vdc', 'vdb']
    found = [
        subprocess.run(
            ['blkid', '-p', '-o', 'value', '-s', 'TYPE', '-s', 'LABEL', folder_of(rig, guest) / name],
            check=True, capture_output=True, text=True,
        ).stdout.split()
        for name in ('disk.eph0', 'disk.eph1', 'disk.swap')
    ]  # fmt: skip
    assert found == [['ephemeral0', 'ext4'], ['ephemeral1', 'ext2'], ['swap']]


def test_a_format_the_host_does_not_make_is_refused(rig):
    guest = dataclasses.replace(rig.guest()[0], blanks=(Blank('eph0', 64, 'ntfs'),))
    with pytest.raises(Refused, match='as ntfs, only as ext2, ext3, ext4 or swap'):
        rig.driver.spawn(guest, rig.guest()[1], lambda percent: None)
    assert rig.leftovers(guest) == []


def test_a_q35_guest_runs_and_has_ports_to_plug_into(rig, spawn):
    image = dataclasses.replace(rig.guest()[0].image, properties={'hw_machine_type': 'q35'})
    guest, volume = spawn(image=image, config_drive={'a': 'YQ=='}), rig.volume('vdb')
    rig.driver.attach(guest.id, volume)
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}


def test_a_disk_that_goes_after_its_detach_was_refused_comes_back(rig, spawn, caplog, monkeypatch):
    guest, volume = spawn(), rig.volume('vdb')
    rig.driver.attach(guest.id, volume)
    monkeypatch.setattr(rig.driver, 'settings', dataclasses.replace(rig.settings, detach_timeout=1))
    with pytest.raises(Refused, match='did not let go of volume'):
        rig.driver.detach(guest.id, volume)  # firmware never answers
    domain = rig.driver._find(guest.id)
    assert volume.id in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), 'the next start has it'
    domain.reset()  # the machine grants the old request now
    wait_for(lambda: f'let go of volume {volume.id}' in caplog.text, 20, 'the disk')
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}
    assert rig.is_open_anywhere(volume)


def test_a_disk_that_went_while_no_agent_looked_is_back_when_one_does(rig, spawn, monkeypatch):
    guest, volume = spawn(), rig.volume('vdb')
    rig.driver.attach(guest.id, volume)
    monkeypatch.setattr(rig.driver, 'settings', dataclasses.replace(rig.settings, detach_timeout=1))
    with pytest.raises(Refused, match='did not let go of volume'):
        rig.driver.detach(guest.id, volume)
    rig.driver._restorer.stop()  # nobody acts on what libvirt tells
    domain = rig.driver._find(guest.id)
    domain.reset()
    wait_for(lambda: volume.id not in domain.XMLDesc(), 20, 'the end of the disk')
    rig.restart()
    wait_for(lambda: rig.driver.attached(guest.id) == {volume.id: 'vdb'}, 20, 'the disk')


@pytest.mark.parametrize('bus, device', [('scsi', 'sda'), ('sata', 'sda'), ('ide', 'hda')])
def test_an_image_chooses_the_bus_of_its_disk(rig, spawn, bus, device):
    guest = spawn(image=dataclasses.replace(rig.guest()[0].image, properties={'hw_disk_bus': bus}))
    target = definition(rig, guest).find('./devices/disk/target')
    assert (target.get('dev'), target.get('bus')) == (device, bus)


def test_a_tap_joins_its_bridge_and_goes_with_its_guest(rig, spawn, bridge):
    nic = Nic(str(uuid.uuid4()), 'fa:16:3e:00:00:01', bridge, 'tap' + bridge[3:], 1400)
    guest = spawn(nics=(nic,))
    tap = link(nic.tap)
    assert (tap['master'], tap['mtu']) == (bridge, 1400)
    rig.driver.reboot(guest, True, 1)
    assert link(nic.tap)['master'] == bridge
    rig.driver.destroy(guest.id)
    assert rig.leftovers(guest) == []


def test_a_guest_without_its_bridge_is_refused_and_leaves_nothing(rig):
    nic = Nic(str(uuid.uuid4()), 'fa:16:3e:00:00:02', 'qbrnone', 'tapnone', 1400)
    guest, base = rig.guest(nics=(nic,))
    with pytest.raises(Refused, match=f'^QEMU did not start guest {guest.id}.$') as caught:
        rig.driver.spawn(guest, base, lambda percent: None)
    assert re.search(r'qbrnone.*\.$', caught.value.inside)
    assert rig.leftovers(guest) == []


def test_a_full_disk_is_a_refusal_that_leaves_nothing(rig):
    full = rig.folder / 'full'
    full.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=128k', 'nimbus-test', full], check=True)
    try:
        guest, base = rig.guest(config_drive={'a': base64.b64encode(bytes(10**6)).decode()})
        driver = rig.driver_class(dataclasses.replace(rig.settings, instances_path=str(full), min_free_mb=0))
        driver.open()
        with pytest.raises(Refused, match=f'This host has no disk space left for guest {guest.id}.'):
            driver.spawn(guest, base, lambda percent: None)
        assert driver.guests() == {} and os.listdir(full) == []
        driver.close()
    finally:
        subprocess.run(['umount', full], check=True)


def test_a_host_keeps_some_disk_free(rig):
    guest, base = rig.guest()
    driver = rig.driver_class(dataclasses.replace(rig.settings, min_free_mb=10**9))
    driver.open()
    with pytest.raises(Refused, match='^There is no disk space left for guest') as caught:
        driver.spawn(guest, base, lambda percent: None)
    assert re.match(r'This host has \d+ MiB of disk left for guest .*, and keeps 1000000000 MiB', caught.value.inside)
    driver.close()
    assert rig.leftovers(guest) == []


def test_a_half_made_guest_is_mended(rig, spawn):
    guest, base = rig.guest()
    folder = folder_of(rig, guest)
    folder.mkdir()
    (folder / 'building').touch()
    (folder / 'disk.part').write_bytes(b'half a disk')
    rig.driver.spawn(guest, base, lambda percent: None)
    assert rig.driver.state(guest.id) == RUNNING
    assert sorted(path.name for path in folder.iterdir()) == ['console.log', 'disk', 'disk.info', 'host', 'libvirt.xml']
    rig.driver.destroy(guest.id)


def test_a_volume_that_another_guest_has_is_refused(rig, spawn):
    first, second, volume = spawn(), spawn(), rig.volume('vdb')
    rig.driver.attach(first.id, volume)
    with pytest.raises(Refused, match=f'^Guest {second.id} did not take volume {volume.id}.$') as caught:
        rig.driver.attach(second.id, volume)
    assert 'lock' in caught.value.inside
    assert rig.driver.attached(second.id) == {}


@pytest.mark.parametrize(
    'change, sentence',
    [
        ({'driver_volume_type': 'iscsi'}, "its type is 'iscsi', and only file is known here."),
        ({'data': {'path': '/etc/passwd', 'format': 'vmdk'}}, "its format is 'vmdk', not raw or qcow2."),
        ({'data': {'path': '/no/such/file', 'format': 'raw'}}, 'does not see the file of volume'),
    ],
)
def test_a_volume_this_host_cannot_reach_is_refused(rig, spawn, change, sentence):
    guest = spawn()
    with pytest.raises(Refused, match=sentence):
        rig.driver.attach(guest.id, dataclasses.replace(rig.volume('vdb'), **change))


def test_a_console_log_does_not_grow_for_ever(rig, spawn):
    guest = spawn()
    log = folder_of(rig, guest) / 'console.log'
    with open(log, 'ab') as out:
        out.write(b'a line of text\n' * 100000)
    wait_for(lambda: log.stat().st_blocks * 512 <= rig.settings.console_bytes, 15)
    text = rig.driver.console(guest.id, None)
    assert text.endswith('a line of text\n') and 20000 < len(text) <= rig.settings.console_bytes


def test_a_guest_id_that_is_a_path_is_refused(rig):
    with pytest.raises(ValueError):
        rig.driver.destroy('../../etc')


SCRIPT = """
import json, sys, time
sys.path.insert(0, {repo!r})
from nimbus.compute.agent.libvirt.driver import LibvirtDriver, LibvirtSettings
from nimbus.compute.guest import Guest
uri = 'qemu:///embed?root=' + {folder!r} + '/lv'
driver = LibvirtDriver(LibvirtSettings({folder!r} + '/instances', uri, 'qemu'))
driver.open()
guest = Guest.from_dict(json.loads({guest!r}))
{act}
"""


def test_a_guest_outlives_the_kill_of_its_agent_and_is_found_again(rig):
    folder = rig.folder / 'k'
    shutil.copytree(
        pathlib.Path(embedded_root()) / 'cache', folder / 'lv' / 'cache'
    )  # what libvirt knows of QEMU, for speed
    guest, base = rig.guest()
    text = json.dumps(dataclasses.asdict(guest))

    def agent(act: str) -> subprocess.Popen:
        script = SCRIPT.format(repo=str(REPO), folder=str(folder), guest=text, act=act)
        return subprocess.Popen([sys.executable, '-c', script], stdout=subprocess.PIPE, text=True)

    with agent(f'driver.spawn(guest, {base!r}, print); print("up", flush=True); time.sleep(60)') as first:
        wait_for(lambda: first.stdout.readline() == 'up\n', 60)
        first.send_signal(signal.SIGKILL)
    pids = qemu_pids(guest.id)
    assert len(pids) == 1
    with agent(
        f'driver.spawn(guest, {base!r}, print); print(driver.state(guest.id)); driver.stop(guest.id, 0); '
        'print(driver.state(guest.id)); driver.start(guest); driver.destroy(guest.id); print(driver.guests())'
    ) as second:
        said = second.communicate(timeout=60)[0].splitlines()
    assert said == ['100', RUNNING, SHUTDOWN, '{}']
    wait_for(lambda: not qemu_pids(guest.id), 10)


def test_a_real_guest_boots_sees_its_data_and_its_volume_and_answers_acpi(rig, spawn):
    meta = json.dumps({'uuid': 'u-1', 'hostname': 'sparrow', 'public_keys': {'mine': 'ssh-ed25519 AAAAC3 me'}})
    drive = {
        'openstack/latest/meta_data.json': meta,
        'openstack/latest/user_data': '#!/bin/sh\necho user-data ran\n',
    }
    drive = {path: base64.b64encode(text.encode()).decode() for path, text in drive.items()}
    guest, volume = spawn(bootable=True, root_gb=1, config_drive=drive), rig.volume('vdb')
    wait_for(lambda: 'user data exit 0' in rig.driver.console(guest.id, None), 60, 'user data')
    console = rig.driver.console(guest.id, None)
    assert 'login:' in console and 'user-data ran' in console and 'ready: sparrow' in console
    assert 'root grown to 9' in console
    assert 'ssh-ed25519 AAAAC3 me' in run_inside(rig, guest, 'cat /home/cirros/.ssh/authorized_keys')
    rig.driver.attach(guest.id, volume)
    wait_for(lambda: run_inside(rig, guest, 'cat /sys/block/vdb/serial') == volume.id[:20], 20, 'the volume')
    assert (
        run_inside(rig, guest, 'cat /sys/class/dmi/id/product_name /sys/class/dmi/id/product_serial')
        == f'OpenStack Nova\n{guest.id}\n'
    )
    rig.driver.detach(guest.id, volume)
    assert run_inside(rig, guest, 'ls /sys/block | grep -c vdb').strip() == '0'
    pid = qemu_pids(guest.id)
    rig.driver.reboot(guest, False, 60)
    assert qemu_pids(guest.id) == pid, 'a soft reboot keeps the machine running'
    wait_for(lambda: 'boot number 2' in rig.driver.console(guest.id, None), 60, 'the second boot')
    wait_for(lambda: rig.driver.console(guest.id, None).count('ready: ') == 2, 60, 'the second boot')
    rig.driver.stop(guest.id, 60)
    assert rig.driver.state(guest.id) == SHUTDOWN
    assert 'power button' in rig.driver.console(guest.id, None).split('boot number 2')[1]
