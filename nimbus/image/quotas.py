"""Quotas of the image service: how many images, and how many MiB of them, a project may have."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, quotas
from nimbus.common.database import db
from nimbus.image.models import Image
from nimbus.image.states import HIDDEN, IMPORTING, SAVING, UPLOADING

MIB = 1 << 20
RESOURCES = ('image_count_total', 'image_size_total', 'image_stage_total', 'image_count_uploading')


class ImageQuotas(quotas.Quotas):
    """Quotas whose refusal is a 413, as image clients know it."""

    def __init__(self, defaults: dict[str, int] | None = None) -> None:
        super().__init__('image', dict.fromkeys(RESOURCES, quotas.UNLIMITED) | (defaults or {}), rows)

    def take(self, tx: db.Tx, project_id: str, **amounts: int) -> None:
        try:
            super().take(tx, project_id, **amounts)
        except errors.OverQuota as why:
            over: Any = why.facts['overs']
            raise errors.OverQuota(
                f'Project {project_id} is over a limit for {over}: {why.sentence}', **{**why.facts, 'status': 413}
            ) from why


def of(conf: Any) -> ImageQuotas:
    """The quotas that the `image` options say; without options there is no limit."""
    if conf is None:
        return ImageQuotas()
    said = conf.image
    return ImageQuotas(
        {
            'image_count_total': said.quota_count_total,
            'image_size_total': said.quota_size_total,
            'image_stage_total': said.quota_stage_total,
            'image_count_uploading': said.quota_count_uploading,
        }
    )


def mib(size: int | None) -> int:
    """A file's size as the quota counts it."""
    return -(-(size or 0) // MIB)


def copies(image: Any) -> int:
    """In how many stores an image's bytes are."""
    return len(image.stores.split(',')) if image.stores else 1


def held(image: Any) -> dict[str, int]:
    """How much of its owner's quota an image uses in its present state."""
    found = {'image_count_total': 1}
    if image.status in (SAVING, UPLOADING, IMPORTING) and image.size is None:
        found['image_count_uploading'] = 1
    elif image.status in (UPLOADING, IMPORTING):
        found['image_stage_total'] = mib(image.size)
    else:
        found['image_size_total'] = mib(image.size) * copies(image)
    return found


def rows(tx: db.Tx, project_id: str | None) -> dict[str, dict[str, int]]:
    """What each owner holds, counted from the images."""
    where: list[Any] = [Image.status.not_in(HIDDEN)]
    where += [sa.func.coalesce(Image.owner, '') == project_id] if project_id is not None else []
    found: dict[str, dict[str, int]] = {}
    for row in tx.rows(sa.select(Image).where(*where)):
        mine = found.setdefault(row.owner or '', {})
        for resource, amount in held(row).items():
            mine[resource] = mine.get(resource, 0) + amount
    return found
