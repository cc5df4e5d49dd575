"""Routers and their interfaces over HTTP."""

from collections.abc import Callable, Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, bad, child
from nimbus.api.network.resources import Resource, shown
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.hosts import zones
from nimbus.network.ports import router_ports
from nimbus.network.routers import conntrack_helpers, gateways, routers, routes

GATEWAY = values.record(
    {'network_id': values.uuid},
    {
        'enable_snat': values.flag,
        'external_fixed_ips': values.FIXED_IPS,
        'qos_policy_id': values.maybe(values.uuid),
    },
)


def gateway(value: Any) -> dict[str, Any] | None:
    """None, or what a gateway is to be, with the external network."""
    if value in (None, {}):
        return None
    taken: dict[str, Any] = GATEWAY(value)
    if {} in taken.get('external_fixed_ips', ()):
        raise ValueError("Invalid data format for fixed IP: '{}'")
    return taken


def _wish(call: Call, verb: str, given: Given, project_id: str) -> dict[str, Any]:
    """The argument `gateway` of the router's verbs, where the request has one.  Raises Forbidden."""
    if 'external_gateway_info' not in given:
        return {}
    info = given['external_gateway_info']
    for name in set(info or ()) - {'qos_policy_id'}:  # of which there is no rule
        call.check(f'{verb}_router:external_gateway_info:{name}', project_id=project_id)
    return {'gateway': info and gateways.Wish(**info)}


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
        *BOTH,
        take=gateway,
        source=lambda row, call: call.children['gateways'].get(row.id),
        default=None,
        filter=False,
        ruled=(CREATE, UPDATE),
    )
    routes = attribute(READ, UPDATE, take=values.ROUTES, filter=False)
    distributed = attribute(*BOTH, take=values.flag, source=absent, filter=False, ruled=BOTH)
    ha = attribute(*BOTH, take=values.flag, source=absent, filter=False, ruled=BOTH)
    availability_zone_hints = attribute(
        READ, CREATE, take=values.ZONES, source=lambda row, call: row.zone_hints or [], default=(), filter=False
    )
    availability_zones = attribute(source=child('zones'), filter=False)
    conntrack_helpers = attribute(source=child('helpers'), filter=False)


UNSTORED = ('external_gateway_info', 'distributed', 'ha')


def _stored(given: Given) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in UNSTORED}


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A router exists as requested."""
    refuse_kinds(given)
    given['zone_hints'] = zones.known(tx, 'router', given.pop('availability_zone_hints'))
    wish = _wish(call, CREATE, given, given['project_id'])
    return routers.create(tx, call.context, **wish, **_stored(given))


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The router has the values."""
    refuse_kinds(given)
    wish = _wish(call, UPDATE, given, row.project_id)
    routers.update(tx, call.context, row.id, **wish, **_stored(given))


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of routers need beside their rows."""
    found = [row.id for row in rows]
    tags = standard_attributes.tags_of(tx, found)
    helpers = {
        router_id: [{name: getattr(one, name) for name in ('protocol', 'port', 'helper')} for one in followed]
        for router_id, followed in conntrack_helpers.of(tx, found).items()
    }
    return {'tags': tags, 'zones': zones.of(tx, 'router', found), 'gateways': gateways.of(tx, rows), 'helpers': helpers}


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


def _routes(call: Call) -> list[dict[str, str]]:
    """The routes that the body names.  Raises Invalid."""
    given = call.body.get('router') if isinstance(call.body, dict) else None
    if not isinstance(given, dict) or set(given) != {'routes'}:
        raise bad("Invalid input for router. Reason: the body must be {'router': {'routes': [...]}}.")
    try:
        return values.ROUTES(given['routes'])
    except ValueError as why:
        raise bad(f'Invalid input for routes. Reason: {why}.') from why


def _reroute(call: Call, id: str, rule: str, of: Callable[..., list[dict[str, str]]]) -> Any:
    """The router has the routes that `of` makes of those it had and those that the body names."""
    given = _routes(call)
    with call.db.write() as tx:
        row = routers.lock(tx, call.context, id)
        call.check(rule, project_id=row.project_id)
        notifications.notify(call, tx, 'router.update.start', {**call.body, 'id': id})
        routers.update(tx, call.context, id, routes=of(row.routes, given))
        row = routers.show(tx, call.context, id)
        call.children = children(call, tx, [row])  # type: ignore[attr-defined]
        answer = {'router': shown(call, Router, [row])[0]}
        notifications.notify(call, tx, 'router.update.end', answer)
        return answer


def add_routes(call: Call, id: str) -> Any:
    """PUT add_extraroutes: the router has these routes too."""
    return _reroute(call, id, 'add_extraroutes', routes.added)


def remove_routes(call: Call, id: str) -> Any:
    """PUT remove_extraroutes: the router has not these routes."""
    return _reroute(call, id, 'remove_extraroutes', routes.without)


INTERFACES = (
    Route('PUT', '/routers/{id}/add_extraroutes', add_routes, 'add_extraroutes'),
    Route('PUT', '/routers/{id}/remove_extraroutes', remove_routes, 'remove_extraroutes'),
    Route('PUT', '/routers/{id}/add_router_interface', add_interface, 'add_router_interface'),
    Route('PUT', '/routers/{id}/remove_router_interface', remove_interface, 'remove_router_interface'),
)
