"""Routers' extra routes: the check that each leads somewhere, and their change one at a time."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import addresses as fixed
from nimbus.network.ports import router_ports

MOST = 30
Route = dict[str, str]  # destination and nexthop


def check(tx: db.Tx, router_id: str, routes: Sequence[Route], but: str = '', also: Any = None) -> None:
    """Nothing, when the router reaches every next hop and is none of them.  Raises Invalid.

    `but` leaves out the router's ports of that holder, `also` adds the subnets of a network it is to have a port on.
    """
    if not routes:
        return
    if len(routes) > MOST:
        raise errors.Invalid(
            f'Unable to complete operation for {router_id}. The number of routes exceeds the maximum {MOST}.',
            type='RoutesExhausted',
        )
    there = [subnet for subnet in router_ports.reachable(tx, router_id) if subnet.holder != but]
    cidrs = [subnet.cidr for subnet in [*there, *(fixed.subnets_of(tx, also.id) if also else ())]]
    for route in routes:
        hop = ipaddress.ip_address(route['nexthop'])
        if not any(hop in ipaddress.ip_network(cidr) for cidr in cidrs):
            raise _bad(routes, 'the nexthop is not connected with router')
        if str(hop) in [subnet.ip_address for subnet in there]:
            raise _bad(routes, 'the nexthop is used by router')


def _bad(routes: Sequence[Route], why: str) -> errors.Invalid:
    return errors.Invalid(f'Invalid format for routes: {list(routes)}, {why}', type='InvalidRoutes')


def added(old: Sequence[Route], more: Sequence[Route]) -> list[Route]:
    """The routes with those that are new."""
    return [*old, *(route for route in more if route not in old)]


def without(old: Sequence[Route], less: Sequence[Route]) -> list[Route]:
    """The routes but those; one that is not there is none the worse."""
    return [route for route in old if route not in less]
