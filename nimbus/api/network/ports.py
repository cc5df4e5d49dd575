"""Ports over HTTP."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call
from nimbus.api.network import dns_names, values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, bad, child
from nimbus.api.network.resources import Resource
from nimbus.common.database import db
from nimbus.network import access, addresses, standard_attributes
from nimbus.network.networks import networks
from nimbus.network.networks import tags as tag_rows
from nimbus.network.ports import port_changes, port_visibility, trunk_ports
from nimbus.network.qos import bindings
from nimbus.network.security_groups import groups

RULED = (CREATE, UPDATE)
SECRET = (READ, CREATE, UPDATE)
TAGS = values.listing(values.text(tag_rows.LONGEST), 'tag')


def fixed_ips(row: Any, call: Call) -> list[dict[str, str]]:
    """The port's fixed IPs as the API shows them."""
    found = call.children['addresses'].get(row.id, ())
    return [{'subnet_id': subnet_id, 'ip_address': ip} for _, subnet_id, ip in found]


def dns_assignment(row: Any, call: Call) -> list[dict[str, str]]:
    """What the port's addresses are called in the DNS of its network."""
    addresses = [ip for _, _, ip in call.children['addresses'].get(row.id, ())]
    return dns_names.assigned(row.dns_name, row.hostname, addresses)


def vif_details(row: Any, call: Call) -> dict[str, Any]:
    """The port's binding:vif_details, once it is bound."""
    if not row.host:
        return {}
    return {'port_filter': True, 'connectivity': 'l2', 'ovs_hybrid_plug': True, 'bridge_name': 'br-int'}


def network_mac(value: Any) -> str:
    """A unicast MAC address.  Raises ValueError."""
    plain = values.mac(value)
    if int(plain[:2], 16) & 1:
        raise ValueError(f"'{value}' is a multicast address, and a port cannot have one")
    return plain


class Port(Tagged):
    """A port: a connection point of a network, with its addresses."""

    one, many = 'port', 'ports'

    name = attribute(*BOTH, take=values.text(), default='')
    network_id = attribute(READ, CREATE, take=values.uuid, required=True)
    mac_address = attribute(*BOTH, take=network_mac, sift=str.lower, ruled=RULED)
    admin_state_up = attribute(*BOTH, take=values.flag, default=True)
    status = attribute()
    device_id = attribute(*BOTH, take=values.text(), default='', ruled=RULED)
    device_owner = attribute(*BOTH, take=values.text(), default='', ruled=RULED)
    fixed_ips = attribute(*BOTH, take=values.FIXED_IPS, source=fixed_ips, filter=False, ruled=RULED)
    security_groups = attribute(
        *BOTH, take=values.listing(values.uuid, 'security group'), source=child('groups'), filter=False
    )
    port_security_enabled = attribute(*BOTH, take=values.flag, ruled=RULED)
    dns_name = attribute(
        *BOTH, take=dns_names.name, source=lambda row, call: row.dns_name or row.hostname, default=None, filter=False
    )
    dns_domain = attribute(
        *BOTH, take=dns_names.name, source=lambda row, call: row.dns_domain or '', default=None, filter=False
    )
    dns_assignment = attribute(source=dns_assignment, filter=False)
    allowed_address_pairs = attribute(*BOTH, take=values.PAIRS, default=(), filter=False, ruled=RULED, weighty=True)
    extra_dhcp_opts = attribute(
        *BOTH,
        take=values.dhcp_options,
        source=lambda row, call: row.extra_dhcp_opts or [],
        default=None,
        filter=False,
    )
    host_id = attribute(
        *BOTH,
        take=values.maybe(values.text()),
        wire='binding:host_id',
        source='host',
        default='',
        ruled=SECRET,
        weighty=True,
    )
    vnic_type = attribute(
        *BOTH,
        take=values.one_of('normal'),
        wire='binding:vnic_type',
        source='vnic_type',
        default='normal',
        ruled=RULED,
    )
    profile = attribute(
        *BOTH,
        take=values.mapping,
        wire='binding:profile',
        source='profile',
        default=None,
        filter=False,
        ruled=SECRET,
        weighty=True,
    )
    qos_policy_id = attribute(*BOTH, take=values.maybe(values.uuid), default=None)
    qos_network_policy_id = attribute(
        source=lambda row, call: call.children['policies'].get(row.network_id), filter=False
    )
    vif_type = attribute(
        wire='binding:vif_type',
        source=lambda row, call: 'ovs' if row.host else 'unbound',
        filter=False,
        ruled=(READ,),
    )
    vif_details = attribute(wire='binding:vif_details', source=vif_details, filter=False, ruled=(READ,))
    trunk_details = attribute(
        source=lambda row, call: call.children['trunks'].get(row.id), filter=False, omit_none=True
    )
    tags = attribute(READ, CREATE, take=TAGS, source=child('tags'), default=(), filter=False)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of ports need beside their rows."""
    found = [row.id for row in rows]
    return {
        'tags': standard_attributes.tags_of(tx, found),
        'addresses': addresses.of(tx, found),
        'groups': groups.of_ports(tx, found),
        'policies': bindings.of_networks(tx, [row.network_id for row in rows]),
        'trunks': trunk_ports.details(tx, found),
    }


@dataclasses.dataclass(frozen=True)
class Place:
    """The network that a port is to be on, and whether it is shared with the asker's project."""

    network: Any
    shared: bool


