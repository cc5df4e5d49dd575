"""Check that a downloaded image has its declared format and is safe to give to QEMU."""

import re
import struct
from collections.abc import Iterable, Iterator

from oslo_utils.imageutils import format_inspector

from nimbus.common.disks import safety
from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Refused

# Declared formats that carry bare sectors; a partition table in them is what one expects.
BARE = ('raw', 'ami', 'ari', 'aki')
ACCEPTED = (*BARE, 'qcow2', 'iso', 'vdi', 'vhd', 'vhdx', 'vmdk')
_DESCRIPTOR_LIMIT = 1024**2


class BadImage(Refused):
    """The image itself is at fault: no other host would run it either."""


class Inspector:
    """Inspects an image while it streams in and decides afterwards whether it may be used."""

    def __init__(self, image_id: str, disk_format: str) -> None:
        if disk_format not in ACCEPTED:
            raise BadImage(f'Image {image_id} has the disk format {disk_format!r}; allowed are {", ".join(ACCEPTED)}.')
        self.image_id, self.disk_format = image_id, disk_format
        self._wrapper: format_inspector.InspectWrapper | None = None

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, seen."""
        self._wrapper = format_inspector.InspectWrapper(iter(chunks))
        yield from self._wrapper

    def check(self, path: str) -> int:
        """The virtual size of the file that was watched.  Raises BadImage when it may not be used."""
        self._check_format()
        if self.disk_format == 'vmdk':
            self._check_vmdk_parent(path)
        try:
            found = qemu_img.info(path, self.disk_format)
        except qemu_img.Failed as why:
            raise self._bad('qemu-img cannot read it', f': {why}') from why
        self._check_info(found)
        return int(found['virtual-size'])

    def _check_format(self) -> None:
        matches = {str(match) for match in self._wrapper.formats or ()}
        expected = {'raw'} if self.disk_format in BARE else {self.disk_format}
        # A disk with a partition table is bare sectors; a CD that also starts from a stick has one too.
        tolerated = {'gpt'} if self.disk_format in (*BARE, 'iso') else set()
        if self.disk_format == 'vhd' and matches in ({'raw'}, {'gpt'}):
            return  # a fixed one is known by its last sector alone; qemu-img reads it as such or fails
        if not (
            matches - tolerated <= expected and matches & (expected | ({'gpt'} if self.disk_format in BARE else set()))
        ):
            raise self._bad(f'its content is {" and ".join(sorted(matches)) or "nothing known"}')
        for match in self._wrapper.formats or ():
            if why := safety.violation(match):
                raise self._bad('it fails the safety check', f': {why}')

    def _check_vmdk_parent(self, path: str) -> None:
        descriptor = _vmdk_descriptor(path).lower()
        parent = re.search(rb'^\s*parentcid\s*=\s*"?([0-9a-f]+)', descriptor, re.MULTILINE)
        if b'parentfilenamehint' in descriptor or (parent and parent[1] != b'ffffffff'):
            raise self._bad('it names another file as its parent')

    def _check_info(self, found: dict) -> None:
        data = found.get('format-specific', {}).get('data', {})
        if found.get('backing-filename') or found.get('full-backing-filename'):
            raise self._bad('it names a backing file')
        if data.get('data-file') or data.get('data-file-raw'):
            raise self._bad('it names a data file')
        if found.get('encrypted'):
            raise self._bad('it is encrypted, and no key comes with it')
        if found.get('format') != qemu_img.qemu_format(self.disk_format):
            raise self._bad(f'qemu-img reads it as {found.get("format")}')
        if any(extent.get('filename') not in (None, found.get('filename')) for extent in data.get('extents', ())):
            raise self._bad('it names other files as its extents')

    def _bad(self, why: str, inside: str = '') -> BadImage:
        text = f'Image {self.image_id} cannot be used as {self.disk_format}: {why}'
        return BadImage(f'{text}.', inside=f'{text}{inside}.')


def _vmdk_descriptor(path: str) -> bytes:
    """The text of a VMDK that names its extents and parent, embedded in a sparse file or the file itself."""
    with open(path, 'rb') as image:
        head = image.read(_DESCRIPTOR_LIMIT)
        if head[:4] != b'KDMV':
            return head
        sector, sectors = struct.unpack_from('<QQ', head, 28)
        image.seek(sector * 512)
        return image.read(min(sectors * 512, _DESCRIPTOR_LIMIT))
