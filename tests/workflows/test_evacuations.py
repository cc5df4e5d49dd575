"""What becomes of servers whose host is down, and of what they left there when it comes back."""

import pytest

from nimbus.common import errors
from nimbus.compute import states
from nimbus.compute.agent.driver import Refused
from nimbus.compute.servers import deletion
from nimbus.compute.servers.moves import evacuations, moves
from nimbus.conductor.workflows import WORKFLOWS
from tests.workflows import harness, scenarios
from tests.workflows.cloud import Cloud
from tests.workflows.evacuations import evacuate, force_down, last_move, wanted


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def lost(cloud: Cloud, *, shared: bool = False) -> dict:
    """A server whose host has no agent any more, which is kept as `agent`."""
    server = cloud.server()
    source = cloud.row(server).host
    if shared:
        cloud.host('h1').share(cloud.host('h2'))
    force_down(cloud, source)
    return {'server': server, 'source': source, 'agent': cloud.agents.pop(source)}


def come_back(cloud: Cloud, given: dict) -> None:
    """The host of the server is up again, and its agent has compared what should be with what is."""
    force_down(cloud, given['source'], False)
    cloud.agents[given['source']] = given['agent']
    given['agent'].healer.heal(starting=True)


def other(given: dict) -> str:
    return {'h1': 'h2', 'h2': 'h1'}[given['source']]


def gone(cloud: Cloud, given: dict, **more) -> str:
    """The server was evacuated, and its old host does not know it yet."""
    cloud.ask(evacuations.evacuate, given['server'], wanted(**more))
    cloud.settle()
    assert cloud.row(given['server']).host == other(given), cloud.row(given['server']).fault
    return given['server']


def test_a_host_that_is_up_is_not_left(cloud):
    server = cloud.server()
    host = cloud.row(server).host
    with pytest.raises(errors.Invalid, match=f'^Compute service of {host} is still in use.$'):
        cloud.ask(evacuations.evacuate, server, wanted())
    assert cloud.row(server).task_state is None and not cloud.under_way()


def test_a_host_that_is_silent_is_down(cloud):
    given = lost(cloud)
    force_down(cloud, given['source'], False)
    with pytest.raises(errors.Invalid):
        cloud.ask(evacuations.evacuate, given['server'], wanted())
    cloud.ask(evacuations.evacuate, given['server'], evacuations.Wanted(down_time=-1))


def test_it_may_be_off_afterwards(cloud):
    given = lost(cloud)
    server = gone(cloud, given, stopped=True)
    scenarios.rests(cloud, given, server)
    assert cloud.host(other(given)).all()[server].state == 'shutdown'


def test_the_host_that_comes_back_starts_nothing_and_keeps_the_disks_aside(cloud):
    given = lost(cloud)
    server = gone(cloud, given)
    assert last_move(cloud, server).status == moves.DONE
    given['agent'].healer.resume = True
    cloud.host(given['source']).crash(server)
    come_back(cloud, given)
    old = cloud.host(given['source'])
    assert server not in old.all() and old.calls['start'] == 0 and old.aside == {server}
    assert last_move(cloud, server).status == moves.COMPLETED
    scenarios.runs(cloud, given, server)
    cloud.check()


def test_a_disk_on_shared_storage_is_kept_by_both(cloud):
    given = lost(cloud, shared=True)
    server = gone(cloud, given)
    assert last_move(cloud, server).disk_kept
    come_back(cloud, given)
    old, new = cloud.host(given['source']), cloud.host(other(given))
    assert server not in old.all() and not old.aside
    assert new.storage[server] == [old.name, new.name]
    cloud.check()


@pytest.mark.parametrize('shared', [True, False])
def test_what_an_operator_says_of_the_storage_must_be_true(cloud, shared):
    given = lost(cloud, shared=not shared)
    cloud.ask(evacuations.evacuate, given['server'], wanted(shared=shared))
    cloud.settle()
    row = cloud.row(given['server'])
    assert (row.vm_state, row.host) == (states.ACTIVE, given['source'])
    assert row.fault['message'].startswith('Invalid state of instance files on shared storage')
    assert last_move(cloud, given['server']).status == moves.FAILED
    come_back(cloud, given)
    cloud.check()


