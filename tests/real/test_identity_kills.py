"""nimbus-identity is killed while it writes: each write is there whole or not at all, and may be asked for again."""

import contextlib
import http.client
import pathlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.real.identity_alone import Identity

ROUNDS = 3
pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture
def identity(tmp_path: pathlib.Path) -> Iterator[Identity]:
    made = Identity(tmp_path)
    yield made
    made.kill()


class Client(threading.Thread):
    """Somebody who writes until the cloud is killed, and knows which writes were answered."""

    def __init__(self, identity: Identity, name: str, role: str) -> None:
        super().__init__()
        self.identity, self.name_of, self.role = identity, name, role
        self.done: list[tuple[str, Any]] = []  # each write that was answered
        self.open: tuple[str, Any] | None = None  # the write that was not

    def run(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in range(10_000):
                self._turn(f'{self.name_of}-{number}')

    def _turn(self, name: str) -> None:
        user = self._write('user', name, 'POST', '/users', {'user': {'name': name, 'password': 'first'}})['user']['id']
        told = {'project': {'name': name, 'tags': ['one', 'two']}}
        project = self._write('project', name, 'POST', '/projects', told)['project']['id']
        grant = f'/projects/{project}/users/{user}/roles/{self.role}'
        self._write('grant', grant, 'PUT', grant)
        words = {'user': {'original_password': 'first', 'password': 'second'}}
        self._write('password', (user, name), 'POST', f'/users/{user}/password', words)
        self._write('gone', (project, user, name), 'DELETE', f'/projects/{project}')

    def _write(self, kind: str, what: Any, *asked: Any) -> Any:
        self.open = (kind, what)
        status, body, _ = self.identity.ask(*asked)
        assert status in (201, 204), (asked, status, body)
        self.done.append(self.open)
        self.open = None
        return body


def check(identity: Identity, kind: str, what: Any, answered: bool) -> bool:
    """Whether the write happened, which it did whole or not at all; asked again, it has happened."""
    return {'user': _user, 'project': _project, 'grant': _grant, 'password': _password, 'gone': _gone}[kind](
        identity, what, answered
    )


def _user(identity: Identity, name: str, answered: bool) -> bool:
    there = identity.named('users', name)
    assert len(there) == 1 or not there and not answered
    told = {'user': {'name': name, 'password': 'first'}}
    if not answered:
        assert not there or identity.login(name, 'first')[0] == 201
        assert identity.ask('POST', '/users', told)[0] == (409 if there else 201)
        assert identity.login(name, 'first')[0] == 201
    return bool(there)


def _project(identity: Identity, name: str, answered: bool) -> bool:
    there = identity.named('projects', name)
    if not answered:
        assert not there or sorted(there[0]['tags']) == ['one', 'two']
        told = {'project': {'name': name, 'tags': ['one', 'two']}}
        assert identity.ask('POST', '/projects', told)[0] == (409 if there else 201)
        assert len(identity.named('projects', name)) == 1
    return bool(there)


def _grant(identity: Identity, path: str, answered: bool) -> bool:
    status = identity.ask('HEAD', path)[0]
    if not answered:
        assert status in (204, 404)
        assert identity.ask('PUT', path)[0] == 204
        assert identity.ask('HEAD', path)[0] == 204
    return status == 204


def _password(identity: Identity, what: tuple[str, str], answered: bool) -> bool:
    user, name = what
    changed = identity.login(name, 'second')[0] == 201
    assert identity.login(name, 'first')[0] == (401 if changed else 201)
    assert changed or not answered
    if not answered:
        words = {'user': {'original_password': 'first', 'password': 'second'}}
        assert identity.ask('POST', f'/users/{user}/password', words)[0] == (401 if changed else 204)
        assert identity.login(name, 'second')[0] == 201
    return changed


def _gone(identity: Identity, what: tuple[str, str, str], answered: bool) -> bool:
    project, user, name = what
    status, body, _ = identity.ask('GET', f'/projects/{project}')
    tags = identity.rows('SELECT name FROM project_tags WHERE project_id = ?', project)
    grants = identity.rows('SELECT actor_id FROM assignments WHERE target_id = ?', project)
    if status == 200:
        assert not answered and sorted(body['project']['tags']) == ['one', 'two'] and grants == [(user,)]
    else:
        assert (status, tags, grants) == (404, [], [])
    if not answered:
        assert identity.ask('DELETE', f'/projects/{project}')[0] == (204 if status == 200 else 404)
        assert identity.named('projects', name) == []
    return status == 404


def nothing_is_left_half(identity: Identity) -> None:
    """No row names another that is not there, and numbers are where their counter is."""
    assert identity.rows('PRAGMA integrity_check') == [('ok',)]
    for orphans in (
        "SELECT 1 FROM assignments WHERE target_type = 'project' AND target_id NOT IN (SELECT id FROM projects)",
        "SELECT 1 FROM assignments WHERE actor_type = 'user' AND actor_id NOT IN (SELECT id FROM users)",
        'SELECT 1 FROM project_tags WHERE project_id NOT IN (SELECT id FROM projects)',
    ):
        assert identity.rows(orphans) == [], orphans
    newest = identity.rows('SELECT max(number) FROM revocations')
    assert newest == identity.rows('SELECT number FROM revocation_counter')


def test_a_write_is_there_whole_or_not_at_all_after_a_kill(identity, pick: Callable[[float, float], float]):
    identity.start()
    role = identity.named('roles', 'member')[0]['id']
    happened: dict[bool, int] = {True: 0, False: 0}
    for turn in range(ROUNDS):
        clients = [Client(identity, f'r{turn}c{number}', role) for number in range(3)]
        for client in clients:
            client.start()
        time.sleep(pick(0.3, 1.2))
        identity.kill()
        for client in clients:
            client.join()
        identity.start()
        nothing_is_left_half(identity)
        for client in clients:
            for kind, what in client.done[-6:]:
                _still_there(identity, client, kind, what)
            if client.open:
                happened[check(identity, *client.open, answered=False)] += 1
        nothing_is_left_half(identity)
    assert sum(happened.values()) > ROUNDS, 'hardly a write was under way when the process was killed'


def _still_there(identity: Identity, client: Client, kind: str, what: Any) -> None:
    """What was answered has happened, unless a deletion undid it, or may have."""
    every = [*client.done, *([client.open] if client.open else [])]
    gone = [one for how, one in every if how == 'gone']
    undone = {word for project, _, name in gone for word in (project, name)}
    if kind not in ('project', 'grant') or not any(word in what for word in undone):
        assert check(identity, kind, what, answered=True), (kind, what)


@pytest.fixture
def pick() -> Callable[[float, float], float]:
    """Chance with a seed that a failure shows."""
    seed = random.randrange(1 << 32)
    print(f'seed {seed}')
    return random.Random(seed).uniform


def test_a_kill_between_answer_and_next_request_loses_nothing(identity):
    identity.start()
    for number in range(3):
        status, body, _ = identity.ask('POST', '/users', {'user': {'name': f'kept-{number}', 'password': 'first'}})
        assert status == 201
        user = body['user']['id']
        identity.kill()
        identity.start()
        assert identity.ask('GET', f'/users/{user}')[0] == 200
        token = identity.login(f'kept-{number}', 'first')[1]
        words = {'user': {'original_password': 'first', 'password': 'second'}}
        assert identity.ask('POST', f'/users/{user}/password', words)[0] == 204
        identity.kill()
        identity.start()
        assert identity.login(f'kept-{number}', 'second')[0] == 201
        mine, identity.token = identity.token, token
        assert identity.ask('GET', '/auth/projects')[0] == 401  # what the change ended stays ended
        identity.token = mine
