"""Floating IPs and the pools they come from, over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import dns_names, values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, Tagged, attribute
from nimbus.api.network.resources import Resource, shown
from nimbus.api.network.routing import port_forwardings
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.ports import forwarded_ports
from nimbus.network.qos import bindings
from nimbus.network.routers import floating_ips

DETAILS = ('name', 'network_id', 'mac_address', 'admin_state_up', 'status', 'device_id', 'device_owner')


def port_details(row: Any, call: Call) -> dict[str, Any] | None:
    """What is shown of the port that the floating IP leads to."""
    port = call.children['targets'].get(row.port_id)  # type: ignore[attr-defined]
    return port and {name: getattr(port, name) for name in DETAILS}


def forwardings(row: Any, call: Call) -> list[dict[str, Any]]:
    """What the floating IP forwards."""
    found = call.children['forwardings'].get(row.id, ())  # type: ignore[attr-defined]
    return [port_forwardings.shown_in_floating_ip(one) for one in found]


class FloatingIp(Tagged):
    """An address of an external network that leads to a fixed address of a port."""

    one, many = 'floatingip', 'floatingips'

    floating_ip_address = attribute(READ, CREATE, take=values.maybe(values.ip), default=None, ruled=(CREATE,))
    subnet_id = attribute(CREATE, take=values.maybe(values.uuid), default=None, filter=False)
    floating_network_id = attribute(READ, CREATE, take=values.uuid, required=True)
    router_id = attribute()
    dns_name = attribute(
        READ, CREATE, take=dns_names.name, source=lambda row, call: row.dns_name or '', default=None, filter=False
    )
    dns_domain = attribute(
        READ, CREATE, take=dns_names.name, source=lambda row, call: row.dns_domain or '', default=None, filter=False
    )
    port_id = attribute(*BOTH, take=values.maybe(values.uuid), default=None)
    fixed_ip_address = attribute(*BOTH, take=values.maybe(values.ip), default=None)
    qos_policy_id = attribute(*BOTH, take=values.maybe(values.uuid), default=None)
    qos_network_policy_id = attribute(
        source=lambda row, call: call.children['policies'].get(row.floating_network_id), filter=False
    )
    status = attribute(source=lambda row, call: call.children['statuses'].get(row.id, 'DOWN'), sort=False)
    port_details = attribute(source=port_details, filter=False)
    port_forwardings = attribute(source=forwardings, filter=False)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of floating IPs need beside their rows."""
    return {
        'tags': standard_attributes.tags_of(tx, [row.id for row in rows]),
        'statuses': floating_ips.statuses(tx, rows),
        'targets': floating_ips.targets(tx, rows),
        'policies': bindings.of_networks(tx, [row.floating_network_id for row in rows]),
        'forwardings': forwarded_ports.of(tx, [row.id for row in rows]),
    }


def _target(given: Given) -> floating_ips.Target | None:
    """Where the floating IP is to lead.  Raises Invalid on an address of no port."""
    if given.get('port_id'):
        return floating_ips.Target(given['port_id'], given.get('fixed_ip_address'))
    if given.get('fixed_ip_address'):
        raise errors.Invalid(
            'Bad floatingip request: fixed_ip_address cannot be specified without a port_id.', type='BadRequest'
        )
    return None


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A floating IP exists as requested."""
    place = {'subnet_id': given['subnet_id'], 'ip_address': given['floating_ip_address']}
    return floating_ips.create(
        tx,
        call.context,
        project_id=given['project_id'],
        floating_network_id=given['floating_network_id'],
        description=given['description'],
        qos_policy_id=given['qos_policy_id'],
        place={name: value for name, value in place.items() if value},
        target=_target(given),
        names={name: given[name] for name in ('dns_name', 'dns_domain')},
    )


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The floating IP has the values; a request that names none takes it from its port, as upstream's does."""
    target = _target(given)
    stays = 'port_id' not in given and bool(given)
    kept = {name: given[name] for name in ('description', 'qos_policy_id') if name in given}
    floating_ips.update(tx, call.context, row.id, target=False if stays else target, **kept)


FLOATING_IPS = Resource(
    noun=FloatingIp,
    find=floating_ips.find,
    show_row=floating_ips.show,
    children=children,
    add=add,
    change=change,
    remove=lambda call, tx, row: floating_ips.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
)


class Pool(NeutronNoun):
    """A subnet whose addresses floating IPs are made of."""

    one, many = 'floatingip_pool', 'floatingip_pools'

    subnet_id = attribute(source='id')
    subnet_name = attribute(source='name')
    network_id = attribute()
    cidr = attribute()
    project_id = attribute(source=lambda row, call: call.context.project_id)
    tenant_id = attribute(source=lambda row, call: call.context.project_id)


def pools(call: Call) -> Any:
    """GET: the IPv4 subnets of every external network."""
    call.check('get_floatingip_pool', project_id=call.context.project_id)
    with call.db.read() as tx:
        return {'floatingip_pools': shown(call, Pool, floating_ips.pools(tx))}


ROUTES = (
    *FLOATING_IPS.routes('/floatingips'),
    *port_forwardings.ROUTES,
    Route('GET', '/floatingip_pools', pools, None),
    Route('GET', '/floatingip-pools', pools, None),  # as some clients spell it
)
