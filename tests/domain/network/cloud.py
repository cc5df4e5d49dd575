"""A few nouns of the network service, made in one line."""

import json
from typing import Any

import sqlalchemy as sa

from nimbus.common import ids
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network.agent import driver
from nimbus.network.agent.desired_state import DesiredState
from nimbus.network.hosts import desired_state
from nimbus.network.models import Host
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import ports
from tests.conftest import MEMBER

KINDS = {
    name: services.Kind('network', name)
    for name in ('neutron-openvswitch-agent', 'neutron-dhcp-agent', 'neutron-l3-agent', 'neutron-metadata-agent')
}


def agent(tx: db.Tx, host: str = 'h1', bridges: dict[str, str] | None = None, end: str | None = None) -> None:
    """A network agent reported from the host just now, with its bridges of physical networks and its tunnels' end."""
    for kind in KINDS.values():
        services.report(tx, kind, host, {'configurations': {'bridge_mappings': bridges or {}, 'tunneling_ip': end}})


def network(tx: db.Tx, *cidrs: str, ctx: Any = MEMBER, dhcp: bool = False, **values: Any) -> Any:
    """A network with a subnet for each range."""
    network_id = networks.create(tx, ctx, **values)
    row = networks.show(tx, ctx, network_id)
    for cidr in cidrs:
        subnet(tx, row, cidr, ctx=ctx, enable_dhcp=dhcp)
    return row


def subnet(tx: db.Tx, net: Any, cidr: str, ctx: Any = MEMBER, **values: Any) -> str:
    """A subnet of the network."""
    told = {
        'name': '',
        'description': '',
        'cidr': cidr,
        'ip_version': 6 if ':' in cidr else 4,
        'enable_dhcp': True,
        'ipv6_ra_mode': None,
        'ipv6_address_mode': None,
        'dns_nameservers': [],
        'host_routes': [],
    }
    return subnets.create(tx, ctx, net, told | values)


def port(tx: db.Tx, net: Any, ctx: Any = MEMBER, **values: Any) -> str:
    """A port on the network."""
    return ports.insert(tx, ctx, ports.Draft(network=net, project_id=ctx.project_id, **values))


def server(tx: db.Tx, net: Any, host: str = 'h1', ctx: Any = MEMBER, **values: Any) -> Any:
    """A port of a new server on the host."""
    given = {'port_id': ids.dashed(), 'server_id': ids.dashed(), 'zone': 'nova', 'hostname': 'vm'} | values
    return ports.ensure(tx, ctx, network_id=net.id, project_id=ctx.project_id, host=host, **given)


def generation(tx: db.Tx, host: str = 'h1') -> int:
    """The host's generation."""
    return tx.scalar(sa.select(Host.generation).where(Host.host == host)) or 0


def told(tx: db.Tx, host: str) -> driver.Desired:
    """All that the host must be, as its agent takes it."""
    held = DesiredState()
    held.take(json.loads(json.dumps(desired_state.whole(tx, host, generation(tx, host)))))
    assert held.missing() == []
    return held.desired()
