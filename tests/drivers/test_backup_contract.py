"""What every store of backups does, and what the keeper makes of it, on real files."""

import os
import random
import shutil
import zlib

import pytest

from nimbus.common import errors
from nimbus.volume.agent.backups import keeper as keepers
from nimbus.volume.agent.backups import manifest
from nimbus.volume.agent.backups.folder import FolderStore
from nimbus.volume.agent.backups.keeper import CHUNK, Keeper
from nimbus.volume.agent.backups.s3 import S3Store
from nimbus.volume.agent.fake.store import MemoryStore
from nimbus.volume.agent.file import contents
from nimbus.volume.agent.file.driver import FileDriver
from tests import s3
from tests.drivers.backup_disks import GIB, head, new, path_of, same, scribble, written

needs_qemu = pytest.mark.skipif(not shutil.which('qemu-img'), reason='qemu-img is not installed')


@pytest.fixture(params=['memory', 'folder', 's3'])
def store(request, tmp_path):
    """A store of each kind; the bucket is one of a server within the process."""
    if request.param == 's3':
        with s3.serving() as server:
            yield S3Store(s3.BUCKET, endpoint=server.url, region='us-east-1', key=(s3.ACCESS, s3.SECRET))
    else:
        yield MemoryStore() if request.param == 'memory' else FolderStore(str(tmp_path / 'backups'))


# Every store


def test_a_piece_is_there_as_it_was_put(store):
    key, other = new(), new()
    store.put(key, '00000000', b'one')
    store.put(key, '00000000', b'two')
    store.publish(key, 'manifest', b'')
    store.put(other, '00000000', b'three')
    assert (store.get(key, '00000000'), store.get(key, 'manifest'), store.get(other, '00000000')) == (
        *(b'two', b''),
        b'three',
    )
    assert store.keys() == {key, other}


def test_what_is_not_there_is_not_found(store):
    for key, piece in ((new(), 'manifest'), (new(), '00000000')):
        with pytest.raises(errors.NotFound):
            store.get(key, piece)


def test_one_backup_goes_and_the_others_stay(store):
    key, other = new(), new()
    for one in (key, other):
        for number in range(3):
            store.put(one, f'{number:08d}', b'x')
        store.publish(one, 'manifest', b'm')
    store.remove(key, 'manifest')
    store.remove(key, 'manifest')
    assert store.keys() == {other} and store.get(other, '00000002') == b'x'
    with pytest.raises(errors.NotFound):
        store.get(key, 'manifest')


@pytest.mark.parametrize('verb', ['put', 'get', 'remove', 'publish'])
def test_a_key_is_an_id_and_no_path(store, verb):
    arguments = {'put': ('x', b''), 'publish': ('x', b''), 'get': ('x',), 'remove': ('x',)}[verb]
    for key in ('../etc', '', '/', 'x' * 36):
        with pytest.raises(errors.Invalid, match='no id of a backup'):
            getattr(store, verb)(key, *arguments)


# Backups of real files


def test_a_backup_comes_back_as_it_was(disks, store):
    keeper, volume, key, made = Keeper(disks, store), new(), new(), new()
    disks.create(volume, 1)
    scribble(disks, volume, 3 * CHUNK - 5, b'nimbus' * 5)
    assert keeper.back_up(key, 'volume', volume, None) == {'objects': 2}
    assert keeper.back_up(key, 'volume', volume, None) == {'objects': 2}
    assert keeper.verify(key) == {'size': GIB, 'objects': 2}
    keeper.restore(made, 1, key)
    assert same(path_of(disks, volume), path_of(disks, made))
    keeper.remove(key)
    keeper.remove(key)
    assert store.keys() == set()


@pytest.mark.parametrize('format', ['raw', pytest.param('qcow2', marks=needs_qemu)])
def test_a_backup_of_each_format_and_of_a_snapshot(tmp_path, folder, format):
    disks = FileDriver(str(tmp_path / 'volumes'), format)
    keeper, volume, snapshot, key, made = Keeper(disks, folder), new(), new(), new(), new()
    image = tmp_path / 'image'
    image.write_bytes(random.Random(1).randbytes(CHUNK + 4096))
    disks.create_from(volume, 1, str(image), 'raw')
    disks.snapshot(snapshot, volume)
    disks.delete(volume)
    assert keeper.back_up(key, 'snapshot', snapshot, None) == {'objects': 2}
    keeper.restore(made, 2, key)
    assert disks.volumes() == {made: 2}
    with disks.read(made, 'volume') as reading:
        assert reading.size == 2 * GIB
        assert reading.pread(CHUNK + 8192, 0) == image.read_bytes() + bytes(4096)
        assert sum(end - start for start, end in reading.extents()) < 3 * CHUNK
    assert not [name for name in os.listdir(disks.path) if name.startswith('.')]


def test_a_volume_that_is_restored_has_zeros_where_the_backup_has_nothing(disks, kept):
    keeper, volume = kept
    key, target = new(), new()
    keeper.back_up(key, 'volume', volume, None)
    disks.create(target, 2)
    for at in (2 * CHUNK, GIB + 5):
        scribble(disks, target, at, b'old secret')
    keeper.restore(target, 2, key)
    assert path_of(disks, target).stat().st_size == 2 * GIB
    assert written(path_of(disks, target)) == written(path_of(disks, volume))


