"""A cache in memcached: it saves questions, and nothing it does or fails to do lets a token in or keeps one out."""

import contextlib
import importlib.util
import pathlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.identity import revocations
from nimbus.identity.models import Assignment, Project, Role, User
from nimbus.identity.roles import assignments
from nimbus.identity.tokens.token_cache import LIFE, REST, TokenCache, connect
from nimbus.identity.tokens.tokens import Validator

MEMCACHED = shutil.which('memcached') or shutil.which('/usr/bin/memcached')
SMALL = ['-m', '2', '-t', '1']  # MiB; with less memcached itself breaks
SECRET = 'of every host'
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('pymemcache') is None, reason='the pymemcache library is not installed'
)


class Memcached:
    """A server of a test's own."""

    def __init__(self) -> None:
        self._client: Any = None
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        words = [MEMCACHED, '-l', '127.0.0.1', '-p', str(self.port), '-U', '0', '-u', 'nobody', *SMALL]
        self.process = subprocess.Popen([word for word in words if word])
        while True:
            with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 1):
                return
            assert self.process.poll() is None, 'memcached ended'

    def stop(self) -> None:
        if self._client:
            self._client.close()
        self.process.kill()
        self.process.wait()

    def client(self) -> Any:
        import pymemcache

        self._client = self._client or pymemcache.Client(('127.0.0.1', self.port), timeout=5)
        return self._client

    def number(self, name: str) -> int:
        return int(self.client().stats()[name.encode()])


@pytest.fixture
def memcached() -> Iterator[Memcached]:
    if MEMCACHED is None:
        pytest.skip('memcached is not installed')
    server = Memcached()
    yield server
    server.stop()


@pytest.fixture
def process(world) -> Iterator[Any]:
    """Makes validators, each as of a process that has just begun, that share what is at a port."""
    caches: list[TokenCache] = []

    def begin(port: int, secret: str = SECRET) -> Validator:
        caches.append(TokenCache(connect([f'127.0.0.1:{port}'], world.clock), secret, world.clock))
        return Validator(world.db, world.keys, world.settings, world.clock, None, caches[-1])

    yield begin
    for cache in caches:
        cache.close()


@contextlib.contextmanager
def queries(world) -> Iterator[list[str]]:
    asked: list[str] = []
    note = lambda *told: asked.append(told[2])  # noqa: E731
    sa.event.listen(world.db.reader, 'before_cursor_execute', note)
    yield asked
    sa.event.remove(world.db.reader, 'before_cursor_execute', note)


def of_users(asked: list[str]) -> list[str]:
    """The questions that looking up who a token speaks for needs."""
    return [query for query in asked if 'assignments' in query or 'FROM users' in query]


def admin_id(tx) -> str:
    return tx.scalar(sa.select(User.id).where(User.name == 'admin'))


def test_a_new_process_learns_of_a_token_what_another_knows(world, process, memcached):
    token = world.login()
    first = process(memcached.port).validate(token, request_id='r')
    other = process(memcached.port)
    with queries(world) as asked:
        assert other.validate(token, request_id='r') == first
    assert of_users(asked) == []
    assert 'admin' in first.roles and first.project_name == 'admin'


@pytest.mark.parametrize('known', [True, False], ids=['known-before', 'begun-after'])
def test_a_revoked_token_does_not_come_back_from_the_cache(world, process, memcached, known):
    token = world.login()
    process(memcached.port).validate(token)
    other = process(memcached.port)
    if known:
        other.poll()
    with world.db.write() as tx:
        revocations.revoke(tx, 'user', admin_id(tx))
    world.clock.advance(world.settings.revocation_interval)
    with pytest.raises(errors.Unauthenticated):
        (other if known else process(memcached.port)).validate(token)


@pytest.mark.parametrize('known', [True, False], ids=['known-before', 'begun-after'])
def test_a_role_that_was_taken_back_does_not_come_back_from_the_cache(world, process, memcached, known):
    with world.db.write() as tx:
        member = tx.scalar(sa.select(Role.id).where(Role.name == 'member'))
        project = tx.scalar(sa.select(Project.id).where(Project.name == 'admin', Project.domain_id == 'default'))
        tx.delete(Assignment, Assignment.actor_id == admin_id(tx), Assignment.target_id == project)
        grants = [assignments.Grant('user', admin_id(tx), 'project', project, role) for role in (member, _manager(tx))]
        for one in grants:
            assignments.grant(tx, one)
    token = world.login()
    assert 'manager' in process(memcached.port).validate(token).roles
    other = process(memcached.port)
    if known:
        other.poll()
    with world.db.write() as tx:
        assignments.take_back(tx, grants[1])
    world.clock.advance(world.settings.revocation_interval)
    asker = (other if known else process(memcached.port)).validate(token)
    assert 'manager' not in asker.roles and 'member' in asker.roles


def _manager(tx) -> str:
    return tx.scalar(sa.select(Role.id).where(Role.name == 'manager'))


def test_what_a_process_that_lags_behind_wrote_is_not_believed(world, process, memcached):
    token = world.login()
    late, prompt = process(memcached.port), process(memcached.port)
    late.poll()
    with world.db.write() as tx:
        revocations.refresh(tx, 'user', admin_id(tx))
    late.validate(token)  # within its interval it has not read the news
    prompt.poll()
    with queries(world) as asked:
        prompt.validate(token)
    assert of_users(asked)


