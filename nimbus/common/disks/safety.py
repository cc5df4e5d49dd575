"""What makes the header of a disk image unsafe to give to QEMU: that it reaches beyond its own file, or is unknown.

To oslo.utils' checks it adds the parents of VHD, VDI and VMDK disks, and it lets in qcow2 disks with extended L2
entries: every QEMU since 5.2 reads them, and they name no other file.
"""

import re
import struct
from typing import Any

from oslo_utils.imageutils import format_inspector

EXTENDED_L2 = 1 << 4  # the one incompatible feature of qcow2 that oslo.utils does not know
KNOWN_FEATURES = (1 << 5) - 1
FEATURES_AT, TYPE_OF_VHD_AT, TYPE_OF_VDI_AT, PARENT_OF_VDI_AT = 0x48, 60, 0x4C, 0x1B8
DYNAMIC_VHD = 3
WHOLE_VDI = (1, 2)  # dynamic and fixed
PARENT = re.compile(r'^parentcid\s*=\s*(?!f{8}\s*$)|^parentfilenamehint\s*=', re.MULTILINE)


def violation(found: format_inspector.FileInspector) -> str | None:
    """Why the disk that was inspected is not safe to use; None where it is."""
    name = str(found)
    try:
        found.safety_check()
    except format_inspector.SafetyCheckFailed as why:
        unsafe = set(why.failures) - ({'unknown_features'} if name == 'qcow2' and _has_known_features(found) else set())
        if unsafe:
            return str(why)
    except (format_inspector.SafetyViolation, format_inspector.ImageFormatError) as why:
        return str(why)
    return _parent(name, found)


def _has_known_features(found: Any) -> bool:
    """Whether a qcow2 of version 3 has no incompatible feature but those that QEMU knows."""
    head = found.region('header').data
    version = struct.unpack_from('>I', head, 4)[0]
    return version == 3 and not struct.unpack_from('>Q', head, FEATURES_AT)[0] & ~KNOWN_FEATURES


def _parent(name: str, found: Any) -> str | None:
    """A sentence's end when the disk is only what differs from another one."""
    depends = False
    if name == 'vhd':
        depends = struct.unpack_from('>I', found.region('header').data, TYPE_OF_VHD_AT)[0] != DYNAMIC_VHD
    elif name == 'vdi':
        head = found.region('header').data
        kind = struct.unpack_from('<I', head, TYPE_OF_VDI_AT)[0]
        depends = kind not in WHOLE_VDI or any(head[PARENT_OF_VDI_AT : PARENT_OF_VDI_AT + 16])
    elif name == 'vmdk':
        depends = PARENT.search(getattr(found, 'desc_text', None) or '') is not None
    return f'a {name} that depends on a parent disk' if depends else None
