"""A guest's folder on its host: instances/UUID with its disks, console log and definition."""

import dataclasses
import errno
import functools
import json
import logging
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable

from nimbus.common import folders
from nimbus.compute.agent.disks import configdrive, imagecache, ownership, qemu_img
from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.agent.libvirt.xml import Disk
from nimbus.compute.guest import Blank, Guest, Volume

LOG = logging.getLogger(__name__)
GIB = 1024**3
LETTERS = 'abcdefghijklmnopqrstuvwxyz'
PREFIX = {'virtio': 'vd', 'scsi': 'sd', 'sata': 'sd', 'usb': 'sd', 'ide': 'hd'}
ONE_CONTROLLER = {'ide': 4, 'sata': 6}  # a name beyond these costs the guest another controller
BOOT_FILES = {'kernel': 'disk.kernel', 'ramdisk': 'disk.ramdisk'}  # of a guest whose image has its own
VARIABLES = 'disk.nvram'  # of a guest's firmware
RESCUE, RESCUE_DRIVE = 'disk.rescue', 'disk.config.rescue'  # what a guest that is repaired is started from
VOLUME_FORMATS = ('raw', 'qcow2')
BLANK_FORMATS = ('ext2', 'ext3', 'ext4')


@dataclasses.dataclass(frozen=True)
class Making:
    """How a host makes the disks of new guests."""

    cow: bool = True  # a root disk is an overlay of its image's base; else a whole copy of it
    preallocate: bool = False  # disks have all their space from the beginning
    host: str = 'localhost'  # whose the folders of new guests are


