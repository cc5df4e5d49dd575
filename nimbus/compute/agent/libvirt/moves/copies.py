"""Guests that are off, taken to another host: their disks are offered by the one and fetched by the other.

A guest that comes has its folder at once, with the note of the move that it comes by; it goes only with the guest.  So
what a move that broke off left behind is never taken for what the next one brings.
"""

import contextlib
import dataclasses
import os
import platform
from typing import Any

from nimbus.compute.agent.disks import nbd
from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.agent.libvirt.disks import BOOT_FILES, GIB, VARIABLES, Folder, volume_disk
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal
from nimbus.compute.agent.libvirt.resizes import SWAP, disks_of
from nimbus.compute.guest import Guest

CAME = 'came'  # the file that names the move by which a guest came to this host
SENDING = 'sending'  # the file that names the host which sends the guest, and the move
CONFIG = 'disk.config'


class Copying(Domains):
    """The driver's verbs that take guests to another host while they are off."""

    def _check_room(self, guest: Guest) -> None:
        """Nothing, when the host has disk space for the guest.  Raises Refused."""
        raise NotImplementedError

    def _erase(self, guest_id: str) -> None:
        """Nothing of the guest is left."""
        raise NotImplementedError

    @property
    def _channel(self) -> nbd.Channel:
        own = self.settings
        address = own.live_migration_inbound_addr or own.host_ip
        return nbd.Channel(address, own.live_migration_with_native_tls, own.migration_certificates)

    @in_kinds
    def send(self, guest_id: str, move_id: str) -> dict[str, Any]:
        with self._lock(guest_id):
            folder = self._folder(guest_id)
            if not folder.exists():
                raise Missing(f'Guest {guest_id} is not on this host.')
            if self._is_active(guest_id):
                raise Refused(f'Guest {guest_id} runs, and its disks cannot be copied.')
            folder.write(SENDING, f'{platform.node()} {move_id}')
            try:
                offered = [
                    nbd.offer(self._channel, folder.file(name), _format(folder, name)) for name in _whole(folder)
                ]
            except BaseException:
                withhold(folder)
                raise
            return {'disks': [dataclasses.asdict(disk) for disk in offered]}

    @in_kinds
    def receive(self, guest: Guest, move_id: str, offer: dict[str, Any]) -> None:
        with self._lock(guest.id):
            folder = self._folder(guest.id)
            if note(folder, CAME) == f'{move_id} whole':
                return
            if note(folder, SENDING).endswith(f' {move_id}'):
                raise Refused(
                    'Both hosts keep guests on the same storage, and a guest that is off needs no other host there.'
                )
            try:
                self._erase(guest.id)
                self._check_room(guest)
                for volume in guest.volumes:
                    volume_disk(volume)
                folder.begin()
                for disk in offer['disks']:
                    fetch(self._channel, folder, guest, nbd.Offered(**disk))
                folder.write(CAME, f'{move_id} whole')
                folder.finish()
            except BaseException as why:
                self._erase(guest.id)
                raise refusal(guest.id, self.settings.uri, why) from why

    @in_kinds
    def withhold(self, guest_id: str) -> None:
        with self._lock(guest_id):
            withhold(self._folder(guest_id))


def withhold(folder: Folder) -> None:
    """No disk in the folder can be fetched; no folder is fine."""
    if folder.exists() and not is_sent_by_another(folder):
        nbd.withhold(folder.file(name) for name in [*disks_of(folder.path), CONFIG])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder.file(SENDING))


def _whole(folder: Folder) -> list[str]:
    """The disks that a guest takes along: what it swapped out is worth nothing when it is off."""
    drive = [CONFIG] if folder.has(CONFIG) else []
    return [name for name in disks_of(folder.path) if name != SWAP] + drive


def _format(folder: Folder, name: str) -> str:
    return folder.root_format() if name == 'disk' else 'raw'


def fetch(channel: nbd.Channel, folder: Folder, guest: Guest, offered: nbd.Offered) -> None:
    """The disk is in the folder, at least as large as the guest wants it."""
    sizes = {f'disk.{blank.name}': blank.size_mb << 20 for blank in guest.blanks}
    if guest.image is not None:
        sizes['disk'] = 0 if guest.image.disk_format == 'iso' else guest.root_gb * GIB
    if offered.name not in sizes and offered.name not in (CONFIG, VARIABLES, *BOOT_FILES.values()):
        return  # the guest has no such disk in its new size
    if offered.name == 'disk':
        folder.note_root(offered.format)
    mode = 0o640 if offered.name == CONFIG else 0o600
    folder.make(offered.name, lambda part: nbd.fetch(channel, offered, part, sizes.get(offered.name, 0)), mode=mode)


def is_sent_by_another(folder: Folder) -> bool:
    """Whether the folder, on storage that hosts share, is what another host sends a guest from."""
    host = note(folder, SENDING).partition(' ')[0]
    return host not in ('', platform.node())


def note(folder: Folder, name: str) -> str:
    """What the file of the folder says; blank where there is none."""
    try:
        with open(folder.file(name)) as file:
            return file.read()
    except FileNotFoundError:
        return ''
