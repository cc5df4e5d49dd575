"""What is asked of snapshots and copies of volumes, and what then holds."""

from typing import Any

import sqlalchemy as sa

from nimbus.compute.devices import block_devices
from nimbus.image.models import Image
from nimbus.image.quotas import ImageQuotas
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.volumes import snapshots, uploads, volumes
from tests.conftest import MEMBER
from tests.workflows import evacuations, scenarios
from tests.workflows.cloud import Cloud
from tests.workflows.harness import Scenario


def written_volume(cloud: Cloud) -> str:
    """A volume in which something stands."""
    volume = cloud.volume(2)
    cloud.disks[volume]['content'] = 'old'
    return volume


def make_snapshot(cloud: Cloud, volume: str) -> str:
    return cloud.ask(snapshots.create, volume).id


def snapshot_row(cloud: Cloud, snapshot: str) -> Any:
    with cloud.db.read() as tx:
        return snapshots.show(tx, MEMBER, snapshot)


def snapshot_made(cloud: Cloud, volume: str, snapshot: str) -> None:
    held = cloud.held()
    assert (held['snapshots'], held['volumes']) == ([(snapshot, 'available')], [(volume, 'available')])
    assert cloud.kept[snapshot] == {'size': 2, 'format': None, 'content': 'old'}
    assert ('volume', 'gigabytes', 4) in held['quota'] and ('volume', 'snapshots', 1) in held['quota']
    assert snapshot_row(cloud, snapshot).progress == '100%'


def snapshot_failed(cloud: Cloud, volume: str, snapshot: str, held: dict[str, Any]) -> None:
    row = snapshot_row(cloud, snapshot)
    assert (row.status, bool(row.trouble), cloud.kept) == ('error', True, {})
    assert cloud.held()['volumes'] == [(volume, 'available')]
    cloud.ask(snapshots.delete, snapshot)
    cloud.settle()
    assert cloud.held() == held


def volume_and_snapshot(cloud: Cloud) -> dict[str, str]:
    """A volume, its snapshot, and what was written since."""
    volume = written_volume(cloud)
    snapshot = make_snapshot(cloud, volume)
    cloud.settle()
    cloud.disks[volume]['content'] = 'new'
    return {'volume': volume, 'snapshot': snapshot}


def remove_snapshot(cloud: Cloud, given: dict[str, str]) -> str:
    cloud.ask(snapshots.delete, given['snapshot'])
    return given['snapshot']


def snapshot_removed(cloud: Cloud, given: dict[str, str], snapshot: str) -> None:
    held = cloud.held()
    assert (held['snapshots'], held['kept'], held['volumes']) == ([], [], [(given['volume'], 'available')])
    assert [row for row in held['quota'] if row[0] == 'volume'] == [
        ('volume', 'gigabytes', 2),
        ('volume', 'volumes', 1),
    ]


def snapshot_kept(cloud: Cloud, given: dict[str, str], snapshot: str, held: dict[str, Any]) -> None:
    row = snapshot_row(cloud, snapshot)
    assert row.status == 'error_deleting' and row.trouble
    cloud.ask(snapshots.delete, snapshot, force=True)
    cloud.settle()
    snapshot_removed(cloud, given, snapshot)


def revert(cloud: Cloud, given: dict[str, str]) -> str:
    with cloud.db.write() as tx:
        snapshots.revert(tx, MEMBER, volumes.show(tx, MEMBER, given['volume']), given['snapshot'])
    return given['volume']


def reverted(cloud: Cloud, given: dict[str, str], volume: str) -> None:
    held = cloud.held()
    assert held['volumes'] == [(volume, 'available')] and held['snapshots'] == [(given['snapshot'], 'available')]
    assert cloud.disks[volume]['content'] == 'old'


