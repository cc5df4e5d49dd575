"""What every store of volumes does, asked of the pretended one and of files written by the real qemu-img."""

import errno
import json
import os
import pathlib
import shutil
import stat
import subprocess
import uuid

import pytest

from nimbus.common import errors
from nimbus.volume.agent.fake.driver import FakeDriver
from nimbus.volume.agent.file import copying
from nimbus.volume.agent.file.driver import FileDriver

needs_qemu = pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')
GIB = 1 << 30


@pytest.fixture(params=['fake', pytest.param('raw', marks=needs_qemu), pytest.param('qcow2', marks=needs_qemu)])
def driver(request, tmp_path):
    made = FakeDriver() if request.param == 'fake' else FileDriver(str(tmp_path / 'volumes'), request.param)
    yield made
    made.close()


@pytest.fixture(params=[pytest.param('raw', marks=needs_qemu), pytest.param('qcow2', marks=needs_qemu)])
def files(request, tmp_path):
    return FileDriver(str(tmp_path / 'volumes'), request.param)


@pytest.fixture
def volume_id():
    return str(uuid.uuid4())


def qemu_img(*words: str) -> str:
    return subprocess.run(['qemu-img', *words], check=True, capture_output=True, text=True).stdout


def told(path: pathlib.Path | str, format: str) -> dict:
    return json.loads(qemu_img('info', '--output=json', '-f', format, str(path)))


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def raw_image(path: pathlib.Path, content: bytes = b'nimbus' * 100) -> str:
    path.write_bytes(content + bytes(-len(content) % 512))
    return str(path)


