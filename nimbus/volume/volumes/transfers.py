"""Transfers of volumes: offer, find, accept and withdraw; whoever has an offer's key may accept it."""

import hashlib
import hmac
import secrets
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db, listing
from nimbus.volume import notifications
from nimbus.volume.models import Snapshot, Transfer, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import AVAILABLE, MACHINE
from nimbus.volume.volumes import copies, volumes

ABSENT = 'Transfer {} could not be found.'
KEY_BYTES = 8  # 16 characters that are easily typed
FILTERS = ('id', 'volume_id', 'name', 'no_snapshots')


def show(tx: db.Tx, ctx: context.Context, transfer_id: str) -> Any:
    """One offer of the asker's project.  Raises NotFound."""
    query = sa.select(Transfer).where(Transfer.id == transfer_id)
    if not ctx.is_admin:
        query = query.where(Transfer.project_id == ctx.project_id)
    row = tx.row(query)
    if row is None:
        raise errors.NotFound(ABSENT.format(transfer_id))
    return row


def find(tx: db.Tx, ctx: context.Context, page: listing.Page, *, everyone: bool = False) -> list[Any]:
    """A page of the offers the asker sees, by `page.filters`; by what no offer has there is none.  Raises Invalid."""
    seen = [] if everyone else [Transfer.project_id == ctx.project_id]
    where = [
        getattr(Transfer, name) == value if name in FILTERS else sa.false() for name, value in page.filters.items()
    ]
    return listing.rows(tx, Transfer, where, page, seen=seen, absent=ABSENT)


def create(
    tx: db.Tx, ctx: context.Context, volume_id: str, name: str | None, *, no_snapshots: bool = False
) -> tuple[Any, str]:
    """The volume is on offer, and no older offer of it is; returns the offer and its key, which is not kept.

    Raises NotFound, and Invalid when the volume or a snapshot that goes with it is not at rest.
    """
    volume = volumes.show(tx, ctx, volume_id)
    notifications.notify(tx, volume_id, 'transfer.create.start', ctx)
    try:
        MACHINE.begin(tx, Volume, volume_id, 'offer')
    except errors.WrongState:
        raise errors.Invalid('Invalid volume: status must be available') from None
    if not no_snapshots:
        _check_rest(tx, volume_id)
    tx.delete(Transfer, Transfer.volume_id == volume_id)
    transfer_id, salt, key = ids.dashed(), secrets.token_hex(16), secrets.token_hex(KEY_BYTES)
    tx.insert(
        Transfer,
        id=transfer_id,
        volume_id=volume_id,
        project_id=volume.project_id,
        name=name,
        salt=salt,
        key_hash=_hash(salt, key),
        no_snapshots=no_snapshots,
        created_at=clock.Clock().now(),
    )
    notifications.notify(tx, volume_id, 'transfer.create.end', ctx)
    return show(tx, ctx, transfer_id), key


def _hash(salt: str, key: str) -> str:
    return hmac.new(salt.encode(), key.encode(), hashlib.sha256).hexdigest()


def _check_rest(tx: db.Tx, volume_id: str) -> list[Any]:
    """The volume's snapshots, all of them at rest.  Raises Invalid."""
    found = copies.snapshots_of(tx, volume_id)
    for row in found:
        if row.status != AVAILABLE:
            raise errors.Invalid(f'Invalid snapshot: snapshot: {row.id} status must be available')
    return found


def accept(tx: db.Tx, ctx: context.Context, transfer_id: str, key: str, quotas: VolumeQuotas) -> Any:
    """The volume is the asker's, with its snapshots where those go along; returns what the offer was.

    Raises NotFound, OverQuota, and Invalid for a wrong key or a volume that is not on offer any more.
    """
    row = tx.row(sa.select(Transfer).where(Transfer.id == transfer_id))
    if row is None:
        raise errors.NotFound(ABSENT.format(transfer_id))
    if not hmac.compare_digest(_hash(row.salt, key), row.key_hash):
        raise errors.Invalid(f'Invalid auth key: Attempt to transfer {transfer_id} with invalid auth key.')
    # Whoever withdraws an offer and makes another one meanwhile has given the volume another key.
    if not tx.delete(Transfer, Transfer.id == transfer_id):
        raise errors.NotFound(ABSENT.format(transfer_id))
    volume = volumes.show(tx, context.internal(), row.volume_id)
    snapshots = [] if row.no_snapshots else _check_rest(tx, volume.id)
    _move_quota(tx, quotas, volume, snapshots, ctx.project_id or '')
    notifications.notify(tx, volume.id, 'transfer.accept.start', ctx)
    owner = {'project_id': ctx.project_id, 'user_id': ctx.user_id}
    try:
        MACHINE.begin(tx, Volume, volume.id, 'end_offer', **owner)
    except errors.WrongState:
        raise errors.Invalid(
            f'Invalid volume: Transfer {transfer_id}: Volume id {volume.id} expected in awaiting-transfer state.'
        ) from None
    for one in snapshots:
        tx.update(Snapshot, Snapshot.id == one.id, updated_at=clock.Clock().now(), **owner)
    notifications.notify(tx, volume.id, 'transfer.accept.end', ctx)
    return row


def _move_quota(tx: db.Tx, quotas: VolumeQuotas, volume: Any, snapshots: list[Any], project_id: str) -> None:
    """What the volume and the snapshots take is the project's, and their owners' no more.  Raises OverQuota."""
    quotas.hold(tx, project_id, volume.size)
    quotas.release(tx, volume.project_id, volume.size)
    if snapshots:
        quotas.hold_snapshot(tx, project_id, sum(one.size for one in snapshots), len(snapshots))
    for one in snapshots:
        quotas.release_snapshot(tx, one.project_id, one.size)


def delete(tx: db.Tx, ctx: context.Context, transfer_id: str) -> None:
    """The offer is withdrawn: the volume is available, unless it is in another state by now.  Raises NotFound."""
    row = show(tx, ctx, transfer_id)
    notifications.notify(tx, row.volume_id, 'transfer.delete.start', ctx)
    tx.delete(Transfer, Transfer.id == transfer_id)
    try:
        MACHINE.begin(tx, Volume, row.volume_id, 'end_offer')
    except errors.WrongState:
        pass  # an operator set it by hand
    notifications.notify(tx, row.volume_id, 'transfer.delete.end', ctx)
