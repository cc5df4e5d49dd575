"""Hosts are chosen by the hints that come with a new server."""

import pytest

from nimbus.common import errors
from nimbus.scheduler import hints
from tests.conftest import MEMBER
from tests.domain.scheduler.world import fitting, known, refusal, serving, wish

ENABLED = ('DifferentHostFilter', 'SameHostFilter', 'SimpleCIDRAffinityFilter', 'JsonFilter')


@pytest.fixture
def placed(database):
    """A scheduler over three hosts; server s1 of the project p1 is on h1, and s2 on h2."""
    for number, name in enumerate(('h1', 'h2', 'h3'), 1):
        known(database, name, memory_mb=number * 4096, host_ip=f'192.0.2.{number * 64}')
    scheduler = serving(database, ['RetryFilter', *ENABLED])
    for server, host in (('s1', 'h1'), ('s2', 'h2')):
        scheduler.place(MEMBER, server, wish(host=host, project_id='p1'))
    return scheduler


@pytest.mark.parametrize(
    'asked, found',
    [
        ({'different_host': 's1'}, ['h2', 'h3']),
        ({'different_host': ['s1', 's2']}, ['h3']),
        ({'different_host': 'nobody'}, ['h1', 'h2', 'h3']),
        ({'different_host': []}, ['h1', 'h2', 'h3']),
        ({'same_host': 's1'}, ['h1']),
        ({'same_host': ['s1', 's2']}, ['h1', 'h2']),
        ({'same_host': ['s1', 'nobody']}, ['h1']),
        ({'same_host': 'nobody'}, []),
        ({'same_host': ['s1', 's2'], 'different_host': ['s1']}, ['h2']),
        ({'build_near_host_ip': '192.0.2.130', 'cidr': '/25'}, ['h2', 'h3']),
        ({'build_near_host_ip': '192.0.2.130', 'cidr': '/26'}, ['h2']),
        ({'build_near_host_ip': '192.0.2.130'}, ['h1', 'h2', 'h3']),
        ({'build_near_host_ip': '198.51.100.1'}, []),
        ({'cidr': '/32'}, ['h1', 'h2', 'h3']),
        ({'query': '[">=", "$free_ram_mb", 7000]'}, ['h2', 'h3']),
        ({'query': '["and", [">", "$total_usable_ram_mb", 4096], ["<", "$total_usable_ram_mb", 9000]]'}, ['h2']),
        ({'query': '["or", ["=", "$host", "h1"], ["in", "$host_ip", "192.0.2.192", "x"]]'}, ['h1', 'h3']),
        ({'query': '["not", ["=", "$host", "h1"]]'}, ['h2', 'h3']),
        ({'query': '["=", "$num_instances", 0]'}, ['h3']),
        ({'query': '["<", "$host", 5]'}, []),
        ({'query': '["=", "$none", "$none"]'}, []),
        ({'query': '[]'}, ['h1', 'h2', 'h3']),
    ],
)
def test_a_hint_chooses_hosts(placed, asked, found):
    assert fitting(placed, hints=asked, project_id='p1') == found


def test_a_server_of_another_project_is_as_one_that_is_not_there(placed):
    foreign, unknown = (
        [fitting(placed, hints={hint: [server]}, project_id='p2') for hint in ('same_host', 'different_host')]
        for server in ('s1', 'nobody')
    )
    assert foreign == unknown == [[], ['h1', 'h2', 'h3']]


def test_the_refusal_names_the_hint(placed):
    assert 'SameHostFilter removed 3 (h1, h2, h3 have none of the servers' in refusal(placed, hints={'same_host': 'x'})


@pytest.mark.parametrize(
    'asked, said',
    [
        ({'build_near_host_ip': '192.0.2.1', 'cidr': '/99'}, '/99 is none of 192.0.2.1'),
        ({'query': 'tea'}, 'it is no JSON text'),
        ({'query': {'a': 1}}, 'it is no JSON text'),
        ({'query': '{"a": 1}'}, 'it is no list'),
        ({'query': '["tea", 1]'}, 'a list of it begins with tea'),
        ({'query': '["and", [[], 1]]'}, 'a list of it begins with'),
        ({'query': '["=", {"a": 1}, 2]'}, 'it has an object in it'),
        ({'query': '["not",' * 30 + '1' + ']' * 30}, 'more than 20 lists in lists'),
        ({'query': '[' * 9999}, 'it is no JSON text'),
        ({'reservation': 'x'}, 'The scheduler hint reservation is not supported'),
    ],
)
def test_a_hint_that_nobody_can_read_is_refused(asked, said):
    with pytest.raises(errors.Invalid, match='scheduler hint') as why:
        hints.check(asked, ENABLED)
    assert said in why.value.sentence


def test_a_hint_of_a_filter_that_is_not_enabled_is_refused_unless_it_is_empty():
    hints.check({'query': '', 'group': 'x', 'same_host': []}, ENABLED[:1])
    with pytest.raises(errors.Invalid, match='The scheduler hint query is not supported'):
        hints.check({'query': '[]x'}, ENABLED[:3])
