"""Config drives, read back by another program where there is one."""

import base64
import io
import shutil
import subprocess

import pycdlib
import pytest

from nimbus.compute.agent.disks import configdrive

TREE = {
    'ec2/2009-04-04/meta-data.json': b'{}',
    'ec2/2009-04-04/user-data': b'#!/bin/sh\n',
    'ec2/latest/meta-data.json': b'{}',
    'ec2/latest/user-data': b'#!/bin/sh\n',
    'openstack/2012-08-10/meta_data.json': b'{"uuid": "1"}',
    'openstack/2012-08-10/user_data': b'#!/bin/sh\n',
    'openstack/latest/meta_data.json': b'{"uuid": "1"}',
    'openstack/latest/user_data': b'#!/bin/sh\n',
    'openstack/latest/network_data.json': b'{"links": []}',
    'openstack/latest/vendor_data.json': b'{}',
    'openstack/content/0000': b'\x00\xff a file',
    'openstack/content/0001': b'',
}


def read(path: str, names: str) -> dict[str, bytes]:
    """Every file of the image by its Joliet or Rock Ridge names."""
    iso, found = pycdlib.PyCdlib(), {}
    iso.open(path)
    try:
        for folder, _, files in iso.walk(**{names: '/'}):
            for name in files:
                full, content = f'{folder.rstrip("/")}/{name}', io.BytesIO()
                iso.get_file_from_iso_fp(content, **{names: full})
                found[full.lstrip('/')] = content.getvalue()
    finally:
        iso.close()
    return found


@pytest.mark.parametrize('names', ['joliet_path', 'rr_path'])
def test_a_drive_holds_exactly_the_tree_it_was_given(tmp_path, names):
    configdrive.make(TREE, str(tmp_path / 'drive'))
    assert read(str(tmp_path / 'drive'), names) == TREE


def test_a_drive_is_labelled_for_guests_to_find(tmp_path):
    configdrive.make(TREE, str(tmp_path / 'drive'))
    content = (tmp_path / 'drive').read_bytes()
    assert content[16 * 2048 + 40 :][:32].rstrip() == b'config-2'
    if shutil.which('blkid'):
        done = subprocess.run(['blkid', '-p', '-o', 'value', '-s', 'LABEL', tmp_path / 'drive'], capture_output=True)
        assert done.stdout.strip() == b'config-2'


@pytest.mark.parametrize('path', ['../etc/passwd', '/etc/passwd', 'openstack//x', 'a/./b', ''])
def test_a_path_out_of_the_drive_is_refused(tmp_path, path):
    with pytest.raises(ValueError, match='is no path for a file on a config drive.'):
        configdrive.make({path: b''}, str(tmp_path / 'drive'))
    assert not (tmp_path / 'drive').exists()


def test_a_file_cannot_be_a_directory_too(tmp_path):
    with pytest.raises(ValueError, match="'openstack' is both a file and a directory on the config drive."):
        configdrive.make({'openstack': b'', 'openstack/x': b''}, str(tmp_path / 'drive'))


def test_contents_come_as_base64(tmp_path):
    assert configdrive.decode({'a': base64.b64encode(b'\x00b').decode()}) == {'a': b'\x00b'}
    with pytest.raises(ValueError, match='The content of a on the config drive is not base64.'):
        configdrive.decode({'a': 'not base64!'})


def test_names_that_differ_only_in_case_or_length_stay_apart(tmp_path):
    tree = {
        'openstack/Aa': b'1',
        'openstack/aA': b'2',
        f'openstack/{"x" * 60}1': b'3',
        f'openstack/{"x" * 60}2': b'4',
    }
    configdrive.make(tree, str(tmp_path / 'drive'))
    assert read(str(tmp_path / 'drive'), 'rr_path') == tree
