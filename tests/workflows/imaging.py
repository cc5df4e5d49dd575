"""Uses of the workflows that make images of servers."""

from typing import Any

from nimbus.compute import states
from nimbus.compute.hosts import aggregates
from nimbus.compute.servers.images import backups, caching, shelving, snapshots
from nimbus.image.images import images
from nimbus.image.quotas import ImageQuotas
from tests.conftest import ADMIN, MEMBER
from tests.workflows import changes, scenarios
from tests.workflows.cloud import IMAGE, Cloud
from tests.workflows.harness import Scenario
from tests.workflows.scenarios import as_it_was, guest_of, plain_server, runs


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


def shelve(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(shelving.shelve, given['server'], ImageQuotas(), offload=False)
    return given['server']


def shelved(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It is off on its host, and its image is whole."""
    row = cloud.row(server)
    assert (row.vm_state, row.power_state) == (states.SHELVED, states.SHUTDOWN)
    assert guest_of(cloud, server).state == 'shutdown'
    assert (image_of(cloud, row.shelved_image_id).name, row.shelved_at is None) == ('s-shelved', False)


def shelved_server(cloud: Cloud) -> dict[str, Any]:
    """A server with ports and volumes that is shelved on its host."""
    given = scenarios.rich_server(cloud)
    shelve(cloud, given)
    cloud.settle()
    return given


def offload(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(shelving.begin_offload, given['server'])
    return given['server']


def offloaded(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """Nothing of it is on any host; its ports and volumes are kept for it."""
    row, held = cloud.row(server), cloud.held()
    assert (row.vm_state, row.host, row.node) == (states.OFFLOADED, None, None)
    assert not held['claims'] and not any(held['guests'].values()) and not any(held['disks'].values())
    assert [port[1:] for port in held['ports']] == [(server, '')] * 2
    assert {status for _, status in held['volumes']} == {'reserved'} and len(held['attachments']) == 2


def offloadable_again(cloud: Cloud, given: dict[str, Any], server: str, _held: dict[str, Any]) -> None:
    """It says why it is still on its host, and the next time it leaves."""
    assert cloud.row(server).vm_state == states.SHELVED and cloud.row(server).fault['message']
    offload(cloud, given)
    cloud.settle()
    offloaded(cloud, given, server)


def offloaded_server(cloud: Cloud) -> dict[str, Any]:
    given = shelved_server(cloud)
    offload(cloud, given)
    cloud.settle()
    return given


def unshelve(cloud: Cloud, given: dict[str, Any]) -> str:
    given['image'] = cloud.row(given['server']).shelved_image_id
    cloud.ask(shelving.unshelve, given['server'], shelving.Place())
    return given['server']


def back(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs with all that it had, and the image that it was put away as is gone."""
    scenarios.booted(cloud, given, server)
    row = cloud.row(server)
    assert (row.shelved_image_id, row.shelved_at) == (None, None)
    assert given['image'] not in [image_id for image_id, _ in cloud.images()]


def cache(cloud: Cloud, given: Any) -> str:
    with cloud.db.write() as tx:
        number = aggregates.create(tx, 'rack', None).seq
        aggregates.add_host(tx, number, 'h1')
        caching.fetch(tx, ADMIN, number, [IMAGE])
    return IMAGE


def nothing_else(cloud: Cloud, given: Any, image: str, held: Any = None) -> None:
    assert cloud.under_way() == [] and held in (None, cloud.held())


SCENARIOS = [
    *changes.SCENARIOS,
    Scenario('snapshot_server', plain_server, snapshot, pictured, as_it_was(runs)),
    Scenario('backup_server', backed_up_server, backup, rotated, as_it_was(runs)),
    Scenario('shelve_server', plain_server, shelve, shelved, as_it_was(runs)),
    Scenario('offload_server', shelved_server, offload, offloaded, offloadable_again),
    Scenario('unshelve_server', shelved_server, unshelve, back, as_it_was(shelved)),
    Scenario('bring_back_server', offloaded_server, unshelve, back, as_it_was(offloaded)),
    Scenario('cache_image', lambda cloud: None, cache, nothing_else, nothing_else),
]
