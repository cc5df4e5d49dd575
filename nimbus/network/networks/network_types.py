"""The types that a network may be of: which values each takes, what no two networks share, and what it costs.

A type is one more row of TYPES.  What it does on a host is the agent's affair; here it says which segment
(physical network and id) a network of it may be on, and which ones projects are given.
"""

import abc
import dataclasses
from collections.abc import Iterator

from nimbus.common import errors
from nimbus.network.options import LAST_ID, Settings

LOCAL, FLAT, VLAN = 'local', 'flat', 'vlan'
FIRST_VLAN, LAST_VLAN = 1, LAST_ID[VLAN]


@dataclasses.dataclass(frozen=True)
class Segment:
    """Where a network is: its type, the physical network below it and its id there."""

    network_type: str
    physical_network: str | None = None
    segmentation_id: int | None = None

    def __str__(self) -> str:
        """What no other network of such a type may be on, as one word."""
        return f'{self.network_type}/{self.physical_network or ""}/{self.segmentation_id or ""}'


def invalid(sentence: str) -> errors.Invalid:
    """Neutron's refusal of a provider attribute."""
    return errors.Invalid(f'Invalid input for operation: {sentence}.', type='InvalidInput')


class NetworkType(abc.ABC):
    """What holds of every network of one type."""

    name: str
    overhead = 0  # bytes of each packet that the underlay needs for itself
    alone = True  # a segment is one network's; False: any number have the same

    @abc.abstractmethod
    def check(self, asked: Segment, settings: Settings) -> None:
        """Nothing, when an operator may ask for the segment.  Raises Invalid."""

    @abc.abstractmethod
    def free(self, asked: Segment, taken: set[int], settings: Settings) -> Iterator[Segment]:
        """The segments that would do where what was asked for leaves it open, but those taken there."""

    def in_use(self, asked: Segment) -> errors.Conflict:
        """The refusal of a segment that is another network's."""
        return errors.Conflict(f'Unable to create the network. The segment {asked} is in use.', type='NetworkInUse')

    def _refuse_other(self, asked: Segment, word: str, *allowed: str) -> None:
        for field in ('physical_network', 'segmentation_id'):
            if getattr(asked, field) and field not in allowed:
                raise invalid(f'{field} prohibited for {word} provider network')


class Local(NetworkType):
    """A network of its own on each host."""

    name, alone = LOCAL, False

    def check(self, asked: Segment, settings: Settings) -> None:
        self._refuse_other(asked, 'local')

    def free(self, asked: Segment, taken: set[int], settings: Settings) -> Iterator[Segment]:
        yield Segment(self.name)


class Flat(NetworkType):
    """The untagged frames of a physical network."""

    name = FLAT

    def check(self, asked: Segment, settings: Settings) -> None:
        if not asked.physical_network:
            raise invalid('physical_network required for flat provider network')
        if not settings.flat_networks:
            raise invalid('Flat provider networks are disabled')
        if not {'*', asked.physical_network} & set(settings.flat_networks):
            raise invalid(f"physical_network '{asked.physical_network}' unknown for flat provider network")
        self._refuse_other(asked, 'flat', 'physical_network')

    def free(self, asked: Segment, taken: set[int], settings: Settings) -> Iterator[Segment]:
        if asked.physical_network:
            yield Segment(self.name, asked.physical_network)

    def in_use(self, asked: Segment) -> errors.Conflict:
        return errors.Conflict(
            f'Unable to create the flat network. Physical network {asked.physical_network} is in use.',
            type='FlatNetworkInUse',
        )


class Vlan(NetworkType):
    """The frames of a physical network with one VLAN's tag."""

    name = VLAN

    def check(self, asked: Segment, settings: Settings) -> None:
        if asked.physical_network:
            if asked.physical_network not in settings.vlan_ranges:
                raise invalid(f"physical_network '{asked.physical_network}' unknown for VLAN provider network")
            if asked.segmentation_id is not None and not FIRST_VLAN <= asked.segmentation_id <= LAST_VLAN:
                raise invalid(f'segmentation_id out of range ({FIRST_VLAN} through {LAST_VLAN})')
            if asked.segmentation_id is None and not settings.vlan_ranges[asked.physical_network]:
                raise invalid(
                    f'Physical network {asked.physical_network} requires segmentation_id to be specified when creating '
                    'a provider network'
                )
        elif asked.segmentation_id is not None:
            raise invalid('segmentation_id requires physical_network for VLAN provider network')

    def free(self, asked: Segment, taken: set[int], settings: Settings) -> Iterator[Segment]:
        if asked.segmentation_id is not None:
            yield asked
            return
        for first, last in settings.vlan_ranges.get(asked.physical_network or '', ()):
            for number in range(first, last + 1):
                if number not in taken:
                    yield dataclasses.replace(asked, segmentation_id=number)

    def in_use(self, asked: Segment) -> errors.Conflict:
        return errors.Conflict(
            f'Unable to create the network. The VLAN {asked.segmentation_id} on physical network '
            f'{asked.physical_network} is in use.',
            type='VlanIdInUse',
        )


class Tunnel(NetworkType):
    """The packets that hosts send each other in tunnels, with the network's id."""

    def __init__(self, name: str, overhead: int) -> None:
        self.name, self.overhead, self._last = name, overhead, LAST_ID[name]

    def check(self, asked: Segment, settings: Settings) -> None:
        if asked.physical_network:
            raise invalid(f'provider:physical_network specified for {self.name} network')
        if asked.segmentation_id is not None and not 1 <= asked.segmentation_id <= self._last:
            raise invalid(f'segmentation_id out of range (1 through {self._last})')

    def free(self, asked: Segment, taken: set[int], settings: Settings) -> Iterator[Segment]:
        if asked.segmentation_id is not None:
            yield asked
            return
        for first, last in settings.tunnel_ranges.get(self.name, ()):
            for number in range(first, last + 1):
                if number not in taken:
                    yield dataclasses.replace(asked, segmentation_id=number)

    def in_use(self, asked: Segment) -> errors.Conflict:
        return errors.Conflict(
            f'Unable to create the network. The tunnel ID {asked.segmentation_id} is in use.', type='TunnelIdInUse'
        )


# The outer IPv4 header, the headers of the tunnel and the inner Ethernet header.
TYPES: dict[str, NetworkType] = {
    made.name: made
    for made in (
        Local(), Flat(), Vlan(), Tunnel('vxlan', 20 + 16 + 14), Tunnel('gre', 20 + 8 + 14),
        Tunnel('geneve', 20 + 16 + 14),
    )
}  # fmt: skip
