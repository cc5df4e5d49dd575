"""Schedule a new volume: to the emptiest host that is up, has room and satisfies the volume type."""

from typing import Any

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.scheduler import specs
from nimbus.volume import types
from nimbus.volume.volumes import progress

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


def usual_zone(tx: db.Tx) -> str:
    """The zone of a volume that is asked for without one: the default one where its hosts take volumes, or none do."""
    taking = [zone for zone, takes in zones(tx).items() if takes]
    return services.ZONE if services.ZONE in taking or not taking else min(taking)


def zone_for(tx: db.Tx, asked: str | None) -> str:
    """The zone of a new volume: the one that is asked for, or the usual one.  Raises Invalid for one that is not."""
    if asked and asked not in zones(tx):
        raise errors.Invalid(f"Invalid input received: Availability zone '{asked}' is invalid.")
    return asked or usual_zone(tx)


def backup_keeper(tx: db.Tx, host: str | None, zone: str | None) -> Any:
    """The service row of a host with volumes, which keeps backups of them.

    Raises Unavailable when it keeps none, and Invalid for another zone than its own.
    """
    row = next((row for row in find(tx) if row.host == host and row.facts.get('backup_service')), None)
    if row is None:
        raise errors.Unavailable('Service cinder-backup could not be found.')
    if zone and zone != row.zone:
        raise errors.Invalid(
            f"Invalid input received: Availability zone '{zone[:80]}' is invalid: a backup is made in the zone of its "
            f"volume, '{row.zone}'."
        )
    return row


def keeper_of(tx: db.Tx, service: str, host: str | None) -> Any:
    """The service row of a host whose backups are kept in such a store, that host where it is one.

    Raises Unavailable where no host keeps any, and Invalid where none keeps them so.
    """
    keepers = [row for row in find(tx) if row.facts.get('backup_service')]
    if not keepers:
        raise errors.Unavailable('Service cinder-backup could not be found.')
    found = [row for row in keepers if row.facts['backup_service'] == service]
    if not found:
        known = ', '.join(sorted({row.facts['backup_service'] for row in keepers}))
        raise errors.Invalid(f'Invalid backup: No host keeps backups in {service[:80]}; known are {known}.')
    return min(found, key=lambda row: (row.host != host, row.host))


def choose(tx: db.Tx, volume: Any, down_time: float) -> Any:
    """The service row of the host that takes the volume.  Raises NoValidHost, saying why each did not."""
    promised, wishes = progress.promised(tx), types.wishes(tx, volume.type_id)
    reasons: dict[str, int] = {}
    fits = []
    for row in find(tx):
        why = _why_not(row, volume, promised.get(row.host, 0), down_time) or _unlike(row, wishes)
        if why is None:
            fits.append(row)
        else:
            reasons[why] = reasons.get(why, 0) + 1
    if not fits:
        text = '; '.join(f'{count} {why}' for why, count in sorted(reasons.items())) or 'there is no volume host'
        known = ', '.join(sorted(set(reasons) - {'down', 'disabled'})) or 'not in service'
        raise errors.NoValidHost(
            f'No valid backend was found. Those there are, are {known}.'
            if reasons
            else 'No valid backend was found. There is no volume host.',
            inside=f'No valid backend was found. {text.capitalize()}.',
        )
    return min(fits, key=lambda row: (promised.get(row.host, 0) / max(capacity(row), 1), row.host))


def capabilities(row: Any) -> dict[str, Any]:
    """The capabilities of a host's store, under Cinder's names; a type's extra specs refer to these."""
    backend = row.facts.get('backend', 'nimbus')
    return {
        'volume_backend_name': backend,
        'total_capacity_gb': row.facts.get('total_gb', 0),
        'free_capacity_gb': row.facts.get('free_gb', 0),
        'max_over_subscription_ratio': str(row.facts.get('over_subscription', 1)),
        'reserved_percentage': 0,
        'driver_version': '1',
        'storage_protocol': backend,
        'vendor_name': 'Open Source',
        'QoS_support': False,
    }


def suits(tx: db.Tx, row: Any, type_id: str) -> bool:
    """Whether the host's store is what the volume type asks for."""
    return _unlike(row, types.wishes(tx, type_id)) is None


def _unlike(row: Any, wishes: dict[str, Any]) -> str | None:
    """Why the host's store is not what the extra specs ask for."""
    given = capabilities(row)
    for name, wanted in wishes.items():
        path = specs.capability(name)
        # A truth value is asked for as `<is> True`, and spelt so.
        if path is not None and not specs.matches(specs.fact(given, path), str(wanted).replace('<is>', 's==')):
            return f'without the {path} of the volume type'
    return None


def capacity(row: Any) -> float:
    """The GiB of volumes that a host may have in all, by its total space and the overcommit ratio."""
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
    if volume.backup_id and not row.facts.get('backup_service'):
        return 'without backups'
    if promised + volume.size > capacity(row):
        return 'without room'
    return None
