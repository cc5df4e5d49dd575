"""Availability zones: list them, and the hosts and services in each."""

from typing import Any

from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute.hosts import aggregates

DEFAULT, INTERNAL = aggregates.DEFAULT, 'internal'


def of_hosts(tx: db.Tx) -> dict[str, str]:
    """The zone of every compute host: its aggregate's, else the daemon's own."""
    given = aggregates.zones(tx)
    return {row.host: given.get(row.host, row.zone) for row in services.find(tx, room='compute', binary='nova-compute')}


def names(tx: db.Tx) -> list[str]:
    """The zones that a server may be asked into: those with a host that is switched on."""
    zones = of_hosts(tx)
    return sorted({zones[row.host] for row in _hosts(tx) if not row.disabled})


def _hosts(tx: db.Tx) -> list[Any]:
    return services.find(tx, room='compute', binary='nova-compute')


def detail(tx: db.Tx) -> dict[str, list[Any]]:
    """The rows of compute's daemons by zone; those that run no guests are in the internal zone."""
    zones = of_hosts(tx)
    found: dict[str, list[Any]] = {}
    for row in services.find(tx, room='compute'):
        zone = zones[row.host] if row.binary == 'nova-compute' else INTERNAL
        found.setdefault(zone, []).append(row)
    return found
