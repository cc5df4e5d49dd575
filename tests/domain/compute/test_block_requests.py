"""The two ways to ask for disks, and what is refused."""

import pytest

from nimbus.common import errors
from nimbus.compute import block_requests as asked

IMAGE, VOLUME = '6c2c8f0e-8a5b-4c57-9d3c-000000000001', '33333333-3333-4333-8333-333333333333'


def v2(**more):
    return {'source_type': 'volume', 'destination_type': 'volume', 'uuid': VOLUME, **more}


def test_the_image_that_a_client_repeats_among_the_disks_is_no_disk_of_its_own():
    item = {'source_type': 'image', 'destination_type': 'local', 'uuid': IMAGE, 'boot_index': 0}
    found = asked.from_v2([item, v2(boot_index=-1)], IMAGE)
    assert [device['volume_id'] for device in found] == [VOLUME] and found[0]['boot_index'] is None


def test_disks_are_named_in_the_order_asked_for():
    found = asked.named(asked.from_v2([v2(boot_index=0), v2(), v2(device_name='vdx'), v2()], None), False)
    assert [device['device'] for device in found] == ['/dev/vda', '/dev/vdb', '/dev/vdx', '/dev/vdc']


def test_an_image_makes_a_root_volume_of_the_size_asked_for():
    item = {'source_type': 'image', 'destination_type': 'volume', 'uuid': IMAGE, 'boot_index': '0', 'volume_size': '3'}
    (found,) = asked.from_v2([item], None)
    assert (found['image_id'], found['size'], found['boot_index']) == (IMAGE, 3, 0)


@pytest.mark.parametrize(
    ('items', 'image', 'sentence'),
    [
        ([v2(boot_index=1)], None, 'Boot sequence'),
        ([v2(boot_index=0)], IMAGE, 'Boot sequence'),
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
        asked.named(asked.from_v2([v2(device_name='/dev/vda')], IMAGE), True)


def test_the_old_way_boots_from_vda_or_else_from_the_first():
    old = {'volume_id': VOLUME, 'device_name': 'vda', 'delete_on_termination': '1'}
    (found,) = asked.from_legacy([old], None)
    assert (found['boot_index'], found['delete_on_termination'], found['source']) == (0, True, 'volume')
    (found,) = asked.from_legacy([{'volume_id': VOLUME, 'device_name': 'vdb'}], None)
    assert found['boot_index'] == 0
    (found,) = asked.from_legacy([{'volume_id': VOLUME, 'device_name': 'vdb'}], IMAGE)
    assert found['boot_index'] is None
    with pytest.raises(errors.Invalid, match='Unrecognized legacy format'):
        asked.from_legacy([{'device_name': 'vda'}], None)
