"""Recognize disk formats by the last sector of a file: a fixed VHD, whose footer follows its data, and a DMG."""

import struct

SIZE = 512  # bytes of a trailer
VHD, DMG = b'conectix', b'koly'
FIXED = 2  # the VHD footer's type of a disk without a header
# Programs whose footers hold the size itself; of others QEMU takes the geometry, as old hypervisors did.
WITH_SIZE = (b'win ', b'qem2', b'd2v ', b'tap\0', b'CTXS')
MOST = 65535 * 16 * 255  # the most sectors that a geometry can express; a larger disk has its size beside it
SECTOR = 512


def ends_as(tail: bytes) -> str | None:
    """The format of a file with these last 512 bytes, None when they are no known trailer."""
    if tail.startswith(VHD) and _checksum(tail) == struct.unpack_from('>I', tail, 64)[0]:
        return 'vhd'
    return 'dmg' if tail.startswith(DMG) and len(tail) == SIZE else None


def is_fixed_vhd(tail: bytes) -> bool:
    """Whether the trailer is that of a VHD which consists of its sectors and this footer."""
    return ends_as(tail) == 'vhd' and struct.unpack_from('>I', tail, 60)[0] == FIXED


def vhd_size(footer: bytes) -> int:
    """The bytes of the disk, as QEMU reads them from a VHD's footer."""
    creator = footer[28:32]
    current, cylinders, heads, sectors = struct.unpack_from('>QHBB', footer, 48)
    by_geometry = cylinders * heads * sectors
    size: int = current if creator in WITH_SIZE or by_geometry == MOST else by_geometry * SECTOR
    return size


def _checksum(footer: bytes) -> int:
    """The one's complement of the sum of all bytes but the checksum's own."""
    return ~(sum(footer[:64]) + sum(footer[68:SIZE])) & 0xFFFFFFFF if len(footer) == SIZE else -1
