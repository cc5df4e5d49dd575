"""Base images: downloaded once, verified, inspected, shared and pruned."""

import dataclasses
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from nimbus.compute.agent.disks import configdrive, imagecache
from nimbus.compute.agent.disks.imagecache import ImageCache
from nimbus.compute.agent.disks.inspection import BadImage
from nimbus.compute.agent.driver import Refused
from nimbus.compute.guest import Image

from .compute_rigs import wait_for

REPO = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get('NIMBUS_SHARED', REPO.parent / 'shared'))

pytestmark = pytest.mark.skipif(not os.path.exists('/usr/bin/qemu-img'), reason='qemu-img is not installed')


def image_of(content: bytes, disk_format: str, image_id: str = 'i1', **changes) -> Image:
    return dataclasses.replace(
        Image(image_id, disk_format, len(content), 'sha512', hashlib.sha512(content).hexdigest()), **changes
    )


def chunks(content: bytes):
    return (content[start : start + 65536] for start in range(0, len(content), 65536))


@pytest.fixture
def qcow2(tmp_path):
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', tmp_path / 'good', '64M'], check=True)
    return (tmp_path / 'good').read_bytes()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'instances'


def cache_of(folder, content: bytes, **options) -> ImageCache:
    return ImageCache(str(folder), lambda image_id: chunks(content), **options)


def left(folder) -> list[str]:
    base = folder / '_base'
    return sorted(path.name for path in base.iterdir()) if base.exists() else []


def test_a_base_is_named_by_its_image_and_holds_what_was_fetched(folder, qcow2):
    path = cache_of(folder, qcow2).get(image_of(qcow2, 'qcow2'))
    assert path == str(folder / '_base' / hashlib.sha256(b'i1').hexdigest())
    assert pathlib.Path(path).read_bytes() == qcow2
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert imagecache.describe(path, 'qcow2') == ('qcow2', 64 * 1024**2)


@pytest.mark.parametrize('subformat', ['fixed', 'dynamic'])
def test_a_vhd_of_each_kind_is_a_base(tmp_path, folder, subformat):
    options = f'subformat={subformat},force_size=on'
    command = ['qemu-img', 'create', '-q', '-f', 'vpc', '-o', options, tmp_path / 'vhd', '4M']
    subprocess.run(command, check=True)
    vhd = (tmp_path / 'vhd').read_bytes()
    assert imagecache.describe(cache_of(folder, vhd).get(image_of(vhd, 'vhd')), 'vhd') == ('qcow2', 4 * 1024**2)
    bare = bytes(4 * 1024**2)
    with pytest.raises(BadImage, match='cannot be used as vhd'):
        cache_of(folder, bare).get(image_of(bare, 'vhd', 'i2'))


def test_progress_is_told_up_to_the_end(folder, qcow2):
    seen = []
    cache_of(folder, qcow2).get(image_of(qcow2, 'qcow2'), seen.append)
    assert seen == sorted(seen) and seen[-1] == 100


def test_a_setting_makes_every_base_raw(folder, qcow2):
    path = cache_of(folder, qcow2, to_raw=True).get(image_of(qcow2, 'qcow2'))
    assert imagecache.describe(path, 'qcow2') == ('raw', 64 * 1024**2)
    assert os.stat(path).st_size == 64 * 1024**2
    assert len(left(folder)) == 2


def test_ten_boots_of_one_image_share_one_download(folder, qcow2):
    fetched, go = [], threading.Event()

    def fetch(image_id):
        fetched.append(image_id)
        go.wait(10)
        yield from chunks(qcow2)

    cache, paths = ImageCache(str(folder), fetch), []
    threads = [threading.Thread(target=lambda: paths.append(cache.get(image_of(qcow2, 'qcow2')))) for _ in range(10)]
    for thread in threads:
        thread.start()
    wait_for(lambda: fetched, 10)
    go.set()
    for thread in threads:
        thread.join()
    assert fetched == ['i1'] and len(set(paths)) == 1 and len(paths) == 10


@pytest.mark.parametrize(
    'change, sentence',
    [
        ({'size': 7}, 'came with more bytes, 7 were announced.'),
        ({'size': 10**7}, r'came with only \d+ bytes, 10000000 were announced.'),
        ({'hash_value': '0' * 128}, 'does not have the sha512 hash it was registered with.'),
        ({'hash_algo': 'crc7'}, "is hashed by 'crc7', which is not known here."),
        ({'disk_format': 'ploop'}, "has the disk format 'ploop'; allowed are "),
        ({'disk_format': 'raw'}, 'cannot be used as raw: its content is qcow2.'),
    ],
)
def test_an_image_that_is_not_as_registered_is_refused(folder, qcow2, change, sentence):
    with pytest.raises(BadImage, match=sentence):
        cache_of(folder, qcow2).get(dataclasses.replace(image_of(qcow2, 'qcow2'), **change))
    assert left(folder) == []


