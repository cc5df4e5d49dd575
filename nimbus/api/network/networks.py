"""Networks over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call
from nimbus.api.network import dns_names, values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, child
from nimbus.api.network.resources import Resource
from nimbus.common.database import db
from nimbus.network import access, standard_attributes
from nimbus.network.addressing import allocation
from nimbus.network.hosts import zones
from nimbus.network.networks import networks, segments

RULED = (CREATE, UPDATE)
PROVIDER = ('network_type', 'physical_network', 'segmentation_id')


class Network(Tagged):
    """A broadcast domain."""

    one, many = 'network', 'networks'

    name = attribute(*BOTH, take=values.text(), default='')
    admin_state_up = attribute(*BOTH, take=values.flag, default=True)
    shared = attribute(
        *BOTH,
        take=values.flag,
        source=lambda row, call: row.id in call.children['shared'],
        default=False,
        sort=False,
        ruled=RULED,
    )
    status = attribute(source=lambda row, call: 'ACTIVE', filter=False)
    subnets = attribute(source=child('subnets'), filter=False)
    mtu = attribute(*BOTH, take=values.whole(0, 65535), sift=values.number)
    port_security_enabled = attribute(*BOTH, take=values.flag, default=True, ruled=RULED)
    external = attribute(*BOTH, take=values.flag, default=False, wire='router:external', source='external', ruled=RULED)
    dns_domain = attribute(
        *BOTH, take=dns_names.name, source=lambda row, call: row.dns_domain or '', default=None, filter=False
    )
    is_default = attribute(*BOTH, take=values.flag, default=False, ruled=RULED)
    qos_policy_id = attribute(*BOTH, take=values.maybe(values.uuid), default=None)
    network_type = attribute(
        READ,
        CREATE,
        take=values.maybe(values.text(16)),
        wire='provider:network_type',
        source='network_type',
        ruled=(READ, CREATE),
    )
    physical_network = attribute(
        READ,
        CREATE,
        take=values.maybe(values.text(64)),
        wire='provider:physical_network',
        source='physical_network',
        ruled=(READ, CREATE),
    )
    segmentation_id = attribute(
        READ,
        CREATE,
        take=values.maybe(values.number),
        wire='provider:segmentation_id',
        source='segmentation_id',
        sift=values.number,
        ruled=(READ, CREATE),
    )
    ipv4_address_scope = attribute(source=lambda row, call: call.children['scopes'].get((row.id, 4)), filter=False)
    ipv6_address_scope = attribute(source=lambda row, call: call.children['scopes'].get((row.id, 6)), filter=False)
    availability_zone_hints = attribute(
        READ, CREATE, take=values.ZONES, source=lambda row, call: row.zone_hints or [], default=(), filter=False
    )
    availability_zones = attribute(source=child('zones'), filter=False)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of networks need beside their rows."""
    found = [row.id for row in rows]
    return {
        'tags': standard_attributes.tags_of(tx, found),
        'subnets': networks.subnets_of(tx, found),
        'shared': access.shared(tx, call.context, found),
        'scopes': allocation.scopes_of(tx, found),
        'zones': zones.of(tx, 'dhcp', found),
    }


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A network exists as requested.  Raises Invalid on a segment that it may not be on."""
    settings = call.parts.extra['network']
    provider = [given.pop(name, None) for name in PROVIDER]
    given['zone_hints'] = zones.known(tx, 'dhcp', given.pop('availability_zone_hints'))
    return networks.create(
        tx,
        call.context,
        settings=settings,
        segment=segments.asked(settings, *provider),
        mtu=given.pop('mtu', None),
        **given,
    )


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The network has the values."""
    networks.update(tx, call.context, row.id, settings=call.parts.extra['network'], **given)


NETWORKS = Resource(
    noun=Network,
    find=networks.find,
    show_row=networks.show,
    children=children,
    add=add,
    change=change,
    remove=lambda call, tx, row: networks.delete(tx, call.context, row.id),
    target=lambda tx, row: {'network:shared': row.shared, 'network:external': row.external},
)
