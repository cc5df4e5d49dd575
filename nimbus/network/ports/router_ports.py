"""A router's ports, the subnets they are on, and the check that these do not overlap."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import holders, standard_attributes
from nimbus.network.models import Address, Port, Router, Subnet


def held(tx: db.Tx, router_id: str) -> list[Any]:
    """The rows of the router's ports, those without an address as well."""
    return holders.of(tx, holders.ROUTER, router_id)


def reachable(tx: db.Tx, router_id: str) -> list[Any]:
    """The subnets the router has an address on, its gateway's included, and which."""
    return list(
        tx.rows(
            sa.select(Subnet.id, Subnet.cidr, Address.ip_address, Port.id.label('port_id'), Port.holder)
            .join(Address, Address.subnet_id == Subnet.id)
            .join(Port, Port.id == Address.port_id)
            .where(Port.holder.in_((holders.ROUTER, holders.GATEWAY)), Port.holder_id == router_id)
        )
    )


def subnets(tx: db.Tx, router_id: str) -> list[Any]:
    """The subnets of the router's interfaces, and the address it has on each."""
    return [subnet for subnet in reachable(tx, router_id) if subnet.holder == holders.ROUTER]


def outside(tx: db.Tx, router_id: str) -> list[Any]:
    """Every subnet of the network that the router's gateway is on."""
    there = sa.select(Port.network_id).where(*holders.held(holders.GATEWAY, router_id))
    return list(tx.rows(sa.select(Subnet.id, Subnet.cidr).where(Subnet.network_id.in_(there))))


def bad_request(why: str) -> errors.Invalid:
    """Neutron's refusal of a request about a router."""
    return errors.Invalid(f'Bad router request: {why}.', type='BadRequest')


def check_moved(tx: db.Tx, router_id: str, port_id: str) -> None:
    """An interface that has other addresses now meets no subnet of the router's other ones.  Raises Invalid."""
    standard_attributes.touch(tx, Router, router_id)
    there = subnets(tx, router_id)
    mine = [subnet for subnet in there if subnet.port_id == port_id]
    others = [subnet for subnet in there if subnet.port_id != port_id]
    _refuse_meeting(others + outside(tx, router_id), mine)


def refuse_overlap(tx: db.Tx, router_id: str, wanted: Sequence[Any]) -> None:
    """Nothing when the subnets meet none of the router's interfaces.  Raises Invalid."""
    _refuse_meeting(subnets(tx, router_id), wanted)


def refuse_meeting(tx: db.Tx, router_id: str, wanted: Sequence[Any]) -> None:
    """Nothing when the subnets meet none of the router's interfaces and none outside of it.  Raises Invalid."""
    _refuse_meeting(subnets(tx, router_id) + outside(tx, router_id), wanted)


def _refuse_meeting(there: Sequence[Any], wanted: Sequence[Any]) -> None:
    for other in there:
        range_there = ipaddress.ip_network(other.cidr)
        for subnet in wanted:
            net = ipaddress.ip_network(subnet.cidr)
            if other.id == subnet.id:
                raise bad_request(f'Router already has a port on subnet {subnet.id}')
            if net.version == range_there.version and net.overlaps(range_there):
                raise bad_request(
                    f'Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {other.cidr} of subnet {other.id}'
                )


def on_ipv6(tx: db.Tx, router_id: str, network_id: str) -> Any:
    """The router's interface with an IPv6 address on the network; None where it has none."""
    there = sa.exists().where(Address.port_id == Port.id, Address.subnet_id == Subnet.id, Subnet.ip_version == 6)
    return tx.row(
        sa.select(Port).where(*holders.held(holders.ROUTER, router_id), Port.network_id == network_id, there).limit(1)
    )


def refuse_second_ipv6(tx: db.Tx, router_id: str, port: Any) -> None:
    """Nothing, when the router has no other interface with IPv6 addresses on the port's network.  Raises Invalid."""
    other = on_ipv6(tx, router_id, port.network_id)
    if other is not None and other.id != port.id:
        raise bad_request(
            f'Router {router_id} has the IPv6 port {other.id} on network {port.network_id} already, and one port '
            'advertises all prefixes of a network'
        )
