"""What shelving does besides its steps: servers that stand still, zones, hosts, and images that are gone."""

import pytest

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.compute import states
from nimbus.compute.hosts import aggregates
from nimbus.compute.servers import deletion, volume_attachments
from nimbus.compute.servers.images import shelving
from nimbus.conductor.shelved_offload import ShelvedOffload
from nimbus.image.images import images
from nimbus.image.quotas import ImageQuotas
from nimbus.volume.models import Volume
from tests.workflows import imaging, scenarios
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=2)
    yield made
    made.close()


def away(cloud, server=None, **wanted) -> str:
    """A server that is on no host."""
    server = server or cloud.server(**wanted)
    cloud.ask(shelving.shelve, server, ImageQuotas(), offload=True)
    cloud.settle()
    assert cloud.row(server).vm_state == states.OFFLOADED, cloud.row(server).fault
    cloud.check()
    return server


def bring(cloud, server, **place) -> str:
    cloud.ask(shelving.unshelve, server, shelving.Place(**place))
    cloud.settle()
    cloud.check()
    return cloud.row(server).host


@pytest.mark.parametrize(
    'arrange', [scenarios.stopped_server, scenarios.paused_server, scenarios.suspended_server, scenarios.plain_server]
)
def test_it_leaves_its_host_whatever_it_did_and_comes_back_running(cloud, arrange):
    server = away(cloud, arrange(cloud)['server'])
    assert bring(cloud, server)
    scenarios.runs(cloud, {}, server)


def test_a_server_that_boots_from_a_volume_leaves_without_an_image(cloud):
    volume = cloud.volume()
    root = {'source': 'volume', 'destination': 'volume', 'volume_id': volume, 'boot_index': 0}
    with cloud.db.write() as tx:
        tx.update(Volume, Volume.id == volume, bootable=True)
    server = cloud.server(image_id=None, devices=[{**root, 'delete_on_termination': False}])
    before = cloud.images()
    cloud.ask(shelving.shelve, server, ImageQuotas(), offload=False)
    cloud.settle()
    assert (cloud.row(server).vm_state, cloud.images()) == (states.OFFLOADED, before)
    assert cloud.volume_row(volume).status == 'reserved'
    assert bring(cloud, server)
    assert cloud.volume_row(volume).status == 'in-use'


def test_it_comes_back_on_the_host_that_is_named_and_nowhere_else(cloud):
    for host in ('h1', 'h2'):
        assert bring(cloud, away(cloud), host=host) == host


def test_a_host_that_is_not_there_is_refused(cloud):
    with pytest.raises(errors.Invalid, match='Compute host h9 could not be found'):
        bring(cloud, away(cloud), host='h9')


def zoned(cloud, host: str, name: str) -> None:
    with cloud.db.write() as tx:
        aggregates.add_host(tx, aggregates.create(tx, name, name).seq, host)


def test_it_comes_back_in_another_zone_and_belongs_to_it_from_then_on(cloud):
    zoned(cloud, 'h1', 'north')
    zoned(cloud, 'h2', 'south')
    server = away(cloud, zone='north')
    assert bring(cloud, server, zone='south') == 'h2'
    assert (cloud.row(server).pinned_zone, cloud.row(server).zone) == ('south', 'south')
    away(cloud, server)
    with pytest.raises(errors.Conflict, match='Host "h1" is not in the availability zone "south"'):
        bring(cloud, server, host='h1')
    assert bring(cloud, server, host='h1', unpinned=True) == 'h1'
    assert cloud.row(server).pinned_zone is None


def test_a_zone_that_is_not_there_is_refused_and_so_is_any_while_it_is_on_its_host(cloud):
    server = cloud.server()
    cloud.ask(shelving.shelve, server, ImageQuotas(), offload=False)
    cloud.settle()
    with pytest.raises(errors.Conflict, match='must be SHELVED_OFFLOADED'):
        bring(cloud, server, zone='nova')
    cloud.ask(shelving.begin_offload, server)
    cloud.settle()
    with pytest.raises(errors.Invalid, match='requested availability zone is not available'):
        bring(cloud, server, zone='nowhere')


def test_without_its_image_it_stays_away_and_its_user_is_told(cloud):
    server = away(cloud)
    image_id = cloud.row(server).shelved_image_id
    with cloud.db.write() as tx:
        images.delete(tx, imaging.image_of(cloud, image_id), ImageQuotas())
    with pytest.raises(errors.Conflict, match=f'image {image_id}, which it would come back from, is gone'):
        bring(cloud, server)
    assert cloud.row(server).task_state is None


def test_without_room_it_stays_away_says_so_and_can_be_asked_for_again(cloud):
    server, held = away(cloud), cloud.held()
    for host in ('h1', 'h2'):
        with cloud.db.write() as tx:
            services.change(tx, services.find(tx, host=host, binary='nova-compute')[0].id, disabled=True)
    bring(cloud, server)
    assert cloud.row(server).vm_state == states.OFFLOADED and 'No valid host' in cloud.row(server).fault['message']
    assert cloud.held() == held


@pytest.mark.parametrize('offload', [True, False])
def test_a_shelved_server_that_is_deleted_takes_its_image_with_it(cloud, offload):
    before = cloud.images()
    server = cloud.server()
    cloud.ask(shelving.shelve, server, ImageQuotas(), offload=offload)
    cloud.settle()
    assert len(cloud.images()) == len(before) + 1
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.images() == before and cloud.row(server).vm_state == states.DELETED
    cloud.check()


def test_it_leaves_its_host_once_its_time_there_is_over(cloud):
    server = cloud.server()
    cloud.ask(shelving.shelve, server, ImageQuotas(), offload=False)
    cloud.settle()
    rounds = ShelvedOffload(cloud.db, 60, cloud.clock)
    assert rounds.offload() == 0
    cloud.clock.advance(100)
    assert (rounds.offload(), rounds.offload()) == (1, 0)
    cloud.settle()
    assert cloud.row(server).vm_state == states.OFFLOADED
    cloud.check()


def test_volumes_come_and_go_while_it_is_on_no_host(cloud):
    kept, gone, late = (cloud.volume() for _ in range(3))
    server = cloud.server()
    for volume in (kept, gone):
        cloud.ask(volume_attachments.attach, server, volume)
        cloud.settle()
    away(cloud, server)
    cloud.ask(volume_attachments.detach, server, gone)
    cloud.ask(volume_attachments.attach, server, late)
    assert cloud.under_way() == []
    assert [cloud.volume_row(volume).status for volume in (kept, gone, late)] == ['reserved', 'available', 'in-use']
    with pytest.raises(errors.Invalid, match='status must be available'):
        cloud.ask(volume_attachments.attach, cloud.server(), late)
    assert bring(cloud, server)
    assert [cloud.volume_row(volume).status for volume in (kept, gone, late)] == ['in-use', 'available', 'in-use']
    held = cloud.held()['attachments']
    assert sorted(volume for volume, _, _ in held) == sorted([kept, late])
    cloud.ask(volume_attachments.detach, server, late)
    cloud.settle()
    assert cloud.volume_row(late).status == 'available'
    cloud.check()


def test_a_server_on_no_host_that_is_deleted_lets_go_of_what_it_was_given_there(cloud):
    server, volume = away(cloud), cloud.volume()
    cloud.ask(volume_attachments.attach, server, volume, delete_on_termination=False)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.volume_row(volume).status == 'available'
    cloud.check()
