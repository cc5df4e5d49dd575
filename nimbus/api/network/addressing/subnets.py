"""Subnets over HTTP."""

import re
from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, bad
from nimbus.api.network.resources import Resource
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.networks import networks, subnets

LONGEST = 255
MODES = values.maybe(values.one_of('dhcpv6-stateful', 'dhcpv6-stateless', 'slaac'))

OWNER = re.compile(r'[a-z][a-z0-9_-]*:\S*')  # of devices, as compute:nova; whose it is, is free


def service_type(value: Any) -> str:
    """An owner of devices.  Raises Invalid in Neutron's own words."""
    if not isinstance(value, str):
        raise errors.Invalid(
            f'Subnet service type {str(value)[:80]} is not a string.', type='InvalidInputSubnetServiceType'
        )
    if not OWNER.fullmatch(value) or len(value) > LONGEST:
        raise errors.Invalid(
            f'Subnet service type {value[:80]} does not correspond to a valid device owner.',
            type='InvalidSubnetServiceType',
        )
    return value


class Subnet(Tagged):
    """A subnet: a range of a network's addresses, with its gateway, routes and name servers."""

    one, many = 'subnet', 'subnets'

    name = attribute(*BOTH, take=values.text(), default='')
    network_id = attribute(READ, CREATE, take=values.uuid, required=True)
    ip_version = attribute(READ, CREATE, take=values.ip_version, required=True, sift=values.number)
    subnetpool_id = attribute(READ, CREATE, take=values.maybe(values.uuid), default=None)
    prefixlen = attribute(CREATE, take=values.whole(0, 128), filter=False)
    use_default_subnetpool = attribute(CREATE, take=values.flag, default=False, filter=False)
    cidr = attribute(READ, CREATE, take=values.maybe(values.subnet), default=None)
    gateway_ip = attribute(*BOTH, take=values.maybe(values.ip))
    allocation_pools = attribute(*BOTH, take=values.POOLS, filter=False)
    dns_nameservers = attribute(*BOTH, take=values.listing(values.ip, 'nameserver'), default=(), filter=False)
    host_routes = attribute(*BOTH, take=values.ROUTES, default=(), filter=False)
    enable_dhcp = attribute(*BOTH, take=values.flag, default=True)
    ipv6_ra_mode = attribute(READ, CREATE, take=MODES, default=None)
    ipv6_address_mode = attribute(READ, CREATE, take=MODES, default=None)
    service_types = attribute(
        *BOTH,
        take=values.listing(service_type, 'service type'),
        source=lambda row, call: row.service_types or [],
        default=(),
        filter=False,
    )


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of subnets need beside their rows."""
    return {'tags': standard_attributes.tags_of(tx, [row.id for row in rows])}


def parent(call: Call, tx: db.Tx, given: Given) -> Any:
    """The network the subnet is to be on.  Raises NotFound."""
    return networks.show(tx, call.context, given['network_id'])


def add(call: Call, tx: db.Tx, given: Given, network: Any) -> str:
    """A subnet exists on its network as requested."""
    kept = {name: value for name, value in given.items() if name not in ('network_id', 'project_id')}
    kept |= {name: list(kept[name]) for name in ('dns_nameservers', 'host_routes', 'service_types')}
    return subnets.create(tx, call.context, network, kept, given['project_id'])


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The subnet has the values."""
    subnets.update(tx, call.context, row.id, dict(given))


def _owner(tx: db.Tx, row: Any) -> dict[str, Any]:
    return {'network:project_id': networks.owner(tx, row.network_id)}


def by_shared(texts: list[str]) -> dict[str, list[bool]]:
    """Subnets of shared networks only, or of others only.  Raises Invalid."""
    try:
        return {'shared': [values.flag(text) for text in texts]}
    except ValueError as why:
        raise bad(f'Invalid input for shared. Reason: {why}.') from why


SUBNETS = Resource(
    noun=Subnet,
    find=subnets.find,
    show_row=subnets.show,
    children=children,
    parent=parent,
    draft=lambda network, given: {'network:project_id': network.project_id},
    add=add,
    change=change,
    remove=lambda call, tx, row: subnets.delete(tx, call.context, row.id),
    target=_owner,
    special={'shared': by_shared},
)
