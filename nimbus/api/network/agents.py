"""Network agents, the networks and routers that each hosts, and availability zones over HTTP."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import networks, notifications, values
from nimbus.api.network.attributes import NeutronNoun, attribute, bad
from nimbus.api.network.resources import shown
from nimbus.api.network.routing import routers
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.network.hosts import agents, scheduling
from nimbus.network.networks import dhcp_agents as dhcp_hosts
from nimbus.network.networks import networks as network_rows
from nimbus.network.routers import routers as router_rows

MOMENT = '%Y-%m-%d %H:%M:%S'


def alive(row: Any, call: Call) -> bool:
    """Whether the agent reported lately."""
    return services.is_up(row, call.parts.extra['network'].down_time)


def of_type(place: int) -> Any:
    """A source: the agent's type, or its topic, as the field names it."""
    return lambda row, call: agents.TYPES[row.binary][place]


class Agent(NeutronNoun):
    """A part of a network agent's process."""

    one, many = 'agent', 'agents'

    id = attribute()
    agent_type = attribute(source=of_type(0))
    binary = attribute()
    topic = attribute(source=of_type(1))
    host = attribute()
    admin_state_up = attribute(source=lambda row, call: not row.disabled)
    alive = attribute(source=alive)
    availability_zone = attribute(source=lambda row, call: row.zone if row.binary in agents.ZONED else None)
    configurations = attribute(source=lambda row, call: row.facts.get('configurations', {}))
    resources_synced = attribute(source=lambda row, call: None)
    description = attribute(source='disabled_reason')
    created_at = attribute(source=lambda row, call: row.created_at.strftime(MOMENT))
    started_at = attribute(source=lambda row, call: row.started_at.strftime(MOMENT))
    heartbeat_timestamp = attribute(source=lambda row, call: row.seen_at.strftime(MOMENT))


def _matches(call: Call, shape: dict[str, Any]) -> bool:
    """Whether an agent passes the filters, which ignore case as upstream's do."""
    for name, texts in call.query.items():
        if name in ('fields', 'limit', 'marker', 'sort_key', 'sort_dir', 'page_reverse') or name not in shape:
            continue
        value = shape[name]
        if isinstance(value, bool):
            if value not in [values.flag(text) for text in texts]:
                return False
        elif str(value).casefold() not in [text.casefold() for text in texts]:
            return False
    return True


def _listed(call: Call, rows: list[Any]) -> Any:
    view = Agent.view(call.version)
    try:
        rows = [row for row in rows if _matches(call, view(row, call))]
    except ValueError as why:
        raise bad(f'Invalid input for a filter. Reason: {why}.') from why
    return {'agents': shown(call, Agent, rows)}


def index(call: Call) -> Any:
    """GET of the collection; empty for an asker who may see none."""
    if not call.allows('get_agent'):
        return {'agents': []}
    with call.db.read() as tx:
        return _listed(call, agents.find(tx))


def show(call: Call, id: str) -> Any:
    """GET of one."""
    with call.db.read() as tx:
        return {'agent': shown(call, Agent, [agents.show(tx, id)])[0]}


def update(call: Call, id: str) -> Any:
    """PUT of one: admin_state_up and description."""
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get('agent'), dict):
        raise bad("Unable to find 'agent' in request body")
    takes = {'admin_state_up': values.flag, 'description': values.maybe(values.text())}
    kept = {}
    for name, value in body['agent'].items():
        if name not in takes:
            raise bad(f'Cannot update read-only attribute {name}')
        try:
            kept[name] = takes[name](value)
        except ValueError as why:
            raise bad(f'Invalid input for {name}. Reason: {why}.') from why
    with call.db.write() as tx:
        agents.update(tx, id, **kept)
        return {'agent': shown(call, Agent, [agents.show(tx, id)])[0]}


def delete(call: Call, id: str) -> Any:
    """DELETE of one, which comes back if it still reports."""
    with call.db.write() as tx:
        agents.delete(tx, id)
    return Reply()


def _hosted(call: Call, id: str, kind: str) -> list[str]:
    """The ids of the networks or routers, by `kind`, that the agent's host serves.  Raises NotFound."""
    with call.db.read() as tx:
        row = agents.show(tx, id)
        if row.binary != scheduling.AGENT[kind]:
            raise errors.NotFound(f'Agent {id} is no {kind} agent.', type='AgentNotFound')
        return scheduling.on(tx, kind, row.host)


def networks_on(call: Call, id: str) -> Any:
    """GET: the networks the DHCP agent serves."""
    found = _hosted(call, id, 'dhcp')
    with call.db.read() as tx:
        rows = [network_rows.show(tx, call.context, network_id) for network_id in found]
        call.children = networks.children(call, tx, rows)  # type: ignore[attr-defined]
    return {'networks': shown(call, networks.Network, rows)}


