"""Networks whose DHCP servers operators put on agents by hand, or take away from them."""

from typing import Any

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network.hosts import scheduling
from nimbus.network.models import Network
from nimbus.network.networks import networks
from nimbus.network.ports import ports


def hosts(tx: db.Tx, network_id: str) -> set[str]:
    """The hosts on which the network's DHCP stands, or will as soon as it has a subnet to serve."""
    return scheduling.hosts_of(tx, 'dhcp', network_id) | scheduling.choices(tx, network_id)[0]


def host_on(tx: db.Tx, ctx: Context, agent: Any, network_id: str) -> None:
    """The network's DHCP stands where the agent is too.  Raises NotFound, Conflict where it does already."""
    network = _lock(tx, ctx, network_id)
    if agent.binary != scheduling.AGENT['dhcp'] or agent.disabled:
        raise errors.NotFound(
            f'Agent {agent.id} is not a valid DHCP Agent or has been disabled.', type='InvalidDHCPAgent'
        )
    if agent.host in hosts(tx, network_id):
        raise errors.Conflict(
            f'The network {network_id} has been already hosted by the DHCP Agent {agent.id}.',
            type='NetworkHostedByDHCPAgent',
        )
    scheduling.choose(tx, network_id, agent.host, True)
    ports.keep_dhcp(tx, ctx, network)


def leave(tx: db.Tx, ctx: Context, agent: Any, network_id: str) -> None:
    """The network's DHCP does not stand where the agent is, until it is put there.

    Raises NotFound, Conflict where it does not stand.
    """
    network = _lock(tx, ctx, network_id)
    if agent.binary != scheduling.AGENT['dhcp'] or agent.host not in hosts(tx, network_id):
        raise errors.Conflict(
            f'The network {network_id} is not hosted by the DHCP Agent {agent.id}.', type='NetworkNotHostedByDhcpAgent'
        )
    scheduling.choose(tx, network_id, agent.host, False)
    ports.keep_dhcp(tx, ctx, network)


def _lock(tx: db.Tx, ctx: Context, network_id: str) -> Any:
    """The network, whose DHCP nobody else places before the transaction ends.  Raises NotFound."""
    tx.update(Network, Network.id == network_id, mtu=Network.mtu)
    return networks.show(tx, ctx, network_id)
