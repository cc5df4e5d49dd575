"""Limits of what a guest takes of its host's processors, disks and network, as its flavor sets them (`quota:*`)."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from nimbus.common import numbers
from nimbus.compute.guest import Nic

CPU = ('shares', 'period', 'quota')
DISK = tuple(f'{way}_{what}_sec' for what in ('bytes', 'iops') for way in ('total', 'read', 'write'))

VOLUME = (*DISK, *(f'{name}_max' for name in DISK), 'size_iops_sec')


def limit_processors(root: ET.Element, specs: Mapping[str, Any]) -> None:
    """The domain says how its processors are limited, where they are."""
    found = _numbers(specs, 'quota:cpu_', CPU)
    if found:
        tune = ET.SubElement(root, 'cputune')
        for name, value in found.items():
            ET.SubElement(tune, name).text = str(value)


def limit_disk(disk: ET.Element, specs: Mapping[str, Any]) -> None:
    """The disk says how much goes through it in a second, where that is limited."""
    found = _numbers(specs, 'quota:disk_', DISK)
    if found:
        tune = ET.SubElement(disk, 'iotune')
        for name, value in found.items():
            ET.SubElement(tune, name).text = str(value)


def limit_volume(disk: ET.Element, specs: Mapping[str, Any]) -> None:
    """A volume's disk says how much goes through it in a second, where its type limits that."""
    found = _numbers(specs, '', VOLUME)
    if found:
        tune = ET.SubElement(disk, 'iotune')
        for name, value in found.items():
            ET.SubElement(tune, name).text = str(value)


def limit_card(card: ET.Element, nic: Nic) -> None:
    """The card says how much goes through it each way, where that is limited: KiB a second, and KiB at once."""
    ways = {}
    for way in ('inbound', 'outbound'):
        mine = {name.removeprefix(f'{way}_'): str(value) for name, value in nic.limits.items() if name.startswith(way)}
        if 'average' in mine:
            ways[way] = mine
    if ways:
        bandwidth = ET.SubElement(card, 'bandwidth')
        for way, mine in ways.items():
            ET.SubElement(bandwidth, way, mine)


def _numbers(specs: Mapping[str, Any], prefix: str, names: tuple[str, ...]) -> dict[str, int]:
    """The numbers that are given under the names; 0 limits nothing."""
    read = {name: numbers.read(str(specs.get(prefix + name, ''))) for name in names}
    return {name: value for name, value in read.items() if value}
