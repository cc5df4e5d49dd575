"""Quotas of the volume service, with Cinder's error messages."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, jobs, quotas
from nimbus.common.database import db
from nimbus.volume.models import Backup, Snapshot, Volume
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
NONE = {'volumes': 0, 'snapshots': 0, 'gigabytes': 0, 'backups': 0, 'backup_gigabytes': 0}


class VolumeQuotas(quotas.Quotas):
    """Quotas whose refusal is a 413, as volume clients know it."""

    def __init__(self, defaults: dict[str, int] | None = None) -> None:
        super().__init__('volume', DEFAULTS | (defaults or {}), _rows)

    def hold(self, tx: db.Tx, project_id: str, size: int) -> None:
        """The project has one more volume, of `size` GiB.  Raises OverQuota."""
        self._check_largest(tx, project_id, size)
        self._take(tx, project_id, volumes=1, gigabytes=size)

    def hold_growth(self, tx: db.Tx, project_id: str, size: int, growth: int) -> None:
        """A volume of the project has `size` GiB now, `growth` of them new.  Raises OverQuota."""
        self._check_largest(tx, project_id, size)
        self._take(tx, project_id, gigabytes=growth)

    def _check_largest(self, tx: db.Tx, project_id: str, size: int) -> None:
        most = self.limits(tx, project_id)['per_volume_gigabytes']
        if 0 <= most < size:
            raise errors.OverQuota(
                f'Requested volume size {size}G is larger than maximum allowed limit {most}G.', status=413
            )

    def hold_snapshot(self, tx: db.Tx, project_id: str, size: int, snapshots: int = 1) -> None:
        """The project has so many more snapshots, of `size` GiB in all.  Raises OverQuota."""
        self._take(tx, project_id, snapshots=snapshots, gigabytes=size)

    def hold_backup(self, tx: db.Tx, project_id: str, size: int) -> None:
        """The project has one more backup, of `size` GiB.  Raises OverQuota."""
        self._take(tx, project_id, backups=1, backup_gigabytes=size)

    def _take(self, tx: db.Tx, project_id: str, **amounts: int) -> None:
        try:
            self.take(tx, project_id, **amounts)
        except errors.OverQuota as why:
            raise _refusal(why.facts) from why

    def release(self, tx: db.Tx, project_id: str, size: int, volumes: int = 1) -> None:
        """The project has so much less."""
        self.give_back(tx, project_id, volumes=volumes, gigabytes=size)

    def release_snapshot(self, tx: db.Tx, project_id: str, size: int, snapshots: int = 1) -> None:
        """The project has so many snapshots less."""
        self.give_back(tx, project_id, snapshots=snapshots, gigabytes=size)

    def release_backup(self, tx: db.Tx, project_id: str, size: int) -> None:
        """The project has one backup less."""
        self.give_back(tx, project_id, backups=1, backup_gigabytes=size)


def _refusal(facts: dict[str, Any]) -> errors.OverQuota:
    limits, used, asked = facts['limits'], facts['used'], facts['asked']
    if 'gigabytes' in facts['overs']:
        sentence = (
            f'Requested volume or snapshot exceeds allowed gigabytes quota. Requested {asked["gigabytes"]}G, quota is '
            f'{limits["gigabytes"]}G and {used["gigabytes"]}G has been consumed.'
        )
    elif 'backup_gigabytes' in facts['overs']:
        sentence = (
            f'Requested backup exceeds allowed Backup gigabytes quota. Requested {asked["backup_gigabytes"]}G, quota '
            f'is {limits["backup_gigabytes"]}G and {used["backup_gigabytes"]}G has been consumed.'
        )
    elif 'backups' in facts['overs']:
        sentence = f'Maximum number of backups allowed ({limits["backups"]}) exceeded'
    elif 'snapshots' in facts['overs']:
        sentence = f'Maximum number of snapshots allowed ({limits["snapshots"]}) exceeded'
    else:
        sentence = f"Maximum number of volumes allowed ({limits['volumes']}) exceeded for quota 'volumes'."
    return errors.OverQuota(sentence, status=413)


def _rows(tx: db.Tx, project_id: str | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    columns = Volume.id, Volume.project_id, Volume.size, Volume.status
    for row in tx.execute(sa.select(*columns).where(*_of(Volume, project_id))):
        held = found.setdefault(row.project_id, dict(NONE))
        held['volumes'] += 1
        held['gigabytes'] += row.size + (_growing(tx, row.id) if row.status == EXTENDING else 0)
    for row in tx.execute(sa.select(Snapshot.project_id, Snapshot.size).where(*_of(Snapshot, project_id))):
        held = found.setdefault(row.project_id, dict(NONE))
        held['snapshots'] += 1
        held['gigabytes'] += row.size
    for row in tx.execute(sa.select(Backup.project_id, Backup.size).where(*_of(Backup, project_id))):
        held = found.setdefault(row.project_id, dict(NONE))
        held['backups'] += 1
        held['backup_gigabytes'] += row.size
    return found


def _of(model: Any, project_id: str | None) -> list[Any]:
    return [model.project_id == project_id] if project_id is not None else []


def _growing(tx: db.Tx, volume_id: str) -> int:
    """The GiB that a volume holds already and does not have yet."""
    grown = [job.params['grown'] for job in jobs.history(tx, volume_id) if job.workflow == 'extend_volume']
    return int(grown[0]) if grown else 0


RECOUNT = quotas.Recount(VolumeQuotas(), tuple(NONE), _rows)
