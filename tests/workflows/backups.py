"""What is asked of backups of volumes, and what then holds."""

from typing import Any

from nimbus.volume.backups import backups, records, restores
from nimbus.volume.backups.backups import Wanted
from nimbus.volume.volumes import volumes
from tests.conftest import MEMBER
from tests.workflows import volume_copies
from tests.workflows.cloud import Cloud
from tests.workflows.harness import Scenario
from tests.workflows.volume_copies import volume_and_snapshot, written_volume

IMPORTED = '22222222-2222-4222-8222-222222222222'


def row(cloud: Cloud, backup: str) -> Any:
    with cloud.db.read() as tx:
        return backups.show(tx, MEMBER, backup)


def make_backup(cloud: Cloud, volume: str) -> str:
    return cloud.ask(backups.create, Wanted(volume)).id


def made(cloud: Cloud, volume: str, backup: str) -> None:
    held = cloud.held()
    assert (held['backups'], held['volumes']) == ([(backup, 'available')], [(volume, 'available')])
    assert held['stored'] == [backup] and row(cloud, backup).object_count == 1
    assert ('volume', 'backups', 1) in held['quota'] and ('volume', 'backup_gigabytes', 2) in held['quota']


def not_made(cloud: Cloud, volume: str, backup: str, held: dict[str, Any]) -> None:
    found = row(cloud, backup)
    assert (found.status, bool(found.trouble), cloud.backups) == ('error', True, {})
    assert cloud.held()['volumes'] == [(volume, 'available')]
    cloud.ask(backups.delete, backup)
    cloud.settle()
    assert cloud.held() == held


def backup_snapshot(cloud: Cloud, given: dict[str, str]) -> str:
    return cloud.ask(backups.create, Wanted(given['volume'], snapshot_id=given['snapshot'])).id


def snapshot_backed_up(cloud: Cloud, given: dict[str, str], backup: str) -> None:
    held = cloud.held()
    assert held['snapshots'] == [(given['snapshot'], 'available')] and held['backups'] == [(backup, 'available')]
    assert held['volumes'] == [(given['volume'], 'available')]
    restored = cloud.ask(restores.restore, backup).id
    cloud.settle()
    assert cloud.disks[restored]['content'] == 'old'


def snapshot_not_backed_up(cloud: Cloud, given: dict[str, str], backup: str, held: dict[str, Any]) -> None:
    assert cloud.held()['snapshots'] == [(given['snapshot'], 'available')]
    not_made(cloud, given['volume'], backup, held)


def volume_and_backup(cloud: Cloud) -> dict[str, str]:
    """A volume, its backup, and what was written since."""
    volume = written_volume(cloud)
    backup = make_backup(cloud, volume)
    cloud.settle()
    cloud.disks[volume]['content'] = 'new'
    return {'volume': volume, 'backup': backup}


def add_to_it(cloud: Cloud, given: dict[str, str]) -> str:
    return cloud.ask(backups.create, Wanted(given['volume'], incremental=True)).id


def added(cloud: Cloud, given: dict[str, str], backup: str) -> None:
    found = row(cloud, backup)
    assert (found.status, found.parent_id) == ('available', given['backup'])
    assert row(cloud, given['backup']).dependents == 1


def not_added(cloud: Cloud, given: dict[str, str], backup: str, held: dict[str, Any]) -> None:
    assert row(cloud, backup).status == 'error' and list(cloud.backups) == [given['backup']]
    cloud.ask(backups.delete, backup)
    cloud.settle()
    assert cloud.held() == held


def remove(cloud: Cloud, given: dict[str, str]) -> str:
    cloud.ask(backups.delete, given['backup'])
    return given['backup']


def removed(cloud: Cloud, given: dict[str, str], backup: str) -> None:
    held = cloud.held()
    assert (held['backups'], held['stored'], held['volumes']) == ([], [], [(given['volume'], 'available')])
    assert not [entry for entry in held['quota'] if 'backup' in entry[1]]


def kept(cloud: Cloud, given: dict[str, str], backup: str, held: dict[str, Any]) -> None:
    found = row(cloud, backup)
    assert found.status == 'error_deleting' and found.trouble
    cloud.ask(backups.delete, backup, force=True)
    cloud.settle()
    removed(cloud, given, backup)


