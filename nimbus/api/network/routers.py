"""Routers and their interfaces over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, bad, child
from nimbus.api.network.resources import Resource
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.hosts import scheduling
from nimbus.network.networks import networks
from nimbus.network.ports import router_ports
from nimbus.network.routers import routers


def gateway(value: Any) -> dict[str, Any] | None:
    """None, or an object that names an external network."""
    if value in (None, {}):
        return None
    if not isinstance(value, dict) or 'network_id' not in value:
        raise ValueError(f"'{value}' is no gateway: network_id is missing")
    return {**value, 'network_id': values.uuid(value['network_id'])}


def refuse_gateway(call: Call, tx: db.Tx, given: Given) -> None:
    """Refuses external gateways: raises NotFound and Invalid as Neutron does, and NotBuilt for a valid one."""
    info = given.get('external_gateway_info')
    if info is None:
        return
    network = networks.show(tx, call.context, info['network_id'])
    if not network.external:
        raise router_ports.bad_request(f'Network {network.id} is not an external network')
    raise errors.NotBuilt(
        'External gateways of routers are not part of this cloud; external_gateway_info may only be null.',
        type='NotImplemented',
    )


def refuse_kinds(given: Given) -> None:
    """Raises NotBuilt for a distributed or highly available router."""
    if given.get('distributed') or given.get('ha'):
        raise errors.NotBuilt(
            'Distributed and highly available routers are not part of this cloud; the attribute may only be false.',
            type='NotImplemented',
        )


def absent(row: Any, call: Call) -> bool:
    """The attribute of a kind of router that is not supported: always false."""
    return False


class Router(Tagged):
    """A router: connects subnets through its interfaces."""

    one, many = 'router', 'routers'

    name = attribute(*BOTH, take=values.text(), default='')
    admin_state_up = attribute(*BOTH, take=values.flag, default=True)
    status = attribute()
    external_gateway_info = attribute(
        *BOTH, take=gateway, source=lambda row, call: None, default=None, filter=False, ruled=(CREATE, UPDATE)
    )
    routes = attribute(READ, UPDATE, take=values.ROUTES, filter=False)
    distributed = attribute(*BOTH, take=values.flag, source=absent, filter=False, ruled=BOTH)
    ha = attribute(*BOTH, take=values.flag, source=absent, filter=False, ruled=BOTH)
    availability_zone_hints = attribute(source=lambda row, call: [], filter=False)
    availability_zones = attribute(source=child('zones'), filter=False)


UNSTORED = ('external_gateway_info', 'distributed', 'ha')


def _stored(given: Given) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in UNSTORED}


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A router exists as requested."""
    refuse_kinds(given)
    refuse_gateway(call, tx, given)
    return routers.create(tx, call.context, **_stored(given))


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The router has the values."""
    refuse_kinds(given)
    refuse_gateway(call, tx, given)
    routers.update(tx, call.context, row.id, **_stored(given))


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of routers need beside their rows."""
    found = [row.id for row in rows]
    zones = {subject: ['nova'] for subject in scheduling.placed(tx, 'router', found)}
    return {'tags': standard_attributes.tags_of(tx, found), 'zones': zones}


ROUTERS = Resource(
    noun=Router,
    find=routers.find,
    show_row=routers.show,
    children=children,
    add=add,
    change=change,
    remove=lambda call, tx, row: routers.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
)


def _interface(call: Call) -> tuple[str | None, str | None]:
    """The subnet and the port that the body names.  Raises Invalid."""
    body = call.body
    if not isinstance(body, dict) or not body:
        raise router_ports.bad_request('Either subnet_id or port_id must be specified')
    found = []
    for name in ('subnet_id', 'port_id'):
        try:
            found.append(values.maybe(values.uuid)(body.get(name)))
        except ValueError as why:
            raise bad(f'Invalid input for {name}. Reason: {why}.') from why
    return found[0], found[1]


def add_interface(call: Call, id: str) -> Any:
    """PUT add_router_interface: the router has one more port."""
    subnet_id, port_id = _interface(call)
    with call.db.write() as tx:
        row = routers.show(tx, call.context, id)
        call.check('add_router_interface', project_id=row.project_id)
        answer = routers.add_interface(tx, call.context, id, subnet_id, port_id)
        notifications.notify(call, tx, 'router.interface.create', {'router_interface': answer})
        return answer


def remove_interface(call: Call, id: str) -> Any:
    """PUT remove_router_interface: the router has one port less."""
    subnet_id, port_id = _interface(call)
    with call.db.write() as tx:
        row = routers.show(tx, call.context, id)
        call.check('remove_router_interface', project_id=row.project_id)
        answer = routers.remove_interface(tx, call.context, id, subnet_id, port_id)
        notifications.notify(call, tx, 'router.interface.delete', {'router_interface': answer})
        return answer


INTERFACES = (
    Route('PUT', '/routers/{id}/add_router_interface', add_interface, 'add_router_interface'),
    Route('PUT', '/routers/{id}/remove_router_interface', remove_interface, 'remove_router_interface'),
)
