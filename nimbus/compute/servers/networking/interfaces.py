"""A server's network interfaces: plug a port into an existing server, unplug it, and its further addresses."""

import dataclasses
from typing import Any

from nimbus.common import context, errors, ids, jobs
from nimbus.common.database import db
from nimbus.compute.servers import guests, servers
from nimbus.network import addresses
from nimbus.network.networks import networks
from nimbus.network.ports import port_changes, port_visibility, ports, server_ports

NO_ADDRESS = frozenset({'IpAddressGenerationFailure', 'IpAddressGenerationFailureForSubnet'})


def attach(
    tx: db.Tx,
    asker: context.Context,
    server_id: str,
    *,
    network_id: str | None = None,
    port_id: str | None = None,
    fixed_ip: str | None = None,
    tag: str | None = None,
) -> Any:
    """A port is the server's, bound to its host and being plugged into it; returns the port.

    It is the one named, or a new one on the network named, or on the only one there is.  Raises NotFound, Invalid,
    Forbidden, OverQuota, Conflict and WrongState.
    """
    row = servers.begin(tx, asker, server_id, 'attach_interface')
    # An operator who acts for a user finds what that user could.
    owner = dataclasses.replace(asker, project_id=row.project_id)
    found = _found(tx, owner, network_id, port_id, fixed_ip)
    to = {'server_id': server_id, 'project_id': row.project_id, 'host': row.host, 'zone': row.zone or ''}
    made = not found['port_id']
    held = ids.dashed() if made else found['port_id']
    if made:
        _make(tx, owner, held, found, row.hostname, to)
    else:
        ports.bind(tx, owner, held, hostname=row.hostname, **to)
    port = one(tx, server_id, held)
    asked = {**found, 'port_id': held, 'fixed_ip': None, 'tag': tag}
    plug = {'port_id': held, 'nic': _card(tx, server_id, held), 'place': port.place, 'asked': asked}
    jobs.start(tx, asker, 'attach_interface', server_id, **plug)
    return port


def tell_again(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The host makes the server's ports anew.  Raises NotFound, and Conflict when the server is locked."""
    servers.unlocked(asker, servers.show(tx, asker, server_id))
    server_ports.tell_again(tx, server_id)


def _card(tx: db.Tx, server_id: str, port_id: str) -> dict[str, Any]:
    return guests.card(tx, server_id, port_id).to_dict()


def _found(
    tx: db.Tx, owner: context.Context, network_id: str | None, port_id: str | None, fixed_ip: str | None
) -> dict[str, Any]:
    """What is to be plugged, as a boot asks for it.  Raises NotFound, Invalid, Forbidden and Conflict."""
    if port_id:
        port_visibility.show(tx, owner, port_id)
        return networks.for_boot(tx, owner, [{'port': port_id}])[0]
    if network_id:
        networks.show(tx, owner, network_id)
        try:
            return networks.for_boot(tx, owner, [{'uuid': network_id, 'fixed_ip': fixed_ip}])[0]
        except errors.Invalid as why:
            if 'already in use' in why.sentence:
                raise errors.Conflict(why.sentence) from None
            raise
    try:
        found = networks.for_boot(tx, owner, None)
    except errors.Conflict as why:
        raise errors.Invalid(why.sentence) from None
    if not found:
        raise errors.Invalid(
            f'No specific network was requested and none are available for project {owner.project_id}.'
        )
    return found[0]


def _make(
    tx: db.Tx, owner: context.Context, port_id: str, found: dict[str, Any], hostname: str, to: dict[str, Any]
) -> None:
    try:
        ports.ensure(
            tx,
            owner,
            port_id=port_id,
            network_id=found['network_id'],
            fixed_ip=found['fixed_ip'],
            hostname=hostname,
            **to,
        )
    except errors.Conflict as why:
        if why.facts.get('type') in NO_ADDRESS:
            raise errors.Invalid(why.sentence) from None
        raise


def detach(tx: db.Tx, asker: context.Context, server_id: str, port_id: str) -> None:
    """The port is being unplugged from the server; one that is already is fine.

    Raises NotFound, Conflict and WrongState.
    """
    servers.begin(tx, asker, server_id, 'detach_interface')
    one(tx, server_id, port_id)
    if not jobs.asked(tx, server_id, 'detach_interface', port_id=port_id):
        jobs.start(tx, asker, 'detach_interface', server_id, port_id=port_id, nic=_card(tx, server_id, port_id))


def one(tx: db.Tx, server_id: str, port_id: str) -> Any:
    """The server's port of that id with its `fixed_ips`.  Raises NotFound."""
    for port in server_ports.of_server(tx, server_id):
        if port.id == port_id:
            return port
    raise errors.NotFound(f'Instance {server_id} does not have a port with id {port_id}')


def tags(row: Any, held: list[Any]) -> dict[str, str | None]:
    """The tag of each of the server's ports, by the port's id."""
    asked = dict(enumerate(row.networks, 1))
    return {port.id: asked.get(port.place, {}).get('tag') for port in held}


def add_address(tx: db.Tx, asker: context.Context, server_id: str, network_id: str) -> None:
    """The server's port on the network has one more address.  Raises NotFound, Invalid and Conflict."""
    row = servers.show(tx, asker, server_id)
    servers.unlocked(asker, row)
    owner = dataclasses.replace(asker, project_id=row.project_id)
    networks.show(tx, owner, network_id)
    port = next((port for port in server_ports.of_server(tx, server_id) if port.network_id == network_id), None)
    if port is None:
        raise errors.NotFound(f'Network could not be found for instance {server_id}.')
    refused = errors.Invalid(f'No fixed IP addresses available for network: {network_id}')
    for subnet in addresses.subnets_of(tx, network_id):
        try:
            port_changes.update(tx, owner, port.id, {'fixed_ips': [*port.fixed_ips, {'subnet_id': subnet.id}]})
            return
        except (errors.Conflict, errors.Invalid) as why:
            refused = errors.Invalid(f'No fixed IP addresses available for network: {network_id}', inside=why.inside)
    raise refused


def remove_address(tx: db.Tx, asker: context.Context, server_id: str, address: str) -> None:
    """The server's port that has the address does not have it any more.  Raises NotFound, Invalid and Conflict."""
    row = servers.show(tx, asker, server_id)
    servers.unlocked(asker, row)
    owner = dataclasses.replace(asker, project_id=row.project_id)
    for port in server_ports.of_server(tx, server_id):
        rest = [held for held in port.fixed_ips if held['ip_address'] != address]
        if len(rest) < len(port.fixed_ips):
            port_changes.update(tx, owner, port.id, {'fixed_ips': rest})
            return
    raise errors.Invalid(f'Instance {server_id} does not have fixed IP {address}.')
