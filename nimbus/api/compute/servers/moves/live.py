"""Moving servers while they run, and what operators see of that (/servers/{id}/migrations)."""

from typing import Any

from nimbus.api.compute import microversions, move_versions, policies, shapes
from nimbus.api.compute.servers.moves.migrate import HOST, RULE
from nimbus.api.kit.fields import Int, Noun, Shape, ShapeByVersion, Text
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors
from nimbus.compute.rpc import Compute
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import live, moves

TRUE = ('true', '1', 't', 'on', 'y', 'yes')
OR_AUTO: shapes.Schema = {**shapes.BOOLEAN, 'enum': [*shapes.BOOLEAN['enum'], 'auto']}


def _shape(block: shapes.Schema, **more: shapes.Schema) -> Shape:
    """The body of the action, with what a version adds; of that `force` may be left out."""
    required = ['block_migration', 'host', *(name for name in more if name != 'force')]
    return shapes.action('os-migrateLive', shapes.closed({'block_migration': block, 'host': HOST, **more}, required))


MIGRATE_LIVE = ShapeByVersion(
    ((2, 1), _shape(shapes.BOOLEAN, disk_over_commit=shapes.BOOLEAN)),
    (move_versions.BlockMigrationAuto.number, _shape(OR_AUTO)),
    (move_versions.ForcedMoves.number, _shape(OR_AUTO, force=shapes.BOOLEAN)),
    (move_versions.NoForcedMoves.number, _shape(OR_AUTO)),
)
FORCE_COMPLETE = shapes.action('force_complete', shapes.NOTHING)


class LiveMigration(Noun):
    """The move of a server that runs."""

    one, many = 'migration', 'migrations'
    id = Int(source='seq')
    uuid = Text(source='id', since=microversions.MigrationPages.number)
    created_at = Text(source=lambda row, call: clock.iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: clock.iso_micro(row.updated_at))
    status = Text()
    server_uuid = Text(source='server_id')
    source_compute = Text(source=lambda row, call: _host(call, row.source_host))
    source_node = Text(source=lambda row, call: _host(call, row.source_node))
    dest_compute = Text(source=lambda row, call: _host(call, row.target_host))
    dest_host = Text(source=lambda row, call: _host(call, row.target_address))
    dest_node = Text(source=lambda row, call: _host(call, row.target_node))
    memory_total_bytes = Int(source='memory_total')
    memory_processed_bytes = Int(source='memory_processed')
    memory_remaining_bytes = Int(source='memory_remaining')
    disk_total_bytes = Int(source='disk_total')
    disk_processed_bytes = Int(source='disk_processed')
    disk_remaining_bytes = Int(source='disk_remaining')
    user_id = Text(since=microversions.OwnersOfMigrations.number)
    project_id = Text(since=microversions.OwnersOfMigrations.number)


def _host(call: Call, name: str | None) -> str | None:
    """The name of a host or its address, to those who may see it."""
    return name if call.given['hosts'] else None


def migrate(call: Call, id: str) -> None:
    """The server is being moved while it runs."""
    asked = call.given
    if asked['host']:
        call.check(f'{RULE}migrate_live:host')
    forced = _true(asked.get('force', False))
    if forced and not asked['host']:
        raise errors.Invalid("Can't force to a non-provided destination")
    block = None if asked['block_migration'] == 'auto' else _true(asked['block_migration'])
    how = live.How(asked['host'], block, forced, at_once=not call.speaks(move_versions.ChecksInBackground))
    with call.db.write() as tx:
        live.migrate(tx, call.context, id, how)


def _true(given: Any) -> bool:
    return str(given).strip().lower() in TRUE


def index(call: Call, id: str) -> dict[str, Any]:
    """The server's moves that are under way."""
    call.given = {'hosts': call.allows(f'{policies.API}servers:migrations:index:host')}
    with call.db.read() as tx:
        servers.show(tx, call.context, id)
        return call.views(LiveMigration, live.in_progress(tx, id))


def show(call: Call, id: str, migration_id: str) -> dict[str, Any]:
    """One of the server's moves that are under way."""
    call.given = {'hosts': True}
    with call.db.read() as tx:
        servers.show(tx, call.context, id)
        row = live.one(tx, id, migration_id)
    if row is None:
        raise errors.NotFound(f'In-progress live migration {migration_id} is not found for server {id}.')
    if row.kind != moves.LIVE:
        raise errors.NotFound(f'Migration {migration_id} for server {id} is not live-migration.')
    if row.status not in live.IN_PROGRESS:
        raise errors.NotFound(f'Live migration {migration_id} for server {id} is not in progress.')
    return call.view(LiveMigration, row)


def abort(call: Call, id: str, migration_id: str) -> None:
    """The move is being broken off."""
    with call.db.write() as tx:
        live.abort(tx, call.context, id, migration_id, waiting_too=call.speaks(move_versions.AbortWaiting))


def force_complete(call: Call, id: str, migration_id: str) -> None:
    """The move comes to its end soon."""
    with call.db.write() as tx:
        host = live.force_complete(tx, call.context, id, migration_id)
    call.parts.client(Compute, call.context, host).live_force(id)
