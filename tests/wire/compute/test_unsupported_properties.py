"""What flavors, images and hints may wish for is honoured or refused by name, never taken and forgotten."""

import csv
import dataclasses
import pathlib
import re
import types

import pytest
import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.jobs import Job
from nimbus.compute.agent.libvirt import xml as libvirt_xml
from nimbus.compute.agent.libvirt.wishes.firmware import Firmware
from nimbus.compute.devices import block_requests, wish_checks
from nimbus.compute.flavors import flavors
from nimbus.compute.guest import Guest, topology
from nimbus.compute.models import Server
from nimbus.compute.servers import guests, servers
from nimbus.network.ports import ports
from nimbus.scheduler import specs
from tests.compute_world import add_image, boot, volume_of
from tests.conftest import MEMBER
from tests.domain.compute.test_boots import root

# Every name that upstream registers or knows, a value that is not its default, and what becomes of that here:
# `refused`, done to the `guest`, compared with a `host`, a `hint` that chooses one, or `free`: it bounds, stores or
# speaks of something else.
TABLE = pathlib.Path(__file__).with_name('wishes.tsv').read_text()
WISHES = list(csv.DictReader(TABLE.splitlines(), delimiter='\t'))
IMAGE = '6c2c8f0e-8a5b-4c57-9d3c-0000000000bb'
BLANK = {'source_type': 'blank', 'destination_type': 'local', 'uuid': None}
WORLD = types.SimpleNamespace(flavor=None, image=None)
FIRMWARES = (Firmware('/code', '/variables', ('pc-*',), False), Firmware('/locked', '/keys', ('pc-q35-*',), True))
MACHINE = libvirt_xml.Machine('qemu', 'pc', 'maximum', 32, 16, 'none', '127.0.0.1', FIRMWARES)


def of(fate: str) -> list[dict[str, str]]:
    return [wish for wish in WISHES if wish['fate'] == fate]


def named(wish: dict[str, str]) -> str:
    return f'{wish["kind"]} {wish["name"]}'


def wishing(database, kind: str, name: str, value: str) -> dict[str, str]:
    """What a server is asked for with, after its flavor or image came to wish so."""
    with database.write() as tx:
        flavors.create(tx, flavors.Wanted(id='wish', name='wish', vcpus=4, ram=64, disk=1))
        if kind == 'extra spec':
            flavors.specify(tx, 'wish', {name: value})
        add_image(tx, IMAGE, properties={name: value} if kind == 'property' else {})
    return {'flavor_id': 'wish', 'image_id': IMAGE}


def ask(api, asked: dict[str, str], **beside):
    server = {'name': 'vm', 'flavorRef': asked['flavor_id'], 'imageRef': asked['image_id']}
    return api('POST', '/servers', {'server': server, **beside})


def xml_of(database, asked: dict[str, str]) -> str:
    """The definition of the guest that such a server would have, without what differs from server to server."""
    row = boot(database, WORLD, **asked)
    with database.write() as tx:
        at = {'server_id': row.id, 'project_id': MEMBER.project_id, 'host': 'h1', 'zone': 'nova', 'hostname': 'vm'}
        for number, nic in enumerate(row.networks):
            port_id = ids.derived(row.id, 'port', number)
            ports.ensure(tx, MEMBER, port_id=port_id, network_id=nic['network_id'], **at)
        described = guests.describe(tx, row.id)
    # What a drive, a disk's bus and a card's model make of a guest has tests where disks and cards are made.
    cards = [{name: nic[name] for name in nic if name not in ('port_id', 'mac', 'tap')} for nic in described['nics']]
    told = [row.config_drive, cards, *map(described['image']['properties'].get, ('hw_disk_bus', 'hw_cdrom_bus'))]
    guest = dataclasses.replace(Guest.from_dict(described), nics=())
    xml = libvirt_xml.domain(
        guest, MACHINE, [libvirt_xml.Disk('/disk', 'qcow2', 'sda', 'scsi')], libvirt_xml.Files('/console')
    )
    return xml.replace(row.id, 'ID').replace(described['name'], 'NAME') + str(told)


@pytest.mark.parametrize('wish', of('refused'), ids=named)
def test_what_is_not_done_is_refused_by_its_name(api, world, parts, wish):
    kind, name, value, _ = wish.values()
    asked = wishing(parts.db, kind, name, value)
    answer = ask(api, asked, **({'os:scheduler_hints': {name: value}} if kind == 'hint' else {}))
    assert answer.status == 400, answer.data
    told = answer.json['badRequest']['message']
    assert name in told and (kind in told) or name == 'group'
    with parts.db.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.workflow == 'build_server')) == 0


