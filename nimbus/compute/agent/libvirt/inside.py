"""What is done within a running libvirt domain, and what libvirt counts of it."""

import contextlib
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import libvirt

from nimbus.common import errors
from nimbus.compute.agent.driver import SHUTDOWN
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, is_gone, sentence
from nimbus.compute.guest import Diagnostics, DiskUse, NicUse, Processor


class Inside(Domains):
    """The driver's verbs that reach into a guest."""

    @in_kinds
    def set_password(self, guest_id: str, user: str, password: str) -> None:
        domain = self._found(guest_id)
        with _refusals(f'The agent in guest {guest_id} did not change the password of {user}.'):
            domain.setUserPassword(user, password)

    @in_kinds
    def inject_nmi(self, guest_id: str) -> None:
        domain = self._found(guest_id)
        with _refusals(f'Guest {guest_id} took no interrupt.'):
            domain.injectNMI()

    @in_kinds
    def diagnostics(self, guest_id: str) -> Diagnostics:
        domain = self._find(guest_id)
        state = self.state(guest_id)
        if domain is None:
            return Diagnostics(SHUTDOWN, 'libvirt', self.settings.virt_type, 0, 0)
        _, memory, used, _, _ = domain.info()
        devices = ET.fromstring(domain.XMLDesc())
        active = bool(domain.isActive())
        return Diagnostics(
            state=state,
            driver='libvirt',
            hypervisor=self.settings.virt_type,
            memory_kb=memory,
            used_kb=used,
            processors=tuple(_processors(domain)) if active else (),
            disks=tuple(_disks(domain, devices)) if active else (),
            nics=tuple(_nics(domain, devices)) if active else (),
            memory=_memory(domain) if active else {},
        )

    def state(self, guest_id: str) -> str:
        """The guest's state, as the driver tells it."""
        raise NotImplementedError


@contextlib.contextmanager
def _refusals(told: str) -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as why:
        if is_gone(why):
            raise
        raise errors.Conflict(told, inside=f'{told} {sentence(why)}') from why


def _processors(domain: libvirt.virDomain) -> Iterator[Processor]:
    with contextlib.suppress(libvirt.libvirtError):  # a guest that went down meanwhile has none
        for number, _, time, _ in domain.vcpus()[0]:
            yield Processor(number, time)


def _disks(domain: libvirt.virDomain, devices: ET.Element) -> Iterator[DiskUse]:
    for target in devices.iterfind('./devices/disk/target'):
        with contextlib.suppress(libvirt.libvirtError):  # an empty drive counts nothing
            yield DiskUse(target.get('dev', ''), *domain.blockStats(target.get('dev', '')))


def _nics(domain: libvirt.virDomain, devices: ET.Element) -> Iterator[NicUse]:
    for nic in devices.iterfind('./devices/interface'):
        target, mac = nic.find('target'), nic.find('mac')
        if target is None or mac is None:
            continue
        with contextlib.suppress(libvirt.libvirtError):
            name = target.get('dev', '')
            yield NicUse(name, mac.get('address', ''), *domain.interfaceStats(name))


def _memory(domain: libvirt.virDomain) -> dict[str, int]:
    with contextlib.suppress(libvirt.libvirtError):
        return dict(domain.memoryStats())
    return {}
