"""Floating IPs in the Compute API: proxies for Neutron's (gone since 2.36), and the actions on servers (since 2.44)."""

from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.compute.policies import API
from nimbus.api.kit.fields import Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.compute.servers.networking import floating_ips as of_servers
from nimbus.network.networks import networks
from nimbus.network.routers import floating_ips

USUAL_POOL = 'nova'  # as upstream calls the pool that is meant where none is named
NONE_LEFT = ('IpAddressGenerationFailure', 'IpAddressGenerationFailureForSubnet', 'ExternalIpAddressExhausted')
CREATE = Shape({'type': ['object', 'null'], 'properties': {'pool': {'type': ['string', 'null']}}})
_ADDRESSES = {'address': shapes.IP, 'fixed_address': shapes.IP}
ADD = shapes.action('addFloatingIp', shapes.closed(_ADDRESSES, ['address']))
REMOVE = shapes.action('removeFloatingIp', shapes.closed({'address': shapes.IP}, ['address']))


class FloatingIp(Noun):
    """A floating IP: its address, the network that it is of, and the server that it leads to."""

    one, many = 'floating_ip', 'floating_ips'
    fixed_ip = Text(source='fixed_ip_address')
    id = Text()
    instance_id = Text(source=lambda row, call: call.given['servers'].get(row.port_id))
    ip = Text(source='floating_ip_address')
    pool = Text(source=lambda row, call: call.given['pools'][row.floating_network_id])


def _told(call: Call, tx: db.Tx, rows: list[Any]) -> list[Any]:
    """The rows, once what their views need beside them is at hand."""
    ports = floating_ips.targets(tx, rows)
    call.given = {
        'servers': {port_id: port.device_id or None for port_id, port in ports.items()},
        'pools': {row.id: row.name or row.id for row in _pools(call, tx)},
    }
    return rows


def _pools(call: Call, tx: db.Tx, **filters: str) -> list[Any]:
    return networks.find(tx, call.context, listing.Page(filters={'external': True, **filters}))


def pools(call: Call) -> dict[str, Any]:
    """The external networks."""
    call.check(f'{API}os-floating-ip-pools')
    with call.db.read() as tx:
        return {'floating_ip_pools': [{'name': row.name or row.id} for row in _pools(call, tx)]}


def index(call: Call) -> dict[str, Any]:
    """The project's floating IPs."""
    own = listing.Page(filters={'project_id': call.context.project_id or ''})
    with call.db.read() as tx:
        rows = _told(call, tx, floating_ips.find(tx, call.context, own))
    return call.views(FloatingIp, rows)


def show(call: Call, id: str) -> dict[str, Any]:
    """One floating IP."""
    with call.db.read() as tx:
        (row,) = _told(call, tx, [_one(call, tx, id)])
    return call.view(FloatingIp, row)


def _one(call: Call, tx: db.Tx, floating_id: str) -> Any:
    try:
        return floating_ips.show(tx, call.context, floating_id)
    except errors.NotFound:
        raise errors.NotFound(f'Floating IP not found for ID {floating_id[:80]}') from None


def create(call: Call) -> dict[str, Any]:
    """The project has one more floating IP, of the pool that is named."""
    pool = (call.body or {}).get('pool')
    try:
        with call.db.write() as tx:
            made = floating_ips.create(
                tx,
                call.context,
                project_id=call.context.project_id or '',
                floating_network_id=_pool(call, tx, pool or USUAL_POOL),
            )
            (row,) = _told(call, tx, [floating_ips.show(tx, call.context, made)])
            return call.view(FloatingIp, row)
    except errors.OverQuota:
        raise errors.Forbidden(f'IP allocation over quota{_of(pool)}.') from None
    except (errors.Conflict, errors.Invalid) as why:
        if why.facts.get('type') in NONE_LEFT:
            raise errors.NotFound(f'No more floating IPs{_of(pool) or " available"}.') from None
        raise errors.Invalid(why.sentence) from None


def _of(pool: str | None) -> str:
    return f' in pool {pool[:80]}' if pool else ''


def _pool(call: Call, tx: db.Tx, name: str) -> str:
    """The id of the external network of that id or name.  Raises NotFound, and Invalid where there are several."""
    found = _pools(call, tx, **{'id' if ids.is_uuid(name) else 'name': name})
    if not found:
        raise errors.NotFound('Floating IP pool not found.')
    if len(found) > 1:
        raise errors.Invalid(f"Multiple floating IP pools matches found for name '{name[:80]}'")
    return str(found[0].id)


def delete(call: Call, id: str) -> None:
    """202: the floating IP leads nowhere, and is not the project's any more."""
    with call.db.write() as tx:
        floating_ips.delete(tx, call.context, _one(call, tx, id).id)


def add(call: Call, id: str) -> None:
    """202: the floating IP leads to an address of the server."""
    given = {name: shapes.shortest(value) for name, value in call.given.items()}
    with call.db.write() as tx:
        of_servers.add(tx, call.context, id, str(given['address']), given.get('fixed_address'))


def remove(call: Call, id: str) -> None:
    """202: the floating IP does not lead to the server any more."""
    with call.db.write() as tx:
        of_servers.remove(tx, call.context, id, str(shapes.shortest(call.given['address'])))
