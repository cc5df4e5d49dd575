"""Filters, weighers and whole schedulers are entry points, of nimbus or of anybody else."""

import pathlib

import pytest

from nimbus.common import errors
from nimbus.scheduler import hints, options, plugins
from nimbus.scheduler.manager import SchedulerServer
from tests.conftest import MEMBER
from tests.domain.scheduler import contract
from tests.domain.scheduler.world import known, refusal, serving, wish

TOY = pathlib.Path(__file__).with_name('toy')


@pytest.fixture
def toy(monkeypatch):
    """A package from outside of nimbus is installed."""
    monkeypatch.syspath_prepend(str(TOY))


@pytest.mark.parametrize('name', sorted(plugins.installed(plugins.FILTERS)))
def test_every_filter_keeps_to_the_contract(name):
    contract.check_filter(name)


@pytest.mark.parametrize('name', sorted(plugins.installed(plugins.WEIGHERS)))
def test_every_weigher_keeps_to_the_contract(name):
    contract.check_weigher(name)


def test_a_filter_and_a_weigher_from_outside_keep_to_the_contract(toy):
    contract.check_filter('OddFilter')
    contract.check_weigher('FirstWeigher')


def test_a_filter_from_outside_is_named_and_removes_hosts(database, toy):
    for number in (2, 3, 4):
        known(database, f'h{number}', memory_mb=number * 4096)
    scheduler = serving(database, ['RetryFilter', 'OddFilter'])
    assert scheduler.place(MEMBER, 's1', wish())['host'] == 'h4'
    assert scheduler.place(MEMBER, 's2', wish(hints={'odd': 'yes'}))['host'] == 'h3'
    assert 'OddFilter removed 2 (h2 is even)' in refusal(scheduler, hints={'odd': 'yes'}, avoid=['h3'])


def test_a_hint_of_a_filter_from_outside_is_taken_where_the_filter_is_enabled(toy):
    hints.check({'odd': 'yes'}, ('RetryFilter', 'OddFilter'))
    with pytest.raises(errors.Invalid, match='The scheduler hint odd is not supported'):
        hints.check({'odd': 'yes'}, ('RetryFilter',))


def test_a_weigher_from_outside_chooses(database, toy):
    for number in (4, 3, 2):
        known(database, f'h{number}', memory_mb=number * 4096)
    assert serving(database, weighers=['FirstWeigher']).place(MEMBER, 's1', wish())['host'] == 'h2'


def test_a_whole_scheduler_from_outside_places(database, toy):
    for name in ('h1', 'h2', 'h3'):
        known(database, name, memory_mb=4096 if name == 'h3' else 65536)
    assert serving(database, driver='last_scheduler').place(MEMBER, 's1', wish())['host'] == 'h3'


@pytest.mark.parametrize(
    'said, sentence',
    [
        ({'enabled_filters': ['RamFilter', 'NoFilter']}, r'enabled_filters names NoFilter, which is not there.*Ram'),
        ({'enabled_weighers': ['NoWeigher']}, r'enabled_weighers names NoWeigher, which is not there.*RAMWeigher'),
        ({'driver': 'chance'}, r'driver names chance, which is not there; there are filter_scheduler'),
        (
            {'enabled_filters': ['RamFilter', 'JsonFilter'], 'available_filters': ['RamFilter', 'DiskFilter']},
            r'enabled_filters names JsonFilter, which is not among the available: RamFilter, DiskFilter',
        ),
    ],
)
def test_what_is_unknown_or_not_available_is_named_and_stops_the_start(database, said, sentence):
    with pytest.raises(LookupError, match=sentence):
        SchedulerServer(database, settings={**options.settings(), **said})


def test_every_filter_of_the_default_is_installed(database):
    SchedulerServer(database)
