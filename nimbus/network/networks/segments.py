"""Find a new network its segment: the one an operator asks for, or a free one of the types that projects get."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network.models import Network
from nimbus.network.networks.network_types import TYPES, VLAN, Segment, invalid
from nimbus.network.options import Settings

LEAST = {4: 68, 6: 1280}  # bytes of the smallest MTU that an IP version may have


def asked(
    settings: Settings, network_type: str | None, physical_network: str | None, segmentation_id: int | None
) -> Segment | None:
    """The segment that an operator asks for; None where nothing is asked for.  Raises Invalid."""
    if network_type is None:
        if physical_network is None and segmentation_id is None:
            return None
        raise invalid('network_type required')
    if network_type not in TYPES:
        raise invalid(f"network_type value '{network_type}' not supported")
    found = Segment(network_type, physical_network, segmentation_id)
    TYPES[network_type].check(found, settings)
    return found


def mtu(settings: Settings, network_type: str, asked: int | None) -> int:
    """The largest packet of a guest on a network of the type, or less where less is asked for.  Raises Invalid."""
    most = settings.mtu - TYPES[network_type].overhead
    if asked is not None and asked > most:
        raise invalid(f'Requested MTU is too big, maximum is {most}')
    return asked or most


def check_mtu(network_id: str, size: int, ip_versions: Iterable[int]) -> None:
    """Nothing, when packets of that size carry the IP versions of the network's subnets.  Raises Conflict."""
    for version in sorted(ip_versions, reverse=True):
        if size < LEAST[version]:
            raise errors.Conflict(
                f'MTU of {network_id} is not valid, subnet requires a minimum of {LEAST[version]}',
                type='NetworkMTUSubnetConflict',
            )


def claim(tx: db.Tx, settings: Settings, wanted: Segment | None, insert: Callable[[dict[str, object]], None]) -> None:
    """The network stands that `insert` makes of the columns it is given; it is alone on its segment.

    Raises Conflict when the segment is another network's, Unavailable when none is left.
    """
    for segment in _candidates(tx, settings, wanted):
        key = str(segment) if TYPES[segment.network_type].alone else None
        try:
            with tx.trial():
                insert({**dataclasses.asdict(segment), 'segment': key})
            return
        except sa.exc.IntegrityError:
            if segment == wanted:
                raise TYPES[segment.network_type].in_use(segment) from None
    raise errors.Unavailable(
        'Unable to create the network. No tenant network is available for allocation.', type='NoNetworkAvailable'
    )


def _candidates(tx: db.Tx, settings: Settings, wanted: Segment | None) -> Iterator[Segment]:
    """What would do, in the order of the types that projects get and of the physical networks."""
    if wanted is not None:
        yield from _free(tx, settings, wanted)
        return
    for name in settings.tenant_network_types:
        yield from _free(tx, settings, Segment(name))


def _free(tx: db.Tx, settings: Settings, wanted: Segment) -> Iterator[Segment]:
    kind = TYPES[wanted.network_type]
    places = [wanted.physical_network]
    if wanted.network_type == VLAN and wanted.physical_network is None:
        places = list(settings.vlan_ranges)
    for place in places:
        here = dataclasses.replace(wanted, physical_network=place)
        yield from kind.free(here, _taken(tx, here), settings)


def _taken(tx: db.Tx, here: Segment) -> set[int]:
    """The ids of the type's networks there."""
    there = (Network.network_type == here.network_type, Network.physical_network == here.physical_network)
    return set(tx.column(sa.select(Network.segmentation_id).where(*there, Network.segmentation_id.is_not(None))))
