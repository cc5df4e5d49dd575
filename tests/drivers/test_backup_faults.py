"""Backups where a store is full or away, or a process dies in the middle: what is whole stays so."""

import errno
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from nimbus.common import errors
from nimbus.volume.agent.backups import folder as folders
from tests.drivers.backup_disks import head, new, path_of, same, scribble

# A store that is full or away


def test_a_full_store_is_told_and_what_was_written_goes_when_it_is_removed(folder, kept, monkeypatch):
    keeper, volume = kept
    key, real = new(), folders._write

    def full(path, data):
        if path.name != '00000000':
            raise OSError(errno.ENOSPC, 'No space left on device')
        real(path, data)

    monkeypatch.setattr(folders, '_write', full)
    with pytest.raises(errors.Unavailable, match='The backup store is full'):
        keeper.back_up(key, 'volume', volume, None)
    with pytest.raises(errors.NotFound):
        keeper.verify(key)
    keeper.remove(key)
    assert os.listdir(folder.path) == []


def test_a_store_that_is_away_loses_nothing_and_is_not_written_beside(folder, kept, tmp_path):
    keeper, volume = kept
    key = new()
    keeper.back_up(key, 'volume', volume, None)
    os.rename(folder.path, tmp_path / 'away')
    for ask in (
        lambda: keeper.back_up(new(), 'volume', volume, None),
        lambda: keeper.restore(volume, 1, key),
        lambda: keeper.remove(key),
        lambda: keeper.verify(key),
    ):
        with pytest.raises(errors.Unavailable, match='The backup store is failing'):
            ask()
    assert not folder.path.exists()
    os.rename(tmp_path / 'away', folder.path)
    assert keeper.verify(key)['objects'] == 3


# A process that dies

SCRIPT = """
import sys
from nimbus.volume.agent.backups.folder import FolderStore
from nimbus.volume.agent.backups.keeper import Keeper
from nimbus.volume.agent.file.driver import FileDriver
root, verb, volume, key = sys.argv[1:]
keeper = Keeper(FileDriver(root + '/volumes', 'raw'), FolderStore(root + '/backups'))
if verb == 'back_up':
    keeper.back_up(key, 'volume', volume, None)
elif verb == 'restore':
    keeper.restore(volume, 1, key)
else:
    keeper.remove(key)
"""


def dies(root: pathlib.Path, where: str, *arguments: str) -> None:
    """A process of its own is killed at the failpoint."""
    failpoint = {'NIMBUS_FAILPOINTS': f'{where}=kill', 'PYTHONPATH': os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT, str(root), *arguments], env=os.environ | failpoint, check=False
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize('where', ['backup.put', 'backup.publish', 'backup.published'])
def test_a_backup_whose_maker_was_killed_is_made_again(disks, folder, kept, tmp_path, where):
    keeper, volume = kept
    key, made = new(), new()
    dies(tmp_path, where, 'back_up', volume, key)
    if where != 'backup.published':
        with pytest.raises(errors.NotFound):
            keeper.restore(made, 1, key)
    assert keeper.back_up(key, 'volume', volume, None) == {'objects': 3}
    assert sorted(os.listdir(folder.path / f'backup-{key}')) == ['00000000', '00000005', '00000255', 'manifest']
    keeper.restore(made, 1, key)
    assert same(path_of(disks, volume), path_of(disks, made))


def test_a_removal_that_was_killed_leaves_no_backup_that_seems_whole(folder, kept, tmp_path):
    keeper, volume = kept
    key = new()
    keeper.back_up(key, 'volume', volume, None)
    dies(tmp_path, 'backup.remove', 'remove', volume, key)
    assert folder.keys() == {key}
    with pytest.raises(errors.NotFound):
        keeper.verify(key)
    keeper.remove(key)
    assert folder.keys() == set()


def test_a_restore_that_was_killed_leaves_the_volume_as_it_was(disks, kept, tmp_path):
    keeper, volume = kept
    key, target = new(), new()
    keeper.back_up(key, 'volume', volume, None)
    disks.create(target, 1)
    scribble(disks, target, 0, b'as it was')
    dies(tmp_path, 'volume.publish', 'restore', target, key)
    assert head(disks, target).startswith(b'as it was')
    disks.clean()
    keeper.restore(target, 1, key)
    assert same(path_of(disks, volume), path_of(disks, target))
