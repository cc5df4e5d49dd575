"""What every test may use."""

import pathlib
import random
from collections.abc import Iterator
from typing import Any

import pytest

from nimbus.cmd import schema  # nimbus.cmd chooses threads before anything else is imported
from nimbus.common import context
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.common.parts import Parts
from nimbus.network import allocation_pools
from tests import databases

CHANCE = random.Random(1)  # what chooses addresses, instead of the system's randomness
allocation_pools.PICK = CHANCE
TOGETHER = ('tests/wire/foreign/',)  # folders that share one world, and count what was asked of it


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes run the tests, those of one file run in one process, and those of some folders too."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition('::')[0])

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def same_addresses() -> None:
    """The addresses that a network chooses are the same in each run: a test that names one meets it always or never."""
    CHANCE.seed(1)


@pytest.fixture(scope='session')
def server_url() -> Iterator[str | None]:
    """A database of this run's own, with every table, on the server that the run was told to use; None for SQLite."""
    server = databases.configured()
    if server is None:
        yield None
        return
    schema.load_models()
    scratch = databases.Scratch(server)
    try:
        made = db.Database(scratch.url)
        db.Base.metadata.create_all(made.writer)
        made.close()
        yield scratch.url
    finally:
        scratch.drop()


@pytest.fixture
def database(tmp_path: pathlib.Path, server_url: str | None) -> Iterator[db.Database]:
    """An empty database with every table."""
    if server_url:
        made = databases.opened(server_url)
        databases.empty(made.writer)
    else:
        made = databases.new(tmp_path / 'nimbus.db')
    yield made
    made.close()


@pytest.fixture
def parts(database: db.Database) -> Parts:
    """Parts with a database and no bus: what a wire test of one service needs."""
    return Parts(conf=None, db=database, bus=None, clock=Clock())


def asker(name: str, *roles: str, project: str | None = 'a' * 32, **more) -> context.Context:
    """A context for a persona."""
    return context.Context(
        user_id=f'{name:0<32}'[:32],
        user_name=name,
        project_id=project,
        project_name=project and f'project-{project[0]}',
        roles=roles,
        user_domain_id='default',
        project_domain_id='default',
        **more,
    )


READER = asker('reader', 'reader')
MEMBER = asker('member', 'member', 'reader')
MANAGER = asker('manager', 'manager', 'member', 'reader')
ADMIN = asker('admin', 'admin', 'manager', 'member', 'reader')
STRANGER = asker('stranger', 'member', 'reader', project='b' * 32)  # may do all in another project
OUTSIDER = asker('outsider')  # no role at all
SERVICE = asker('service', 'service', 'admin', 'manager', 'member', 'reader', service_roles=('service',))