def put_back(cloud: Cloud, given: dict[str, str]) -> str:
    return cloud.ask(restores.restore, given['backup'], volume_id=given['volume']).id


def is_back(cloud: Cloud, given: dict[str, str], volume: str) -> None:
    held = cloud.held()
    assert (held['volumes'], held['backups']) == ([(volume, 'available')], [(given['backup'], 'available')])
    assert cloud.disks[volume]['content'] == 'old'


def is_not_back(cloud: Cloud, given: dict[str, str], volume: str, held: dict[str, Any]) -> None:
    found = cloud.volume_row(volume)
    assert (found.status, bool(found.trouble)) == ('error_restoring', True)
    assert cloud.held()['backups'] == held['backups'] and row(cloud, given['backup']).trouble
    assert cloud.disks[volume]['content'] in ('new', 'old')
    cloud.ask(volumes.delete, volume)
    cloud.settle()
    assert cloud.disks == {}


def put_elsewhere(cloud: Cloud, given: dict[str, str]) -> str:
    return cloud.ask(restores.restore, given['backup']).id


def is_elsewhere(cloud: Cloud, given: dict[str, str], volume: str) -> None:
    held = cloud.held()
    assert held['volumes'] == sorted([(given['volume'], 'available'), (volume, 'available')])
    assert held['backups'] == [(given['backup'], 'available')]
    assert (cloud.disks[volume]['content'], cloud.disks[volume]['size']) == ('old', 2)


def is_not_elsewhere(cloud: Cloud, given: dict[str, str], volume: str, held: dict[str, Any]) -> None:
    assert cloud.volume_row(volume).status == 'error' and list(cloud.disks) == [given['volume']]
    assert cloud.held()['backups'] == held['backups'] and row(cloud, given['backup']).trouble


def lost_backup(cloud: Cloud) -> dict[str, Any]:
    """A volume, and a backup of it that is known under another id than its record will say."""
    given = volume_and_backup(cloud)
    return given | {'record': records.export(row(cloud, given['backup']))}


def import_it(cloud: Cloud, given: dict[str, Any]) -> str:
    told = records._decoded(given['record']['backup_url'])
    url = records.export(_renamed(cloud, given['backup'], IMPORTED))['backup_url']
    assert told['service_metadata'] == given['backup']
    return cloud.ask(records.take_in, given['record']['backup_service'], url).id


def _renamed(cloud: Cloud, backup: str, id: str) -> Any:
    found = row(cloud, backup)
    found.id = id
    return found


def is_taken_in(cloud: Cloud, given: dict[str, Any], backup: str) -> None:
    found = row(cloud, backup)
    assert (found.status, found.place, found.object_count) == ('available', given['backup'], 1)
    cloud.ask(backups.delete, given['backup'])
    cloud.settle()
    assert list(cloud.backups) == [given['backup']], 'what another backup is kept in stays'
    restored = cloud.ask(restores.restore, backup).id
    cloud.settle()
    assert cloud.disks[restored]['content'] == 'old'


def is_not_taken_in(cloud: Cloud, given: dict[str, Any], backup: str, held: dict[str, Any]) -> None:
    assert row(cloud, backup).status == 'error' and row(cloud, backup).trouble
    cloud.ask(backups.delete, backup)
    cloud.settle()
    assert cloud.held() == held


SCENARIOS = [
    *volume_copies.SCENARIOS,
    Scenario('create_backup', written_volume, make_backup, made, not_made),
    Scenario('create_backup', volume_and_snapshot, backup_snapshot, snapshot_backed_up, snapshot_not_backed_up),
    Scenario('create_backup', volume_and_backup, add_to_it, added, not_added),
    Scenario('delete_backup', volume_and_backup, remove, removed, kept),
    Scenario('import_backup', lost_backup, import_it, is_taken_in, is_not_taken_in),
    Scenario('restore_backup', volume_and_backup, put_back, is_back, is_not_back),
    Scenario('create_volume', volume_and_backup, put_elsewhere, is_elsewhere, is_not_elsewhere),
]
