"""Resource providers: the scheduler's hosts as placement shows them."""

from typing import Any

from nimbus.api.kit.fields import Id, Int, Listing, Noun, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import filters, microversions, nodes
from nimbus.api.placement.dates import dated
from nimbus.api.placement.microversions import AggregateGenerations, Aggregates, AllocationLinks, Traits
from nimbus.common import errors
from nimbus.scheduler import hosts, traits

LINKS = (('aggregates', Aggregates), ('traits', Traits), ('allocations', AllocationLinks))


def _links(row: Any, call: Call) -> list[dict[str, str]]:
    url = f'{call.environ.get("SCRIPT_NAME", "")}/resource_providers/{row.id}'
    names = ['inventories', 'usages', *(name for name, change in LINKS if call.speaks(change))]
    return [{'rel': 'self', 'href': url}, *({'rel': name, 'href': f'{url}/{name}'} for name in names)]


class Provider(Noun):
    """A host that has something to give; each is a tree of its own."""

    one, many = 'resource_provider', 'resource_providers'

    uuid = Id(source='id')
    name = Text(source='node')
    generation = Int()
    links = Listing(source=_links)
    parent_provider_uuid = Text(source=lambda row, call: None, since=microversions.Trees.number)
    root_provider_uuid = Id(source='id', since=microversions.Trees.number)


def host(tx: Any, uuid: str) -> Any:
    """The host behind a provider.  Raises NotFound."""
    try:
        return hosts.show(tx, uuid)
    except errors.NotFound as why:
        raise errors.NotFound(f'No resource provider with uuid {uuid} found') from why


def index(call: Call) -> Reply:
    """GET /resource_providers."""
    with call.db.read() as tx:
        fits = filters.asked(call, traits.names(tx))
        rows = [node.row for node in nodes.find(tx) if fits(node)]
    return dated(call, call.views(Provider, rows), *(row.updated_at for row in rows))


def show(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}."""
    with call.db.read() as tx:
        row = host(tx, uuid)
    return dated(call, Provider.view(call.version)(row, call), row.updated_at)


def aggregates(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/aggregates: the aggregates of the Compute API that the host is in."""
    with call.db.read() as tx:
        row = host(tx, uuid)
        node = nodes.of(tx, row)
    body: dict[str, Any] = {'aggregates': sorted(node.aggregates)}
    if call.speaks(AggregateGenerations):
        body['resource_provider_generation'] = row.generation
    return dated(call, body)


def show_traits(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/traits."""
    with call.db.read() as tx:
        row = host(tx, uuid)
        node = nodes.of(tx, row)
    return dated(call, {'traits': sorted(node.traits), 'resource_provider_generation': row.generation})


def set_traits(call: Call, uuid: str) -> Reply:
    """PUT /resource_providers/{uuid}/traits: what the driver reports stays all the same.

    Raises NotFound, Invalid and Stale.
    """
    with call.db.write() as tx:
        row = host(tx, uuid)
        traits.give(tx, row.id, call.body['traits'], call.body['resource_provider_generation'])
    return show_traits(call, uuid)


def drop_traits(call: Call, uuid: str) -> None:
    """DELETE /resource_providers/{uuid}/traits: the host has what its driver reports.  Raises NotFound."""
    with call.db.write() as tx:
        row = host(tx, uuid)
        traits.give(tx, row.id, [])
