"""The Compute API over a furnished database."""

from typing import Any

import pytest

from nimbus.api.compute import app
from nimbus.common.parts import Parts
from tests.compute_world import furnish
from tests.wire.client import Client

LATEST = 'compute 2.104'


@pytest.fixture
def world(parts: Parts) -> Any:
    """A flavor, an image, a network and a key of the member's project."""
    return furnish(parts.db)


@pytest.fixture
def api(parts: Parts) -> Client:
    """The API at 2.1."""
    return Client(app.make(parts), prefix='/v2.1')


@pytest.fixture
def latest(parts: Parts) -> Client:
    """The API at its newest version."""
    return Client(app.make(parts), version=LATEST, prefix='/v2.1')
