"""A host that is emptied: what goes, how, and what is told of the servers that stay."""

import pytest

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.compute import states
from nimbus.compute.agent.driver import Refused
from nimbus.compute.servers import power, suspension
from nimbus.compute.servers.images import shelving
from nimbus.compute.servers.moves import live, moves, resizes
from nimbus.compute.servers.moves.draining import Draining
from nimbus.image.quotas import ImageQuotas
from tests.workflows import scenarios
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=3)
    yield made
    made.close()


def server_on(cloud: Cloud, host: str) -> str:
    """A server that is ACTIVE on the host."""
    return cloud.server(forced_host=host)


def drained(cloud: Cloud, draining: Draining, most: int = 30):
    """The last look, with everything that was asked for done between looks."""
    for _ in range(most):
        seen = draining.look()
        if seen.is_over:
            return seen
        cloud.settle()
    raise AssertionError(f'still going: {seen.going}')


def host_of(cloud: Cloud, server: str) -> str:
    return cloud.row(server).host


def test_no_new_server_comes_to_it(cloud):
    draining = Draining(cloud.db, 'h1')
    draining.close('new memory')
    draining.close('another reason')
    with cloud.db.read() as tx:
        row = services.find(tx, host='h1', binary='nova-compute')[0]
    assert (row.disabled, row.disabled_reason) == (True, 'new memory')
    assert {host_of(cloud, cloud.server()) for _ in range(4)} == {'h2', 'h3'}
    with pytest.raises(errors.NotFound, match='Compute host h9'):
        Draining(cloud.db, 'h9').close('x')


def test_servers_that_are_off_go_for_good_and_nobody_has_to_confirm(cloud):
    servers = [server_on(cloud, 'h1') for _ in range(3)]
    for server in servers:
        cloud.ask(power.stop, server)
    cloud.settle()
    draining = Draining(cloud.db, 'h1', at_once=2)
    draining.close('x')
    assert len(draining.look().going) == 3
    with cloud.db.read() as tx:
        assert len([server for server in servers if moves.of(tx, server)]) == 2
    seen = drained(cloud, draining)
    assert not seen.left and not cloud.held()['guests']['h1']
    for server in servers:
        assert host_of(cloud, server) != 'h1'
        scenarios.rests(cloud, {}, server)
    cloud.check()


def test_servers_that_run_or_stand_still_go_as_they_are(cloud):
    runs, stands = server_on(cloud, 'h1'), server_on(cloud, 'h1')
    cloud.ask(suspension.pause, stands)
    cloud.settle()
    assert drained(cloud, Draining(cloud.db, 'h1')).left == {}
    assert 'h1' not in (host_of(cloud, runs), host_of(cloud, stands))
    scenarios.runs(cloud, {}, runs)
    scenarios.stands(cloud, {}, stands)
    cloud.check()


def test_a_server_that_cannot_go_while_it_runs_stays_unless_it_may_be_shut_down(cloud, monkeypatch):
    def refuse(tx, asker, server_id, how):
        raise errors.Conflict('Its processor is another one there.')

    monkeypatch.setattr(live, 'migrate', refuse)
    server = server_on(cloud, 'h1')
    draining = Draining(cloud.db, 'h1')
    draining.close('x')
    assert drained(cloud, draining).left == {server: 'Its processor is another one there.'}
    assert drained(cloud, Draining(cloud.db, 'h1', shut_down=True)).left == {}
    assert host_of(cloud, server) != 'h1'
    scenarios.runs(cloud, {}, server)
    cloud.check()


def test_a_shelved_server_leaves_with_its_image_alone(cloud):
    server = server_on(cloud, 'h1')
    cloud.ask(shelving.shelve, server, ImageQuotas(), offload=False)
    cloud.settle()
    assert drained(cloud, Draining(cloud.db, 'h1')).left == {}
    assert cloud.row(server).vm_state == states.OFFLOADED
    cloud.check()


def test_what_cannot_go_is_told_with_the_reason_and_may_go_the_next_time(cloud):
    refused, asleep = server_on(cloud, 'h1'), server_on(cloud, 'h1')
    cloud.ask(power.stop, refused)
    cloud.ask(suspension.suspend, asleep)
    cloud.settle()
    for host in ('h2', 'h3'):
        cloud.host(host).fail('receive', Refused('No room is left.'), times=5)
    draining = Draining(cloud.db, 'h1')
    draining.close('x')
    seen = drained(cloud, draining)
    assert set(seen.left) == {refused, asleep}
    assert 'h2, h3 refused' in seen.left[refused] and 'suspended' in seen.left[asleep]
    scenarios.rests(cloud, {}, refused)
    for host in ('h2', 'h3'):
        cloud.host(host)._faults.clear()
    assert set(drained(cloud, Draining(cloud.db, 'h1')).left) == {asleep}
    cloud.check()


def test_it_goes_on_where_another_run_was_cut_off(cloud):
    server = server_on(cloud, 'h1')
    cloud.ask(power.stop, server)
    cloud.settle()
    Draining(cloud.db, 'h1').look()
    cloud.settle()
    assert cloud.row(server).vm_state == states.RESIZED
    assert drained(cloud, Draining(cloud.db, 'h1')).left == {}
    scenarios.rests(cloud, {}, server)


def test_what_a_user_resized_away_from_it_is_his_to_decide(cloud):
    server = server_on(cloud, 'h1')
    cloud.ask(resizes.resize, server, cloud.flavor())
    cloud.settle()
    assert host_of(cloud, server) != 'h1'
    seen = drained(cloud, Draining(cloud.db, 'h1'))
    assert 'confirm or revert' in seen.left[server] and cloud.row(server).vm_state == states.RESIZED
