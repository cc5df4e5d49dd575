"""Volumes as files in the formats of images, from every store."""

import os
import uuid

import pytest

from nimbus.common import errors

from .test_volume_contract import GIB, driver, files, mode, told, volume_id, write  # noqa: F401 (fixtures)


@pytest.mark.parametrize('format', ['raw', 'qcow2', 'vmdk', 'vhd', 'vdi'])
def test_a_volume_is_handed_out_in_the_format_of_an_image_and_nothing_stays(driver, volume_id, format):  # noqa: F811
    driver.create(volume_id, 1)
    if driver.name == 'file':
        write(driver, volume_id, b'nimbus')
    with driver.exported(volume_id, format) as path:
        if driver.name == 'file':
            assert told(path, {'vhd': 'vpc'}.get(format, format))['virtual-size'] >= GIB
    if driver.name == 'file':
        assert [each.name for each in driver.path.iterdir()] == [f'volume-{volume_id}']
    with pytest.raises(errors.NotFound), driver.exported(str(uuid.uuid4()), format):
        pass


def test_what_a_volume_holds_is_nobody_elses_to_read_while_it_is_read(files, volume_id):  # noqa: F811
    """The folder is one that others walk through: QEMU runs as a user of its own."""
    before = os.umask(0o022)
    try:
        files.create(volume_id, 1)
        with files.read(volume_id, 'volume'), files.exported(volume_id, 'vmdk'):
            assert {each.name: mode(each) & 0o077 for each in files.path.iterdir() if mode(each) & 0o077} == {}
    finally:
        os.umask(before)
