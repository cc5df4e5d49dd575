"""Inventories and usages: the capacity of a provider in each resource class, and how much of it is used."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.placement import providers
from nimbus.api.placement.resource_classes import CLASSES
from nimbus.common import errors
from nimbus.scheduler import hosts


def _inventory(row: Any, column: str) -> dict[str, Any]:
    return {
        'total': getattr(row, column),
        'reserved': getattr(row, f'reserved_{column}'),
        'min_unit': 1,
        'max_unit': max(1, hosts.capacity(row, column)),
        'step_size': 1,
        'allocation_ratio': getattr(row, f'{column}_ratio'),
    }


def _had(row: Any) -> dict[str, str]:
    """The resource classes of which the host has anything."""
    return {name: column for name, column in CLASSES.items() if getattr(row, column)}


def index(call: Call, uuid: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}/inventories."""
    with call.db.read() as tx:
        row = providers.host(tx, uuid)
    found = {name: _inventory(row, column) for name, column in _had(row).items()}
    return {'inventories': found, 'resource_provider_generation': row.generation}


def show(call: Call, uuid: str, name: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}/inventories/{name}.  Raises NotFound."""
    with call.db.read() as tx:
        row = providers.host(tx, uuid)
    if name not in _had(row):
        raise errors.NotFound(f'No inventory of class {name} for {uuid}')
    return {**_inventory(row, CLASSES[name]), 'resource_provider_generation': row.generation}


def usages(call: Call, uuid: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}/usages."""
    with call.db.read() as tx:
        row = providers.host(tx, uuid)
    used = {name: getattr(row, f'used_{column}') for name, column in _had(row).items()}
    return {'usages': used, 'resource_provider_generation': row.generation}