@pytest.mark.parametrize('wish', of('free'), ids=named)
def test_what_asks_nothing_of_a_guest_is_no_reason_to_refuse(api, world, parts, wish):
    kind, name, value, _ = wish.values()
    assert ask(api, wishing(parts.db, kind, name, value)).status == 202


@pytest.mark.parametrize('wish', of('hint'), ids=named)
def test_a_hint_that_a_filter_looks_at_is_taken(api, world, parts, wish):
    kind, name, value, _ = wish.values()
    assert ask(api, wishing(parts.db, kind, name, value), **{'os:scheduler_hints': {name: value}}).status == 202


@pytest.mark.parametrize('wish', of('guest'), ids=named)
def test_what_is_done_changes_the_guest(world, parts, wish):
    kind, name, value, _ = wish.values()
    asked = wishing(parts.db, kind, name, value)
    with parts.db.write() as tx:
        plain = {'flavor_id': flavors.create(tx, flavors.Wanted(name='plain', vcpus=4, ram=64, disk=1)).id}
    if 'vif_' in name or 'packed' in name:
        asked['networks'] = plain['networks'] = 'auto'
    assert xml_of(parts.db, asked) != xml_of(parts.db, {**plain, 'image_id': world.image})


@pytest.mark.parametrize('wish', of('host'), ids=named)
def test_what_is_asked_of_a_host_is_compared_with_its_facts(wish):
    kind, name, value, _ = wish.values()
    fitting = {'arch': 'x86_64', 'hypervisor_type': 'QEMU', 'cpu_info': {'topology': {'cores': 2}}}
    other = {'arch': 'ppc', 'hypervisor_type': 'lxc', 'cpu_info': {'topology': {'cores': 1}}}
    if kind == 'extra spec':
        fits = [specs.matches(specs.fact(facts, specs.capability(name)), value) for facts in (fitting, other)]
    elif 'vm_mode' in name:
        fits = [specs.image_fits(fitting, {name: mode}) for mode in (value, 'exe')]
    else:
        fits = [specs.image_fits(facts, {name: value}) for facts in (fitting, other)]
    assert fits == [True, False]


@pytest.mark.parametrize(
    ('kind', 'name', 'value'),
    [
        ('extra spec', 'hw:cpu_policy', 'shared'),
        ('extra spec', 'hw:locked_memory', 'False'),
        ('extra spec', 'hw_rng:allowed', 'True'),
        ('extra spec', 'quota:disk_total_iops_sec', '0'),
        ('extra spec', 'trait:CUSTOM_X', 'forbidden'),
        ('extra spec', 'mine:colour', 'blue'),
        ('property', 'hw_firmware_type', 'bios'),
        ('property', 'hw_vif_model', 'virtio'),
        ('property', 'hw_qemu_guest_agent', 'yes'),
        ('property', 'hw_scsi_model', 'virtio-scsi'),
        ('property', 'hw_rng_model', 'virtio'),
        ('property', 'hw_pointer_model', 'usbtablet'),
        ('extra spec', 'quota:cpu_quota', '-1'),
        ('extra spec', 'hw:serial_port_count', '0'),
        ('property', 'kernel_id', ''),
        ('property', 'block_device_mapping', '[]'),
        ('property', 'colour', 'blue'),
    ],
)
def test_what_every_guest_is_may_be_wished_for(api, world, parts, kind, name, value):
    assert ask(api, wishing(parts.db, kind, name, value)).status == 202


def test_the_refusal_says_what_is_done_instead(api, world, parts):
    asked = wishing(parts.db, 'property', 'hw_vif_model', 'lan9118')
    told = ask(api, asked).json['badRequest']['message']
    assert told.startswith('The property hw_vif_model=lan9118 of the image is not supported: hw_vif_model may be ')


def test_a_volume_wishes_as_the_image_it_was_made_from(world, parts):
    image = {'image_id': IMAGE, 'image_name': 'i', 'min_ram': 0, 'min_disk': 0}
    refused = volume_of(parts.db, MEMBER, image={**image, 'properties': {'hw_tpm_version': '2.0'}})
    with pytest.raises(errors.Invalid, match='property hw_tpm_version=2.0 of the image'):
        boot(parts.db, world, image_id=None, devices=root(refused))
    done = {'hw_machine_type': 'q35', 'hw_vif_model': 'e1000', 'hw_disk_bus': 'scsi', 'img_config_drive': 'mandatory'}
    made = volume_of(parts.db, MEMBER, image={**image, 'properties': done})
    row = boot(parts.db, world, image_id=None, devices=root(made))
    with parts.db.read() as tx:
        described, spec = guests.describe(tx, row.id), servers.spec(tx, row.id)
    assert described['root_properties'] == done and row.image_id is None and spec['config_drive']
    assert 'machine="q35"' in libvirt_xml.domain(Guest.from_dict(described), MACHINE, [], libvirt_xml.Files(''))