def test_values_of_somebody_else_are_passed_over(world, process, memcached):
    token, other = world.login(), world.login({'system': {'all': True}})
    process(memcached.port).validate(token)
    process(memcached.port).validate(other)
    client = memcached.client()
    keys = [word.split()[0][4:] for word in _dump(memcached) if word.startswith('key=')]
    assert len(keys) == 2
    one, two = (client.get(key) for key in keys)
    plain = b'{"subject": {"user_id": "x", "roles": [["1", "admin"]]}}'
    for lie in (b'', b'garbage', plain, one[:-4] + b'AAAA', one[: len(one) // 2], b'\x00' * 1000):
        for key in keys:
            client.set(key, lie)
        assert process(memcached.port).validate(token, request_id='r').system is False
    client.set(keys[0], two)
    client.set(keys[1], one)
    assert process(memcached.port).validate(token, request_id='r').system is False
    assert process(memcached.port).validate(other, request_id='r').system is True


def _dump(memcached: Memcached) -> list[str]:
    with socket.create_connection(('127.0.0.1', memcached.port), 5) as asked:
        asked.sendall(b'lru_crawler metadump all\r\n')
        text = b''
        while not text.endswith(b'END\r\n'):
            text += asked.recv(65536)
    return text.decode().splitlines()


def test_a_process_with_another_secret_is_not_believed(world, process, memcached):
    token = world.login()
    process(memcached.port, 'of a thief').validate(token)
    with queries(world) as asked:
        process(memcached.port).validate(token)
    assert of_users(asked)


def test_an_old_value_that_is_shown_again_is_not_believed(world, process, memcached):
    token = world.login()
    process(memcached.port).validate(token)
    [key] = [line.split()[0][4:] for line in _dump(memcached) if line.startswith('key=')]
    kept = memcached.client().get(key)
    world.clock.advance(LIFE + 1)
    memcached.client().set(key, kept)
    with queries(world) as asked:
        process(memcached.port).validate(token)
    assert of_users(asked)


def test_no_token_and_no_digest_of_one_is_in_memcached(world, process, memcached):
    import hashlib

    token = world.login()
    process(memcached.port).validate(token)
    said = '\n'.join(_dump(memcached))
    assert token not in said and hashlib.sha256(token.encode()).hexdigest() not in said


def test_a_full_memcached_forgets_and_nothing_breaks(world, process, memcached):
    client, token, number = memcached.client(), world.login(), 0
    while memcached.number('evictions') == 0:
        assert number < 4000, 'the smallest memcached never was full'
        for _ in range(100):
            number += 1
            client.set(f'filler-{number}', b'x' * 4000, noreply=True)
    for _ in range(20):
        assert process(memcached.port).validate(token).user_name == 'admin'


def test_without_memcached_tokens_are_validated_all_the_same(world, process, memcached):
    token = world.login()
    known = process(memcached.port)
    known.validate(token)
    memcached.stop()
    assert known.validate(token).user_name == 'admin'
    assert process(memcached.port).validate(token).user_name == 'admin'


def test_a_memcached_that_never_answers_is_asked_once_and_then_left_alone(world, process):
    with socket.create_server(('127.0.0.1', 0)) as mute:
        validator = process(mute.getsockname()[1])
        for _ in range(5):
            assert validator.validate(world.login()).user_name == 'admin'
        mute.settimeout(0)
        assert _waiting(mute) == 1
        world.clock.advance(REST)
        assert validator.validate(world.login()).user_name == 'admin'
        assert _waiting(mute) == 1


def _waiting(server: socket.socket) -> int:
    """How many have connected since this was asked last."""
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            found += 1
    return found


@pytest.mark.parametrize(
    'answer',
    [b'HTTP/1.1 400 Bad Request\r\n\r\n', b'VALUE\r\n', b'VALUE x 0 notanumber\r\n', b'END', b'\xff\xfe\r\n', b''],
    ids=['http', 'short', 'no-number', 'cut', 'bytes', 'closed'],
)
def test_what_is_no_memcached_is_passed_over(world, process, answer):
    token = world.login()
    with socket.create_server(('127.0.0.1', 0)) as liar:
        thread = threading.Thread(target=_lie, args=(liar, answer))
        thread.start()
        assert process(liar.getsockname()[1]).validate(token).user_name == 'admin'
        thread.join()


def _lie(server: socket.socket, answer: bytes) -> None:
    with server.accept()[0] as asked:
        asked.recv(4096)
        asked.sendall(answer)


@pytest.mark.parametrize(
    ('servers', 'secret'), [([], 's'), (['127.0.0.1:11211'], ''), (['127.0.0.1'], 's'), (['h:x'], 's')]
)
def test_a_cache_that_is_told_wrong_is_refused_with_a_sentence(servers, secret):
    with pytest.raises(errors.Invalid, match=r'\[cache\]'):
        TokenCache(connect(servers, None), secret)


def test_the_test_server_is_there_or_missed_aloud(request: pytest.FixtureRequest):
    if MEMCACHED is None:
        pytest.skip('memcached is not installed, so what needs a real one did not run')
    assert pathlib.Path(MEMCACHED).exists()
