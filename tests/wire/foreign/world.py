"""Two tenants alike in a whole cloud, each with one of everything, and who asks.

The daemons that have the database end once all stands: from then on only requests change it, and it is set back to how
it was after each of them.
"""

import contextlib
import dataclasses
import pathlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from tests.cloud import PASSWORD, Cloud
from tests.wire.client import Answer, Client
from tests.wire.foreign import moving
from tests.wire.foreign.tenants import settle, settle_whole

ADMIN, MEMBER, READER, MANAGER, LEADER = 'admin', 'member', 'reader', 'manager', 'leader'
USERS = (MEMBER, READER, MANAGER, LEADER)  # of one tenant alone: a manager is of its domain, a leader of its project
UNKNOWN = {
    'identity': 'f' * 31 + '0',
    'uuid': 'ffffffff-ffff-4fff-8fff-fffffffffff0',
}
HEX = frozenset(
    'domain project user group role trust application_credential access_rule ec2 credential limit registered_limit '
    'service endpoint policy endpoint_group consumer access_token request_token'.split()
)


@dataclasses.dataclass
class World:
    """The cloud, what is in it by whose it is and what it is, and each persona's token."""

    cloud: Cloud
    mine: dict[str, str] = dataclasses.field(default_factory=dict)
    theirs: dict[str, str] = dataclasses.field(default_factory=dict)
    tokens: dict[str, str] = dataclasses.field(default_factory=dict)
    logins: dict[str, Any] = dataclasses.field(default_factory=dict)  # what each persona logs in with

    def __call__(
        self, persona: str | None, service: str, method: str, path: str, body: Any = None, **more: str
    ) -> Answer:
        """One request through the whole pipeline.

        Who deletes a user or a domain ends tokens, of which the process knows though the rows are set back; so who
        is not let in comes with a new token.
        """
        answer = self._once(persona, service, method, path, body, more)
        if answer.status == 401 and persona in self.logins:
            self.tokens[persona] = login(self, *self.logins[persona])
            assert self._once(persona, 'identity', 'GET', '/v3/auth/projects', None, {}).status == 200
            answer = self._once(persona, service, method, path, body, more)
        return answer

    def _once(
        self, persona: str | None, service: str, method: str, path: str, body: Any, more: dict[str, str]
    ) -> Answer:
        if token := self.tokens.get(persona or ''):
            more = {**more, 'X_AUTH_TOKEN': token}
        return Client(self.cloud.apps[service])(method, path, body, None, **more)

    def enter(self, persona: str, *told: Any) -> None:
        """The persona is logged in: by user, password, domain and scope."""
        self.logins[persona] = told
        self.tokens[persona] = login(self, *told)

    def unknown(self, kind: str) -> str:
        """An id such as the kind has that nothing has."""
        if kind in UNLIKE:
            return UNLIKE[kind]
        if kind in ('hypervisor', 'aggregate', 'compute_service', 'migration'):
            return '999999'
        if kind.endswith('_name') or kind in NAMED:
            return 'no-such-thing'
        return UNKNOWN['identity' if kind in HEX else 'uuid']

    def whole(self) -> 'Rows':
        """Every row of the database."""
        return self.memory.rows()

    @contextlib.contextmanager
    def stilled(self) -> Iterator['World']:
        """Nothing but requests changes anything any more."""
        for host in self.cloud.hosts:
            self.cloud.stop('network', host)
        self.cloud.control.stop()
        self.cloud.parts.extra['image imports'].runner.stop()
        self.memory = Memory(self.cloud.path / 'nimbus.db')
        numbers = {self.theirs['migration']}  # too short to be looked for; what has it names its server too
        self.others = set(self.theirs.values()) - set(self.mine.values()) - numbers
        yield self
        self.memory.close()


NAMED = frozenset('keypair host zone region idp protocol mapping sp flavor_name request metadef_namespace'.split())
UNLIKE = dict.fromkeys(('address', 'server address'), '10.2.0.251')
UNLIKE |= dict.fromkeys(('floating address', 'server floating address'), '172.24.4.251')
UNLIKE |= {'mac': 'fa:16:3e:ff:ff:fe', 'token': 'gAAAAAunknown'}
Rows = dict[str, dict[str, tuple[Any, ...]]]


class Memory:
    """The database as it was, how it is, and the way back."""

    def __init__(self, path: pathlib.Path) -> None:
        self._live = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._kept = self.mark()
        self.before = self.rows()
        self._version = self._changes()

    def _changes(self) -> int:
        return int(self._live.execute('PRAGMA data_version').fetchone()[0])

    def touched(self) -> bool:
        """Whether anything was committed since the world was last as it was."""
        return self._changes() != self._version

    def rows(self) -> Rows:
        """Every row by its table and its key there."""
        tables = [name for (name,) in self._live.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: {f'{row[0]}': row[1:] for row in self._live.execute(f'SELECT rowid, * FROM "{table}"')}
            for table in sorted(tables)
            if not table.startswith('sqlite_')
        }

    def mark(self) -> sqlite3.Connection:
        """How all is now, to go back to."""
        found = sqlite3.connect(':memory:', check_same_thread=False)
        self._live.backup(found)
        return found

    def back(self, mark: sqlite3.Connection | None = None) -> None:
        """All is as it was at first, or at the mark."""
        (mark or self._kept).backup(self._live)
        self._version = self._changes()

    def close(self) -> None:
        """Nothing is held."""
        self._live.close()
        self._kept.close()


@contextlib.contextmanager
def made(path: pathlib.Path) -> Iterator[World]:
    """The world, ready to be asked."""
    with Cloud(path, hosts=1) as cloud:
        world = World(cloud)
        world.enter(ADMIN, 'admin', PASSWORD, 'default', {'project': scope('admin', 'default')})
        settle_whole(world)
        for whose, things in (('mine', world.mine), ('theirs', world.theirs)):
            settle(world, whose, things)
        for persona in USERS:
            world.enter(persona, *world.logins[f'mine {persona}'])
        with moving.under_way(world), world.stilled():
            yield world


def scope(project: str, domain: str) -> dict[str, Any]:
    """A project by its name."""
    return {'name': project, 'domain': {'id': domain}}


def login(world: World, user: str, password: str, domain: str, where: Any) -> str:
    """A token."""
    told = {'name': user, 'password': password, 'domain': {'id': domain}}
    body = {'auth': {'identity': {'methods': ['password'], 'password': {'user': told}}, 'scope': where}}
    answer = world(None, 'identity', 'POST', '/v3/auth/tokens', body)
    assert answer.status == 201, answer.data
    return answer.headers['X-Subject-Token']
