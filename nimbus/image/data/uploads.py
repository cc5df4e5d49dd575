"""The state of an image's row during an upload or import, and its size, hash and quota afterwards."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.image import notifications
from nimbus.image.models import Image
from nimbus.image.quotas import copies, mib
from nimbus.image.states import DELETED, IMPORTING, MACHINE, QUEUED, SAVING, UPLOADING

CLEAR = {
    'size': None,
    'virtual_size': None,
    'checksum': None,
    'os_hash_algo': None,
    'os_hash_value': None,
    'upload_id': None,
    'upload_host': None,
    'stores': None,
    'location': None,
}


def begin(tx: db.Tx, image: Any, verb: str, upload_id: str, host: str, quotas: Quotas) -> None:
    """The image waits for the bytes of this upload alone.  Raises Invalid, Conflict and OverQuota."""
    missing = [name for name in ('disk_format', 'container_format') if not getattr(image, name)]
    if missing and image.status == 'queued' and verb != 'stage':
        raise errors.Invalid(
            f'Propert{"ies" if len(missing) > 1 else "y"} {", ".join(missing)} must be set prior to saving data.'
        )
    try:
        MACHINE.begin(tx, Image, image.id, verb, **CLEAR | {'upload_id': upload_id, 'upload_host': host})
    except errors.WrongState:
        target = MACHINE.rules[verb].busy
        raise errors.Conflict(f'Image status transition from {image.status} to {target} is not allowed') from None
    quotas.take(tx, image.owner or '', image_count_uploading=1)
    notifications.notify(tx, image.id, 'prepare')


def finish(tx: db.Tx, image: Any, upload_id: str, facts: dict[str, Any], quotas: Quotas) -> None:
    """The image is active with these facts.  Raises Gone when it was deleted meanwhile, OverQuota."""
    _settle(tx, image, upload_id, SAVING, facts | {'status': 'active'})
    quotas.give_back(tx, image.owner or '', image_count_uploading=1)
    quotas.take(tx, image.owner or '', image_size_total=mib(facts['size']))
    notifications.notify(tx, image.id, 'upload', 'activate')


def staged(tx: db.Tx, image: Any, upload_id: str, facts: dict[str, Any], quotas: Quotas) -> None:
    """The image's bytes are there and wait to be imported.  Raises Gone, OverQuota."""
    _settle(tx, image, upload_id, UPLOADING, facts)
    quotas.give_back(tx, image.owner or '', image_count_uploading=1)
    quotas.take(tx, image.owner or '', image_stage_total=mib(facts['size']))


def renew(tx: db.Tx, image: Any, upload_id: str, host: str) -> None:
    """The bytes that are fetched for an image under import come by this upload from now on.  Raises Gone."""
    _settle(tx, image, image.upload_id, IMPORTING, {'upload_id': upload_id, 'upload_host': host})


def fetched(tx: db.Tx, image: Any, facts: dict[str, Any], quotas: Quotas) -> None:
    """The bytes of an image under import are there, and staged.  Raises Gone, OverQuota."""
    _settle(tx, image, image.upload_id, IMPORTING, facts)
    quotas.give_back(tx, image.owner or '', image_count_uploading=1)
    quotas.take(tx, image.owner or '', image_stage_total=mib(facts['size']))


def located(tx: db.Tx, image: Any, facts: dict[str, Any], quotas: Quotas) -> None:
    """The image is active with the bytes at its location.  Raises Gone, OverQuota."""
    _settle(tx, image, image.upload_id, IMPORTING, facts | {'status': 'active'})
    quotas.give_back(tx, image.owner or '', image_count_uploading=1)
    quotas.take(tx, image.owner or '', image_size_total=mib(facts['size']))
    notifications.notify(tx, image.id, 'upload', 'activate')


def imported(tx: db.Tx, image: Any, quotas: Quotas, virtual_size: int | None, stores: Sequence[str]) -> None:
    """The staged bytes are the image's, in those stores.  Raises Gone, OverQuota."""
    values = {'status': 'active', 'virtual_size': virtual_size, 'stores': ','.join(stores) or None}
    _settle(tx, image, image.upload_id, IMPORTING, values)
    quotas.give_back(tx, image.owner or '', image_stage_total=mib(image.size))
    quotas.take(tx, image.owner or '', image_size_total=mib(image.size) * len(stores))
    notifications.notify(tx, image.id, 'upload', 'activate')


