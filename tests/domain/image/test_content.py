"""What an upload may hold: the rules on crafted bytes, and on a folder of known-bad samples where there is one."""

import json
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

from nimbus.common import errors
from nimbus.image.data import content
from nimbus.image.options import DISK_FORMATS
from tests.hostile_images import EXPECTED, KEY, SAMPLES

CAP = 1 << 44


def judge(path: pathlib.Path, declared: str, container: str = 'bare', properties: dict | None = None) -> int | None:
    """The virtual size the file is accepted with; raises what it is refused with."""
    look = content.Inspection(declared, container, properties or {})
    with open(path, 'rb') as file:
        while piece := file.read(65536):
            look.eat(piece)
    virtual = look.finish(CAP)
    look.look(str(path))
    return virtual


@pytest.mark.skipif(not os.path.isdir(SAMPLES), reason='NIMBUS_SHARED names no folder with hostile/')
def test_every_sample_is_judged_as_its_manifest_says():
    found = {entry.name for entry in SAMPLES.iterdir() if entry.suffix != '.md'}
    assert found == set(EXPECTED)
    wrong = []
    for name, (declared, container, properties, accepted) in sorted(EXPECTED.items()):
        try:
            judge(SAMPLES / name, declared, container, properties)
            got = True
        except (errors.WrongMedia, errors.TooLarge):
            got = False
        if got is not accepted:
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize('declared', ['raw', 'gpt'])
@pytest.mark.parametrize(
    'beginning',
    [
        b'QFI\xfb\0\0\0\3',
        b'QFI\xfb\0\0\0\1' + bytes(4096),
        b'QED\0' + bytes(4096),
        b'KDMV' + bytes(4096),
        b'COWD' + bytes(4096),
        b'conectix' + bytes(4096),
        b'vhdxfile' + bytes(4096),
        b'WithoutFreeSpace' + bytes(4096),
        b'WithouFreSpacExt' + bytes(4096),
        b'Bochs Virtual HD Image' + bytes(4096),
        b'#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0' + bytes(4096),
        b'# Disk DescriptorFile\nversion=1\nRW 20480 FLAT "/etc/passwd" 0\n' + bytes(4096),
        b'# tea\n \r\n\nversion=1\nRW 20480 FLAT "/etc/passwd" 0\n' + bytes(4096),
    ],
)
def test_no_other_format_passes_as_a_plain_disk(tmp_path, declared, beginning):
    path = tmp_path / 'disk'
    path.write_bytes(beginning)
    with pytest.raises(errors.WrongMedia, match=f"disk_format '{declared}'"):
        judge(path, declared)


