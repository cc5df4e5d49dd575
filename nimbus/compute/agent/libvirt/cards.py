"""Network cards plugged into libvirt domains, running or not, and unplugged again."""

import contextlib
import logging
from collections.abc import Callable
from xml.etree import ElementTree as ET

import libvirt

from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt import xml as libvirt_xml
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, is_gone
from nimbus.compute.agent.libvirt.volumes import CONFIG, LIVE, places, xml_at
from nimbus.compute.agent.libvirt.waits import Waits
from nimbus.compute.guest import Nic

LOG = logging.getLogger(__name__)


class Plugging(Domains):
    """The driver's verbs that plug network cards."""

    @in_kinds
    def plug(self, guest_id: str, nic: Nic) -> None:
        with self._lock(guest_id):
            domain = self._found(guest_id)
            plug(domain, nic, self.settings.virt_type, self._waits)
            self._keep_xml(domain)

    @in_kinds
    def unplug(self, guest_id: str, nic: Nic) -> None:
        with self._lock(guest_id):
            domain = self._find(guest_id)
            if domain is not None:
                unplug(domain, nic, self.settings.detach_timeout, self._waits)
                self._keep_xml(domain)

    @in_kinds
    def plugged(self, guest_id: str) -> set[str]:
        domain = self._found(guest_id)
        return set(libvirt_xml.cards_in(xml_at(domain, places(domain)[0])))


def plug(domain: libvirt.virDomain, nic: Nic, virt_type: str, waits: Waits) -> None:
    """The domain and its definition have the card.  Raises Refused; then neither has gained it."""
    xml = ET.tostring(libvirt_xml.nic_element(nic, virt_type), encoding='unicode')
    with contextlib.ExitStack() as undo:
        for place in places(domain):
            if nic.mac in libvirt_xml.cards_in(xml_at(domain, place)):
                continue
            try:
                waits.again(domain, lambda place=place: domain.attachDeviceFlags(xml, place))
            except libvirt.libvirtError as why:
                if is_gone(why):
                    raise
                text = f'Guest {domain.UUIDString()} did not take the network card of port {nic.port_id}'
                raise Refused(f'{text}.', inside=f'{text}: {" ".join(str(why).split())}.') from why
            undo.callback(_take_back, domain, xml, place)
        undo.pop_all()


def unplug(domain: libvirt.virDomain, nic: Nic, timeout: int, waits: Waits) -> None:
    """The domain and its definition have let go of the card.  Raises Refused when the guest does not."""
    kept = libvirt_xml.cards_in(xml_at(domain, CONFIG)).get(nic.mac)
    if kept:
        domain.detachDeviceFlags(kept, CONFIG)
    # libvirt drops a card from the live XML only when the guest has let go of it.
    if not waits.ask(_request_for(domain, nic.mac, waits), lambda: _is_gone(domain, nic.mac), timeout):
        if kept:
            domain.attachDeviceFlags(kept, CONFIG)
        raise Refused(
            f'Guest {domain.UUIDString()} did not let go of the network card of port {nic.port_id} within '
            f'{timeout} seconds.'
        )


def restore(domain: libvirt.virDomain, waits: Waits) -> list[str]:
    """A running domain has every card of its definition; returns the MACs of those that it had not.

    A request to let go of a card stays with the guest after it was given up here, and a reset of the guest grants it.
    """
    if not domain.isActive():
        return []
    there, defined = libvirt_xml.cards_in(domain.XMLDesc()), libvirt_xml.cards_in(xml_at(domain, CONFIG))
    lost = {mac: xml for mac, xml in defined.items() if mac not in there}
    for xml in lost.values():
        again = libvirt_xml.without_place(xml)
        waits.again(domain, lambda again=again: domain.attachDeviceFlags(again, LIVE))
    return list(lost)


def _is_gone(domain: libvirt.virDomain, mac: str) -> bool:
    return not domain.isActive() or mac not in libvirt_xml.cards_in(domain.XMLDesc())


def _request_for(domain: libvirt.virDomain, mac: str, waits: Waits) -> Callable[[], bool]:
    def request() -> bool:
        xml = libvirt_xml.cards_in(domain.XMLDesc()).get(mac)
        try:
            if xml:
                waits.again(domain, lambda: domain.detachDeviceFlags(xml, LIVE))
        except libvirt.libvirtError as why:
            if is_gone(why):
                raise
            # An earlier request that the guest has not answered yet, or a card that went in between.
            LOG.debug('Guest %s still has the card %s: %s', domain.UUIDString(), mac, why)
        return True

    return request


def _take_back(domain: libvirt.virDomain, xml: str, place: int) -> None:
    try:
        domain.detachDeviceFlags(xml, place)
    except libvirt.libvirtError as why:
        LOG.warning('A half-plugged card of guest %s could not be unplugged: %s', domain.UUIDString(), why)