def not_reverted(cloud: Cloud, given: dict[str, str], volume: str, held: dict[str, Any]) -> None:
    row = cloud.volume_row(volume)
    assert (row.status, bool(row.trouble)) == ('error', True)
    assert cloud.held()['snapshots'] == held['snapshots'] and cloud.disks[volume]['content'] in ('new', 'old')


def copy_volume(cloud: Cloud, volume: str) -> str:
    with cloud.db.write() as tx:
        return volumes.create(tx, MEMBER, size=3, source=volumes.source(tx, MEMBER, volume)).id


def copied(cloud: Cloud, volume: str, made: str) -> None:
    assert cloud.held()['volumes'] == sorted([(volume, 'available'), (made, 'available')])
    assert (cloud.disks[made]['content'], cloud.disks[made]['size']) == ('old', 3)


def not_copied(cloud: Cloud, volume: str, made: str, held: dict[str, Any]) -> None:
    assert cloud.volume_row(made).status == 'error' and cloud.volume_row(made).trouble
    assert list(cloud.disks) == [volume]


def copy_snapshot(cloud: Cloud, given: dict[str, str]) -> str:
    with cloud.db.write() as tx:
        return volumes.create(tx, MEMBER, size=2, source=snapshots.source(tx, MEMBER, given['snapshot'])).id


def snapshot_copied(cloud: Cloud, given: dict[str, str], made: str) -> None:
    copied_volumes = [(given['volume'], 'available'), (made, 'available')]
    assert cloud.held()['volumes'] == sorted(copied_volumes)
    assert (cloud.disks[made]['content'], cloud.disks[made]['size']) == ('old', 2)


def snapshot_not_copied(cloud: Cloud, given: dict[str, str], made: str, held: dict[str, Any]) -> None:
    not_copied(cloud, given['volume'], made, held)


def remove_with_snapshots(cloud: Cloud, given: dict[str, str]) -> str:
    with cloud.db.write() as tx:
        snapshots.delete_all(tx, MEMBER, given['volume'])
        volumes.delete(tx, MEMBER, given['volume'])
    return given['volume']


def all_removed(cloud: Cloud, given: dict[str, str], volume: str) -> None:
    held = cloud.held()
    assert (held['volumes'], held['snapshots'], cloud.disks, cloud.kept) == ([], [], {}, {})
    assert not [row for row in held['quota'] if row[0] == 'volume']


def volume_kept(cloud: Cloud, given: dict[str, str], volume: str, held: dict[str, Any]) -> None:
    assert cloud.volume_row(volume).status == 'error_deleting' and cloud.kept == {}
    cloud.ask(volumes.delete, volume, force=True)
    cloud.settle()
    all_removed(cloud, given, volume)


def used_volume(cloud: Cloud) -> dict[str, Any]:
    """A server whose guest has a volume open, in which something stands."""
    given = scenarios.server_with_volume(cloud)
    cloud.disks[given['volume']]['content'] = 'old'
    return given


def make_snapshot_of_used(cloud: Cloud, given: dict[str, Any]) -> str:
    return cloud.ask(snapshots.create, given['volume'], in_use=True).id


def snapshot_of_used_made(cloud: Cloud, given: dict[str, Any], snapshot: str) -> None:
    held = cloud.held()
    assert (held['snapshots'], held['volumes']) == ([(snapshot, 'available')], [(given['volume'], 'in-use')])
    assert cloud.kept[snapshot]['content'] == 'old' and cloud.volume_row(given['volume']).copied_for is None
    scenarios.runs(cloud, given, given['server'])


def snapshot_of_used_failed(cloud: Cloud, given: dict[str, Any], snapshot: str, held: dict[str, Any]) -> None:
    row = snapshot_row(cloud, snapshot)
    assert (row.status, bool(row.trouble), cloud.kept) == ('error', True, {})
    assert cloud.volume_row(given['volume']).copied_for is None
    scenarios.runs(cloud, given, given['server'])
    cloud.ask(snapshots.delete, snapshot)
    cloud.settle()
    assert cloud.held() == held