def routers_on(call: Call, id: str) -> Any:
    """GET: the routers that the L3 agent hosts."""
    found = _hosted(call, id, 'router')
    with call.db.read() as tx:
        rows = [router_rows.show(tx, call.context, router_id) for router_id in found]
        call.children = routers.children(call, tx, rows)  # type: ignore[attr-defined]
    return {'routers': shown(call, routers.Router, rows)}


def _agents_of(call: Call, kind: str, subject_id: str) -> Any:
    with call.db.read() as tx:
        hosts = dhcp_hosts.hosts(tx, subject_id) if kind == 'dhcp' else scheduling.hosts_of(tx, kind, subject_id)
        return _listed(
            call, [row for row in agents.find(tx) if row.binary == scheduling.AGENT[kind] and row.host in hosts]
        )


def dhcp_agents(call: Call, id: str) -> Any:
    """GET: the agents that serve a network."""
    with call.db.read() as tx:
        network_rows.show(tx, call.context, id)
    return _agents_of(call, 'dhcp', id)


def l3_agents(call: Call, id: str) -> Any:
    """GET: the agents that host a router."""
    with call.db.read() as tx:
        router_rows.show(tx, call.context, id)
    return _agents_of(call, 'router', id)


def _named(call: Call, name: str) -> str:
    """The id that the body has under the name.  Raises Invalid."""
    given = call.body.get(name) if isinstance(call.body, dict) else None
    try:
        return values.uuid(given)
    except ValueError as why:
        raise bad(f'Invalid input for {name}. Reason: {why}.') from why


def add_router(call: Call, id: str) -> Any:
    """POST: the L3 agent hosts the router."""
    router_id = _named(call, 'router_id')
    with call.db.write() as tx:
        router_rows.host_on(tx, call.context, agents.show(tx, id), router_id)
    return Reply(stream=[b'null'], headers=[('Content-Type', 'application/json')], status=201)


def remove_router(call: Call, id: str, router_id: str) -> Any:
    """DELETE: the L3 agent does not host the router."""
    with call.db.write() as tx:
        router_rows.leave(tx, call.context, agents.show(tx, id), router_id)
    return Reply()


def add_network(call: Call, id: str) -> Any:
    """POST: the network's DHCP stands where the DHCP agent is."""
    network_id = _named(call, 'network_id')
    with call.db.write() as tx:
        dhcp_hosts.host_on(tx, call.context, agents.show(tx, id), network_id)
        notifications.notify(call, tx, 'dhcp_agent.network.add', _told(id, network_id))
    return Reply(stream=[b'null'], headers=[('Content-Type', 'application/json')], status=201)


def remove_network(call: Call, id: str, network_id: str) -> Any:
    """DELETE: the network's DHCP does not stand where the DHCP agent is."""
    with call.db.write() as tx:
        dhcp_hosts.leave(tx, call.context, agents.show(tx, id), network_id)
        notifications.notify(call, tx, 'dhcp_agent.network.remove', _told(id, network_id))
    return Reply()


def _told(agent_id: str, network_id: str) -> dict[str, Any]:
    return {'agent': {'id': agent_id, 'network_id': network_id}}


def zones(call: Call) -> Any:
    """GET: the zones that DHCP and L3 agents are in."""
    kinds = {'neutron-dhcp-agent': 'network', 'neutron-l3-agent': 'router'}
    with call.db.read() as tx:
        found = {(row.zone, kinds[row.binary]) for row in agents.find(tx) if row.binary in kinds}
    shapes = [{'name': zone, 'resource': kind, 'state': 'available'} for zone, kind in sorted(found)]
    return {'availability_zones': [s for s in shapes if _matches(call, s)]}


ROUTES = (
    Route('GET', '/agents', index, None),
    Route('GET', '/agents/{id}', show, 'get_agent'),
    Route('PUT', '/agents/{id}', update, 'update_agent'),
    Route('DELETE', '/agents/{id}', delete, 'delete_agent', 204),
    Route('GET', '/agents/{id}/dhcp-networks', networks_on, 'get_dhcp-networks'),
    Route('POST', '/agents/{id}/dhcp-networks', add_network, 'create_dhcp-network', 201),
    Route('DELETE', '/agents/{id}/dhcp-networks/{network_id}', remove_network, 'delete_dhcp-network', 204),
    Route('GET', '/agents/{id}/l3-routers', routers_on, 'get_l3-routers'),
    Route('POST', '/agents/{id}/l3-routers', add_router, 'create_l3-router', 201),
    Route('DELETE', '/agents/{id}/l3-routers/{router_id}', remove_router, 'delete_l3-router', 204),
    Route('GET', '/networks/{id}/dhcp-agents', dhcp_agents, 'get_dhcp-agents'),
    Route('GET', '/routers/{id}/l3-agents', l3_agents, 'get_l3-agents'),
    Route('GET', '/availability_zones', zones, 'get_availability_zone'),
)