class Folder:
    """The folder of one guest.  Everything is made aside and renamed, so a file that is there is whole."""

    def __init__(self, instances_path: str, guest_id: str, making: Making | None = None) -> None:
        self._making = making or Making()
        self.guest_id = str(uuid.UUID(guest_id))  # never a path out of the folder
        self.path = os.path.join(instances_path, self.guest_id)
        self.console = self.file('console.log')

    def file(self, name: str) -> str:
        """The path of a file in the folder."""
        return os.path.join(self.path, name)

    def exists(self) -> bool:
        """Whether anything of the guest is on disk."""
        return os.path.isdir(self.path)

    def begin(self) -> None:
        """The folder is there and marked as being built, unless it was finished before."""
        known = self.exists()
        folders.make(self.path)
        if not known:
            self.write('building', '')
            self.own()

    def own(self) -> None:
        """The folder says whose it is; one that says it already is left as it is."""
        if ownership.read(self.path) is None:
            ownership.write(self.path, ownership.Owner(self._making.host))

    def take(self) -> None:
        """The folder is this host's, on which its guest runs from now on, whosever it was."""
        owner = ownership.read(self.path)
        if owner is None or owner.host != self._making.host:
            ownership.write(self.path, ownership.Owner(self._making.host, owner.host if owner else None))

    def is_ours(self) -> bool:
        """Whether the folder is no other host's."""
        owner = ownership.read(self.path)
        return owner is None or owner.host == self._making.host

    def is_building(self) -> bool:
        """Whether no spawn of this guest has come to its end yet."""
        return os.path.exists(self.file('building'))

    def finish(self) -> None:
        """The guest has run: from now on its bytes go only when it is destroyed."""
        _unlink(self.file('building'))

    def remove(self) -> None:
        """The folder and all in it are gone."""
        if self.exists():
            shutil.rmtree(self.path)

    def write(self, name: str, text: str) -> None:
        """A small file of the folder holds `text`."""
        self.make(name, lambda part: _write(part, text), again=True)

    def fresh_console(self) -> None:
        """The console log is there and empty, readable by its owner only."""
        _unlink(self.console + '.0')
        os.close(os.open(self.console, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))

    def make_disks(self, guest: Guest, base: str | None) -> None:
        """Every disk the host itself keeps for `guest` exists.  Raises Refused or OSError."""
        if guest.image is not None:
            self._make_root(guest, base)
        for kind, image in (('kernel', guest.kernel), ('ramdisk', guest.ramdisk)):
            if image is not None:
                self.make(BOOT_FILES[kind], functools.partial(_copy_boot_file, guest, kind))
        for number, blank in enumerate(guest.blanks):
            self.make(f'disk.{blank.name}', functools.partial(self._make_blank, blank, number))
        if guest.config_drive is not None:
            files = configdrive.decode(guest.config_drive)
            self.make('disk.config', lambda part: configdrive.make(files, part), mode=0o640)

    def boot_files(self, guest: Guest) -> dict[str, str]:
        """The paths of the guest's own kernel and ramdisk, where it has any."""
        has = {'kernel': guest.kernel, 'ramdisk': guest.ramdisk}
        return {kind: self.file(name) for kind, name in BOOT_FILES.items() if has[kind] is not None}

    def has(self, name: str) -> bool:
        """Whether the file is in the folder."""
        return os.path.exists(self.file(name))

    def bases(self) -> set[str]:
        """The paths of the bases that disks in the folder stand on."""
        found = [self.backing(name) for name in ('disk', RESCUE) if self.has(name)]
        return {base[0] for base in found if base}

    def drop_rescue(self) -> None:
        """No disk of a rescue is left."""
        for name in (RESCUE, RESCUE_DRIVE):
            _unlink(self.file(name))

    def drop_disks(self, preserve: bool) -> None:
        """The disks that the host itself keeps are gone, to `preserve` but for the ephemeral ones."""
        kept = ('disk.local', 'disk.eph') if preserve else ()
        for name in os.listdir(self.path):
            if name == 'disk' or (name.startswith('disk.') and not name.startswith(kept)):
                _unlink(self.file(name))

    def layout(self, guest: Guest, cdrom_bus: str) -> list[Disk]:
        """The guest's disks in order: root, local ones, volumes, and the config drive last."""
        properties = guest.properties
        bus = properties.get('hw_disk_bus', 'virtio')
        cdrom_bus = properties.get('hw_cdrom_bus', cdrom_bus)
        taken = {volume.device for volume in guest.volumes} | {blank.device for blank in guest.blanks}
        root = [self._root(guest, bus, cdrom_bus, taken)] if guest.image else []
        local = [
            Disk(self.file(f'disk.{blank.name}'), 'raw', _wanted(blank.device, own, taken), own)
            for blank in guest.blanks
            for own in (blank.bus or bus,)
            if os.path.exists(self.file(f'disk.{blank.name}'))
        ]
        volumes = [volume_disk(volume) for volume in sorted(guest.volumes, key=lambda v: (not v.boot, v.device))]
        drive = []
        if os.path.exists(self.file('disk.config')):
            # The last name of its bus: the next volume gets the first that is free.
            drive = [
                Disk(self.file('disk.config'), 'raw', free_name(cdrom_bus, taken, last=True), cdrom_bus, cdrom=True)
            ]
        return [*root, *local, *volumes, *drive]

    def tail(self, lines: int | None, limit: int) -> str:
        """The last `lines` lines of the console, at most `limit` bytes.  Raises Missing."""
        if not self.exists():
            raise Missing(f'Guest {self.guest_id} is not on this host.')
        # A log daemon moves a full log to .0 and begins anew.
        kept = b''.join(_last(path, limit) for path in (self.console + '.0', self.console))[-limit:]
        text = kept.lstrip(b'\0').decode('utf-8', 'replace').replace('\0', '')
        if lines is None:
            return text
        # An end of line at the very end counts as the start of a last, empty line: clients count it so.
        return '\n'.join(text.split('\n')[-lines:]) if lines > 0 else ''

    def trim_console(self, limit: int) -> None:
        """A console log beyond `limit` bytes on disk has given its older half back."""
        try:
            stat = os.stat(self.console)
        except FileNotFoundError:
            return
        if stat.st_blocks * 512 <= limit:
            return
        # A hole leaves the file's length alone, so QEMU, which has it open, notices nothing.
        length = (stat.st_size - limit // 2) // 4096 * 4096
        subprocess.run(
            ['/usr/bin/fallocate', '--punch-hole', '--offset', '0', '--length', str(length), self.console],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def _make_root(self, guest: Guest, base: str | None) -> None:
        if os.path.exists(self.file('disk')):
            return
        if base is None:
            raise Missing(f'The root disk of guest {guest.id} is not on this host.')
        base_format, base_size = imagecache.describe(base, guest.image.disk_format)
        size = guest.root_gb * GIB
        if size and base_size > size:
            raise Refused(
                f'Image {guest.image.id} is {base_size} bytes large when unpacked, and the flavor '
                f'has a root disk of {guest.root_gb} GiB only.'
            )
        if guest.image.disk_format == 'iso':
            size = 0  # a CD does not grow
        self.note_root('qcow2' if self._making.cow else 'raw')
        if self._making.cow:
            self.make('disk', lambda part: self._overlay(part, size or base_size, base, base_format))
        else:
            self.make('disk', lambda part: self._copy(part, size or base_size, base, base_format))

    def _overlay(self, part: str, size: int, base: str, base_format: str) -> None:
        qemu_img.create(part, 'qcow2', size, base, base_format)
        self._reserve(part, size)

    def _copy(self, part: str, size: int, base: str, base_format: str) -> None:
        qemu_img.convert(base, base_format, part, 'raw')
        if size > os.path.getsize(part):
            os.truncate(part, size)
        self._reserve(part, size)

    def _make_blank(self, blank: Blank, number: int, part: str) -> None:
        _make_blank(blank, number, part)
        self._reserve(part, blank.size_mb << 20)

    def _reserve(self, part: str, size: int) -> None:
        """The file has all its space, where the host is set so and its file system can."""
        if not self._making.preallocate:
            return
        done = subprocess.run(
            ['/usr/bin/fallocate', '--keep-size', '--length', str(size), part],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={'LC_ALL': 'C'},
        )
        if 'No space left on device' in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), part)
        if done.returncode:
            LOG.warning('%s begins without its space: %s', part.removesuffix('.part'), done.stderr.strip())

    def note_root(self, disk_format: str) -> None:
        """The root disk is said to be of the format."""
        self.write('disk.info', json.dumps({'disk': disk_format}))

    def root_format(self) -> str:
        """The format of the root disk as it was made: noted then, because a disk that a guest writes is not probed."""
        try:
            with open(self.file('disk.info')) as note:
                return json.load(note)['disk']
        except FileNotFoundError:
            return 'qcow2'

    def _root(self, guest: Guest, bus: str, cdrom_bus: str, taken: set[str]) -> Disk:
        base, form = self.backing(), self.root_format()
        if guest.image.disk_format == 'iso':
            return Disk(self.file('disk'), form, free_name(cdrom_bus, taken), cdrom_bus, True, None, base, 1)
        return Disk(self.file('disk'), form, free_name(bus, taken), bus, False, None, base, 1)

    def backing(self, name: str = 'disk') -> tuple[str, str] | None:
        """Path and format of the base below the root disk, or the one named; None for a disk that stands alone."""
        if name == 'disk' and self.root_format() == 'raw':
            return None
        found = qemu_img.info(self.file(name), 'qcow2')
        path = found.get('full-backing-filename') or found.get('backing-filename')
        if not path:
            return None
        return path, qemu_img.qemu_format(found.get('backing-filename-format', 'raw'))

    def make(self, name: str, make: Callable[[str], None], mode: int = 0o600, again: bool = False) -> None:
        """The file is there, made by `make` where it is not, or `again`."""
        path, part = self.file(name), self.file(name + '.part')
        if os.path.exists(path) and not again:
            return
        _unlink(part)
        try:
            make(part)
            os.chmod(part, mode)
            os.replace(part, path)
        finally:
            _unlink(part)


