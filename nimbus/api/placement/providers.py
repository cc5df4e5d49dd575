"""Resource providers: the scheduler's hosts as placement shows them."""

from typing import Any

from nimbus.api.kit.fields import Id, Int, Listing, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.api.placement import filters
from nimbus.api.placement.microversions import Aggregates, Traits
from nimbus.common import errors
from nimbus.scheduler import hosts


def _links(row: Any, call: Call) -> list[dict[str, str]]:
    url = f'{call.environ.get("SCRIPT_NAME", "")}/resource_providers/{row.id}'
    names = ['inventories', 'usages']
    names += [name for name, change in (('aggregates', Aggregates), ('traits', Traits)) if call.speaks(change)]
    return [{'rel': 'self', 'href': url}, *({'rel': name, 'href': f'{url}/{name}'} for name in names)]


class Provider(Noun):
    """A host that has something to give."""

    one, many = 'resource_provider', 'resource_providers'

    uuid = Id(source='id')
    name = Text(source='node')
    generation = Int()
    links = Listing(source=_links)


def host(tx: Any, uuid: str) -> Any:
    """The host behind a provider.  Raises NotFound."""
    try:
        return hosts.show(tx, uuid)
    except errors.NotFound as why:
        raise errors.NotFound(f'No resource provider with uuid {uuid} found') from why


def index(call: Call) -> dict[str, Any]:
    """GET /resource_providers."""
    fits = filters.asked(call)
    with call.db.read() as tx:
        rows = [row for row in hosts.list(tx) if fits(row)]
    return call.views(Provider, rows)


def show(call: Call, uuid: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}."""
    with call.db.read() as tx:
        row = host(tx, uuid)
    return Provider.view(call.version)(row, call)


def aggregates(call: Call, uuid: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}/aggregates: always none; the aggregates of hosts are in the Compute API."""
    with call.db.read() as tx:
        host(tx, uuid)
    return {'aggregates': []}


def traits(call: Call, uuid: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}/traits: a host has none."""
    with call.db.read() as tx:
        row = host(tx, uuid)
    return {'traits': [], 'resource_provider_generation': row.generation}