def test_a_guest_that_wishes_nothing_is_told_as_agents_of_before_know_it(world, parts):
    row = boot(parts.db, world)
    with parts.db.read() as tx:
        assert 'root_properties' not in guests.describe(tx, row.id)


def test_a_server_from_before_its_wishes_were_checked_still_starts(world, parts):
    row = boot(parts.db, world, networks='auto')
    unheard = {'hw_vif_model': 'lan9118', 'hw_video_model': 'qxl', 'hw_cpu_max_sockets': '0', 'hw_cpu_sockets': 'many'}
    with parts.db.write() as tx:
        tx.update(Server, Server.id == row.id, image={**row.image, 'properties': unheard})
        at = {'server_id': row.id, 'project_id': MEMBER.project_id, 'host': 'h1', 'zone': 'nova', 'hostname': 'vm'}
        ports.ensure(tx, MEMBER, port_id=ids.dashed(), network_id=world.network, **at)
        described = guests.describe(tx, row.id)
    xml = libvirt_xml.domain(Guest.from_dict(described), MACHINE, [], libvirt_xml.Files('/console'))
    assert described['nics'][0]['model'] == 'virtio'
    assert '<model type="vga"' in xml and '<topology sockets="1" cores="1" threads="1"' in xml


@pytest.mark.parametrize(
    ('device', 'told'),
    [
        ({'device_type': 'floppy'}, 'device_type floppy'),
        ({'device_type': 'cdrom', 'disk_bus': 'virtio'}, 'disk_bus virtio of a CD'),
        (
            {'source_type': 'blank', 'destination_type': 'local', 'uuid': None, 'device_type': 'cdrom'},
            'device_type cdrom',
        ),
        ({'disk_bus': 'usb'}, 'disk_bus usb'),
        ({**BLANK, 'disk_bus': 'usb'}, 'disk_bus usb'),
        ({'source_type': 'image', 'destination_type': 'local', 'boot_index': 0, 'disk_bus': 'scsi'}, 'disk_bus scsi'),
    ],
)
def test_a_disk_of_another_kind_is_refused(api, world, device, told):
    own = {'source_type': 'image', 'destination_type': 'local', 'boot_index': 0, 'uuid': world.image}
    other = {'source_type': 'volume', 'destination_type': 'volume', 'uuid': IMAGE, **device}
    other = {name: value for name, value in other.items() if value is not None}
    server = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image}
    answer = api('POST', '/servers', {'server': {**server, 'block_device_mapping_v2': [own, other]}})
    assert answer.status == 400 and told in answer.json['badRequest']['message']


@pytest.mark.parametrize(
    ('wishes', 'properties', 'made'),
    [
        ({}, {}, (8, 1, 1)),
        ({'hw:cpu_sockets': '2'}, {}, (2, 4, 1)),
        ({'hw:cpu_cores': '4'}, {}, (2, 4, 1)),
        ({'hw:cpu_threads': '2'}, {}, (4, 1, 2)),
        ({'hw:cpu_sockets': '1', 'hw:cpu_cores': '4', 'hw:cpu_threads': '2'}, {}, (1, 4, 2)),
        ({'hw:cpu_max_sockets': '2'}, {}, (2, 4, 1)),
        ({'hw:cpu_cores': '4'}, {'hw_cpu_sockets': '8'}, (8, 1, 1)),
        ({'hw:cpu_sockets': '4'}, {'hw_cpu_max_sockets': '2'}, (2, 4, 1)),
        ({'hw:cpu_sockets': '3'}, {}, (8, 1, 1)),
    ],
)
def test_processors_are_made_as_they_are_wished_for(wishes, properties, made):
    assert topology(8, wishes, properties) == made


@pytest.mark.parametrize(
    ('wishes', 'properties', 'told'),
    [
        ({'hw:cpu_max_cores': '2'}, {'hw_cpu_max_cores': '4'}, 'The image allows more processor cores 4'),
        ({'hw:cpu_max_cores': '2'}, {'hw_cpu_cores': '4'}, 'The image asks for processor cores 4'),
        ({'hw:cpu_max_sockets': '1', 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '1'}, {}, '8 vCPUs cannot be made'),
        ({'hw:cpu_sockets': 'many'}, {}, 'hw:cpu_sockets=many is not a whole number'),
    ],
)
def test_processors_that_cannot_be_made_so_are_refused(wishes, properties, told):
    with pytest.raises(errors.Invalid, match=told):
        topology(8, wishes, properties)


