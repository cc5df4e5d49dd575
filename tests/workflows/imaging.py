"""Uses of the workflows that make images of servers."""

from typing import Any

from nimbus.compute.servers.images import backups, snapshots
from nimbus.image.images import images
from nimbus.image.quotas import ImageQuotas
from tests.conftest import MEMBER
from tests.workflows import changes
from tests.workflows.cloud import Cloud
from tests.workflows.harness import Scenario
from tests.workflows.scenarios import as_it_was, plain_server, runs


def wanted(name: str = 'copy', **properties: str) -> snapshots.Wanted:
    return snapshots.Wanted(name, ImageQuotas(), properties)


def image_of(cloud: Cloud, image_id: str) -> Any:
    with cloud.db.read() as tx:
        return images.show(tx, MEMBER, image_id)


def snapshot(cloud: Cloud, given: dict[str, Any]) -> str:
    given['image'] = cloud.ask(snapshots.snapshot, given['server'], wanted(role='web'))
    return given['server']


def pictured(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs on, and its image says whose it is."""
    runs(cloud, given, server)
    image = image_of(cloud, given['image'])
    assert (image.status, image.visibility, image.min_disk) == ('active', 'private', 1)
    assert image.properties['instance_uuid'] == server and image.properties['role'] == 'web'


def backed_up_server(cloud: Cloud) -> dict[str, Any]:
    """A server with two daily backups, which differ in age."""
    given = plain_server(cloud)
    given['old'] = []
    for _ in range(2):
        given['old'].append(cloud.ask(backups.backup, given['server'], wanted(), 'daily', 9))
        cloud.settle()
    return given


def backup(cloud: Cloud, given: dict[str, Any]) -> str:
    given['image'] = cloud.ask(backups.backup, given['server'], wanted(), 'daily', 2)
    return given['server']


def rotated(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    runs(cloud, given, server)
    left = [image_id for image_id, _ in cloud.images()][1:]
    assert left == [given['old'][1], given['image']]


SCENARIOS = [
    *changes.SCENARIOS,
    Scenario('snapshot_server', plain_server, snapshot, pictured, as_it_was(runs)),
    Scenario('backup_server', backed_up_server, backup, rotated, as_it_was(runs)),
]
