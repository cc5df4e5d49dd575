"""Inspect an image's content while it streams in: it must be what disk_format and container_format declare.

A disk image may name other files of the host as its backing or data, hide one
format inside another, or claim a disk of any size.  Whatever this module lets
pass is one self-contained disk of the declared format; all later users still
name the format explicitly and never probe.
"""

import json
import logging
import re
import shutil
import subprocess
from typing import Any

from oslo_utils.imageutils import format_inspector

from nimbus.common import errors
from nimbus.common.disks import safety
from nimbus.image.data import trailers
from nimbus.image.data.trailers import SECTOR

LOG = logging.getLogger(__name__)
PACKED = ('ova', 'docker', 'compressed')  # containers whose bytes are not themselves a disk
KERNELS = ('aki', 'ari', 'ami')
OPAQUE = ('ploop', *KERNELS)  # formats nobody here opens; no inspector knows them
PLOOP = 'parallels'  # how BEGINNINGS calls the header that a ploop image has
# A raw disk may begin with a partition table or an encryption header; a bootable ISO begins with one too.
DETECTED = {
    'raw': ({'raw'}, {'gpt'}, {'luks'}),
    'iso': ({'iso'}, {'iso', 'gpt'}),
    'gpt': ({'gpt'},),
    'luks': ({'luks'},),
    **{name: ({'raw'}, {'gpt'}) for name in OPAQUE},
}
QEMU_NAMES = {'vhd': 'vpc', 'iso': 'raw', 'gpt': 'raw', 'luks': 'raw'}
KEY_PROPERTIES = ('os_encrypt_key_id', 'cinder_encryption_key_id')
MEMORY, SECONDS = 1 << 30, 30  # resource limits of qemu-img, which reads one header
HEADLESS = ('raw', 'iso', 'gpt', 'luks')  # declared so, a disk has no header of a format that names other files
HEAD = 2048  # bytes; what QEMU reads to find out a format
# How formats begin, also broken, old and rare ones that no inspector takes for what they are but QEMU might.
BEGINNINGS = {
    'qcow2': (b'QFI\xfb',),
    'qed': (b'QED\0',),
    'vmdk': (b'KDMV', b'COWD', b'# Disk DescriptorFile'),
    'vhd': (b'conectix',),
    'vhdx': (b'vhdxfile',),
    'parallels': (b'WithoutFreeSpace', b'WithouFreSpacExt'),
    'bochs': (b'Bochs Virtual HD Image',),
    'cloop': (b'#!/bin/sh\n#V2.0 Format\nmodprobe cloop',),
}
# A VMDK's descriptor may begin with any comment and empty lines.
DESCRIPTOR = re.compile(rb'(?:#[^\n]*\n| *\r?\n)*version=[1-9]\r?\n')


def _signature_of(properties: dict[str, str], certificates: str) -> Any:
    """The signature to check an image by; None where it has none.  Raises Invalid."""
    if 'img_signature' not in properties:
        return None
    from nimbus.image.data import signatures  # reading certificates is much to load, for what few images have

    return signatures.of(properties, certificates)


