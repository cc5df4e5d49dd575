"""What a guest is started by: the firmware of the distribution's packages, or a kernel of its own."""

import dataclasses
import fnmatch
import json
import logging
import os
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree as ET

from nimbus.compute.agent.driver import Refused
from nimbus.compute.guest import Guest

LOG = logging.getLogger(__name__)
DESCRIPTIONS = '/usr/share/qemu/firmware'  # where packages describe their firmware, the preferred first
ALIASES = {'pc': 'pc-i440fx-newest', 'q35': 'pc-q35-newest'}
CONSOLES = 'console=tty0 console=ttyS0'


@dataclasses.dataclass(frozen=True)
class Firmware:
    """A UEFI that is on the host."""

    code: str
    variables: str  # what those of a new guest begin as
    machines: tuple[str, ...]  # patterns of machine types
    secure: bool  # it starts only what keys that it knows have signed


def known(folder: str = DESCRIPTIONS) -> tuple[Firmware, ...]:
    """The UEFIs that the host's packages describe, the preferred first."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    read = [_read(os.path.join(folder, name)) for name in names if name.endswith('.json')]
    return tuple(one for one in read if one is not None)


def _read(path: str) -> Firmware | None:
    try:
        with open(path) as file:
            told = json.load(file)
        mapping, features = told['mapping'], set(told['features'])
        targets = [target for target in told['targets'] if target['architecture'] == 'x86_64']
        if 'uefi' not in told['interface-types'] or not targets or mapping['device'] != 'flash':
            return None
        secure = 'secure-boot' in features
        # One with empty keys starts anything, and one without SMM does not keep a guest from changing them.
        if secure and not {'enrolled-keys', 'requires-smm'} <= features:
            return None
        found = Firmware(
            mapping['executable']['filename'],
            mapping['nvram-template']['filename'],
            tuple(pattern for target in targets for pattern in target['machines']),
            secure,
        )
    except (OSError, ValueError, KeyError, TypeError) as why:
        LOG.warning('The description of a firmware in %s cannot be used: %s', path, why)
        return None
    return found if os.path.exists(found.code) and os.path.exists(found.variables) else None


def traits(firmwares: Iterable[Firmware]) -> list[str]:
    """What the host can with them, by placement's names."""
    kinds = {one.secure for one in firmwares}
    found = ['COMPUTE_FIRMWARE_UEFI'] if False in kinds else []
    return found + (['COMPUTE_SECURITY_UEFI_SECURE_BOOT'] if True in kinds else [])


def wanted(guest: Guest, machine_type: str, firmwares: Iterable[Firmware]) -> Firmware | None:
    """The UEFI that the guest is started by, None for one that has a BIOS.  Raises Refused."""
    if guest.properties.get('hw_firmware_type') != 'uefi':
        return None
    secure = guest.said('secure_boot', 'os')
    machine = ALIASES.get(machine_type, machine_type)
    fitting = [one for one in firmwares if any(fnmatch.fnmatchcase(machine, pattern) for pattern in one.machines)]
    for kind in {'required': (True,), 'optional': (True, False)}.get(secure, (False,)):
        if found := next((one for one in fitting if one.secure == kind), None):
            return found
    what = 'UEFI with secure boot' if secure == 'required' else 'UEFI'
    raise Refused(f'This host has no {what} for guest {guest.id}, whose machine type is {machine_type}.')


def add_firmware(os_element: ET.Element, firmware: Firmware, variables: str) -> None:
    """The guest is started by the firmware, whose variables are in the file; libvirt makes that where it is not."""
    loader = ET.SubElement(os_element, 'loader', readonly='yes', type='pflash')
    if firmware.secure:
        loader.set('secure', 'yes')
    loader.text = firmware.code
    ET.SubElement(os_element, 'nvram', template=firmware.variables).text = variables


def add_kernel(os_element: ET.Element, guest: Guest, files: dict[str, str], root: str) -> None:
    """The guest is started by its image's own kernel, where it has one, with its words or those that find its root."""
    if 'kernel' not in files:
        return
    ET.SubElement(os_element, 'kernel').text = files['kernel']
    if 'ramdisk' in files:
        ET.SubElement(os_element, 'initrd').text = files['ramdisk']
    words: Any = guest.properties.get('os_command_line')
    ET.SubElement(os_element, 'cmdline').text = words or f'root=/dev/{root} {CONSOLES}'
