"""Taking servers to another host: actions of `POST /servers/{id}/action`."""

from nimbus.api.compute import move_versions, policies, shapes
from nimbus.api.kit.fields import ShapeByVersion
from nimbus.api.kit.routes import Call
from nimbus.compute.servers.moves import migrations

RULE = f'{policies.API}os-migrate-server:'
HOST: shapes.Schema = {**shapes.FQDN, 'type': ['string', 'null']}
MIGRATE = ShapeByVersion(
    ((2, 1), shapes.bare('migrate')),
    (
        move_versions.MigrateToHost.number,
        shapes.action('migrate', {**shapes.closed({'host': HOST}), 'type': ['object', 'null']}),
    ),
)


def migrate(call: Call, id: str) -> None:
    """The server is being taken to another host, off."""
    asked = (call.given or {}) if call.speaks(move_versions.MigrateToHost) else {}
    if asked.get('host'):
        call.check(f'{RULE}migrate:host')
    with call.db.write() as tx:
        migrations.migrate(tx, call.context, id, asked.get('host'))
