"""A server's security groups: those that its ports are in."""

from typing import Any

from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.compute.servers import servers
from nimbus.network.ports import port_changes, server_ports
from nimbus.network.security_groups import groups


def find(tx: db.Tx, asker: context.Context, server_id: str) -> list[Any]:
    """The rows of the groups that the server's ports are in.  Raises NotFound."""
    servers.show(tx, asker, server_id)
    return [groups.show(tx, asker, held['id']) for held in server_ports.groups_of(tx, [server_id]).get(server_id, [])]


def add(tx: db.Tx, asker: context.Context, server_id: str, name: str) -> None:
    """Every port of the server is in the group.  Raises NotFound and Conflict."""
    group_id, ports = _named(tx, asker, server_id, name)
    held = groups.of_ports(tx, [port.id for port in ports])
    for port in ports:
        port_changes.update(tx, asker, port.id, {'groups': [*held.get(port.id, []), group_id]})


def remove(tx: db.Tx, asker: context.Context, server_id: str, name: str) -> None:
    """No port of the server is in the group.  Raises NotFound when none was, and Conflict."""
    group_id, ports = _named(tx, asker, server_id, name)
    held = groups.of_ports(tx, [port.id for port in ports])
    if not any(group_id in held.get(port.id, []) for port in ports):
        raise errors.NotFound(f'Security group {name} not associated with the instance {server_id}')
    for port in ports:
        rest = [other for other in held.get(port.id, []) if other != group_id]
        port_changes.update(tx, asker, port.id, {'groups': rest})


def _named(tx: db.Tx, asker: context.Context, server_id: str, name: str) -> tuple[str, list[Any]]:
    """The group's id and the server's ports.  Raises NotFound when there is no such group or no port."""
    servers.show(tx, asker, server_id)
    try:
        group_id = groups.resolve(tx, asker, [name])[0]
    except errors.Invalid:
        raise errors.NotFound(f'Security group {name} is not found for project {asker.project_id}') from None
    ports = server_ports.of_server(tx, server_id)
    if not ports:
        raise errors.NotFound(f'instance_id {server_id} could not be found as device id on any ports')
    return group_id, ports
