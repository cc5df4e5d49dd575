"""Guests that come from a host that is down, and what is left of those that went while this host was."""

import logging
from typing import Any

import libvirt

from nimbus.compute.agent.disks import ownership, qemu_img
from nimbus.compute.agent.disks.ownership import Owner
from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal
from nimbus.compute.guest import Guest

LOG = logging.getLogger(__name__)


class Evacuating(Domains):
    """The driver's verbs for guests that change their host while one of the two is down."""

    def _check_room(self, guest: Guest) -> None:
        raise NotImplementedError

    def _define(self, guest: Guest, folder: Any, rescue: Any = None) -> Any:
        raise NotImplementedError

    def _run(self, guest: Guest, folder: Any, rescue: Any = None) -> None:
        raise NotImplementedError

    def _undefine(self, guest_id: str) -> None:
        raise NotImplementedError

    def own(self) -> None:
        """The folder of every guest that is defined here says whose it is, as far as it can be written."""
        for domain in self._libvirt().listAllDomains():
            try:
                folder = self._folder(domain.UUIDString())
                if folder.exists():
                    folder.own()
            except (libvirt.libvirtError, OSError) as why:  # gone since it was listed, or a disk that is full
                LOG.warning('A guest of this host is not noted as its own: %s', why)

    @in_kinds
    def shares(self, guest_id: str, source: str) -> bool:
        folder = self._folder(guest_id)
        if not folder.exists():
            return False
        owner = ownership.read(folder.path)
        if owner is None:
            raise Refused(
                f'Disks of guest {guest_id} are there already, and nothing says which host they belong to.',
                inside=f'{folder.path} is there already, and no note in it says which host it belongs to.',
            )
        if self.settings.host == owner.host:
            return owner.source == source
        if owner.host != source:
            raise Refused(
                f'Disks of guest {guest_id} are there already, and belong to another host.',
                inside=f'{folder.path} is there already, and belongs to host {owner.host}, not to {source}.',
            )
        return True

    @in_kinds
    def take_over(self, guest: Guest, source: str, root: str | None, runs: bool) -> None:
        folder = self._folder(guest.id)
        with self._lock(guest.id):
            if self._is_active(guest.id):
                return
            try:
                self._check_room(guest)
                if self.shares(guest.id, source):
                    folder.take()
                    folder.drop_rescue()
                else:
                    folder.begin()
                folder.make_disks(guest, root)
                (self._run if runs else self._define)(guest, folder)
                folder.finish()
            except (libvirt.libvirtError, OSError, qemu_img.Failed, ValueError) as why:
                raise refusal(guest.id, self.settings.uri, why) from why

    @in_kinds
    def forsake(self, guest_id: str, heir: str | None, kept: bool) -> None:
        folder = self._folder(guest_id)
        with self._lock(guest_id):
            self._undefine(guest_id)
            if not folder.exists():
                return
            owner = ownership.read(folder.path)
            if heir and owner == Owner(self.settings.host, heir):
                ownership.write(folder.path, Owner(heir))
            elif kept or self.on_shared_storage(guest_id):
                LOG.info('%s stays: it is on shared storage', folder.path)
            elif folder.is_building():
                folder.remove()
            else:
                LOG.warning(
                    'The disks that guest %s left here are kept in %s', guest_id, ownership.set_aside(folder.path)
                )

    def on_shared_storage(self, guest_id: str) -> bool:
        """Whether the guest's disks are another host's, or were taken over from one."""
        owner = ownership.read(self._folder(guest_id).path)
        return owner is not None and (owner.host != self.settings.host or owner.source is not None)

    def forget_forsaken(self, max_age: float) -> list[str]:
        """Disks that were set aside longer than `max_age` seconds ago are gone; returns their paths."""
        return ownership.forget(self.settings.instances_path, max_age)