def copy_used(cloud: Cloud, given: dict[str, Any]) -> str:
    return copy_volume(cloud, given['volume'])


def used_copied(cloud: Cloud, given: dict[str, Any], made: str) -> None:
    assert cloud.held()['volumes'] == sorted([(given['volume'], 'in-use'), (made, 'available')])
    assert (cloud.disks[made]['content'], cloud.disks[made]['size']) == ('old', 3)
    scenarios.runs(cloud, given, given['server'])


def used_not_copied(cloud: Cloud, given: dict[str, Any], made: str, held: dict[str, Any]) -> None:
    not_copied(cloud, given['volume'], made, held)
    assert cloud.volume_row(given['volume']).copied_for is None
    scenarios.runs(cloud, given, given['server'])


def grow_used(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(volumes.extend, given['volume'], 5, VolumeQuotas(), attached=True)
    return given['volume']


def used_grown(cloud: Cloud, given: dict[str, Any], volume: str) -> None:
    row = cloud.volume_row(volume)
    assert (row.size, row.status, cloud.disks[volume]['size']) == (5, 'in-use', 5)
    assert ('volume', 'gigabytes', 5) in cloud.held()['quota']
    with cloud.db.read() as tx:
        assert block_devices.volume(tx, given['server'], volume).size == 5
    scenarios.runs(cloud, given, given['server'])


def used_not_grown(cloud: Cloud, given: dict[str, Any], volume: str, held: dict[str, Any]) -> None:
    row = cloud.volume_row(volume)
    if row.size == 5:
        used_grown(cloud, given, volume)
    else:
        assert (row.status, bool(row.trouble)) == ('in-use', True) and cloud.held()['quota'] == held['quota']
        scenarios.runs(cloud, given, given['server'])


def upload(cloud: Cloud, volume: str) -> str:
    wanted = uploads.Wanted('copy', 'qcow2', 'bare', 'private', False, ImageQuotas())
    with cloud.db.write() as tx:
        uploads.upload(tx, MEMBER, volume, wanted)
    return volume


def images_of(cloud: Cloud) -> list[tuple[str, str]]:
    with cloud.db.read() as tx:
        query = sa.select(Image.status, Image.disk_format).where(Image.name == 'copy', Image.deleted_at.is_(None))
        return [tuple(row) for row in tx.rows(query)]


def uploaded(cloud: Cloud, given: str, volume: str) -> None:
    assert (images_of(cloud), cloud.held()['volumes']) == ([('active', 'qcow2')], [(volume, 'available')])


def not_uploaded(cloud: Cloud, given: str, volume: str, held: dict[str, Any]) -> None:
    row = cloud.volume_row(volume)
    assert (images_of(cloud), row.status, bool(row.trouble)) == ([], 'available', True)
    assert cloud.held() == held


SCENARIOS = [
    *evacuations.SCENARIOS,
    Scenario('create_snapshot', written_volume, make_snapshot, snapshot_made, snapshot_failed),
    Scenario('delete_snapshot', volume_and_snapshot, remove_snapshot, snapshot_removed, snapshot_kept),
    Scenario('revert_volume', volume_and_snapshot, revert, reverted, not_reverted),
    Scenario('create_volume', written_volume, copy_volume, copied, not_copied),
    Scenario('create_volume', volume_and_snapshot, copy_snapshot, snapshot_copied, snapshot_not_copied),
    Scenario('create_snapshot', used_volume, make_snapshot_of_used, snapshot_of_used_made, snapshot_of_used_failed),
    Scenario('create_volume', used_volume, copy_used, used_copied, used_not_copied),
    Scenario('extend_volume', used_volume, grow_used, used_grown, used_not_grown),
    Scenario('upload_volume', written_volume, upload, uploaded, not_uploaded),
    Scenario('delete_volume', volume_and_snapshot, remove_with_snapshots, all_removed, volume_kept),
]