def volume_disk(volume: Volume) -> Disk:
    """The disk that `volume` is to a guest.  Raises Refused for one this host cannot reach."""
    if volume.driver_volume_type != 'file':
        raise Refused(
            f'This host cannot attach volume {volume.id}: its type is {volume.driver_volume_type!r}, '
            'and only file is known here.'
        )
    path, disk_format = volume.data.get('path', ''), volume.data.get('format', '')
    if disk_format not in VOLUME_FORMATS:
        raise Refused(f'This host cannot attach volume {volume.id}: its format is {disk_format!r}, not raw or qcow2.')
    if not os.path.isabs(path) or not os.path.isfile(path):
        raise Refused(f'This host does not see the file of volume {volume.id}.')
    boot = 1 if volume.boot else None
    return Disk(path, disk_format, volume.device, volume.bus, volume.cdrom, serial=volume.id, boot=boot)


def guest_folders(instances_path: str) -> list[str]:
    """The ids of the guests that have a folder."""
    found = []
    for name in os.listdir(instances_path) if os.path.isdir(instances_path) else ():
        try:
            if str(uuid.UUID(name)) == name:
                found.append(name)
        except ValueError:
            pass  # '_base', 'locks' and the like
    return found


def has_direct_io(folder: str) -> bool:
    """Whether files in `folder` can be opened with O_DIRECT."""
    path = os.path.join(folder, f'.direct-{uuid.uuid4().hex}')
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_DIRECT, 0o600))
        return True
    except OSError as why:
        if why.errno in (errno.EINVAL, errno.ENOTSUP):
            return False
        raise
    finally:
        _unlink(path)


def free_name(bus: str, taken: set[str], last: bool = False) -> str:
    """The first name of the bus that is not taken, or the last one; it is taken from now on."""
    ordered = reversed(LETTERS[: ONE_CONTROLLER.get(bus)]) if last else iter(LETTERS)
    name = next(PREFIX[bus] + letter for letter in ordered if PREFIX[bus] + letter not in taken)
    taken.add(name)
    return name


def _wanted(name: str, bus: str, taken: set[str]) -> str:
    """The name that was asked for, where a disk of the bus can have it."""
    return name if name.startswith(PREFIX[bus]) else free_name(bus, taken)


def _copy_boot_file(guest: Guest, kind: str, part: str) -> None:
    if kind not in guest.files:
        raise Missing(f'The {kind} of guest {guest.id} is not on this host.')
    shutil.copyfile(guest.files[kind], part)


def _make_blank(blank: Blank, number: int, part: str) -> None:
    if blank.format == 'swap':
        _formatted(part, blank.size_mb << 20, ['/usr/sbin/mkswap', part])
    elif blank.format in BLANK_FORMATS:
        made = [f'/usr/sbin/mkfs.{blank.format}', '-q', '-F', '-L', f'ephemeral{number}', part]
        _formatted(part, blank.size_mb << 20, made)
    else:
        raise Refused(f'This host cannot format a disk as {blank.format}, only as {", ".join(BLANK_FORMATS)} or swap.')


def _formatted(path: str, size: int, command: list[str]) -> None:
    with open(path, 'wb') as out:
        out.truncate(size)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        text = f'{os.path.basename(command[0])} could not format a disk'
        raise Refused(f'{text}.', inside=f'{text}: {" ".join(done.stderr.split())}.')


def _last(path: str, limit: int) -> bytes:
    try:
        with open(path, 'rb') as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - limit))
            return log.read(limit)
    except FileNotFoundError:
        return b''


def _write(path: str, text: str) -> None:
    with open(path, 'w') as out:
        out.write(text)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