def keep_in(tx: db.Tx, image: Any, stores: Sequence[str], quotas: Quotas) -> None:
    """The active image is in exactly these stores.  Raises Conflict when that changed meanwhile, OverQuota."""
    where = (Image.id == image.id, Image.status == 'active', Image.stores.is_not_distinct_from(image.stores))
    if not tx.update(Image, *where, stores=','.join(stores) or None, updated_at=clock.Clock().now()):
        raise errors.Conflict(f'Image {image.id} changed meanwhile; please look and try again.')
    before = copies(image)
    quotas.take(tx, image.owner or '', image_size_total=mib(image.size) * max(len(stores) - before, 0))
    quotas.give_back(tx, image.owner or '', image_size_total=mib(image.size) * max(before - len(stores), 0))
    notifications.notify(tx, image.id, 'update')


def _settle(tx: db.Tx, image: Any, upload_id: str, state: str, values: dict[str, Any]) -> None:
    where = (Image.id == image.id, Image.status == state, Image.upload_id == upload_id)
    if not tx.update(Image, *where, updated_at=clock.Clock().now(), **values):
        raise errors.Gone(
            f'Image {image.id} could not be found after upload. The image may have been deleted during the upload, '
            'cleaning up the chunks uploaded.'
        )


def abandon(tx: db.Tx, image_id: str, upload_id: str, quotas: Quotas) -> bool:
    """The image is queued again if this upload was still its own; returns whether it was."""
    row = tx.row(
        sa.select(Image).where(
            Image.id == image_id,
            Image.upload_id == upload_id,
            Image.status.in_((SAVING, UPLOADING, IMPORTING)),
        )
    )
    where = (Image.id == image_id, Image.upload_id == upload_id, Image.status == (row.status if row else ''))
    if row is None or not tx.update(Image, *where, status='queued', updated_at=clock.Clock().now(), **CLEAR):
        return False
    if row.size is None:
        quotas.give_back(tx, row.owner or '', image_count_uploading=1)
    else:
        quotas.give_back(tx, row.owner or '', image_stage_total=mib(row.size))
    return True


def abandon_import(tx: db.Tx, image_id: str, quotas: Quotas) -> str | None:
    """An image under import is queued again; returns the upload that brought its bytes."""
    row = tx.row(sa.select(Image.upload_id).where(Image.id == image_id, Image.status == IMPORTING))
    if row is None:
        return None
    abandon(tx, image_id, row.upload_id, quotas)
    upload_id: str | None = row.upload_id
    return upload_id


def place(host: str, process: int) -> str:
    """What is kept of where an upload runs: the host, and which of the service's processes there."""
    return f'{host}#{process}' if process else host


def unfinished(tx: db.Tx, where: str, beside: bool = False) -> list[Any]:
    """The images whose upload or import began at that place, or in a process `beside` it, and did not end."""
    here = Image.upload_host == where
    return list(
        tx.rows(
            sa.select(Image).where(
                sa.or_(here, Image.upload_host.startswith(f'{where}#', autoescape=True)) if beside else here,
                Image.status.in_((SAVING, UPLOADING, IMPORTING)),
                Image.upload_id.is_not(None),
            )
        )
    )


def dead(tx: db.Tx, image_ids: list[str]) -> list[str]:
    """Those of the images that a user deleted."""
    return tx.column(sa.select(Image.id).where(Image.id.in_(image_ids), Image.status == DELETED))


def has_no_bytes(tx: db.Tx, image_id: str) -> bool:
    """Whether bytes of the image in the store may be removed: it waits for an upload, or was deleted."""
    return tx.scalar(sa.select(Image.status).where(Image.id == image_id)) in (QUEUED, DELETED)


def known(tx: db.Tx, image_ids: list[str]) -> set[str]:
    """Those of the images that there are or were."""
    return set(tx.column(sa.select(Image.id).where(Image.id.in_(image_ids))))