def hostile_images(tmp_path: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Images that reach beyond themselves, or are not what they are called: name -> (path, format)."""
    secret = tmp_path / 'secret'
    secret.write_bytes(b's' * 65536)
    overlay, outside, plain = tmp_path / 'overlay', tmp_path / 'outside', tmp_path / 'plain'
    qemu_img('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', str(secret), str(overlay))
    qemu_img('create', '-q', '-f', 'qcow2', '-o', f'data_file={tmp_path}/data,data_file_raw=on', str(outside), '1M')
    plain.write_bytes(b'this is no qcow2 at all' * 100)
    vmdk = tmp_path / 'vmdk'
    vmdk.write_text(
        '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        f'RW 128 FLAT "{secret}" 0\n'
    )
    return {
        'a backing file': (str(overlay), 'qcow2'),
        'a data file': (str(outside), 'qcow2'),
        'not its format': (str(plain), 'qcow2'),
        'an extent elsewhere': (str(vmdk), 'vmdk'),
        'an unknown format': (str(plain), 'ploop'),
    }


def test_a_disk_comes_grows_and_goes(driver, volume_id):
    driver.create(volume_id, 1)
    assert driver.volumes() == {volume_id: 1}
    driver.extend(volume_id, 3)
    assert driver.volumes() == {volume_id: 3}
    driver.delete(volume_id)
    assert driver.volumes() == {}


def test_every_verb_may_be_called_twice(driver, volume_id):
    driver.create(volume_id, 2)
    driver.create(volume_id, 1)
    assert driver.volumes() == {volume_id: 2}
    driver.extend(volume_id, 3)
    driver.extend(volume_id, 1)
    assert driver.volumes() == {volume_id: 3}
    assert driver.connect(volume_id, {'host': 'h1'}) == driver.connect(volume_id, {'host': 'h1'})
    driver.disconnect(volume_id, {'host': 'h1'})
    driver.disconnect(volume_id, {'host': 'h1'})
    driver.delete(volume_id)
    driver.delete(volume_id)
    driver.disconnect(volume_id, {'host': 'h1'})


def test_a_disk_that_is_not_there_is_neither_grown_nor_opened(driver, volume_id):
    with pytest.raises(errors.NotFound):
        driver.extend(volume_id, 2)
    with pytest.raises(errors.NotFound):
        driver.connect(volume_id, {'host': 'h1'})


def test_deleting_one_disk_leaves_the_others(driver, volume_id):
    other = str(uuid.uuid4())
    driver.create(volume_id, 1)
    driver.create(other, 1)
    driver.delete(volume_id)
    assert driver.volumes() == {other: 1}


def test_a_disk_begins_with_its_image(driver, volume_id, tmp_path):
    driver.create_from(volume_id, 1, raw_image(tmp_path / 'image'), 'raw')
    assert driver.volumes() == {volume_id: 1}
    told = driver.connect(volume_id, {'host': 'h1'})
    assert (told['driver_volume_type'], set(told['data'])) == ('file', {'path', 'format'})


def test_an_image_that_does_not_fit_is_refused(driver, volume_id, tmp_path):
    large = tmp_path / 'large'
    large.touch()
    os.truncate(large, GIB + 512)
    with pytest.raises(errors.Invalid, match='does not fit'):
        driver.create_from(volume_id, 1, str(large), 'raw')
    assert driver.volumes() == {}


def test_a_snapshot_outlives_its_volume(driver, volume_id):
    kept = str(uuid.uuid4())
    driver.create(volume_id, 2)
    driver.snapshot(kept, volume_id)
    driver.snapshot(kept, volume_id)
    assert (driver.snapshots(), driver.volumes()) == ({kept: 2}, {volume_id: 2})
    driver.delete(volume_id)
    assert (driver.snapshots(), driver.volumes()) == ({kept: 2}, {})
    driver.create_copy(volume_id, 3, kept, 'snapshot')
    driver.delete_snapshot(kept)
    driver.delete_snapshot(kept)
    assert (driver.snapshots(), driver.volumes()) == ({}, {volume_id: 3})


def test_a_volume_is_copied(driver, volume_id):
    other = str(uuid.uuid4())
    driver.create(volume_id, 1)
    driver.create_copy(other, 2, volume_id, 'volume')
    driver.create_copy(other, 9, volume_id, 'volume')
    assert driver.volumes() == {volume_id: 1, other: 2}
    driver.delete(volume_id)
    assert driver.volumes() == {other: 2}


def test_of_what_is_not_there_no_copy_is_made(driver, volume_id):
    other = str(uuid.uuid4())
    for verb in (
        lambda: driver.snapshot(other, volume_id),
        lambda: driver.create_copy(other, 1, volume_id, 'volume'),
        lambda: driver.create_copy(other, 1, volume_id, 'snapshot'),
        lambda: driver.revert(volume_id, other),
    ):
        with pytest.raises(errors.NotFound):
            verb()
    driver.create(volume_id, 1)
    with pytest.raises(errors.NotFound):
        driver.revert(volume_id, other)
    assert (driver.volumes(), driver.snapshots()) == ({volume_id: 1}, {})


def test_the_store_tells_its_room(driver):
    facts = driver.facts()
    assert 0 <= facts['free_gb'] <= facts['total_gb']


def test_files_are_for_their_owner_alone(files, volume_id, tmp_path):
    other = str(uuid.uuid4())
    files.create(volume_id, 1)
    files.create_from(other, 1, raw_image(tmp_path / 'image'), 'raw')
    assert mode(files.path) == 0o711
    assert {mode(files.path / f'volume-{name}') for name in (volume_id, other)} == {0o600}
    files.extend(volume_id, 2)
    assert mode(files.path / f'volume-{volume_id}') == 0o600


@pytest.mark.parametrize('source', ['raw', 'qcow2'])
def test_a_file_holds_the_bytes_of_its_image(files, volume_id, tmp_path, source):
    image = raw_image(tmp_path / 'image')
    if source != 'raw':
        qemu_img('convert', '-f', 'raw', '-O', source, image, str(tmp_path / 'converted'))
    files.create_from(volume_id, 1, image if source == 'raw' else str(tmp_path / 'converted'), source)
    path = files.connect(volume_id, {})['data']['path']
    assert told(path, files.format)['virtual-size'] == GIB
    plain = tmp_path / 'plain'
    qemu_img('convert', '-f', files.format, '-O', 'raw', path, str(plain))
    with open(plain, 'rb') as file:
        assert file.read(600) == b'nimbus' * 100


def test_a_hostile_image_becomes_no_volume(files, volume_id, tmp_path):
    for name, (path, format) in hostile_images(tmp_path).items():
        with pytest.raises(errors.Invalid):
            files.create_from(volume_id, 1, path, format)
        assert list(files.path.iterdir()) == [], name


def test_an_image_called_raw_is_never_probed(files, volume_id, tmp_path):
    path, _ = hostile_images(tmp_path)['a backing file']
    files.create_from(volume_id, 1, path, 'raw')
    plain = tmp_path / 'plain.raw'
    qemu_img('convert', '-f', files.format, '-O', 'raw', files.connect(volume_id, {})['data']['path'], str(plain))
    with open(plain, 'rb') as file:
        assert file.read(4) == b'QFI\xfb'


def test_no_id_leads_out_of_the_folder(files, tmp_path):
    for name in ('../x', '/etc/passwd', '', '.', 'x' * 36):
        for verb in (
            lambda name=name: files.create(name, 1),
            lambda name=name: files.delete(name),
            lambda name=name: files.connect(name, {}),
            lambda name=name: files.scratch(name),
        ):
            with pytest.raises(errors.Invalid):
                verb()
    assert list(files.path.iterdir()) == []


def test_what_is_anothers_is_left_alone(files, volume_id, tmp_path):
    other = str(uuid.uuid4())
    files.create(other, 1)
    os.rename(files.path / f'volume-{other}', files.path / f'volume-{volume_id}')
    with pytest.raises(errors.Conflict):
        files.delete(volume_id)
    link = files.path / f'volume-{other}'
    link.symlink_to(files.path / f'volume-{volume_id}')
    with pytest.raises(errors.Conflict):
        files.connect(other, {})
    with pytest.raises(errors.Conflict):
        files.delete(other)
    assert (files.path / f'volume-{volume_id}').exists()


def test_what_was_left_half_made_goes_and_disks_stay(files, volume_id):
    files.create(volume_id, 1)
    half = [files.path / f'.volume-{uuid.uuid4()}.part', pathlib.Path(files.scratch(str(uuid.uuid4())))]
    for path in half:
        path.write_bytes(b'half')
    assert sorted(files.clean()) == sorted(path.name for path in half)
    assert [path.name for path in files.path.iterdir()] == [f'volume-{volume_id}']
    assert files.clean() == []


def test_a_file_that_cannot_be_read_hides_no_other(files, volume_id):
    files.create(volume_id, 1)
    (files.path / f'volume-{uuid.uuid4()}').write_bytes(b'no image')
    assert files.volumes()[volume_id] == 1


@needs_qemu
@pytest.mark.skipif(os.geteuid() != 0, reason='only root mounts a small file system')
def test_a_full_store_says_so_and_keeps_nothing(volume_id, tmp_path):
    small = tmp_path / 'small'
    small.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', str(small)], check=False).returncode:
        pytest.skip('tmpfs cannot be mounted here')
    try:
        files = FileDriver(str(small / 'volumes'))
        with pytest.raises(errors.Unavailable, match='full'):
            files.create_from(volume_id, 1, raw_image(tmp_path / 'image', os.urandom(4 << 20)), 'raw')
        assert list(files.path.iterdir()) == []
    finally:
        subprocess.run(['umount', str(small)], check=True)


def write(files: FileDriver, volume_id: str, content: bytes, at: int = 0) -> None:
    """The volume has the bytes at that place, as a guest writes them."""
    path = files.path / f'volume-{volume_id}'
    if files.format == 'raw':
        with open(path, 'r+b') as file:
            file.seek(at)
            file.write(content)
        return
    plain = files.path.parent / 'plain'
    qemu_img('convert', '-f', 'qcow2', '-O', 'raw', str(path), str(plain))
    with open(plain, 'r+b') as file:
        file.seek(at)
        file.write(content)
    qemu_img('convert', '-n', '-f', 'raw', '-O', 'qcow2', str(plain), str(path))


def read(files: FileDriver, name: str, count: int, at: int = 0) -> bytes:
    plain = files.path.parent / 'read'
    qemu_img('convert', '-f', files.format, '-O', 'raw', str(files.path / name), str(plain))
    with open(plain, 'rb') as file:
        file.seek(at)
        return file.read(count)


@pytest.mark.parametrize('shared', [True, False], ids=['as the file system can', 'by what was written'])
def test_copies_have_the_bytes_of_their_moment(files, volume_id, monkeypatch, shared):
    if not shared:
        monkeypatch.setattr(copying.fcntl, 'ioctl', refuse(errno.EOPNOTSUPP))
        monkeypatch.setattr(copying.os, 'copy_file_range', refuse(errno.EXDEV))
    kept, other = str(uuid.uuid4()), str(uuid.uuid4())
    files.create(volume_id, 1)
    write(files, volume_id, b'old', 700 << 20)
    files.snapshot(kept, volume_id)
    write(files, volume_id, b'new', 700 << 20)
    files.create_copy(other, 2, kept, 'snapshot')
    assert read(files, f'volume-{other}', 3, 700 << 20) == b'old'
    assert read(files, f'volume-{other}', 4096, 1 << 30) == bytes(4096)
    assert told(files.path / f'volume-{other}', files.format)['virtual-size'] == 2 * GIB
    assert read(files, f'volume-{volume_id}', 3, 700 << 20) == b'new'
    files.revert(volume_id, kept)
    assert read(files, f'volume-{volume_id}', 3, 700 << 20) == b'old'
    assert {mode(path) for path in files.path.iterdir()} == {0o600}
    assert (files.path / f'snapshot-{kept}').stat().st_blocks << 9 < 64 << 20


def refuse(number: int):
    def refused(*_words):
        raise OSError(number, os.strerror(number))

    return refused


@pytest.mark.parametrize('kind', ['snapshot', 'volume'])
def test_what_a_guest_filled_becomes_a_disk_of_its_own(driver, volume_id, kind):
    made, listed = str(uuid.uuid4()), driver.snapshots if kind == 'snapshot' else driver.volumes
    driver.create(volume_id, 1)
    for _ in range(2):
        target = driver.begin_copy(made, kind, volume_id)
        if driver.name == 'file':
            driver.clean()
            qemu_img('create', '-q', '-f', target['format'], target['path'], '1G')
        assert made not in listed()
    driver.clean()
    for _ in range(2):
        driver.end_copy(made, kind, 1)
        assert listed()[made] == 1
    assert driver.begin_copy(made, kind, volume_id) is None
    (driver.delete_snapshot if kind == 'snapshot' else driver.delete)(made)
    assert made not in listed() and volume_id in driver.volumes()


def test_what_no_guest_filled_is_no_disk_and_leaves_nothing(driver, volume_id):
    made = str(uuid.uuid4())
    driver.create(volume_id, 1)
    with pytest.raises(errors.NotFound, match='was not filled'):
        driver.end_copy(made, 'snapshot', 1)
    target = driver.begin_copy(made, 'snapshot', volume_id)
    if driver.name == 'file':
        pathlib.Path(target['path']).write_bytes(b'half')
        driver.delete_snapshot(made)
        assert [path.name for path in driver.path.iterdir()] == [f'volume-{volume_id}']
    assert driver.snapshots() == {}


def test_a_copy_that_fails_leaves_nothing_and_changes_nothing(files, volume_id, monkeypatch):
    kept, other = str(uuid.uuid4()), str(uuid.uuid4())
    files.create(volume_id, 1)
    files.snapshot(kept, volume_id)
    write(files, volume_id, b'new')
    monkeypatch.setattr(copying.fcntl, 'ioctl', refuse(errno.ENOSPC))
    for verb in (
        lambda: files.snapshot(other, volume_id),
        lambda: files.create_copy(other, 1, volume_id, 'volume'),
        lambda: files.revert(volume_id, kept),
    ):
        with pytest.raises(errors.Unavailable, match='full'):
            verb()
    assert sorted(path.name for path in files.path.iterdir()) == sorted([f'volume-{volume_id}', f'snapshot-{kept}'])
    assert read(files, f'volume-{volume_id}', 3) == b'new'


def test_a_snapshot_that_is_anothers_is_left_alone(files, volume_id):
    kept, other = str(uuid.uuid4()), str(uuid.uuid4())
    files.create(volume_id, 1)
    files.snapshot(kept, volume_id)
    os.rename(files.path / f'snapshot-{kept}', files.path / f'snapshot-{other}')
    for verb in (lambda: files.delete_snapshot(other), lambda: files.revert(volume_id, other)):
        with pytest.raises(errors.Conflict):
            verb()
