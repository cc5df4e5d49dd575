"""Quotas of the image service: how many images, and how many MiB of them, a project may have."""

from typing import Any

from nimbus.common import db, errors, quotas

RESOURCES = ('image_count_total', 'image_size_total', 'image_stage_total', 'image_count_uploading')


class ImageQuotas(quotas.Quotas):
    """Quotas whose refusal is a 413, as image clients know it."""

    def __init__(self, defaults: dict[str, int] | None = None) -> None:
        super().__init__('image', dict.fromkeys(RESOURCES, quotas.UNLIMITED) | (defaults or {}))

    def take(self, tx: db.Tx, project_id: str, **amounts: int) -> None:
        try:
            super().take(tx, project_id, **amounts)
        except errors.OverQuota as why:
            over: Any = why.facts['overs']
            raise errors.OverQuota(
                f'Project {project_id} is over a limit for {over}: {why.sentence}', **{**why.facts, 'status': 413}
            ) from why
