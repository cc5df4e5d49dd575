"""Names of resource classes, the check of query parameters, and sums of usage, for all queries of placement."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors

# The standard classes; clients look their names up here, also those that no host of ours has.
STANDARD = (
    'VCPU',
    'MEMORY_MB',
    'DISK_GB',
    'PCI_DEVICE',
    'SRIOV_NET_VF',
    'NUMA_SOCKET',
    'NUMA_CORE',
    'NUMA_THREAD',
    'NUMA_MEMORY_MB',
    'IPV4_ADDRESS',
    'VGPU',
    'VGPU_DISPLAY_HEAD',
    'NET_BW_EGR_KILOBIT_PER_SEC',
    'NET_BW_IGR_KILOBIT_PER_SEC',
    'PCPU',
    'MEM_ENCRYPTION_CONTEXT',
    'FPGA',
    'PGPU',
    'NET_PACKET_RATE_KILOPACKET_PER_SEC',
    'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
    'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
)

# A resource class of the wire and the scheduler's word for it, in the order they are shown.
CLASSES = {'VCPU': 'vcpus', 'MEMORY_MB': 'memory_mb', 'DISK_GB': 'disk_gb'}


def known(call: Call, *names: str) -> None:
    """Nothing, when the query names only these parameters.  Raises Invalid."""
    for name in call.query:
        if name not in names:
            raise errors.Invalid(
                f"Invalid query string parameters: Additional properties are not allowed ('{name}' was unexpected)"
            )


def held(amounts: Any) -> dict[str, int]:
    """How much is used of each resource class, without those of which nothing is used."""
    return {name: n for name, column in CLASSES.items() if (n := amounts[column])}
