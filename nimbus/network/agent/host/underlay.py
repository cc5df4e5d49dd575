"""The network between hosts: the address at which the tunnels of other hosts end on this one."""

import ipaddress
import logging
import socket
from collections.abc import Sequence

from nimbus.network.agent.host import namespaces

LOG = logging.getLogger(__name__)
ANYWHERE = '192.0.2.1'  # of no host: the way to it is the way to whatever is not near


class Underlay:
    """This host's address for tunnels: the one that is set, or found by itself."""

    def __init__(self, given: str | None, toward: Sequence[str] = ()) -> None:
        """`toward` are hosts that all others reach too, such as the brokers'."""
        self._address, self._toward = given, toward

    def address(self) -> str | None:
        """The address; None while this host has none that others can reach."""
        if self._address is None:
            for place in (*self._toward, ANYWHERE):
                found = _leaving_for(place)
                if found:
                    self._address = found
                    LOG.info(
                        'The tunnels of other hosts end here at %s, from which this host reaches %s; [network] '
                        'local_ip would name another address', found, place,
                    )  # fmt: skip
                    break
        return self._address

    def device(self, address: str) -> str | None:
        """The device that has the address."""
        with namespaces.links() as route:
            for one in route.get_addr(family=socket.AF_INET, address=address):
                (link,) = route.get_links(one['index'])
                return str(link.get_attr('IFLA_IFNAME'))
        return None


def _leaving_for(place: str) -> str | None:
    """The address with which packets to that place leave; None where none do, or only within this host."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((place, 9))  # nothing is sent
            address = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if ipaddress.ip_address(address).is_loopback else address
