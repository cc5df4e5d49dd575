"""What is done with backups over HTTP: restore, export, import, and the actions of operators."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.volume.backups.backups import UUID, summary
from nimbus.api.volume.volumes import trimmed
from nimbus.common import errors
from nimbus.volume import states
from nimbus.volume.backups import backups, records, restores


def _shape(name: str, properties: dict[str, Any], required: list[str], null: bool = False) -> Shape:
    inner = {
        'type': ['object', 'null'] if null else 'object',
        'properties': properties,
        'required': required,
        'additionalProperties': False,
    }
    return Shape({'type': 'object', 'properties': {name: inner}, 'required': [name], 'additionalProperties': False})


RESTORE = _shape(
    'restore',
    {'name': {'type': ['string', 'null'], 'maxLength': 255}, 'volume_id': {**UUID, 'type': ['string', 'null']}},
    [],
    null=True,
)
RECORD = {
    'backup_service': {'type': 'string', 'maxLength': 255},
    'backup_url': {'type': 'string', 'minLength': 1, 'maxLength': 1 << 20},
}
IMPORT = _shape('backup-record', RECORD, ['backup_service', 'backup_url'])
RESET = _shape('os-reset_status', {'status': {'type': 'string', 'maxLength': 255}}, ['status'])


def restore(call: Call, id: str) -> dict[str, Any]:
    """The backup is being restored, into the volume that is named or a new one."""
    given = call.body['restore'] or {}
    with call.db.write() as tx:
        volume = restores.restore(
            tx,
            call.context,
            id,
            volume_id=given.get('volume_id'),
            name=trimmed(given.get('name')),
            quotas=call.parts.extra['volume_quotas'],
        )
    return {'restore': {'backup_id': id, 'volume_id': volume.id, 'volume_name': volume.name}}


def export_record(call: Call, id: str) -> dict[str, Any]:
    """What a backup is, to be imported where the database has lost it."""
    with call.db.read() as tx:
        return {'backup-record': records.export(backups.show(tx, call.context, id))}


def import_record(call: Call) -> dict[str, Any]:
    """The backup of a record is one of the asker's project."""
    given = call.body['backup-record']
    quotas = call.parts.extra['volume_quotas']
    with call.db.write() as tx:
        row = records.take_in(tx, call.context, given['backup_service'], given['backup_url'], quotas)
        return summary(call, row)


def reset_status(call: Call, id: str) -> None:
    """os-reset_status: the backup has the state that an operator gave; nothing else changes."""
    status = call.given['status'].lower()
    if status not in states.SETTABLE_BACKUP:
        raise errors.Invalid(
            f'Backup status: {status} is invalid, valid statuses are: {", ".join(states.SETTABLE_BACKUP)}.'
        )
    with call.db.write() as tx:
        backups.reset(tx, call.context, id, status)


def force_delete(call: Call, id: str) -> None:
    """os-force_delete: the backup is being deleted, whatever state it is in."""
    with call.db.write() as tx:
        backups.delete(tx, call.context, id, force=True)
