"""The two ways to ask for disks, and what is refused."""

import types

import pytest

from nimbus.common import errors
from nimbus.compute.devices import block_requests as asked
from nimbus.compute.devices import device_names
from nimbus.compute.guest import Blank
from nimbus.compute.servers import guests

LOCAL = {'source_type': 'image', 'destination_type': 'local'}
IMAGE, VOLUME = '6c2c8f0e-8a5b-4c57-9d3c-000000000001', '33333333-3333-4333-8333-333333333333'


def v2(**more):
    return {'source_type': 'volume', 'destination_type': 'volume', 'uuid': VOLUME, **more}


def test_the_image_that_a_client_repeats_among_the_disks_is_no_disk_of_its_own():
    item = {'source_type': 'image', 'destination_type': 'local', 'uuid': IMAGE, 'boot_index': 0}
    found = asked.from_v2([item, v2(boot_index=-1)], IMAGE)
    assert [device['volume_id'] for device in found] == [VOLUME] and found[0]['boot_index'] is None


def test_disks_are_named_in_the_order_asked_for():
    devices = asked.from_v2([v2(boot_index=0), v2(), v2(device_name='vdx'), v2()], None)
    found = device_names.named(devices, '/dev/vda', False)
    assert [device['device'] for device in found] == ['/dev/vda', '/dev/vdb', '/dev/vdx', '/dev/vdc']


def test_an_image_makes_a_root_volume_of_the_size_asked_for():
    item = {'source_type': 'image', 'destination_type': 'volume', 'uuid': IMAGE, 'boot_index': '0', 'volume_size': '3'}
    (found,) = asked.from_v2([item], None)
    assert (found['image_id'], found['size'], found['boot_index']) == (IMAGE, 3, 0)


@pytest.mark.parametrize(
    ('items', 'image', 'sentence'),
    [
        ([v2(boot_index=1)], None, 'Boot sequence'),
        ([v2()], IMAGE, 'Boot sequence'),
        ([{'source_type': 'blank', 'destination_type': 'volume', 'volume_size': 1}], IMAGE, 'Boot sequence'),
        ([{**LOCAL, 'uuid': IMAGE, 'boot_index': 0}, v2(boot_index=0)], IMAGE, 'Boot sequence'),
        ([v2()], None, 'Boot sequence'),
        ([v2(uuid=None)], None, 'Missing device UUID'),
        ([{'source_type': 'blank', 'uuid': VOLUME}], IMAGE, 'Invalid device UUID'),
        ([{'source_type': 'blank', 'destination_type': 'volume'}], IMAGE, 'Blank volumes'),
        ([{'source_type': 'image', 'destination_type': 'volume', 'uuid': IMAGE, 'boot_index': 0}], None, 'non-zero'),
        ([{'source_type': 'image', 'destination_type': 'local', 'uuid': IMAGE, 'boot_index': 1}], IMAGE, 'to local'),
        ([v2(destination_type='local', boot_index=0)], None, 'Mapping volume to local'),
        ([v2(boot_index=0, volume_type='fast')], None, 'volume type to existing'),
        ([v2(boot_index=0, disk_bus='warp')], None, 'disk bus warp'),
    ],
)
def test_what_does_not_go_together_is_refused(items, image, sentence):
    with pytest.raises(errors.Invalid, match=sentence):
        asked.from_v2(items, image)


def test_no_other_disk_has_the_roots_name():
    with pytest.raises(errors.Invalid, match='same device name as the root device'):
        asked.from_v2([{**LOCAL, 'uuid': IMAGE, 'boot_index': 0}, v2(device_name='vda')], IMAGE)
    with pytest.raises(errors.Invalid, match='same device name as the root device'):
        devices = asked.from_v2([v2(boot_index=0), v2(device_name='/dev/vda')], None)
        device_names.named(devices, '/dev/vda', False)


def named(devices, usual='virtio', **flavor):
    """Name and kind of each disk beside the root that a server booted from an image has."""
    flavor = types.SimpleNamespace(**{'ephemeral': 0, 'swap': 0} | flavor)
    whole = asked.with_flavors(asked.from_v2([{**LOCAL, 'uuid': IMAGE, 'boot_index': 0}, *devices], IMAGE), flavor)
    root = device_names.prefix(usual) + 'a'
    return {one['device']: one['guest_format'] or one['source'] for one in device_names.named(whole, root, True, usual)}


