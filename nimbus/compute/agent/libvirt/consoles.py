"""The consoles of libvirt domains: the log, and the ports by which a screen and a serial port are reached."""

import errno
import itertools
import socket
import threading

import libvirt

from nimbus.common import errors
from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt import xml as libvirt_xml
from nimbus.compute.agent.libvirt.domains import Domains
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, is_gone
from nimbus.compute.agent.libvirt.settings import LibvirtSettings
from nimbus.compute.guest import ConsoleAddress

WILDCARDS = ('0.0.0.0', '::')


class Consoles(Domains):
    """The driver's verbs about consoles."""

    def __init__(self, settings: LibvirtSettings) -> None:
        super().__init__(settings)
        self._serial_ports = SerialPorts(settings.vnc_listen, settings.serial_port_range)

    def console(self, guest_id: str, lines: int | None) -> str:
        return self._folder(guest_id).tail(lines, self.settings.console_bytes)

    @in_kinds
    def console_address(self, guest_id: str, kind: str) -> ConsoleAddress:
        domain = self._found(guest_id)
        xml = _running_xml(domain)
        if xml is None:
            raise errors.Conflict(f'Guest {guest_id} is off.')
        port = libvirt_xml.console_port(xml, kind)
        if port is None:
            raise errors.Invalid(f'Unavailable console type {kind}.')
        return ConsoleAddress(reached_at(self.settings), port)

    def _serial_port(self) -> int | None:
        """A free port for the serial console of a guest that is about to start; None where there are none."""
        return self._serial_ports.free() if self.settings.serial_console else None


class SerialPorts:
    """Free TCP ports of a host, each offered once before any is offered again."""

    def __init__(self, listen: str, span: str) -> None:
        """`span` is the first and the last port: '10000:20000'."""
        first, _, last = span.partition(':')
        self._listen, self._lock = listen, threading.Lock()
        self._count = int(last) - int(first) + 1
        self._next = itertools.cycle(range(int(first), int(last) + 1))

    def free(self) -> int:
        """A port on which nobody listens.  Raises Refused when there is none."""
        with self._lock:
            for port in itertools.islice(self._next, self._count):
                if _is_free(self._listen, port):
                    return port
        raise Refused(
            'This host has no port left for another serial console.',
            inside=f'All {self._count} ports of [libvirt] serial_port_range are taken.',
        )


def _running_xml(domain: libvirt.virDomain) -> str | None:
    """The definition of the domain as it runs, None when it does not."""
    try:
        return domain.XMLDesc() if domain.isActive() else None
    except libvirt.libvirtError as why:
        if is_gone(why):
            raise
        return None  # it went down meanwhile


def reached_at(settings: LibvirtSettings) -> str:
    """The address under which the proxy reaches the consoles of this host's guests."""
    if settings.server_proxyclient_address:
        return settings.server_proxyclient_address
    return settings.host_ip if settings.vnc_listen in WILDCARDS else settings.vnc_listen


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET) as probe:
        # As QEMU does: connections that ended lately are not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as why:
            if why.errno == errno.EADDRINUSE:
                return False
            raise
    return True