def test_an_incremental_backup_keeps_only_what_changed(disks, kept):
    keeper, volume = kept
    first, second, made = new(), new(), new()
    assert keeper.back_up(first, 'volume', volume, None) == {'objects': 3}
    scribble(disks, volume, 5 * CHUNK, b'changed')
    scribble(disks, volume, 9 * CHUNK, b'new')
    scribble(disks, volume, 0, bytes(512))
    assert keeper.back_up(second, 'volume', volume, first) == {'objects': 2}
    keeper.restore(made, 1, second)
    assert same(path_of(disks, volume), path_of(disks, made))
    keeper.restore(made, 1, first)
    assert head(disks, made) == b'A' * 512


def test_a_volume_that_nobody_wrote_is_not_read_again(disks, kept, monkeypatch):
    keeper, volume = kept
    first, second, third, made = new(), new(), new(), new()
    old = path_of(disks, volume).stat().st_mtime_ns - 10 * contents.SETTLED
    monkeypatch.setattr(contents, 'SETTLED', 0)
    keeper.back_up(first, 'volume', volume, None)
    read = []
    real = contents.OpenFile.pread
    monkeypatch.setattr(contents.OpenFile, 'pread', lambda *a: read.append(a) or real(*a))
    assert keeper.back_up(second, 'volume', volume, first) == {'objects': 0}
    assert read == []
    keeper.restore(made, 1, second)
    assert same(path_of(disks, volume), path_of(disks, made))
    scribble(disks, volume, 7, b'x')
    os.utime(path_of(disks, volume), ns=(old, old))  # the time of the change itself cannot be set back
    assert keeper.back_up(third, 'volume', volume, second) == {'objects': 1} and read


def test_a_file_that_was_written_just_now_says_nothing_of_itself(tmp_path):
    path = tmp_path / 'f'
    path.write_bytes(b'x')
    assert contents.mark(path) is None


@pytest.mark.parametrize('harm', ['bytes', 'bits', 'short', 'gone', 'other', 'long'])
def test_a_damaged_chunk_is_told_and_nothing_is_restored(disks, folder, kept, harm):
    keeper, volume = kept
    key, target = new(), new()
    keeper.back_up(key, 'volume', volume, None)
    disks.create(target, 1)
    scribble(disks, target, 0, b'as it was')
    chunk = folder.path / f'backup-{key}' / '00000005'
    raw = chunk.read_bytes()
    if harm == 'gone':
        chunk.unlink()
    elif harm == 'other':
        shutil.copy(folder.path / f'backup-{key}' / '00000000', chunk)
    else:
        changed = {'bytes': b'no zlib at all', 'bits': raw[:-9] + bytes([raw[-9] ^ 4]) + raw[-8:], 'short': raw[:-20]}
        changed['long'] = zlib.compress(bytes(CHUNK * 2))
        chunk.write_bytes(changed[harm])
    with pytest.raises(errors.Invalid, match='damaged: chunk 5'):
        keeper.restore(target, 1, key)
    assert head(disks, target).startswith(b'as it was')
    with pytest.raises(errors.Invalid, match='damaged'):
        keeper.restore(new(), 1, key)
    assert disks.volumes() == {volume: 1, target: 1}
    assert not [name for name in os.listdir(disks.path) if name.startswith('.')]


@pytest.mark.parametrize('harm', ['cut', 'bit', 'empty'])
def test_a_damaged_manifest_is_told(folder, kept, harm):
    keeper, volume = kept
    key = new()
    keeper.back_up(key, 'volume', volume, None)
    path = folder.path / f'backup-{key}' / manifest.PIECE
    raw = path.read_bytes()
    path.write_bytes({'cut': raw[:-3], 'bit': raw[:80] + bytes([raw[80] ^ 1]) + raw[81:], 'empty': b''}[harm])
    for ask in (lambda: keeper.verify(key), lambda: keeper.restore(new(), 1, key)):
        with pytest.raises(errors.Invalid, match='damaged'):
            ask()


def test_a_backup_does_not_fit_in_a_smaller_volume(disks, folder):
    keeper, volume, key = Keeper(disks, folder), new(), new()
    disks.create(volume, 2)
    keeper.back_up(key, 'volume', volume, None)
    with pytest.raises(errors.Invalid, match='does not fit'):
        keeper.restore(new(), 1, key)


def test_what_is_not_there_is_not_backed_up(kept, folder):
    keeper, _ = kept
    with pytest.raises(errors.NotFound):
        keeper.back_up(new(), 'volume', new(), None)
    with pytest.raises(errors.NotFound):
        keeper.back_up(new(), 'volume', kept[1], new())
    assert folder.keys() == set()


def test_bytes_are_seen_by_the_service_alone(folder, kept):
    keeper, volume = kept
    key = new()
    keeper.back_up(key, 'volume', volume, None)
    place = folder.path / f'backup-{key}'
    assert (place.stat().st_mode & 0o777, (place / '00000000').stat().st_mode & 0o777) == (0o700, 0o600)


def test_memory_holds_a_chunk_and_not_a_disk(disks, folder, monkeypatch):
    import tracemalloc

    keeper, volume, key = Keeper(disks, folder), new(), new()
    disks.create(volume, 1)
    pattern = random.Random(2).randbytes(CHUNK)
    for number in range(12):
        scribble(disks, volume, number * CHUNK, pattern)
    tracemalloc.start()
    keeper.back_up(key, 'volume', volume, None)
    keeper.restore(new(), 1, key)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 6 * keepers.CHUNK
