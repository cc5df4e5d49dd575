"""Resource providers: the scheduler's hosts as placement shows them."""

from typing import Any

from nimbus.api.kit.fields import Any_, Id, Int, Listing, Noun, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import filters
from nimbus.api.placement.answers import fresh
from nimbus.api.placement.history import AggregateGeneration, Aggregates, AllocationsLink, Traits, Trees
from nimbus.common import errors
from nimbus.scheduler import hosts


def _links(row: Any, call: Call) -> list[dict[str, str]]:
    url = f'{call.environ.get("SCRIPT_NAME", "")}/resource_providers/{row.id}'
    names = ['inventories', 'usages']
    names += [
        name
        for name, change in (('aggregates', Aggregates), ('traits', Traits), ('allocations', AllocationsLink))
        if call.speaks(change)
    ]
    return [{'rel': 'self', 'href': url}, *({'rel': name, 'href': f'{url}/{name}'} for name in names)]


class Provider(Noun):
    """A host that has something to give."""

    one, many = 'resource_provider', 'resource_providers'

    uuid = Id(source='id')
    name = Text(source='node')
    generation = Int()
    links = Listing(source=_links)
    parent_provider_uuid = Any_(source=lambda row, call: None, since=Trees.number)
    root_provider_uuid = Id(source='id', since=Trees.number)


def host(tx: Any, uuid: str) -> Any:
    """The host behind a provider.  Raises NotFound."""
    try:
        return hosts.show(tx, uuid)
    except errors.NotFound as why:
        raise errors.NotFound(f'No resource provider with uuid {uuid} found') from why


def index(call: Call) -> Reply:
    """GET /resource_providers."""
    fits = filters.asked(call)
    with call.db.read() as tx:
        rows = [row for row in hosts.list(tx) if fits(row)]
    changed = max((row.updated_at for row in rows), default=None)
    return fresh(call, call.views(Provider, rows), changed)


def show(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}."""
    with call.db.read() as tx:
        row = host(tx, uuid)
    return fresh(call, Provider.view(call.version)(row, call), row.updated_at)


def aggregates(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/aggregates: a host is in none; zones are compute's to tell."""
    with call.db.read() as tx:
        row = host(tx, uuid)
    body: dict[str, Any] = {'aggregates': []}
    if call.speaks(AggregateGeneration):
        body['resource_provider_generation'] = row.generation
    return fresh(call, body)


def traits(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/traits: a host has none."""
    with call.db.read() as tx:
        row = host(tx, uuid)
    return fresh(call, {'traits': [], 'resource_provider_generation': row.generation})
