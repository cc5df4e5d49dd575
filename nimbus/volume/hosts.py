"""Which host a new volume goes to: of those that are up and have room, the one that promised least."""

from typing import Any

from nimbus.common import db, errors, services
from nimbus.volume import progress

BINARY = 'cinder-volume'


def find(tx: db.Tx) -> list[Any]:
    """Every host with volumes, as its service row."""
    return services.find(tx, 'volume', binary=BINARY)


def zones(tx: db.Tx) -> dict[str, bool]:
    """Every availability zone and whether a host of it may be given volumes."""
    found: dict[str, bool] = {}
    for row in find(tx):
        found[row.zone] = found.get(row.zone, False) or not row.disabled
    return found


def choose(tx: db.Tx, volume: Any, down_time: float) -> Any:
    """The service row of the host that takes the volume.  Raises NoValidHost, saying why each did not."""
    promised = progress.promised(tx)
    reasons: dict[str, int] = {}
    fits = []
    for row in find(tx):
        why = _why_not(row, volume, promised.get(row.host, 0), down_time)
        if why is None:
            fits.append(row)
        else:
            reasons[why] = reasons.get(why, 0) + 1
    if not fits:
        told = '; '.join(f'{count} {why}' for why, count in sorted(reasons.items())) or 'there is no volume host'
        raise errors.NoValidHost(f'No valid backend was found. {told.capitalize()}.')
    return min(fits, key=lambda row: (promised.get(row.host, 0) / max(room(row), 1), row.host))


def room(row: Any) -> float:
    """The GiB a host may promise in all."""
    return float(row.facts.get('total_gb', 0)) * float(row.facts.get('over_subscription', 1))


def _why_not(row: Any, volume: Any, promised: int, down_time: float) -> str | None:
    if not services.is_up(row, down_time):
        return 'down'
    if row.disabled:
        return 'disabled'
    if volume.wished_host and volume.wished_host != row.host:
        return 'not the host asked for'
    if volume.availability_zone and volume.availability_zone != row.zone:
        return 'in another zone'
    if promised + volume.size > room(row):
        return 'without room'
    return None
