"""What a resize does besides its steps: servers that are off, hosts without room, deletes, and time that goes by."""

import pytest

from nimbus.compute import states
from nimbus.compute.servers import deletion
from nimbus.compute.servers.moves import moves, resizes
from nimbus.conductor.auto_confirm import AutoConfirm
from nimbus.conductor.workflows import WORKFLOWS
from tests.workflows import changes, harness, scenarios
from tests.workflows.cloud import Cloud

DECISIONS = {'confirm_resize': resizes.confirm, 'revert_resize': resizes.revert}


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=1)
    made.stay('h1')
    yield made
    made.close()


def move_of(cloud: Cloud, server: str):
    with cloud.db.read() as tx:
        return moves.of(tx, server)


@pytest.mark.parametrize('decide', [resizes.confirm, resizes.revert])
def test_a_server_that_is_off_stays_off(cloud, decide):
    server = scenarios.stopped_server(cloud)['server']
    cloud.ask(resizes.resize, server, cloud.flavor())
    cloud.settle()
    row = cloud.row(server)
    assert (row.vm_state, row.power_state) == (states.RESIZED, states.SHUTDOWN)
    cloud.ask(decide, server)
    cloud.settle()
    scenarios.rests(cloud, {}, server)
    cloud.check()


def test_a_host_without_room_for_both_leaves_the_server_as_it_is_and_says_so(cloud):
    server = cloud.server()
    held = cloud.held()
    cloud.ask(resizes.resize, server, cloud.flavor('huge', disk=5000))
    cloud.settle()
    scenarios.runs(cloud, {}, server)
    row = cloud.row(server)
    assert (row.flavor_id, row.task_state) == ('1', None) and 'No valid host was found' in row.fault['message']
    assert cloud.held() == held and move_of(cloud, server) is None
    cloud.check()


def test_a_resized_server_that_is_deleted_gives_back_both_sizes(cloud):
    server = changes.resized_server(cloud)['server']
    cloud.ask(deletion.delete, server)
    cloud.settle()
    held = cloud.held()
    assert not held['claims'] and set(held['used'].values()) == {(0, 0, 0)}
    cloud.check()


def test_a_server_that_is_deleted_while_it_is_resized_gives_back_both_sizes(cloud):
    server = cloud.server()
    cloud.ask(resizes.resize, server, cloud.flavor())
    cloud.runner.run_due()
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert not cloud.held()['claims'] and move_of(cloud, server) is None
    cloud.check()


def test_a_resized_server_that_waits_for_its_end_keeps_its_new_size(cloud):
    server = changes.resized_server(cloud)['server']
    cloud.ask(deletion.delete, server, later=True)
    cloud.settle()
    assert cloud.row(server).vm_state == states.SOFT_DELETED and move_of(cloud, server) is None
    cloud.check()
    cloud.ask(deletion.restore, server)
    cloud.settle()
    assert (cloud.row(server).vm_state, cloud.row(server).flavor_id) == (states.ACTIVE, '2')
    cloud.check()


@pytest.mark.parametrize(
    'workflow, decide, index',
    [(name, decide, index) for name, decide in DECISIONS.items() for index in range(len(WORKFLOWS[name].steps))],
)
def test_a_decision_that_a_delete_cuts_off_leaves_no_move_behind(cloud, workflow, decide, index):
    server = changes.resized_server(cloud)['server']

    def delete(do):
        def deleting(run):
            found = do(run)
            if cloud.row(server).task_state != states.SOFT_DELETING:
                cloud.ask(deletion.delete, server, later=True)
            return found

        return deleting

    cloud.workflows[workflow] = harness.variant(WORKFLOWS[workflow], index, delete)
    cloud.ask(decide, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.SOFT_DELETED and move_of(cloud, server) is None
    cloud.check()
    cloud.workflows[workflow] = WORKFLOWS[workflow]
    cloud.ask(deletion.restore, server)
    cloud.settle()
    cloud.check()
    cloud.ask(resizes.resize, server, cloud.flavor('3'))
    cloud.settle()
    assert cloud.row(server).vm_state == states.RESIZED
    cloud.check()


def test_a_resize_that_nobody_decides_about_is_confirmed_once_its_time_is_over(cloud):
    server = changes.resized_server(cloud)['server']
    auto = AutoConfirm(cloud.db, 60, cloud.clock)
    assert auto.confirm() == 0
    cloud.clock.advance(100)
    assert auto.confirm() == 1
    assert auto.confirm() == 0, 'it is being confirmed already'
    cloud.settle()
    changes.confirmed(cloud, {}, server)
    cloud.check()


def test_a_server_can_be_resized_again_and_again(cloud):
    server = changes.resized_server(cloud)['server']
    cloud.ask(resizes.confirm, server)
    cloud.settle()
    cloud.ask(resizes.resize, server, cloud.flavor('larger', vcpus=4, ram=2048, disk=4))
    cloud.settle()
    cloud.ask(resizes.revert, server)
    cloud.settle()
    row = cloud.row(server)
    guest = cloud.host(row.host).all()[server]
    assert (row.flavor_id, guest.vcpus, guest.disk_gb, guest.kept_gb) == ('2', 2, 2, 0)
    cloud.check()
