"""The actions of POST /snapshots/{id}/action, and the action of a volume that goes back to one."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.common import errors, numbers
from nimbus.volume import states
from nimbus.volume.volumes import snapshots, volumes

WORD = {'type': 'string', 'maxLength': 255}


def _shape(name: str, properties: dict[str, Any], required: list[str], more: bool = False) -> Shape:
    inner = {'type': 'object', 'properties': properties, 'required': required, 'additionalProperties': more}
    return Shape({'type': 'object', 'properties': {name: inner}, 'required': [name], 'additionalProperties': False})


RESET = _shape('os-reset_status', {'status': WORD}, ['status'])
UPDATE = _shape('os-update_snapshot_status', {'status': WORD, 'progress': {'type': ['string', 'null']}}, ['status'])
REVERT = _shape('revert', {'snapshot_id': {'type': ['string', 'null'], 'maxLength': 255}}, [], more=True)
# What a user may set a snapshot to that is being made or deleted.
MAY = {'creating': ('creating', 'available', 'error'), 'deleting': ('deleting', 'error_deleting')}


def reset_status(call: Call, id: str) -> None:
    """os-reset_status: the snapshot has the state that an operator gave; nothing else changes."""
    status = call.given['status'].lower()
    if status not in states.SETTABLE_SNAPSHOT:
        raise errors.Invalid(
            f'Snapshot status: {status} is invalid, valid statuses are: {", ".join(states.SETTABLE_SNAPSHOT)}.'
        )
    with call.db.write() as tx:
        snapshots.reset(tx, call.context, id, status)


def force_delete(call: Call, id: str) -> None:
    """os-force_delete: the snapshot is being deleted, whatever state it is in."""
    with call.db.write() as tx:
        snapshots.delete(tx, call.context, id, force=True)


def update_status(call: Call, id: str) -> None:
    """os-update_snapshot_status: a snapshot that is being made or deleted has the state and progress that are given."""
    status, progress = call.given['status'], call.given.get('progress')
    share = numbers.read(progress[:-1]) if progress else 0
    if progress and (share is None or not 0 <= share <= 100 or progress[-1] != '%'):
        raise errors.Invalid('Invalid input received: progress must be an integer percentage')
    with call.db.write() as tx:
        found = snapshots.show(tx, call.context, id).status
        if found not in MAY:
            raise errors.Invalid(f'Snapshot status {found} not allowed for update_snapshot_status')
        if status not in MAY[found]:
            raise errors.Invalid(f'Provided snapshot status {status} not allowed for snapshot with status {found}.')
        snapshots.reset(tx, call.context, id, status, progress)


def revert(call: Call, id: str) -> None:
    """revert: the volume is being put back to its newest snapshot."""
    with call.db.write() as tx:
        snapshots.revert(tx, call.context, volumes.show(tx, call.context, id), call.given.get('snapshot_id'))
