"""Read the desired state of a host's routers from the database: their ports, routes and what leads through them."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import holders
from nimbus.network.hosts import qualities
from nimbus.network.hosts.gathered import Found, addresses_of, by, values_of
from nimbus.network.models import Address, FloatingIp, Network, Port, Router
from nimbus.network.models_traffic import ConntrackHelper, PortForwarding

OF_ROUTERS = (holders.ROUTER, holders.GATEWAY)


def values(tx: db.Tx, host: str, router_ids: set[str]) -> dict[str, Any]:
    """What those routers must be on the host, by id."""
    if not router_ids:
        return {}
    rows = tx.rows(sa.select(Router).where(Router.id.in_(sorted(router_ids))).order_by(Router.seq))
    mine = (Port.holder_id.in_(sorted(router_ids)), Port.holder.in_(OF_ROUTERS), Port.host == host)
    own = by(tx.rows(sa.select(Port).where(*mine, Port.admin_state_up.is_(True)).order_by(Port.seq)), 'holder_id')
    addresses = addresses_of(tx, Address.port_id.in_(sa.select(Port.id).where(*mine)))
    floating = by(tx.rows(sa.select(FloatingIp).where(FloatingIp.router_id.in_(sorted(router_ids)))), 'router_id')
    through = sa.select(FloatingIp.id).where(FloatingIp.router_id.in_(sorted(router_ids)))
    query = sa.select(PortForwarding).where(PortForwarding.floating_ip_id.in_(through)).order_by(PortForwarding.seq)
    forwards = by(tx.rows(query), 'floating_ip_id')
    query = sa.select(ConntrackHelper).where(ConntrackHelper.router_id.in_(sorted(router_ids)))
    helpers = by(tx.rows(query.order_by(ConntrackHelper.seq)), 'router_id')
    quality = qualities.of(tx, _qualities(tx, rows, [one for of in floating.values() for one in of]))
    found = {}
    for router in rows:
        ports: dict[str, list[Any]] = {holders.ROUTER: [], holders.GATEWAY: []}
        for port in own.get(router.id, ()):
            ports[port.holder].append(_router_port(port, addresses))
        found[router.id] = {
            'id': router.id,
            'ports': ports[holders.ROUTER],
            'gateways': ports[holders.GATEWAY],
            'snat': router.enable_snat,
            'floating': [
                _floating(one, forwards) | {'bandwidth': quality[one.id]['bandwidth']}
                for one in floating.get(router.id, ())
            ],
            'bandwidth': quality[router.id]['bandwidth'],
            'helpers': [
                {'protocol': one.protocol, 'port': one.port, 'name': one.helper} for one in helpers.get(router.id, ())
            ],
            'routes': [[route['destination'], route['nexthop']] for route in router.routes],
            'admin_up': router.admin_state_up,
        }
    return found


def _qualities(tx: db.Tx, routers: Iterable[Any], floating: Iterable[Any]) -> dict[str, str | None]:
    """The policy of each router's gateway and of each floating IP, which is its network's where it has none."""
    outside = sorted({one.floating_network_id for one in floating})
    query = sa.select(Network.id, Network.qos_policy_id).where(Network.id.in_(outside))
    of_networks = {network_id: policy_id for network_id, policy_id in tx.rows(query)} if outside else {}
    own = {router.id: router.qos_policy_id for router in routers}
    return own | {one.id: one.qos_policy_id or of_networks.get(one.floating_network_id) for one in floating}


def _floating(floating: Any, forwards: Found) -> dict[str, Any]:
    return {
        'port_id': floating.floating_port_id,
        'ip': floating.floating_ip_address,
        'fixed_ip': floating.fixed_ip_address,
        'forwards': [
            {
                'protocol': one.protocol,
                'outer': [one.external_first, one.external_last],
                'ip': one.internal_ip_address,
                'inner': [one.internal_first, one.internal_last],
            }
            for one in forwards.get(floating.id, ())
        ],
    }


def _router_port(port: Any, addresses: Found) -> dict[str, Any]:
    return {
        'port_id': port.id,
        'network_id': port.network_id,
        'mac': port.mac_address,
        'addresses': values_of(addresses, port.id),
    }
