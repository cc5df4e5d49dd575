"""Volume attachments: which server has a volume, or is attaching or detaching it."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids, jobs
from nimbus.common.database import db, listing
from nimbus.volume import notifications, qos
from nimbus.volume.models import Attachment, Volume
from nimbus.volume.states import ATTACHING, DETACHING, EXTENDING, IN_USE, MACHINE
from nimbus.volume.volumes import volumes

ABANDONED = datetime.timedelta(minutes=2)  # after which a volume left in attaching or detaching is put back
ABSENT = 'Volume attachment could not be found with filter: attachment_id = {}.'
UNSAID = 'null'  # the mode on the wire of an attachment for which none was given
OF_SERVER = db.Fixed(
    sa.select(db.table_of(Attachment))
    .where(Attachment.server_id == sa.bindparam('server'), Attachment.by_service.is_(True))
    .order_by(Attachment.seq)
)


def show(tx: db.Tx, ctx: context.Context, attachment_id: str) -> Any:
    """One attachment.  Raises NotFound."""
    query = sa.select(Attachment).where(Attachment.id == attachment_id)
    if not (ctx.is_admin or 'service' in ctx.roles):
        query = query.where(Attachment.project_id == ctx.project_id)
    row = tx.row(query)
    if row is None:
        raise errors.NotFound(ABSENT.format(attachment_id))
    return row


def find(tx: db.Tx, seen: list[Any], where: list[Any], page: listing.Page) -> list[Any]:
    """A page of the attachments that are seen and match.  Raises Invalid."""
    return listing.rows(tx, Attachment, where, page, seen=seen, absent=ABSENT)


def of_server(tx: db.Tx, server_id: str) -> list[Any]:
    """The server's attachments, oldest first: those that compute made, whatever server others say theirs are for."""
    return list(tx.rows(OF_SERVER, {'server': server_id}))


def of_volume(tx: db.Tx, volume_id: str) -> list[Any]:
    """The volume's attachments, oldest first."""
    return list(tx.rows(sa.select(Attachment).where(Attachment.volume_id == volume_id).order_by(Attachment.seq)))


def reserve(
    tx: db.Tx,
    ctx: context.Context,
    volume_id: str,
    server_id: str | None,
    mode: str = UNSAID,
    *,
    by_service: bool = True,
    attachment_id: str | None = None,
) -> str:
    """The volume is kept for the server; returns the attachment's id, which may be given to make this repeatable.

    Raises NotFound, and Invalid when the volume is not available.
    """
    if attachment_id and tx.scalar(sa.select(Attachment.seq).where(Attachment.id == attachment_id)) is not None:
        return attachment_id
    volume = volumes.show(tx, ctx, volume_id)
    try:
        MACHINE.begin(tx, Volume, volume_id, 'reserve')
    except errors.WrongState:
        raise errors.Invalid(
            f'Invalid volume: Volume {volume_id} status must be available or downloading to reserve, but the current '
            f'status is {volume.status}.'
        ) from None
    mode = 'ro' if volume.readonly else mode
    made = _insert(tx, volume, server_id, 'reserved', mode, by_service, attachment_id)
    notifications.notify(tx, volume_id, 'attach.start', ctx)
    return made


def _insert(
    tx: db.Tx,
    volume: Any,
    server_id: str | None,
    status: str,
    mode: str,
    by_service: bool,
    attachment_id: str | None = None,
) -> str:
    attachment_id, now = attachment_id or ids.dashed(), clock.Clock().now()
    tx.insert(
        Attachment,
        id=attachment_id,
        volume_id=volume.id,
        project_id=volume.project_id,
        server_id=server_id,
        by_service=by_service,
        status=status,
        mode=mode,
        created_at=now,
        updated_at=now,
    )
    return attachment_id


def connected(
    tx: db.Tx,
    ctx: context.Context,
    attachment_id: str,
    host: str | None,
    connection: dict[str, Any],
    connector: dict[str, Any] | None = None,
) -> None:
    """The volume is reachable from the host in the way `connection` says.  Raises NotFound, Conflict."""
    row = show(tx, ctx, attachment_id)
    volume = volumes.show(tx, context.internal(), row.volume_id)
    if 'error' in volume.status:
        raise errors.Conflict(
            'Volume attachments can not be updated if the volume is in an error state. '
            f'The Volume {volume.id} currently has a status of: {volume.status} '
        )
    connector = connector or {'host': host}
    if limits := qos.in_front(tx, volume.type_id, volume.size):
        connection = {**connection, 'data': {**connection['data'], 'qos_specs': limits}}
    _set(
        tx,
        attachment_id,
        host=host,
        connection=connection,
        connector=connector,
        status='attached' if row.status == 'attached' else 'attaching',
        mode=connector.get('mode') or 'rw' if row.mode == UNSAID else row.mode,
        device=connector.get('mountpoint') or row.device,
    )
    tx.update(Volume, Volume.id == volume.id, Volume.status == 'reserved', status='attaching')


def complete(tx: db.Tx, ctx: context.Context, attachment_id: str, device: str | None = None) -> None:
    """The server has the volume.  Raises NotFound."""
    row = show(tx, ctx, attachment_id)
    now = clock.Clock().now()
    _set(tx, attachment_id, status='attached', attached_at=row.attached_at or now, device=device or row.device)
    # A server that moved has the volume while it grows.
    status = sa.case((Volume.status == EXTENDING, EXTENDING), else_=IN_USE)
    tx.update(Volume, Volume.id == row.volume_id, status=status, attach_status='attached', updated_at=now)
    if row.status != 'attached':
        notifications.notify(tx, row.volume_id, 'attach.end', server_id=row.server_id)


