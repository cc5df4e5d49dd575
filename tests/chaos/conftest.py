"""One cloud for every case, and what a machine must have for it."""

import os
import shutil

import pytest

from devstack import rabbitmq
from tests.chaos import test_kills, test_outages
from tests.chaos.cloud import Cloud
from tests.chaos.operations import User

NEEDED = [
    (os.geteuid() == 0, 'broker and database run as users of their own: only root can'),
    (os.path.exists(rabbitmq.SERVER), 'rabbitmq-server is not installed here'),
    (shutil.which('mariadbd'), 'mariadbd is not installed here'),
]


def pytest_collection_modifyitems(items):
    """Every case here is real, takes its time, and says what it misses."""
    for item in items:
        if item.path.parent.name == 'chaos':
            item.add_marker(pytest.mark.real)
            item.add_marker(pytest.mark.timeout(150))
            # PyMySQL leaves the socket of a server that went away to the garbage collector.
            for warning in ('pytest.PytestUnraisableExceptionWarning', 'ResourceWarning'):
                item.add_marker(pytest.mark.filterwarnings(f'ignore::{warning}'))
            for there, why in NEEDED:
                item.add_marker(pytest.mark.skipif(not there, reason=why))


@pytest.fixture(scope='session')
def cloud():
    """The cloud of all cases, with a flavor, an image and a network."""
    points: dict[str, list[str]] = {}
    for _, daemon, point in test_kills.KILLS + test_outages.points():
        points.setdefault(daemon, []).append(point)
    with Cloud(points) as made:
        made.user = User(made)
        yield made
