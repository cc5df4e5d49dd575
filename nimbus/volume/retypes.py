"""Give a volume another type, where the store that it is in suits that one too."""

from typing import Any

from nimbus.common import clock, context, errors
from nimbus.common.database import db
from nimbus.volume import hosts, notifications, qos, types
from nimbus.volume.models import Volume
from nimbus.volume.states import AVAILABLE, IN_USE
from nimbus.volume.volumes import volumes

REFUSED = (
    'Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a '
    'consistency group, requested type has to be different that the one from the volume, and for in-use volumes '
    'front-end qos specs cannot change.'
)


def retype(tx: db.Tx, ctx: context.Context, volume_id: str, new_type: str) -> None:
    """The volume is of the type, and stays where it is.

    Raises NotFound, and Invalid when the type is the one it has, its state does not allow it, or its store does not
    suit the type: volumes are not moved for it.
    """
    volume = volumes.show(tx, ctx, volume_id)
    kind = types.by_name_or_id(tx, ctx, new_type)
    if volume.status not in (AVAILABLE, IN_USE) or volume.type_id == kind.id or not _same_limits(tx, volume, kind):
        raise errors.Invalid(REFUSED)
    row = next((row for row in hosts.find(tx) if row.host == volume.host), None)
    if row is None or not hosts.suits(tx, row, kind.id):
        raise errors.Invalid(
            f'Invalid volume: The store of volume {volume_id} is not what type {kind.name} asks for, and volumes are '
            'not moved to another one.'
        )
    as_it_is = Volume.id == volume_id, Volume.status == volume.status, Volume.type_id == volume.type_id
    if not tx.update(Volume, *as_it_is, type_id=kind.id, updated_at=clock.Clock().now()):
        raise errors.Invalid(REFUSED)
    notifications.notify(tx, volume_id, 'retype', ctx, volume_type=kind.id)


def _same_limits(tx: db.Tx, volume: Any, kind: Any) -> bool:
    """Whether whoever has the volume open obeys the same under either type."""
    if volume.status == AVAILABLE:
        return True
    return qos.in_front(tx, volume.type_id, volume.size) == qos.in_front(tx, kind.id, volume.size)
