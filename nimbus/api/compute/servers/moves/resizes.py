"""Resizing servers over HTTP, and the moves that operators look at (/os-migrations)."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.servers import requests
from nimbus.api.compute.servers.queries import moment
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Int, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors
from nimbus.common.database import listing
from nimbus.compute.flavors import flavors
from nimbus.compute.servers.moves import moves, resizes

RESIZE: Shape = shapes.action(
    'resize',
    shapes.closed(
        {
            'flavorRef': {'type': ['string', 'integer', 'null'], 'minLength': 1},
            'OS-DCF:diskConfig': shapes.DISK_CONFIG,
        },
        ['flavorRef'],
    ),
)
CONFIRM = shapes.action('confirmResize', {})
REVERT = shapes.action('revertResize', {})
# Query parameters and the columns they compare; `host` is either of two.
FILTERS = {
    'host': 'host',
    'instance_uuid': 'server_id',
    'source_compute': 'source_host',
    'status': 'status',
    'migration_type': 'kind',
    'user_id': 'user_id',
    'project_id': 'project_id',
}


def _number(call: Call, flavor_id: str, facts: dict[str, Any]) -> int | None:
    """The flavor's number, which it had though it be gone."""
    number: int | None = facts.get('seq', call.given['numbers'].get(flavor_id))
    return number


def _host(name: str) -> Any:
    """The column of a host, for those who may know it."""
    return lambda row, call: getattr(row, name) if call.given['hosts'] else None


class Migration(Noun):
    """A move of a server to another size or host."""

    one, many = 'migration', 'migrations'
    id = Int(source='seq')
    uuid = Text(source='id', since=microversions.MigrationPages.number)
    created_at = Text(source=lambda row, call: clock.iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: clock.iso_micro(row.updated_at))
    status = Text()
    instance_uuid = Text(source='server_id')
    source_compute = Text(source=_host('source_host'))
    source_node = Text(source=_host('source_node'))
    dest_compute = Text(source=_host('target_host'))
    dest_host = Text(source=_host('target_address'))
    dest_node = Text(source=_host('target_node'))
    old_instance_type_id = Int(source=lambda row, call: _number(call, row.old_flavor_id, row.old_flavor))
    new_instance_type_id = Int(source=lambda row, call: _number(call, row.new_flavor_id, row.new_flavor))
    migration_type = Text(source='kind', since=microversions.MigrationTypes.number)
    user_id = Text(since=microversions.OwnersOfMigrations.number)
    project_id = Text(since=microversions.OwnersOfMigrations.number)


def resize(call: Call, id: str) -> None:
    """The server is being given another flavor."""
    named = call.given['flavorRef']
    if named is None:
        raise errors.Invalid('The flavorRef of a resize may not be null.')
    more = {
        'disk_config': call.given.get('OS-DCF:diskConfig'),
        'may_have_no_disk': call.allows(policies.SERVERS + 'create:zero_disk_flavor'),
    }
    with call.db.write() as tx:
        resizes.resize(tx, call.context, id, requests.flavor_id(named), **more)


def confirm(call: Call, id: str) -> None:
    """204: the server keeps its new flavor."""
    with call.db.write() as tx:
        resizes.confirm(tx, call.context, id)


def revert(call: Call, id: str) -> None:
    """The server is being given back the flavor it had."""
    with call.db.write() as tx:
        resizes.revert(tx, call.context, id)


def migrations(call: Call) -> dict[str, Any]:
    """The moves that the query asks for: of all servers, or of those of the asker's project."""
    if call.arg('project_id') != call.context.project_id:
        call.check(f'{policies.API}os-migrations:index:all_projects')
    paged = call.speaks(microversions.MigrationPages)
    if paged:
        names = [*FILTERS, 'hidden', 'limit', 'marker', 'changes-since']
        names += ['changes-before'] if call.speaks(microversions.ChangesBefore) else []
        owners = () if call.speaks(microversions.OwnersOfMigrations) else ('user_id', 'project_id')
        shapes.known(call.query, *(name for name in names if name not in owners))
    equal = {column: value for name, column in FILTERS.items() if (value := call.arg(name)) is not None}
    wanted: dict[str, Any] = {'equal': equal}
    if paged:
        wanted |= {'limit': paging.limit(call, paging.MAX_LIMIT), 'marker': call.arg('marker') or None}
        wanted |= {name: moment(call.arg(f'changes-{name}'), f'changes-{name}') for name in ('since', 'before')}
        if wanted['since'] and wanted['before'] and wanted['since'] > wanted['before']:
            raise errors.Invalid('The value of changes-since must be less than or equal to changes-before.')
    with call.db.read() as tx:
        rows = [] if _hidden(call) else moves.find(tx, moves.Wanted(**wanted))
        call.given = {'numbers': flavors.numbers(tx), 'hosts': call.allows(f'{policies.API}os-migrations:index:host')}
    body = call.views(Migration, rows)
    if paged and (links := paging.next_link(call, rows, listing.Page(limit=wanted['limit']), key='id')):
        body['migrations_links'] = links
    return body


def _hidden(call: Call) -> bool:
    """Whether only moves that are kept from view are asked for, of which there are none."""
    return (call.arg('hidden') or '').lower() in ('1', 'true', 'yes')