def test_an_image_larger_than_its_disk_is_refused_before_it_is_unpacked(folder, tmp_path):
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', tmp_path / 'large', '3G'], check=True)
    content = (tmp_path / 'large').read_bytes()
    with pytest.raises(BadImage, match='is 3221225472 bytes large when unpacked; the limit is 2147483648.'):
        cache_of(folder, content, to_raw=True).get(image_of(content, 'qcow2'), root_gb=2)
    assert left(folder) == []


def test_a_host_without_room_refuses_before_it_downloads(folder):
    with pytest.raises(Refused, match='^There is no disk space left for image i1.$') as caught:
        cache_of(folder, b'').get(image_of(b'', 'raw', size=1024**5))
    assert 'bytes of disk left, and image i1 takes 1125899906842624' in caught.value.inside
    assert left(folder) == []


def test_a_disk_that_fills_up_is_said_in_a_sentence(folder, qcow2):
    def fetch(image_id):
        yield qcow2[:1000]
        raise OSError(28, 'No space left on device')

    with pytest.raises(Refused, match='This host has no disk space left for image i1.'):
        ImageCache(str(folder), fetch).get(image_of(qcow2, 'qcow2'))
    assert left(folder) == []


def test_a_killed_download_leaves_a_part_that_the_next_one_replaces(folder, qcow2, tmp_path):
    script = (
        f'import sys, time; sys.path.insert(0, {str(REPO)!r})\n'
        'from nimbus.compute.agent.disks.imagecache import ImageCache\n'
        'from nimbus.compute.guest import Image\n'
        'def fetch(image_id):\n    yield b"x" * 100000\n    print("half", flush=True)\n    time.sleep(60)\n'
        f'ImageCache({str(folder)!r}, fetch).get(Image("i1", "qcow2", 200000, "sha512", "0"))\n'
    )
    with subprocess.Popen([sys.executable, '-c', script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'half\n'
        process.send_signal(signal.SIGKILL)
    name = hashlib.sha256(b'i1').hexdigest()
    assert left(folder) == [name + '.part']
    path = cache_of(folder, qcow2).get(image_of(qcow2, 'qcow2'))
    assert left(folder) == [name, name + '.info'] and pathlib.Path(path).read_bytes() == qcow2


def test_old_bases_go_unless_a_guest_stands_on_them(folder, qcow2):
    now = [1000.0]
    cache = cache_of(folder, qcow2, clock=lambda: now[0])
    used, unused = (cache.get(image_of(qcow2, 'qcow2', name)) for name in ('used', 'unused'))
    now[0] += 500
    young = cache.get(image_of(qcow2, 'qcow2', 'young'))
    os.utime(unused + '.info', (1000, 1000))
    now[0] += 600
    assert cache.prune({used}, 1000) == [unused]
    cache.prune({used}, 1000)
    assert left(folder) == sorted(os.path.basename(base) + end for base in (used, young) for end in ('', '.info'))


def test_an_iso_is_taken_and_is_bare_sectors_to_qemu(folder, tmp_path):
    configdrive.make({'a': b'1'}, str(tmp_path / 'iso'))
    content = (tmp_path / 'iso').read_bytes()
    path = cache_of(folder, content).get(image_of(content, 'iso'))
    assert imagecache.describe(path, 'iso') == ('raw', len(content))


def test_a_disk_with_a_partition_table_is_taken_as_raw(folder):
    disk = bytearray(1024**2)
    disk[446:462] = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, 'little') + (0).to_bytes(4, 'little')
    disk[510:512] = b'\x55\xaa'
    path = cache_of(folder, bytes(disk)).get(image_of(bytes(disk), 'raw'))
    assert imagecache.describe(path, 'raw') == ('raw', 1024**2)


def _made(tmp_path, *argv) -> bytes:
    path = tmp_path / 'hostile'
    subprocess.run(['qemu-img', 'create', '-q', *argv[:-1], path, argv[-1]], check=True)
    return path.read_bytes()


def _vmdk_with_parent(tmp_path) -> bytes:
    content = _made(tmp_path, '-f', 'vmdk', '1M')
    return content.replace(b'parentCID=ffffffff', b'parentCID=12345678')


def _text_vmdk(tmp_path) -> bytes:
    return (
        b'# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        b'RW 8 FLAT "/etc/passwd" 0\n'
    )


def _data_file(tmp_path) -> bytes:
    return _made(tmp_path, '-f', 'qcow2', '-o', f'data_file={tmp_path}/data', '1M')


def _backing(tmp_path) -> bytes:
    return _made(tmp_path, '-f', 'qcow2', '-u', '-b', '/etc/passwd', '-F', 'raw', '1M')


def _huge(tmp_path) -> bytes:
    content = bytearray(_made(tmp_path, '-f', 'qcow2', '1M'))
    content[24:32] = (60 * 1024**5).to_bytes(8, 'big')
    return bytes(content)


@pytest.mark.parametrize(
    'make, declared',
    [
        (_backing, 'qcow2'),
        (_backing, 'raw'),
        (_data_file, 'qcow2'),
        (_text_vmdk, 'vmdk'),
        (_vmdk_with_parent, 'vmdk'),
        (_huge, 'qcow2'),
        (lambda tmp_path: b'QFI\xfb' + bytes(56), 'qcow2'),
        (lambda tmp_path: b'text', 'qcow2'),
    ],
)
def test_a_self_made_hostile_image_is_refused(folder, tmp_path, make, declared):
    content = make(tmp_path)
    with pytest.raises(BadImage, match='Image i1 '):
        cache_of(folder, content, to_raw=True).get(image_of(content, declared))
    assert left(folder) == []


REFUSED = {
    'qcow2-backing-etc-passwd.qcow2': 'qcow2',
    'qcow2-backing-json.qcow2': 'qcow2',
    'qcow2-backing-nbd.qcow2': 'qcow2',
    'qcow2-datafile-etc-passwd.qcow2': 'qcow2',
    'qcow2-datafile-json-cve-2024-4467.qcow2': 'qcow2',
    'declared-raw-really-qcow2-backing.raw': 'raw',
    'poly-iso-with-qcow2-backing-header.iso': 'iso',
    'qcow2-unknown-incompat.qcow2': 'qcow2',
    'qcow2-huge-virtual-60P.qcow2': 'qcow2',
    'vmdk-flat-etc-passwd.vmdk': 'vmdk',
    'vmdk-sparse-hdr-flat-desc.vmdk': 'vmdk',
    'vmdk-parent-hint.vmdk': 'vmdk',
    'qed-backing.qed': 'qed',
    'good.qed': 'qed',
    'good.luks': 'luks',
    'qcow2-luks.qcow2': 'qcow2',
    'truncated-qcow2.qcow2': 'qcow2',
    'not-an-image.txt': 'qcow2',
    'ova-like.ova': 'ova',
}
TAKEN = {
    'good.vdi': 'vdi',
    'good.vpc': 'vhd',
    'good.vhdx': 'vhdx',
    'vmdk-good-sparse.vmdk': 'vmdk',
    'vmdk-good-stream.vmdk': 'vmdk',
    'qcow2-good.qcow2': 'qcow2',
    'qcow2-good-v2.qcow2': 'qcow2',
    'iso-good.iso': 'iso',
    'raw-mbr-good.raw': 'raw',
    'qcow2-zero-1g.qcow2': 'qcow2',
    'gzip-bomb-1g.raw.gz.gz': 'raw',
    'not-an-image.txt': 'raw',
}


def sample(name: str) -> bytes:
    path = SHARED / 'hostile' / name
    if not path.exists():
        pytest.skip(f'{path} is absent (NIMBUS_SHARED names the folder above it); self-made samples stand in')
    return path.read_bytes()


@pytest.mark.parametrize('name', REFUSED)
def test_a_collected_hostile_image_is_refused(folder, name):
    content = sample(name)
    with pytest.raises(BadImage):
        cache_of(folder, content).get(image_of(content, REFUSED[name]))
    assert left(folder) == []


@pytest.mark.parametrize('name', TAKEN)
def test_a_collected_good_image_is_taken(folder, name):
    content = sample(name)
    path = cache_of(folder, content).get(image_of(content, TAKEN[name]))
    base_format, size = imagecache.describe(path, TAKEN[name])
    found = subprocess.run(
        ['qemu-img', 'info', '-f', base_format, '--output=json', path], check=True, capture_output=True
    )
    assert json.loads(found.stdout)['virtual-size'] == size and base_format in ('raw', 'qcow2')
