"""Copies of disks as they are at one moment, of guests that run, stand still or are off.

The disk of a running guest is mirrored by QEMU until both are the same, and the mirror is then cut: the guest's own
disk never changes its file, so whatever dies on the way, nothing has to be mended but to cut the mirror.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import libvirt

from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.agent.libvirt import volumes
from nimbus.compute.agent.libvirt.disks import Folder
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal, sentence
from nimbus.compute.guest import Volume

PREFIX = 'snapshot.'
LONGEST = 3600.0  # seconds until the mirror has to be the same as the disk
LEAST_FREE = 1 << 20  # bytes of the file system that count as none


class Snapshotting(Domains):
    """The driver's verbs that copy root disks and volumes."""

    @in_kinds
    def snapshot(self, guest_id: str, image_id: str, quiesce: str) -> str:
        folder, name = self._folder(guest_id), f'{PREFIX}{image_id}'
        with self._lock(guest_id):
            if not folder.exists():
                raise Missing(f'Guest {guest_id} is not on this host.')
            if not folder.has('disk'):
                raise Refused(f'Guest {guest_id} has no root disk on this host.')
            drop(folder, but=name)
            try:
                folder.make(name, lambda part: self._copy(folder, part, quiesce))
            except (OSError, qemu_img.Failed) as why:
                raise refusal(guest_id, self.settings.uri, why) from why
        return folder.file(name)

    @in_kinds
    def drop_snapshot(self, guest_id: str) -> None:
        folder = self._folder(guest_id)
        with self._lock(guest_id):
            domain = self._find(guest_id)
            if domain is not None and domain.isActive():
                cut(domain, _target(domain, folder.file('disk'), missing=''))
            if folder.exists():
                drop(folder)

    @in_kinds
    def copy_volume(self, guest_id: str, volume: Volume, path: str, format: str, quiesce: str) -> None:
        with self._lock(guest_id):
            domain = self._found(guest_id)
            if volume.id not in volumes.volumes(domain):
                raise Missing(f'Guest {guest_id} does not have volume {volume.id}.')
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            try:
                if domain.isActive():
                    cut(domain, target := volumes.volumes(domain)[volume.id])
                    self._mirror(domain, target, path, format, quiesce)
                else:
                    qemu_img.convert(volume.data['path'], volume.data['format'], path, format)
            except (OSError, qemu_img.Failed) as why:
                raise refusal(guest_id, self.settings.uri, why) from why

    @in_kinds
    def drop_volume_copy(self, guest_id: str, volume_id: str) -> None:
        with self._lock(guest_id):
            domain = self._find(guest_id)
            if domain is not None and domain.isActive():
                cut(domain, volumes.volumes(domain).get(volume_id, ''))

    def _copy(self, folder: Folder, part: str, quiesce: str) -> None:
        domain = self._find(folder.guest_id)
        if domain is not None and domain.isActive():
            target = _target(domain, folder.file('disk'))
            cut(domain, target)  # what was left by an agent that died
            self._mirror(domain, target, part, 'qcow2', quiesce)
        else:
            qemu_img.convert(folder.file('disk'), folder.root_format(), part, 'qcow2')

    def _mirror(self, domain: libvirt.virDomain, target: str, part: str, format: str, quiesce: str) -> None:
        xml = ET.Element('disk', type='file')
        ET.SubElement(xml, 'source', file=part)
        ET.SubElement(xml, 'driver', type=format)
        flags = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
        self._waits.again(domain, lambda: domain.blockCopy(target, ET.tostring(xml, 'unicode'), {}, flags))
        try:
            self._wait_until_same(domain, target, part)
            with _frozen(domain, quiesce):
                domain.blockJobAbort(target)
        except BaseException:
            cut(domain, target)
            raise

    def _wait_until_same(self, domain: libvirt.virDomain, target: str, part: str) -> None:
        """The mirror has all that the disk has, and gets what is written to it."""
        end = time.monotonic() + LONGEST

        def settled() -> bool:
            return _is_ready(domain, target) or not domain.blockJobInfo(target)

        while not self._waits.wait(settled, 5):
            if time.monotonic() > end:
                raise Refused(f'The disk of guest {domain.UUIDString()} changes faster than it can be copied.')
        if not _is_ready(domain, target):
            free = os.statvfs(os.path.dirname(part))
            if free.f_bavail * free.f_frsize < LEAST_FREE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), part)
            raise qemu_img.Failed('QEMU gave the copy of the disk up')


def drop(folder: Folder, but: str = '') -> None:
    """No copies stand in the folder, finished or not, except the one named."""
    for name in os.listdir(folder.path):
        if name.startswith(PREFIX) and name != but:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(folder.file(name))


def cut(domain: libvirt.virDomain, target: str) -> None:
    """QEMU mirrors the guest's disk of that name to nowhere; no name is fine."""
    if target and domain.blockJobInfo(target):
        domain.blockJobAbort(target)


def _disks(domain: libvirt.virDomain) -> Iterator[ET.Element]:
    yield from ET.fromstring(domain.XMLDesc()).iterfind('./devices/disk')


def _target(domain: libvirt.virDomain, path: str, missing: str | None = None) -> str:
    for disk in _disks(domain):
        source, target = disk.find('source'), disk.find('target')
        if source is not None and target is not None and source.get('file') == path:
            return target.get('dev', '')
    if missing is None:
        raise qemu_img.Failed('the guest runs without its root disk')
    return missing


def _is_ready(domain: libvirt.virDomain, target: str) -> bool:
    for disk in _disks(domain):
        found, mirror = disk.find('target'), disk.find('mirror')
        if found is not None and mirror is not None and found.get('dev') == target:
            return mirror.get('ready') == 'yes'
    return False


@contextlib.contextmanager
def _frozen(domain: libvirt.virDomain, quiesce: str) -> Iterator[None]:
    """The guest's file systems are written out and stand still, if its agent is asked to and does it.

    A paused guest has no agent that answers.  Raises Refused where it has to and does not.
    """
    frozen = False
    if quiesce and domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING:
        try:
            domain.fsFreeze()
            frozen = True
        except libvirt.libvirtError as why:
            if quiesce == 'must':
                told = f'The agent in guest {domain.UUIDString()} did not freeze its file systems.'
                raise Refused(told, inside=f'{told} {sentence(why)}') from why
    try:
        yield
    finally:
        if frozen:
            with contextlib.suppress(libvirt.libvirtError):  # an agent thaws by itself when its guest starts anew
                domain.fsThaw()
