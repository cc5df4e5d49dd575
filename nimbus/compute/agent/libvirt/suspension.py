"""Libvirt domains held still, and their memory kept on the host's disk as libvirt's managed save."""

import libvirt

from nimbus.compute.agent.libvirt import xml as libvirt_xml
from nimbus.compute.agent.libvirt.consoles import Consoles
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds
from nimbus.compute.agent.libvirt.waits import Waits
from nimbus.compute.guest import SERIAL, Guest


class Suspending(Consoles):
    """The driver's verbs that hold a guest still and let it go on."""

    def start(self, guest: Guest) -> None:
        """The guest runs, as the driver starts it."""
        raise NotImplementedError

    @in_kinds
    def pause(self, guest_id: str) -> None:
        with self._lock(guest_id):
            domain = self._found(guest_id)
            if domain.state()[0] != libvirt.VIR_DOMAIN_PAUSED:
                self._waits.again(domain, domain.suspend)

    @in_kinds
    def unpause(self, guest_id: str) -> None:
        with self._lock(guest_id):
            let_go_on(self._found(guest_id), self._waits)

    @in_kinds
    def suspend(self, guest_id: str) -> None:
        with self._lock(guest_id):
            domain = self._found(guest_id)
            if domain.isActive():
                # A save that was cut off leaves the domain paused; it is to run all the same once it is restored.
                self._waits.again(domain, lambda: domain.managedSave(libvirt.VIR_DOMAIN_SAVE_RUNNING))

    @in_kinds
    def resume(self, guest: Guest) -> None:
        with self._lock(guest.id):
            domain = self._find(guest.id)
            if domain is None or domain.isActive() or not domain.hasManagedSaveImage():
                self.start(guest)
            else:
                self._waits.past_collisions(lambda: self._restore(domain))

    def _restore(self, domain: libvirt.virDomain) -> None:
        # Another guest may have the port of its serial console by now.
        kept = domain.managedSaveGetXMLDesc()
        if libvirt_xml.console_port(kept, SERIAL) is not None and (port := self._serial_port()) is not None:
            domain.managedSaveDefineXML(libvirt_xml.with_serial_port(kept, port))
        domain.create()


def let_go_on(domain: libvirt.virDomain, waits: Waits) -> None:
    """The paused domain runs on; one that runs, or sleeps by its own will, is left alone."""
    if domain.state()[0] not in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PMSUSPENDED):
        waits.again(domain, domain.resume)


def forget(domain: libvirt.virDomain) -> None:
    """A domain that is off has no memory kept, so that its next start is a boot."""
    if domain.hasManagedSaveImage():
        domain.managedSaveRemove()
