"""Probe a libvirt: whether it answers, which guest types it offers, and as which user its guests run."""

import contextlib
import dataclasses
import pwd
from xml.etree import ElementTree as ET

import libvirt


@dataclasses.dataclass(frozen=True)
class ProbeResult:
    """One libvirt, as its capabilities describe it."""

    version: str
    kinds: frozenset[str]  # kvm, qemu
    user: pwd.struct_passwd | None  # of guests' processes, where libvirt gives them one of their own


def look(uri: str) -> ProbeResult:
    """What libvirt at the URI reports.  Raises OSError with libvirt's own sentence when it does not answer."""
    libvirt.registerErrorHandler(lambda *_: None, None)  # it would print every error beside raising it
    try:
        connection = libvirt.open(uri)
        try:
            given, number = ET.fromstring(connection.getCapabilities()), connection.getLibVersion()
        finally:
            connection.close()
    except libvirt.libvirtError as why:
        raise OSError(f'libvirt does not answer at {uri}: {why}') from why
    kinds = frozenset(one.get('type', '') for one in given.iterfind('./guest/arch/domain'))
    version = f'{number // 1000000}.{number // 1000 % 1000}.{number % 1000}'
    return ProbeResult(version, kinds, _user(given))


def _user(capabilities: ET.Element) -> pwd.struct_passwd | None:
    for model in capabilities.iterfind('./host/secmodel'):
        label = model.findtext('baselabel') or ''
        if model.findtext('model') == 'dac' and label.startswith('+'):
            with contextlib.suppress(KeyError, ValueError):
                return pwd.getpwuid(int(label.split(':')[0]))
    return None
