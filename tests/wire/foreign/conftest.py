"""The world of two tenants, made once for all that is asked in it."""

import pytest

from tests.wire.foreign import queries
from tests.wire.foreign import world as worlds


@pytest.fixture(scope='package')
def world(tmp_path_factory):
    with worlds.made(tmp_path_factory.mktemp('foreign')) as made:
        yield made


@pytest.fixture(scope='package')
def used():
    """The excuses that something needed."""
    return set()


@pytest.fixture(scope='package')
def walked():
    """The walks that came to their end: those of bodies, paths and queries, by service."""
    return set()


@pytest.fixture(scope='package')
def looked(world):
    """By endpoint, what its handler looks for in a query."""
    with pytest.MonkeyPatch.context() as patch:
        return queries.looked_up(world, patch)