@pytest.mark.parametrize(
    ('specs', 'properties', 'told'),
    [
        ({'quota:cpu_shares': '1'}, {}, 'it may be a whole number from 2 to 262144'),
        ({'quota:cpu_period': '999'}, {}, 'it may be a whole number from 1000 to 1000000'),
        ({'quota:cpu_quota': '10'}, {}, 'quota:cpu_quota=10 of the flavor'),
        ({'quota:disk_total_iops_sec': '9', 'quota:disk_read_iops_sec': '9'}, {}, 'only one of the two is possible'),
        ({'quota:vif_inbound_burst': '9'}, {}, 'need quota:vif_inbound_average'),
        ({'hw:pmu': 'true'}, {'hw_pmu': 'no'}, 'they contradict each other'),
        ({'hw:sound_model': 'ich6'}, {'hw_sound_model': 'ich9'}, 'they contradict each other'),
        ({'hw:hide_hypervisor_id': 'false'}, {'img_hide_hypervisor_id': 'true'}, 'they contradict each other'),
        ({'hw:serial_port_count': '2'}, {'hw_serial_port_count': '3'}, 'asks for 3 serial ports'),
        ({'hw_video:ram_max_mb': '32'}, {'hw_video_ram': '64'}, 'the flavor allows 32 MiB'),
        ({'hw:usb_model': 'none'}, {'hw_input_bus': 'usb'}, 'cannot have hw_input_bus=usb'),
        ({'os:secure_boot': 'required'}, {'os_secure_boot': 'disabled'}, 'they contradict each other'),
        ({'os:secure_boot': 'required'}, {}, 'needs an image with hw_firmware_type=uefi'),
        (
            {},
            {'os_secure_boot': 'required', 'hw_firmware_type': 'uefi', 'hw_machine_type': 'pc'},
            'hw_machine_type=q35',
        ),
        ({}, {'ramdisk_id': 'x'}, 'not supported without a kernel_id'),
    ],
)
def test_wishes_that_cannot_be_met_together_are_refused(specs, properties, told):
    with pytest.raises(errors.Invalid, match=re.escape(told)):
        wish_checks.check(specs, properties)


@pytest.mark.parametrize(
    ('specs', 'properties'),
    [
        ({'hw:pmu': 'yes'}, {'hw_pmu': 'true'}),
        ({'hw:serial_port_count': '2'}, {'hw_serial_port_count': '1'}),
        ({'hw_video:ram_max_mb': '64'}, {'hw_video_ram': '64'}),
        ({'hw:usb_model': 'none'}, {'hw_input_bus': 'virtio'}),
        ({'quota:vif_inbound_average': '9', 'quota:vif_inbound_peak': '18'}, {}),
    ],
)
def test_wishes_that_agree_pass(specs, properties):
    wish_checks.check(specs, properties)


def test_an_empty_disk_is_on_the_bus_that_is_asked_for_it(api, world, parts):
    root = {'source_type': 'image', 'destination_type': 'local', 'boot_index': 0, 'uuid': world.image}
    blank = {'source_type': 'blank', 'destination_type': 'local', 'volume_size': 1, 'disk_bus': 'scsi'}
    with parts.db.write() as tx:
        flavor = flavors.create(tx, flavors.Wanted(name='f', vcpus=1, ram=64, disk=1, ephemeral=1, swap=64)).id
    server = {'name': 'vm', 'flavorRef': flavor, 'imageRef': world.image, 'block_device_mapping_v2': [root, blank]}
    answer = api('POST', '/servers', {'server': server})
    assert answer.status == 202, answer.data
    with parts.db.read() as tx:
        told = guests.describe(tx, answer.json['server']['id'])['blanks']
    assert [(one['device'], one.get('bus')) for one in told] == [('sda', 'scsi'), ('vdb', None)]


def test_a_volume_may_be_a_cd_of_the_guest(world, parts):
    given = {
        'source_type': 'volume',
        'destination_type': 'volume',
        'uuid': volume_of(parts.db, MEMBER),
        'boot_index': 1,
    }
    own = {'source_type': 'image', 'destination_type': 'local', 'boot_index': 0, 'uuid': world.image}
    devices = block_requests.from_v2([own, {**given, 'device_type': 'cdrom'}], world.image)
    row = boot(parts.db, world, devices=tuple(devices))
    with parts.db.read() as tx:
        (device,) = servers.spec(tx, row.id)['bdms']
    made = guests.volume(device, {'driver_volume_type': 'file', 'data': {}})
    assert (made.device, made.bus, made.cdrom) == ('sda', 'sata', True)
    assert 'cdrom' not in dataclasses.replace(made, cdrom=False).to_dict()
