"""Libvirt domains started from a rescue image, and from their own disks again."""

import libvirt

from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Missing
from nimbus.compute.agent.libvirt import rescue_disks
from nimbus.compute.agent.libvirt.disks import Folder
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal
from nimbus.compute.guest import Guest, Rescue


class Rescuing(Domains):
    """The driver's verbs that start a guest from another image and back; what they need of its power is below it."""

    @in_kinds
    def rescue(self, guest: Guest, rescue: Rescue, root: str, timeout: int) -> None:
        folder = self._folder(guest.id)
        if not folder.exists():
            raise Missing(f'Guest {guest.id} is not on this host.')
        self._shut_down(guest.id, timeout)
        with self._lock(guest.id):
            try:
                self._power_off(guest.id)
                rescue_disks.make(folder, guest, rescue, root)
                self._run(guest, folder, rescue)
            except (libvirt.libvirtError, OSError, qemu_img.Failed, ValueError) as why:
                raise refusal(guest.id, self.settings.uri, why) from why

    @in_kinds
    def unrescue(self, guest: Guest, running: bool) -> None:
        with self._lock(guest.id):
            self._power_off(guest.id)
            self.start(guest)
            if not running:
                self._power_off(guest.id)

    def start(self, guest: Guest) -> None:
        """The guest runs, as the driver starts it."""
        raise NotImplementedError

    def _shut_down(self, guest_id: str, timeout: int) -> bool:
        raise NotImplementedError

    def _power_off(self, guest_id: str) -> None:
        raise NotImplementedError

    def _run(self, guest: Guest, folder: Folder, rescue: Rescue | None = None) -> None:
        raise NotImplementedError
