"""The disks of a guest in two sizes: the new ones in use, the old ones kept aside until somebody decides.

What is kept stands in the folder `before` of the guest's own, by hard links: a disk that is still the same file as the
one kept has not been changed yet.  So every step here can be repeated after a death.
"""

import errno
import os
import shutil
import subprocess

from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Missing
from nimbus.compute.agent.libvirt.disks import BOOT_FILES, GIB, VARIABLES, Folder
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal
from nimbus.compute.guest import Guest

KEPT, GONE = 'before', 'before.gone'
MOVE, SWAP = 'move', 'disk.swap'


class Resizing(Domains):
    """The driver's verbs that change the size of guests."""

    def stop(self, guest_id: str, timeout: int) -> None:
        """The guest is off, as the driver switches it off."""
        raise NotImplementedError

    @in_kinds
    def resize(self, guest: Guest, move_id: str) -> None:
        with self._lock(guest.id):
            folder = self._there(guest.id)
            try:
                keep(folder, move_id)
                grow(folder, guest)
            except (OSError, qemu_img.Failed) as why:
                raise refusal(guest.id, self.settings.uri, why) from why

    @in_kinds
    def unresize(self, guest_id: str, move_id: str) -> None:
        with self._lock(guest_id):
            put_back(self._there(guest_id), move_id)

    @in_kinds
    def settle(self, guest_id: str) -> None:
        with self._lock(guest_id):
            forget(self._folder(guest_id))

    def _there(self, guest_id: str) -> Folder:
        folder = self._folder(guest_id)
        if not folder.exists():
            raise Missing(f'Guest {guest_id} is not on this host.')
        self.stop(guest_id, 0)
        return folder


def disks_of(path: str) -> list[str]:
    """The names of the disks in a folder, without the config drive, which has no size of its own."""
    names = [name for name in os.listdir(path) if name == 'disk' or name.startswith('disk.')]
    return sorted(name for name in names if name not in ('disk.info', 'disk.config') and not name.endswith('.part'))


def kept_for(folder: Folder) -> str | None:
    """The move that disks are kept for, None where none are."""
    try:
        with open(os.path.join(folder.file(KEPT), MOVE)) as note:
            return note.read()
    except FileNotFoundError:
        return None


def keep(folder: Folder, move_id: str) -> None:
    """The disks as they are now are kept for the move, unless some are already; those of another are forgotten."""
    if kept_for(folder) == move_id:
        return
    forget(folder)
    part = folder.file(f'{KEPT}.part')
    shutil.rmtree(part, ignore_errors=True)
    os.mkdir(part, 0o700)
    for name in disks_of(folder.path):
        os.link(folder.file(name), os.path.join(part, name))
    with open(os.path.join(part, MOVE), 'w') as note:
        note.write(move_id)
    os.rename(part, folder.file(KEPT))


def grow(folder: Folder, guest: Guest) -> None:
    """The disks have the guest's sizes; those that are still to be made are made at its next start."""
    sizes = {f'disk.{blank.name}': blank.size_mb << 20 for blank in guest.blanks}
    if guest.image is not None:
        sizes['disk'] = 0 if guest.image.disk_format == 'iso' else guest.root_gb * GIB
    for name in disks_of(folder.path):
        path, kept = folder.file(name), os.path.join(folder.file(KEPT), name)
        if not os.path.exists(kept) or not os.path.samefile(path, kept):
            continue
        if name in (*BOOT_FILES.values(), VARIABLES):
            continue  # they are of no size of the flavor's
        if name not in sizes or name == SWAP:
            os.unlink(path)  # what a guest swapped out is worth nothing when it is off
        else:
            _copy(path, folder.root_format() if name == 'disk' else 'raw', sizes[name])


def _copy(path: str, disk_format: str, size: int) -> None:
    """The file is another one with the same content and at least the size."""
    part = f'{path}.part'
    done = subprocess.run(
        ['/usr/bin/cp', '--sparse=always', '--reflink=auto', '--preserve=mode,ownership', path, part],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={'LC_ALL': 'C'},
    )
    try:
        if 'No space left on device' in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        if done.returncode:
            raise qemu_img.Failed(done.stderr.strip())
        if size > qemu_img.info(part, disk_format)['virtual-size']:
            qemu_img.resize(part, disk_format, size)
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def put_back(folder: Folder, move_id: str) -> None:
    """The disks are those that were kept for the move, and nothing is kept any more; nothing kept for it is fine."""
    if kept_for(folder) != move_id:
        return
    kept = folder.file(KEPT)
    names = disks_of(kept)
    for name in names:
        path, part = folder.file(name), f'{folder.file(name)}.part'
        if os.path.exists(path) and os.path.samefile(path, os.path.join(kept, name)):
            continue
        if os.path.exists(part):
            os.unlink(part)
        os.link(os.path.join(kept, name), part)
        os.replace(part, path)
    for name in set(disks_of(folder.path)) - set(names):
        os.unlink(folder.file(name))
    forget(folder)


def forget(folder: Folder) -> None:
    """Nothing is kept; nothing kept is fine."""
    _clear(folder)
    if os.path.exists(folder.file(KEPT)):
        os.rename(folder.file(KEPT), folder.file(GONE))
        _clear(folder)


def _clear(folder: Folder) -> None:
    shutil.rmtree(folder.file(GONE), ignore_errors=True)
