"""The lists of excuses have no more than is needed; this runs after all that could need one."""

import pytest

from tests.wire.foreign.asking import SERVICES
from tests.wire.foreign.excused import TABLES


def test_every_excuse_is_needed(used, walked):
    if walked != {(walk, service) for walk in ('bodies', 'paths', 'queries') for service in SERVICES}:
        pytest.skip('not all that may need an excuse was asked for in this run')
    assert {f'{table}: {name}' for table, told in TABLES.items() for name in told} - used == set()


def test_every_excuse_has_a_reason_and_they_are_few():
    assert all(reason for told in TABLES.values() for reason in told.values())
    assert (len(TABLES['DIFFERS']), len(TABLES['KEPT'])) <= (26, 9)


def test_everybody_is_still_let_in(world):
    """Else all was alike because nobody was anybody."""
    for persona in world.logins:
        assert world(persona, 'identity', 'GET', '/v3/auth/projects').status == 200
