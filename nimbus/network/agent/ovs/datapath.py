"""Which Open vSwitch datapaths this host has: the kernel module's, and the one in userspace."""

import errno

from pyroute2.netlink import ctrlmsg
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.generic import GenericNetlinkSocket

KERNELS, OWN = 'system', 'netdev'


def kernel_has_it(family: str = 'ovs_datapath') -> bool:
    """Whether the kernel answers to Open vSwitch; it loads its module to do so, if there is one.

    The column `datapath_types` of the switch's database is no proof: it names the kernel's in any case.
    """
    try:
        with GenericNetlinkSocket() as kernel:
            kernel.bind(family, ctrlmsg)
    except NetlinkError as why:
        if why.code == errno.ENOENT:
            return False
        raise
    return True


def choose(given: str | None) -> str:
    """The datapath to use.  Raises OSError when the one that is set is not there."""
    if given == OWN:
        return OWN
    there = kernel_has_it()
    if given == KERNELS and not there:
        raise OSError(
            '[network] datapath_type is system, and this kernel has no module openvswitch. Leave it unset to take '
            "what the host has, or set it to netdev, which is Open vSwitch's own."
        )
    return KERNELS if there else OWN