def begin_detach(tx: db.Tx, ctx: context.Context, attachment_id: str) -> None:
    """The server is giving the volume up; begun already is fine.  Raises NotFound, Invalid."""
    row = show(tx, ctx, attachment_id)
    volume = volumes.show(tx, context.internal(), row.volume_id)
    if volume.status == 'detaching' and row.status in ('attached', 'detaching'):
        return
    begin_detaching(tx, volume)


def begin_detaching(tx: db.Tx, volume: Any) -> None:
    """The volume is detaching.  Raises Invalid when nobody has it."""
    try:
        if volume.attach_status != 'attached':
            raise errors.WrongState('The volume is not attached.')
        MACHINE.begin(tx, Volume, volume.id, 'begin_detach')
        notifications.notify(tx, volume.id, 'detach.start')
    except errors.WrongState:
        raise errors.Invalid(
            "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be "
            "'attached' to detach."
        ) from None


def drop(tx: db.Tx, ctx: context.Context, attachment_id: str) -> None:
    """The attachment is gone, and with the last one the volume is available; gone already is fine."""
    row = tx.row(sa.select(Attachment).where(Attachment.id == attachment_id))
    if row is None:
        return
    tx.delete(Attachment, Attachment.id == attachment_id)
    settle(tx, row.volume_id)
    if row.status in ('attached', 'detaching'):
        notifications.notify(tx, row.volume_id, 'detach.end', server_id=row.server_id)


def let_go(tx: db.Tx, ctx: context.Context, attachment_id: str) -> None:
    """The volume is kept for the server, which is on no host.  Raises NotFound."""
    row = show(tx, ctx, attachment_id)
    _set(tx, attachment_id, status='reserved', host=None, connection=None, connector=None)
    settle(tx, row.volume_id)


def settle(tx: db.Tx, volume_id: str) -> None:
    """The volume's status and attach_status are those that its remaining attachments imply."""
    left = of_volume(tx, volume_id)
    values = {'status': 'available', 'attach_status': 'detached'}
    if any(one.status in ('attached', 'detaching') for one in left):
        values = {'status': 'in-use', 'attach_status': 'attached'}
    elif left:
        values = {'status': 'reserved', 'attach_status': 'detached'}
    states = ('reserved', 'attaching', 'in-use', 'detaching')
    tx.update(Volume, Volume.id == volume_id, Volume.status.in_(states), updated_at=clock.Clock().now(), **values)
    tx.update(Volume, Volume.id == volume_id, attach_status=values['attach_status'])


def check_deletable(ctx: context.Context, attachment: Any) -> None:
    """Nothing, when the asker may end the attachment.

    A disk that a guest has open is given up by the compute service first: ending the attachment under it would let
    the next project's data be read through it.  Raises Conflict.
    """
    if attachment.connection:
        check_changeable(ctx, attachment)


def check_changeable(ctx: context.Context, attachment: Any) -> None:
    """Nothing, when the asker may change the attachment; a server's own is changed by compute.  Raises Conflict."""
    if ctx.is_service or not attachment.by_service or not attachment.server_id:
        return
    raise errors.Conflict(
        f'Detach volume from instance {attachment.server_id} using the Compute API', fault='conflictingRequest'
    )


def settle_abandoned(tx: db.Tx, now: datetime.datetime) -> list[str]:
    """Volumes left in attaching or detaching by a client that did nothing more have the state their attachments imply.

    What compute does with a server's volume is a job, which has a deadline of its own.  Returns a sentence for each.
    """
    busy = (ATTACHING, DETACHING)
    since = sa.func.coalesce(Volume.updated_at, Volume.created_at)
    mended = []
    for row in tx.rows(sa.select(Volume.id, Volume.status).where(Volume.status.in_(busy), since < now - ABANDONED)):
        held = of_volume(tx, row.id)
        own = [one.server_id for one in held if one.by_service and one.server_id]
        if any(jobs.under_way(tx, server_id) for server_id in own) or (row.status == ATTACHING and held):
            continue
        settle(tx, row.id)
        mended.append(f'Volume {row.id} was left {row.status}: it was not finished within {ABANDONED}.')
    return mended


def attach(
    tx: db.Tx, volume: Any, *, server_id: str | None, host: str | None, device: str | None, mode: str, by_service: bool
) -> None:
    """The volume is attached at once, as os-attach means it.  Raises Invalid."""
    if volume.readonly and mode != 'ro':
        raise errors.Invalid(
            f"Error attaching volume - InvalidVolumeAttachMode: Invalid attaching mode '{mode}' for volume {volume.id}."
        )
    reserved = next((one for one in volume.attachments if one.server_id in (server_id, None)), None)
    try:
        if volume.status == 'in-use' or any(one is not reserved for one in volume.attachments):
            raise errors.WrongState('Somebody else has the volume, or is about to.')
        if reserved and reserved.by_service and not by_service:
            raise errors.WrongState('The compute service is about to attach the volume.')
        MACHINE.begin(tx, Volume, volume.id, 'attach', attach_status='attached')
    except errors.WrongState:
        raise errors.Invalid(
            f'Invalid volume: status of volume {volume.id} must be available, attaching or reserved to attach it, and '
            f'is {volume.status}'
        ) from None
    if reserved and reserved.status != 'attached':
        attachment_id = reserved.id
    else:
        attachment_id = _insert(tx, volume, server_id, 'attached', mode, by_service)
    now = clock.Clock().now()
    given = {'server_id': server_id, 'host': host, 'device': device, 'mode': mode}
    _set(tx, attachment_id, status='attached', attached_at=now, **given)
    notifications.notify(tx, volume.id, 'attach.end', server_id=server_id)


def _set(tx: db.Tx, attachment_id: str, **values: Any) -> None:
    tx.update(Attachment, Attachment.id == attachment_id, updated_at=clock.Clock().now(), **values)