def test_volumes_are_named_after_the_flavors_own_disks():
    assert named([v2()], ephemeral=1, swap=8) == {'/dev/vdb': 'blank', '/dev/vdc': 'swap', '/dev/vdd': 'volume'}
    assert named([v2()], ephemeral=1) == {'/dev/vdb': 'blank', '/dev/vdc': 'volume'}
    assert named([v2()], swap=8) == {'/dev/vdb': 'swap', '/dev/vdc': 'volume'}
    assert named([v2()]) == {'/dev/vdb': 'volume'}


def test_ephemeral_disks_are_named_before_swap_in_whichever_order_they_are_asked_for():
    blank = {'source_type': 'blank', 'destination_type': 'local'}
    devices = [v2(), {**blank, 'guest_format': 'swap', 'volume_size': 1}, {**blank, 'volume_size': 1}]
    assert named(devices, ephemeral=1, swap=8) == {'/dev/vdb': 'blank', '/dev/vdc': 'swap', '/dev/vdd': 'volume'}


def test_a_disk_is_named_by_its_bus():
    assert named([v2(), v2(disk_bus='virtio')], 'scsi', ephemeral=1) == {
        '/dev/sdb': 'blank',
        '/dev/sdc': 'volume',
        '/dev/vda': 'volume',
    }
    assert named([v2(disk_bus='scsi', device_name='vdk')]) == {'/dev/sda': 'volume'}
    assert device_names.root({'properties': {'hw_disk_bus': 'ide'}}, []) == '/dev/hda'
    assert device_names.root({'disk_format': 'iso', 'properties': {}}, []) == '/dev/hda'
    assert device_names.root(None, asked.from_v2([v2(boot_index=0, disk_bus='scsi')], None)) == '/dev/sda'


def test_a_volume_may_be_the_root_though_an_image_is_named():
    (found,) = device_names.named(asked.from_v2([v2(boot_index=0)], IMAGE), '/dev/vda', False)
    assert (found['boot_index'], found['device'], found['volume_id']) == (0, '/dev/vda', VOLUME)


def test_the_old_way_boots_from_vda_or_else_from_the_image():
    old = {'volume_id': VOLUME, 'device_name': 'vda', 'delete_on_termination': '1'}
    (found,) = asked.from_legacy([old], None)
    assert (found['boot_index'], found['delete_on_termination'], found['source']) == (0, True, 'volume')
    with pytest.raises(errors.Invalid, match='Boot sequence'):
        asked.from_legacy([{'volume_id': VOLUME, 'device_name': 'vdb'}], None)
    (found,) = asked.from_legacy([{'volume_id': VOLUME, 'device_name': 'vdb'}], IMAGE)
    assert found['boot_index'] is None
    with pytest.raises(errors.Invalid, match='Unrecognized legacy format'):
        asked.from_legacy([{'device_name': 'vda'}], None)


def spec(*bdms, ephemeral=0, swap=0):
    names = ('source', 'destination', 'guest_format', 'size', 'device', 'boot_index')
    devices = [dict.fromkeys(names) | {'source': 'blank', 'destination': 'local'} | device for device in bdms]
    return {'flavor': {'disk': 1, 'ephemeral': ephemeral, 'swap': swap}, 'bdms': devices}


def test_a_flavor_gives_an_ephemeral_disk_and_swap_where_none_was_asked_for():
    made = spec(ephemeral=2, swap=512)
    assert list(guests.blanks(made)) == [Blank('local', 2048, 'ext4'), Blank('swap', 512, 'swap')]
    assert guests.local_gb(made) == 1 + 3


def test_disks_that_were_asked_for_go_before_the_flavors():
    made = spec(
        {'size': 1, 'device': '/dev/vdb'},
        {'size': 2, 'guest_format': 'ext3'},
        {'size': 64, 'guest_format': 'swap', 'device': '/dev/vdc'},
        ephemeral=5,
        swap=512,
    )
    assert list(guests.blanks(made)) == [
        Blank('eph0', 1024, 'ext4', 'vdb'),
        Blank('eph1', 2048, 'ext3'),
        Blank('swap', 64, 'swap', 'vdc'),
    ]


def test_a_disk_without_a_size_takes_the_flavors():
    made = spec({}, {'guest_format': 'swap'}, ephemeral=5, swap=512)
    assert [(blank.name, blank.size_mb) for blank in guests.blanks(made)] == [('eph0', 5120), ('swap', 512)]


def test_a_format_no_host_makes_is_refused_with_those_it_makes():
    flavor = types.SimpleNamespace(ephemeral=9, swap=9)
    with pytest.raises(errors.Invalid, match='ntfs is not one of swap, ext2, ext3, ext4'):
        asked.check_local([{'destination': 'local', 'guest_format': 'ntfs', 'size': 1}], flavor)
