"""Quotas of the volume service, with Cinder's error messages."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, jobs, quotas
from nimbus.common.database import db
from nimbus.volume.models import Volume
from nimbus.volume.states import EXTENDING

DEFAULTS = {
    'volumes': 10,
    'snapshots': 10,
    'gigabytes': 1000,
    'backups': 10,
    'backup_gigabytes': 1000,
    'per_volume_gigabytes': -1,
    'groups': 10,
}


class VolumeQuotas(quotas.Quotas):
    """Quotas whose refusal is a 413, as volume clients know it."""

    def __init__(self, defaults: dict[str, int] | None = None) -> None:
        super().__init__('volume', DEFAULTS | (defaults or {}), _rows)

    def hold(self, tx: db.Tx, project_id: str, size: int, volumes: int = 1) -> None:
        """The project has so many more volumes of `size` GiB in all.  Raises OverQuota."""
        most = self.limits(tx, project_id)['per_volume_gigabytes']
        if 0 <= most < size and volumes:
            raise errors.OverQuota(
                f'Requested volume size {size}G is larger than maximum allowed limit {most}G.', status=413
            )
        try:
            self.take(tx, project_id, volumes=volumes, gigabytes=size)
        except errors.OverQuota as why:
            raise _refusal(why.facts) from why

    def release(self, tx: db.Tx, project_id: str, size: int, volumes: int = 1) -> None:
        """The project has so much less."""
        self.give_back(tx, project_id, volumes=volumes, gigabytes=size)


def _refusal(facts: dict[str, Any]) -> errors.OverQuota:
    limits, used, asked = facts['limits'], facts['used'], facts['asked']
    if 'gigabytes' in facts['overs']:
        sentence = (
            f'Requested volume or snapshot exceeds allowed gigabytes quota. Requested {asked["gigabytes"]}G, quota is '
            f'{limits["gigabytes"]}G and {used["gigabytes"]}G has been consumed.'
        )
    else:
        sentence = f"Maximum number of volumes allowed ({limits['volumes']}) exceeded for quota 'volumes'."
    return errors.OverQuota(sentence, status=413)


def _rows(tx: db.Tx, project_id: str | None) -> dict[str, dict[str, int]]:
    where = [Volume.project_id == project_id] if project_id is not None else []
    found: dict[str, dict[str, int]] = {}
    for row in tx.execute(sa.select(Volume.id, Volume.project_id, Volume.size, Volume.status).where(*where)):
        held = found.setdefault(row.project_id, {'volumes': 0, 'gigabytes': 0})
        held['volumes'] += 1
        held['gigabytes'] += row.size + (_growing(tx, row.id) if row.status == EXTENDING else 0)
    return found


def _growing(tx: db.Tx, volume_id: str) -> int:
    """The GiB that a volume holds already and does not have yet."""
    grown = [job.params['grown'] for job in jobs.history(tx, volume_id) if job.workflow == 'extend_volume']
    return int(grown[0]) if grown else 0


RECOUNT = quotas.Recount(VolumeQuotas(), ('volumes', 'gigabytes'), _rows)
