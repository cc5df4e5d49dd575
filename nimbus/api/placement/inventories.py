"""Inventories and usages: the capacity of a provider in each resource class, and how much of it is used."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import nodes, providers
from nimbus.api.placement.dates import dated
from nimbus.api.placement.nodes import Node
from nimbus.api.placement.resource_classes import CLASSES
from nimbus.common import errors


def _node(call: Call, uuid: str) -> Node:
    with call.db.read() as tx:
        return nodes.of(tx, providers.host(tx, uuid))


def _inventory(node: Node, name: str) -> dict[str, Any]:
    column = CLASSES[name]
    return {
        'total': getattr(node.row, column),
        'reserved': getattr(node.row, f'reserved_{column}'),
        'min_unit': 1,
        'max_unit': max(1, node.capacity(name)),
        'step_size': 1,
        'allocation_ratio': getattr(node.row, f'{column}_ratio'),
    }


def index(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/inventories."""
    node = _node(call, uuid)
    found = {name: _inventory(node, name) for name in node.classes}
    body = {'inventories': found, 'resource_provider_generation': node.row.generation}
    return dated(call, body, node.row.updated_at)


def show(call: Call, uuid: str, name: str) -> Reply:
    """GET /resource_providers/{uuid}/inventories/{name}.  Raises NotFound."""
    node = _node(call, uuid)
    if name not in node.classes:
        raise errors.NotFound(f'No inventory of class {name} for {uuid}')
    body = {**_inventory(node, name), 'resource_provider_generation': node.row.generation}
    return dated(call, body, node.row.updated_at)


def usages(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/usages."""
    node = _node(call, uuid)
    used = {name: node.used(name) for name in node.classes}
    return dated(call, {'usages': used, 'resource_provider_generation': node.row.generation})
