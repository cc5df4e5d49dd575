"""The domains of one libvirt: the connection to it, how a guest is found there, and who may change one now."""

import logging
import threading
import uuid
import weakref

import libvirt

from nimbus.compute.agent.driver import Missing
from nimbus.compute.agent.libvirt import connection as events
from nimbus.compute.agent.libvirt.disks import Folder, Making
from nimbus.compute.agent.libvirt.libvirt_errors import away
from nimbus.compute.agent.libvirt.settings import LibvirtSettings
from nimbus.compute.agent.libvirt.waits import Waits

LOG = logging.getLogger(__name__)


class Domains:
    """What every part of the driver stands on."""

    def __init__(self, settings: LibvirtSettings) -> None:
        self.settings = settings
        self._making = Making(settings.use_cow_images, settings.preallocate_images == 'space', settings.host)
        self._connection: events.Connection | None = None
        self._connecting = threading.Lock()
        self._locks: weakref.WeakValueDictionary[str, threading.RLock] = weakref.WeakValueDictionary()
        self._locking = threading.Lock()
        self._waits = Waits()

    def _on_event(self, guest_id: str, kind: str, values: tuple) -> None:
        """libvirt told of an event of the guest."""
        raise NotImplementedError

    def _disconnect(self) -> None:
        with self._connecting:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _libvirt(self) -> libvirt.virConnect:
        """An open connection; a lost one is opened anew."""
        with self._connecting:
            if self._connection is not None and not self._connection.raw.isAlive():
                LOG.warning('libvirt at %s went away; connecting anew', self.settings.uri)
                self._connection.close()
                self._connection = None
            if self._connection is None:
                try:
                    self._connection = events.Connection(self.settings.uri, self._on_event)
                except OSError as why:
                    raise away(self.settings.uri, why) from why
            return self._connection.raw

    def _folder(self, guest_id: str) -> Folder:
        return Folder(self.settings.instances_path, guest_id, self._making)

    def _lock(self, guest_id: str) -> threading.RLock:
        with self._locking:
            return self._locks.setdefault(guest_id, threading.RLock())

    def _find(self, guest_id: str) -> libvirt.virDomain | None:
        try:
            return self._libvirt().lookupByUUIDString(str(uuid.UUID(guest_id)))
        except libvirt.libvirtError as why:
            if why.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def _found(self, guest_id: str) -> libvirt.virDomain:
        if (domain := self._find(guest_id)) is None:
            raise Missing(f'Guest {guest_id} is not on this host.')
        return domain

    def _is_active(self, guest_id: str) -> bool:
        domain = self._find(guest_id)
        return domain is not None and bool(domain.isActive())

    def _keep_xml(self, domain: libvirt.virDomain) -> None:
        folder = self._folder(domain.UUIDString())
        if folder.exists():
            folder.write('libvirt.xml', domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
