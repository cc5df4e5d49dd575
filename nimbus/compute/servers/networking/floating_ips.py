"""A server's floating IPs: those that lead to its addresses."""

from typing import Any

from nimbus.common import context, errors
from nimbus.common.database import db, listing
from nimbus.compute.servers import servers
from nimbus.network.ports import server_ports
from nimbus.network.routers import floating_ips


def add(tx: db.Tx, asker: context.Context, server_id: str, address: str, fixed: str | None) -> None:
    """The floating IP leads to the server: to the fixed address, or the first one of IPv4.

    Raises NotFound for a server or a floating IP that is not there, and Invalid where it cannot lead there.
    """
    servers.show(tx, asker, server_id)
    port_id, fixed = _place(tx, server_id, address, fixed)
    try:
        row = _named(tx, asker, address)
    except errors.NotFound:
        raise errors.NotFound('floating IP not found') from None
    try:
        floating_ips.update(tx, asker, row.id, target=floating_ips.Target(port_id, fixed))
    except errors.Conflict as why:
        raise errors.Invalid(why.sentence) from None
    except (errors.Invalid, errors.NotFound) as why:
        raise errors.Invalid(
            f'Unable to associate floating IP {address} to fixed IP {fixed} for instance {server_id}. '
            f'Error: {why.sentence}'
        ) from None


def _place(tx: db.Tx, server_id: str, address: str, wanted: str | None) -> tuple[str, str]:
    """The server's port, and the address of it that a floating IP is to lead to.  Raises Invalid."""
    ports = server_ports.of_server(tx, server_id)
    if not ports:
        raise errors.Invalid('Instance network is not ready yet')
    held = [(port.id, fixed['ip_address']) for port in ports for fixed in port.fixed_ips]
    if not held:
        raise errors.Invalid('No fixed IPs associated to instance')
    if wanted and wanted not in [ip for _, ip in held]:
        raise errors.Invalid('Specified fixed address not assigned to instance')
    found = [(port_id, ip) for port_id, ip in held if ip == wanted or not wanted and ':' not in ip]
    if not found:
        raise errors.Invalid(
            f'Unable to associate floating IP {address} to any fixed IPs for instance {server_id}. Instance has no '
            'fixed IPv4 addresses to associate.'
        )
    return found[0]


def remove(tx: db.Tx, asker: context.Context, server_id: str, address: str) -> None:
    """The floating IP leads nowhere.  Raises NotFound where there is none, and Conflict where it leads elsewhere."""
    row = _named(tx, asker, address)
    if row.port_id not in [port.id for port in server_ports.of_server(tx, server_id)]:
        raise errors.Conflict(f'Floating IP {address} is not associated with instance {server_id}.')
    servers.show(tx, asker, server_id)
    floating_ips.update(tx, asker, row.id, target=None)


def _named(tx: db.Tx, asker: context.Context, address: str) -> Any:
    """The floating IP of that address that the asker has.  Raises NotFound and Conflict."""
    found = floating_ips.find(tx, asker, listing.Page(filters={'floating_ip_address': address}))
    if not found:
        raise errors.NotFound(f'Floating IP not found for address {address}.')
    if len(found) > 1:
        raise errors.Conflict(f'Multiple floating IPs are found for address {address}.')
    return found[0]
