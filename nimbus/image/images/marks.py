"""Marks that imports leave on an image: properties that everybody reads and no user writes."""

from collections.abc import Iterable

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.image.models import ImageProperty

NAMESPACE = 'os_glance_'
TASK = f'{NAMESPACE}import_task'  # the one task that may change the image's data

IMPORTING = f'{NAMESPACE}importing_to_stores'  # those that the task has not done yet
FAILED = f'{NAMESPACE}failed_import'  # those that did not take the data


def own(names: Iterable[str]) -> set[str]:
    """Those of the properties' names that are not marks."""
    return {name for name in names if not name.startswith(NAMESPACE)}


def lock(tx: db.Tx, image_id: str, task_id: str) -> None:
    """The task alone imports into the image.  Raises Conflict while another does."""
    tx.ensure(ImageProperty, image_id=image_id, name=TASK, value=task_id)
    if holder(tx, image_id) != task_id:
        raise errors.Conflict(
            f"New operation on image '{image_id}' is not permitted as prior operation is still in progress"
        )


def holder(tx: db.Tx, image_id: str) -> str | None:
    """The task that imports into the image now."""
    found: str | None = tx.scalar(sa.select(ImageProperty.value).where(*_one(image_id, TASK)))
    return found


def unlock(tx: db.Tx, image_id: str, task_id: str) -> None:
    """The task does not import into the image any more."""
    tx.delete(ImageProperty, *_one(image_id, TASK), ImageProperty.value == task_id)


def write(tx: db.Tx, image_id: str, name: str, stores: Iterable[str]) -> None:
    """The mark names these stores."""
    tx.delete(ImageProperty, *_one(image_id, name))
    tx.insert(ImageProperty, image_id=image_id, name=name, value=','.join(stores))


def _one(image_id: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return ImageProperty.image_id == image_id, ImageProperty.name == name