def parent(call: Call, tx: db.Tx, given: Given) -> Place:
    """Where the port is to be.  Raises NotFound."""
    row = networks.show(tx, call.context, given['network_id'])
    own = row.project_id == call.context.project_id
    return Place(row, not own and bool(access.shared(tx, call.context, [row.id])))


def draft(place: Place, given: Given) -> dict[str, Any]:
    """The target of the policy rules for a new port."""
    return {'network:project_id': place.network.project_id, 'network:shared': place.shared, **wish(given)}


def wish(given: Given) -> dict[str, Any]:
    """What the device owner that a request gives the port adds to the target of the policy rules."""
    return {'network_device': given['device_owner'].startswith('network:')} if 'device_owner' in given else {}


def _kept(given: Given) -> dict[str, Any]:
    """The request's values as the arguments of the port's verbs."""
    kept = {name: value for name, value in given.items() if name not in ('network_id', 'project_id')}
    if 'security_groups' in kept:
        kept['groups'] = kept.pop('security_groups')
    for name, nothing in (('host', ''), ('profile', {})):
        if name in kept and kept[name] is None:
            kept[name] = nothing
    return kept


def _check_addresses(call: Call, verb: str, given: Given, target: dict[str, Any]) -> None:
    for item in given.get('fixed_ips') or ():
        if not item:
            raise bad("Invalid input for fixed_ips. Reason: Invalid data format for fixed IP: '{}'.")
        for name in item:
            call.check(f'{verb}_port:fixed_ips:{name}', **target)


def add(call: Call, tx: db.Tx, given: Given, place: Place) -> str:
    """A port exists on its network as requested."""
    target = {'project_id': given['project_id'], **draft(place, given)}
    _check_addresses(call, CREATE, given, target)
    kept = _kept(given)
    tags = kept.pop('tags')
    port_id = port_changes.create(tx, call.context, place.network, given['project_id'], kept)
    if tags:
        tag_rows.add(tx, 'ports', port_id, tags)
    return port_id


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The port has the values."""
    _check_addresses(call, UPDATE, given, {'project_id': row.project_id, **_target(tx, row)})
    port_changes.update(tx, call.context, row.id, _kept(given))


def _target(tx: db.Tx, row: Any) -> dict[str, Any]:
    return {
        'network:project_id': networks.owner(tx, row.network_id),
        'network_device': row.device_owner.startswith('network:'),
    }


def by_fixed_ips(texts: list[str]) -> dict[str, list[str]]:
    """`fixed_ips=ip_address=10.0.0.5` as filters by address or subnet.  Raises Invalid."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, value = text.partition('=')
        if name not in ('ip_address', 'subnet_id', 'ip_address_substr'):
            raise bad(f"Invalid input for fixed_ips. Reason: '{text}' is not one of ip_address=, subnet_id=.")
        found.setdefault(name, []).append(value)
    return found


PORTS = Resource(
    noun=Port,
    find=port_visibility.find,
    show_row=port_visibility.show,
    children=children,
    parent=parent,
    draft=draft,
    wish=wish,
    add=add,
    change=change,
    remove=lambda call, tx, row: port_changes.delete(tx, call.context, row.id),
    target=_target,
    special={'fixed_ips': by_fixed_ips, 'security_groups': lambda texts: {'security_groups': texts}},
)