def test_a_host_that_comes_back_before_the_end_keeps_its_server(cloud):
    given = lost(cloud)
    index = [step.name for step in WORKFLOWS['evacuate_server'].steps].index('move_volumes')

    def back(do):
        def wrapped(run):
            force_down(cloud, given['source'], False)
            return do(run)

        return wrapped

    cloud.workflows['evacuate_server'] = harness.variant(WORKFLOWS['evacuate_server'], index, back)
    evacuate(cloud, given)
    cloud.settle()
    row = cloud.row(given['server'])
    assert (row.host, row.fault['message']) == (
        given['source'],
        "The server's host is up again, so that its guest may run there.",
    )
    come_back(cloud, given)
    scenarios.runs(cloud, given, given['server'])
    cloud.check()


def test_without_another_host_it_stays_and_says_why(cloud):
    given = lost(cloud)
    force_down(cloud, other(given))
    evacuate(cloud, given)
    cloud.settle()
    row = cloud.row(given['server'])
    assert (row.vm_state, row.host) == (states.ACTIVE, given['source'])
    assert row.fault['message'].startswith('No valid host was found.')
    come_back(cloud, given)
    cloud.check()


def test_a_host_that_refuses_it_is_passed_over(cloud):
    cloud.add_host('h3')
    given = lost(cloud)
    refusing = next(name for name in cloud.agents if name != 'h3')
    cloud.host('h3').fail('take_over', Refused('No room.'))
    cloud.host(refusing).fail('take_over', Refused('No room.'))
    evacuate(cloud, given)
    cloud.settle()
    assert cloud.row(given['server']).host == given['source']
    evacuate(cloud, given)
    cloud.settle()
    assert cloud.row(given['server']).host in cloud.agents
    come_back(cloud, given)
    cloud.check()


@pytest.mark.parametrize('forced', [True, False])
def test_it_does_not_go_back_to_a_host_that_may_still_run_it(cloud, forced):
    given = lost(cloud)
    server = gone(cloud, given)
    force_down(cloud, given['source'], False)
    force_down(cloud, other(given))
    cloud.ask(evacuations.evacuate, server, wanted(host=given['source'], forced=forced))
    cloud.settle()
    row = cloud.row(server)
    assert row.host == other(given) and row.fault['message'].startswith('No valid host was found.')
    come_back(cloud, given)
    assert server not in cloud.host(given['source']).all()
    force_down(cloud, other(given))
    cloud.ask(evacuations.evacuate, server, wanted(host=given['source'], forced=forced))
    cloud.settle()
    assert cloud.row(server).host == given['source']
    cloud.check()


def test_a_new_host_that_is_lost_on_the_way_back_does_not_take_a_shared_disk_along(cloud):
    given = lost(cloud, shared=True)
    target = cloud.agents[other(given)]

    def die(do):
        def wrapped(run):
            do(run)
            cloud.agents.pop(other(given))
            force_down(cloud, other(given))
            raise RuntimeError('injected')

        return wrapped

    index = len(WORKFLOWS['evacuate_server'].steps) - 1
    cloud.workflows['evacuate_server'] = harness.variant(WORKFLOWS['evacuate_server'], index, die)
    evacuate(cloud, given)
    cloud.settle(most=200)
    assert cloud.row(given['server']).host == given['source']
    come_back(cloud, given)
    force_down(cloud, other(given), False)
    cloud.agents[other(given)] = target
    target.healer.heal()
    new = cloud.host(other(given))
    assert given['server'] not in new.all() and given['server'] in new.storage
    scenarios.runs(cloud, given, given['server'])
    cloud.check()


@pytest.mark.parametrize('shared', [True, False])
def test_a_server_that_is_deleted_meanwhile_leaves_nothing_anywhere(cloud, shared):
    given = lost(cloud, shared=shared)
    server = gone(cloud, given)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    come_back(cloud, given)
    cloud.settle()
    assert not any(cloud.held()['guests'].values()) and not cloud.held()['claims']
    cloud.check()


def test_a_delete_in_the_middle_undoes_it_first(cloud):
    given = lost(cloud)
    evacuate(cloud, given)
    cloud.runner.run_due()
    cloud.ask(deletion.delete, given['server'])
    cloud.settle()
    assert cloud.row(given['server']).vm_state == states.DELETED
    come_back(cloud, given)
    assert not any(cloud.held()['guests'].values()) and not cloud.held()['claims']
    cloud.check()
