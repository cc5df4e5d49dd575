"""Of the hosts that fit, the best is taken; what is best is for the weighers and their multipliers to say."""

import pytest

from nimbus.compute import states
from nimbus.scheduler import hosts
from tests.compute_world import furnish, put_in, running
from tests.conftest import MEMBER
from tests.domain.scheduler.world import grouped, known, serving, wish


def taken(scheduler, **more) -> str:
    found = scheduler.place(MEMBER, 'trial', wish(**more))['host']
    scheduler.release(MEMBER, 'trial')
    return found


@pytest.fixture
def two(database):
    """h1 has more memory, h2 more processors and disk."""
    known(database, 'h1', vcpus=8, memory_mb=16384, disk_gb=100)
    known(database, 'h2', vcpus=16, memory_mb=8192, disk_gb=200)
    return database


@pytest.mark.parametrize(
    'name, option, most',
    [
        ('RAMWeigher', 'ram_weight_multiplier', 'h1'),
        ('CPUWeigher', 'cpu_weight_multiplier', 'h2'),
        ('DiskWeigher', 'disk_weight_multiplier', 'h2'),
    ],
)
def test_the_multiplier_spreads_or_fills(two, name, option, most):
    least = 'h2' if most == 'h1' else 'h1'
    found = [taken(serving(two, weighers=[name], **{option: value})) for value in (1.0, -1.0, 0.0)]
    assert found == [most, least, 'h1']


def test_an_aggregate_says_how_much_a_weigher_counts_for_its_hosts(two):
    grouped(two, 'h1', ram_weight_multiplier='-1')
    grouped(two, 'h1', ram_weight_multiplier='5', note='the lower one counts')
    assert taken(serving(two)) == 'h2'
    grouped(two, 'h2', ram_weight_multiplier='much')
    assert taken(serving(two)) == 'h2'


def test_several_weighers_are_brought_to_the_same_scale(two):
    weighers = ['RAMWeigher', 'DiskWeigher']
    assert taken(serving(two, weighers=weighers, ram_weight_multiplier=1.1)) == 'h1'
    assert taken(serving(two, weighers=weighers, disk_weight_multiplier=1.1)) == 'h2'


def test_a_host_whose_servers_are_at_their_disks_is_avoided(two):
    row = running(two, furnish(two))
    known(two, 'h1', vcpus=8, memory_mb=16384)
    scheduler = serving(two, weighers=['IoOpsWeigher'])
    assert taken(scheduler) == 'h1'
    put_in(two, row.id, states.ACTIVE, states.REBUILDING)
    assert taken(scheduler) == 'h2'
    assert taken(serving(two, weighers=['IoOpsWeigher'], io_ops_weight_multiplier=1.0)) == 'h1'


def test_a_host_on_which_builds_fail_is_avoided_until_one_succeeds(two):
    scheduler = serving(two, weighers=['RAMWeigher', 'BuildFailureWeigher'])
    with two.write() as tx:
        hosts.build_failed(tx, 'h1')
    assert taken(scheduler) == 'h2'
    with two.write() as tx:
        hosts.build_succeeded(tx, 'h1')
    assert taken(scheduler) == 'h1'


def test_metrics_are_added_up_with_their_factors(two):
    known(two, 'h1', metrics={'cpu.percent': 90, 'cpu.frequency': 1000})
    known(two, 'h2', metrics={'cpu.percent': 10, 'cpu.frequency': 900})
    found = [
        taken(serving(two, weighers=['MetricsWeigher'], metrics_weight_setting=setting))
        for setting in (['cpu.percent=-1'], ['cpu.percent=1'], ['cpu.percent=-1', 'cpu.frequency = 10'], [])
    ]
    assert found == ['h2', 'h1', 'h1', 'h1']


def test_a_host_without_the_metric_comes_last(two):
    known(two, 'h2', metrics={'cpu.percent': 99})
    assert taken(serving(two, weighers=['MetricsWeigher'], metrics_weight_setting=['cpu.percent=-1'])) == 'h2'


def test_a_metric_without_a_factor_is_named_and_stops_the_start(two):
    with pytest.raises(LookupError, match=r'weight_setting has cpu.percent, which is no NAME=FACTOR'):
        serving(two, weighers=['MetricsWeigher'], metrics_weight_setting=['cpu.percent'])


def test_one_of_several_best_hosts_is_taken_at_random(two):
    known(two, 'h3', memory_mb=4096)
    scheduler = serving(two, host_subset_size=2)
    found = {taken(scheduler) for _ in range(64)}
    assert found == {'h1', 'h2'}
