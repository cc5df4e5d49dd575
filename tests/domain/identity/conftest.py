"""A bootstrapped identity without HTTP, and a clock that a test moves."""

import dataclasses
import datetime
import pathlib
from typing import Any

import pytest

from nimbus.common.clock import Clock, FakeClock
from nimbus.common.database import db
from nimbus.identity import key_repository as keys
from nimbus.identity.login.auth import Authority
from nimbus.identity.options import Settings
from nimbus.identity.tokens.tokens import Validator
from tests import databases

URLS = {'identity': 'http://cloud/v3', 'block-storage': 'http://cloud/v3'}
ADMIN = {'project': {'name': 'admin', 'domain': {'id': 'default'}}}


@dataclasses.dataclass
class World:
    """Identity's parts over one database."""

    db: db.Database
    keys: str
    settings: Settings
    clock: FakeClock
    authority: Authority
    validator: Validator

    def login(self, scope: Any = ADMIN, name: str = 'admin', password: str = 'secret') -> str:
        """A token of the administrator's, or of the user named."""
        user = {'name': name, 'password': password, 'domain': {'id': 'default'}}
        return self.authority.login({'methods': ['password'], 'password': {'user': user}}, scope)[0]

    def another(self, **settings: Any) -> Validator:
        """A validator as another process has it."""
        return Validator(self.db, self.keys, dataclasses.replace(self.settings, **settings), self.clock)


@pytest.fixture
def world(database: db.Database, tmp_path: pathlib.Path) -> Any:
    repository = str(tmp_path / 'keys')
    keys.setup(repository)
    kept = str(tmp_path / 'credential-keys')
    keys.setup(kept)
    settings = Settings(bcrypt_rounds=4, key_repository=repository, credential_key_repository=kept)
    # Revocations are stamped with the machine's time, so the clock starts there.
    clock = FakeClock(Clock().now())
    validator = Validator(database, repository, settings, clock)
    authority = Authority(database, validator, settings, clock)
    databases.bootstrap(database, URLS, authority.passwords)
    yield World(database, repository, settings, clock, authority, validator)
    authority.close()


HOUR = datetime.timedelta(hours=1)