class Inspection:
    """Inspects the bytes of one image as they pass, and at the end checks what they are."""

    def __init__(
        self, disk_format: str, container_format: str, properties: dict[str, str], certificates: str = ''
    ) -> None:
        """`certificates` is the folder of those that signatures are checked by.  Raises Invalid for a bad signature."""
        self.declared, self.container = disk_format, container_format
        self.has_key = any(properties.get(name) for name in KEY_PROPERTIES)
        self._feed: list[bytes] = []
        self._head = self._tail = b''
        self._wrapper = format_inspector.InspectWrapper(_Fed(self._feed))
        self._signature = _signature_of(properties, certificates)
        self.size = 0

    def eat(self, piece: bytes) -> None:
        """One more piece of the image has gone by."""
        self.size += len(piece)
        if self._signature:
            self._signature.eat(piece)
        self._head += piece[: HEAD - len(self._head)]
        self._tail = piece[-trailers.SIZE :] if len(piece) >= trailers.SIZE else (self._tail + piece)[-trailers.SIZE :]
        self._feed.append(piece)
        self._wrapper.read(len(piece))

    def finish(self, virtual_size_cap: int) -> int | None:
        """The disk's own size, None where the bytes are not a disk.  Raises WrongMedia, TooLarge, and Invalid when the
        bytes are not those that were signed.
        """
        self._wrapper.close()
        if self._signature:
            self._signature.finish()
        found = {str(one): one for one in self._wrapper.formats or ()}
        names = set(found)
        if self.container in PACKED:
            if names != {'raw'}:
                raise self._refusal(f'is {_list(names)}, not a {self.container} container')
            return None
        fixed = self.declared == 'vhd' and names in ({'raw'}, {'gpt'}) and trailers.is_fixed_vhd(self._tail)
        if not fixed and names not in DETECTED.get(self.declared, ({self.declared},)):
            raise self._refusal(f'is {_list(names)}')
        if self.declared == 'ploop' and _begins_as(self._head) != PLOOP:
            raise self._refusal('does not begin as ploop does')
        if self.declared in OPAQUE:
            return None
        if self.declared in HEADLESS:
            self._check_bare()
        for one in found.values():
            self._check_safety(one)
        if 'luks' in names and not self.has_key:
            raise self._refusal(f'is encrypted; name its key in the property {KEY_PROPERTIES[0]}')
        virtual = self._fixed_size() if fixed else self._virtual_size(found)
        if virtual > virtual_size_cap:
            raise errors.TooLarge(f'The disk in the image has {virtual} bytes; at most {virtual_size_cap} are allowed.')
        return virtual

    def _check_bare(self) -> None:
        """Raises WrongMedia when a disk without a header begins or ends as one of another format."""
        if begun := _begins_as(self._head):
            raise self._refusal(f'begins as {begun} does')
        if ended := trailers.ends_as(self._tail):
            raise self._refusal(f'ends as {ended} does')

    def _fixed_size(self) -> int:
        """The disk's size by the footer of a fixed VHD.  Raises WrongMedia when the file is shorter."""
        virtual = trailers.vhd_size(self._tail)
        if virtual > self.size - trailers.SIZE:
            raise self._refusal(f'is a vhd of {virtual} bytes cut short')
        return virtual

    def _check_safety(self, found: Any) -> None:
        if why := safety.violation(found):
            raise self._refusal(f'is {found} and not safe to use: {why}')

    def _virtual_size(self, found: dict[str, Any]) -> int:
        if 'luks' in found:
            return self.size - int(found['luks'].header_items['payload_offset']) * 512
        if self.declared in HEADLESS:
            return -(-self.size // SECTOR) * SECTOR  # QEMU pads the last sector
        if self.declared == 'vhd':
            return trailers.vhd_size(self._head)
        return int(found[self.declared].virtual_size)

    def _refusal(self, what: str) -> errors.WrongMedia:
        return errors.WrongMedia(f"Image content cannot be taken as disk_format '{self.declared}': it {what}.")

    def look(self, path: str) -> None:
        """`qemu-img info` finds no reference to another file in the finished file.  Raises WrongMedia.

        A raw disk has no header, so that QEMU reads nothing of it.
        """
        name = QEMU_NAMES.get(self.declared, self.declared)
        if name == 'raw' or self.container in PACKED or self.declared in OPAQUE or shutil.which('qemu-img') is None:
            return
        given = _qemu_info(path, name)
        if given is None:
            raise self._refusal('cannot be read as such')
        if _foreign(given, path):
            raise self._refusal('depends on another file')
        if given.get('encrypted') and not self.has_key:
            raise self._refusal(f'is encrypted; name its key in the property {KEY_PROPERTIES[0]}')


class _Fed:
    """The pieces at hand as a file, which is what the inspectors read from."""

    def __init__(self, feed: list[bytes]) -> None:
        self._feed = feed

    def read(self, _size: int) -> bytes:
        return self._feed.pop() if self._feed else b''


def _begins_as(head: bytes) -> str | None:
    """The format with a header of its own that the bytes begin like."""
    if DESCRIPTOR.match(head):
        return 'vmdk'
    return next((name for name, beginnings in BEGINNINGS.items() if head.startswith(beginnings)), None)


def _qemu_info(path: str, name: str) -> dict[str, Any] | None:
    """What `qemu-img info` says of the file as that format, within bounds; None when it cannot."""
    command = ['prlimit', f'--as={MEMORY}', f'--cpu={SECONDS}', '--', 'qemu-img', 'info', '--output=json', '-f', name]
    try:
        done = subprocess.run([*command, path], capture_output=True, timeout=2 * SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        LOG.info('qemu-img cannot read an uploaded %s image: %s', name, done.stderr.decode(errors='replace')[-300:])
        return None
    given: dict[str, Any] = json.loads(done.stdout)
    return given


def _foreign(given: dict[str, Any], path: str) -> bool:
    """Whether the image reaches beyond its own file."""
    data = given.get('format-specific', {}).get('data', {})
    names = [given.get('backing-filename'), given.get('full-backing-filename'), data.get('data-file')]
    extents = [extent.get('filename') for extent in data.get('extents', ())]
    return any(names) or any(name != path for name in extents)


def _list(names: set[str]) -> str:
    return ' and '.join(sorted(names)) or 'nothing known'