def test_a_plain_disk_may_begin_with_any_other_words(tmp_path):
    path = tmp_path / 'disk'
    for beginning in (b'', b'#!/bin/sh\necho\n', b'# notes\nversions are fine\n', b'version 1', bytes(4096)):
        path.write_bytes(beginning + bytes(4096))
        assert judge(path, 'raw') == -(-len(beginning) // 512) * 512 + 4096


@pytest.mark.skipif(not os.path.isdir(SAMPLES), reason='NIMBUS_SHARED names no folder with hostile/')
def test_an_encrypted_disk_needs_the_id_of_its_key():
    for name, declared in (('good.luks', 'raw'), ('qcow2-luks.qcow2', 'qcow2')):
        with pytest.raises(errors.WrongMedia, match='is encrypted; name its key'):
            judge(SAMPLES / name, declared)
    size = os.path.getsize(SAMPLES / 'good.luks')
    assert 0 < judge(SAMPLES / 'good.luks', 'raw', 'bare', KEY) < size


def qcow2(virtual: int, backing: bytes = b'') -> bytes:
    """A version 3 header of so large a disk, with a backing file if one is named."""
    head = struct.pack('>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', 3, 112 if backing else 0, len(backing), 16, virtual, 0, 0,
                       0, 0, 0, 0, 0, 0, 0, 0, 4, 104)  # fmt: skip
    return (head + b'\0' * 8 + backing).ljust(1 << 16, b'\0')


def test_a_disk_that_names_another_file_is_refused(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(qcow2(1 << 20, b'/etc/passwd'))
    with pytest.raises(errors.WrongMedia, match='not safe to use'):
        judge(path, 'qcow2')
    with pytest.raises(errors.WrongMedia, match="cannot be taken as disk_format 'raw': it is qcow2"):
        judge(path, 'raw')


def test_a_small_file_of_a_huge_disk_is_refused(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(qcow2(CAP + 512))
    with pytest.raises(errors.TooLarge, match='at most'):
        judge(path, 'qcow2')


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
@pytest.mark.parametrize('kind, declared', [('qcow2', 'qcow2'), ('vmdk', 'vmdk'), ('vpc', 'vhd'), ('vdi', 'vdi')])
def test_what_qemu_makes_is_accepted_with_its_own_size(tmp_path, kind, declared):
    path = tmp_path / 'x'
    subprocess.run(['qemu-img', 'create', '-q', '-f', kind, str(path), '4M'], check=True)
    assert judge(path, declared) >= 4 << 20
    with pytest.raises(errors.WrongMedia):
        judge(path, 'raw')


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
@pytest.mark.parametrize('more', [[], ['-o', 'force_size=on']])
@pytest.mark.parametrize('subformat', ['fixed', 'dynamic'])
@pytest.mark.parametrize('size', ['4M', '1024001024'])
def test_a_vhd_of_each_kind_has_the_size_that_qemu_reads(tmp_path, subformat, size, more):
    path = tmp_path / 'x'
    command = ['qemu-img', 'create', '-q', '-f', 'vpc', '-o', f'subformat={subformat}', *more, str(path), size]
    subprocess.run(command, check=True)
    told = subprocess.run(
        ['qemu-img', 'info', '--output=json', '-f', 'vpc', str(path)], capture_output=True, check=True
    )
    assert judge(path, 'vhd') == json.loads(told.stdout)['virtual-size']
    for declared in ('raw', 'iso', 'gpt'):
        with pytest.raises(errors.WrongMedia, match=f"disk_format '{declared}'"):
            judge(path, declared)


def footer(**changed) -> bytes:
    """The footer of a fixed VHD of 1 MiB."""
    told = {'cookie': b'conectix', 'kind': 2, 'size': 1 << 20, 'creator': b'win '} | changed
    begun = struct.pack('>8sIIQI4sIIQQHBBI', told['cookie'], 2, 1 << 16, (1 << 64) - 1, 0, told['creator'], 0, 0,
                        told['size'], told['size'], 30, 4, 17, told['kind'])  # fmt: skip
    return (begun + struct.pack('>I', ~sum(begun) & 0xFFFFFFFF)).ljust(512, b'\0')


def test_a_fixed_vhd_is_known_by_its_footer_alone(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(bytes(1 << 20) + footer())
    assert judge(path, 'vhd') == 1 << 20
    for wrong, why in (
        (bytes(1 << 20) + footer(kind=3), 'it is raw'),
        (bytes(1 << 20) + footer()[:-1], 'it is raw'),
        (bytes(1 << 20) + b'conectix' + bytes(504), 'it is raw'),
        (bytes(4096) + footer(), 'cut short'),
    ):
        path.write_bytes(wrong)
        with pytest.raises(errors.WrongMedia, match=why):
            judge(path, 'vhd')


def test_a_disk_that_ends_as_another_format_does_is_not_bare(tmp_path):
    path = tmp_path / 'x'
    for trailer, name in ((footer(), 'vhd'), (b'koly' + bytes(508), 'dmg')):
        path.write_bytes(bytes(1 << 20) + trailer)
        with pytest.raises(errors.WrongMedia, match=f'it ends as {name} does'):
            judge(path, 'raw')
    path.write_bytes(bytes(1 << 20) + b'conectix' + bytes(504))
    assert judge(path, 'raw') == (1 << 20) + 512


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
def test_an_iso_with_the_opened_file_outside_is_foreign(tmp_path):
    told = {'format-specific': {'data': {'extents': [{'filename': '/etc/passwd'}]}}}
    assert content._foreign(told, str(tmp_path / 'x'))
    assert not content._foreign({'format': 'raw'}, str(tmp_path / 'x'))


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
@pytest.mark.parametrize('feature', ['extended_l2=on', 'compression_type=zstd', 'lazy_refcounts=on', 'compat=0.10'])
def test_a_qcow2_may_have_every_feature_that_stays_within_its_file(tmp_path, feature):
    path = tmp_path / 'x'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', feature, str(path), '4M'], check=True)
    assert judge(path, 'qcow2') == 4 << 20


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
def test_a_qcow2_may_have_bitmaps_and_snapshots(tmp_path):
    path = tmp_path / 'x'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', str(path), '4M'], check=True)
    subprocess.run(['qemu-img', 'bitmap', '--add', str(path), 'changes'], check=True)
    subprocess.run(['qemu-img', 'snapshot', '-c', 'before', str(path)], check=True)
    assert judge(path, 'qcow2') == 4 << 20


def test_a_qcow2_of_a_feature_that_nobody_knows_is_refused(tmp_path):
    path = tmp_path / 'x'
    for features, version in ((1 << 5, 3), (1 << 40, 3), (1 << 4 | 1 << 2, 3), (0, 4)):
        head = bytearray(qcow2(1 << 20))
        head[4:8], head[0x48:0x50] = version.to_bytes(4, 'big'), features.to_bytes(8, 'big')
        path.write_bytes(head)
        with pytest.raises(errors.WrongMedia, match='not safe to use'):
            judge(path, 'qcow2')


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
@pytest.mark.parametrize(
    ('kind', 'declared', 'at', 'value'),
    [
        ('vpc', 'vhd', 60, struct.pack('>I', 4)),
        ('vdi', 'vdi', 0x4C, struct.pack('<I', 4)),
        ('vdi', 'vdi', 0x1B8, b'\1' * 16),
    ],
)
def test_a_disk_that_differs_from_a_parent_is_refused(tmp_path, kind, declared, at, value):
    path = tmp_path / 'x'
    subprocess.run(['qemu-img', 'create', '-q', '-f', kind, str(path), '4M'], check=True)
    with open(path, 'r+b') as file:
        file.seek(at)
        file.write(value)
    with pytest.raises(errors.WrongMedia, match='depends on a parent disk'):
        judge(path, declared)


@pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
def test_a_vhdx_of_each_kind_is_accepted_and_one_cut_short_is_not(tmp_path):
    path = tmp_path / 'x'
    for kind in ('dynamic', 'fixed'):
        path.unlink(missing_ok=True)
        command = ['qemu-img', 'create', '-q', '-f', 'vhdx', '-o', f'subformat={kind}', str(path), '4M']
        subprocess.run(command, check=True)
        assert judge(path, 'vhdx') == 4 << 20
    path.write_bytes(path.read_bytes()[:4096])
    with pytest.raises(errors.WrongMedia):
        judge(path, 'vhdx')


def test_ploop_is_known_by_its_beginning(tmp_path):
    path = tmp_path / 'x'
    for magic in (b'WithoutFreeSpace', b'WithouFreSpacExt'):
        path.write_bytes(magic + bytes(4096))
        assert judge(path, 'ploop') is None
    for other in (bytes(4096), qcow2(1 << 20, b'/etc/passwd'), b'# Disk DescriptorFile\nversion=1\n' + bytes(4096)):
        path.write_bytes(other)
        with pytest.raises(errors.WrongMedia, match="disk_format 'ploop'"):
            judge(path, 'ploop')


@pytest.mark.skipif(not os.path.isdir(SAMPLES), reason='NIMBUS_SHARED names no folder with hostile/')
def test_a_luks_disk_is_declared_so_with_its_key_and_nothing_else_is(tmp_path):
    assert 0 < judge(SAMPLES / 'good.luks', 'luks', 'bare', KEY) < os.path.getsize(SAMPLES / 'good.luks')
    with pytest.raises(errors.WrongMedia, match='name its key'):
        judge(SAMPLES / 'good.luks', 'luks')
    path = tmp_path / 'x'
    path.write_bytes(bytes(4096))
    with pytest.raises(errors.WrongMedia, match='it is raw'):
        judge(path, 'luks', 'bare', KEY)


@pytest.mark.skipif(not os.path.isdir(SAMPLES), reason='NIMBUS_SHARED names no folder with hostile/')
def test_no_sample_passes_as_any_format_but_its_own():
    """Whatever a sample is declared to be, it is taken as what it is alone, or as bare sectors where it is those."""
    own = {'good.luks': {'luks', 'raw'}, 'raw-mbr-good.raw': {'raw', 'gpt', 'ami', 'ari', 'aki'}}
    bare = {'raw', 'ami', 'ari', 'aki'}
    wrong = []
    for name, (declared, container, properties, accepted) in sorted(EXPECTED.items()):
        if container != 'bare':
            continue
        for other in DISK_FORMATS:
            mine = own.get(name, bare if declared == 'raw' else {declared})
            try:
                judge(SAMPLES / name, other, container, properties)
            except (errors.WrongMedia, errors.TooLarge):
                continue
            if not (accepted and other in mine) and name != 'truncated-qcow2.qcow2':
                wrong.append((name, other))
    assert wrong == []
