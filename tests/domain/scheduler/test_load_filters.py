"""Hosts with much to do, and hosts kept for images, are passed over."""

import pytest

from nimbus.compute import states
from nimbus.compute.models import Server
from nimbus.scheduler import hosts
from tests.compute_world import furnish, put_in, running
from tests.conftest import MEMBER
from tests.domain.scheduler.world import fitting, grouped, known, refusal, serving, wish


@pytest.fixture
def two(database):
    known(database, 'h1')
    known(database, 'h2', memory_mb=4096)
    return database


@pytest.mark.parametrize('name', ['NumInstancesFilter', 'AggregateNumInstancesFilter'])
def test_a_host_with_as_many_servers_as_it_may_have_is_passed_over(two, name):
    scheduler = serving(two, [name], max_instances_per_host=1)
    assert [scheduler.place(MEMBER, server, wish())['host'] for server in ('s1', 's2')] == ['h1', 'h2']
    assert f'{name} removed 2 (h1 has 1 servers and may have 1)' in refusal(scheduler)


def test_an_aggregate_says_how_many_servers_its_hosts_may_have(two):
    grouped(two, 'h1', max_instances_per_host='3')
    grouped(two, 'h1', max_instances_per_host='2', note='the lower one')
    grouped(two, 'h2', max_instances_per_host='many')
    scheduler = serving(two, ['AggregateNumInstancesFilter'], max_instances_per_host=1)
    found = [scheduler.place(MEMBER, f's{n}', wish())['host'] for n in range(3)]
    assert sorted(found) == ['h1', 'h1', 'h2']
    refusal(scheduler)


@pytest.mark.parametrize('name', ['IoOpsFilter', 'AggregateIoOpsFilter'])
def test_a_host_that_works_on_many_disks_is_passed_over(two, name):
    world = furnish(two)
    rows = [running(two, world) for _ in range(3)]
    put_in(two, rows[0].id, states.ACTIVE, states.REBUILDING)
    put_in(two, rows[1].id, states.ACTIVE, states.SNAPSHOTTING)
    with two.write() as tx:
        tx.update(Server, Server.id == rows[1].id, host='h2')
    grouped(two, 'h2', max_io_ops_per_host='2')
    scheduler = serving(two, ['RetryFilter', name], max_io_ops_per_host=1)
    assert fitting(scheduler) == (['h2'] if name.startswith('Aggregate') else [])


@pytest.mark.parametrize(
    'restricted, image, found',
    [(True, 'i1', ['h1']), (True, 'i2', ['h2']), (True, None, ['h2']), (False, 'i1', ['h1']), (False, None, None)],
)
def test_isolated_images_go_to_the_isolated_hosts(two, restricted, image, found):
    said = {'isolated_images': ['i1'], 'isolated_hosts': ['h1']}
    scheduler = serving(
        two, ['RetryFilter', 'IsolatedHostsFilter'], restrict_isolated_hosts_to_isolated_images=restricted, **said
    )
    assert fitting(scheduler, image_id=image) == (found or ['h1', 'h2'])


def test_without_isolated_images_the_isolated_hosts_are_for_none(two):
    scheduler = serving(two, ['RetryFilter', 'IsolatedHostsFilter'], isolated_hosts=['h1'])
    assert fitting(scheduler, image_id='i1') == ['h2']
    assert 'h1 are kept for other images' in refusal(scheduler, avoid=['h2'])


def test_a_host_that_lacks_a_metric_is_passed_over(two):
    known(two, 'h2', metrics={'cpu.percent': 7})
    scheduler = serving(two, ['RetryFilter', 'MetricsFilter'], metrics_weight_setting=['cpu.percent=1'])
    assert fitting(scheduler) == ['h2']
    assert 'h1 measures no cpu.percent' in refusal(scheduler, avoid=['h2'])


def test_failed_builds_are_counted_until_one_succeeds(two):
    with two.write() as tx:
        hosts.build_failed(tx, 'h1')
        hosts.build_failed(tx, 'h1')
        assert hosts.named(tx, 'h1').failed_builds == 2
        hosts.build_succeeded(tx, 'h1')
        hosts.build_succeeded(tx, 'h2')
        assert [row.failed_builds for row in hosts.list(tx)] == [0, 0]
