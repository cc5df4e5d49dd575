"""A nimbus-identity of a test's own: one process over one SQLite file, on a free port of the loopback.

It serves alone, so that where it dies no other process answers in its place.
"""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
from typing import Any

from devstack.processes import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGURATION = """[DEFAULT]
state_path = {state}
[api]
listen = 127.0.0.1
identity_port = {port}
workers = 1
{api}
[identity]
bcrypt_rounds = 4
[log]
file = {state}/log
{more}
"""


class Identity:
    """The process, and how to ask it and make it die."""

    def __init__(self, state: pathlib.Path, more: str = '', api: str = '') -> None:
        """`more` are further lines of its configuration, `api` those of [api]."""
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.state, self.conf = state, state / 'nimbus.conf'
        self.conf.write_text(CONFIGURATION.format(state=state, port=self.port, api=api, more=more))
        self.process: subprocess.Popen | None = None
        self.token = ''
        for words in (['db', 'upgrade'], ['token', 'setup'], ['credential', 'setup'], ['bootstrap']):
            self.run('nimbus.cmd.manage.manage', *words).wait(60)

    def run(self, module: str, *words: str, conf: pathlib.Path | None = None) -> subprocess.Popen:
        """A program of nimbus with this configuration has begun."""
        told = {**os.environ, 'PYTHONPATH': str(ROOT), 'OS_BOOTSTRAP_PASSWORD': 'secret'}
        argv = [sys.executable, '-m', module, '--config-file', str(conf or self.conf), *words]
        return subprocess.Popen(argv, cwd=ROOT, env=told, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        self.process = self.run('nimbus.cmd.daemons.identity')
        assert wait_until(self._answers, 60, 0.1), (self.state / 'log').read_text()[-2000:]
        scope = {'project': {'name': 'admin', 'domain': {'id': 'default'}}}
        status, self.token = self.login('admin', 'secret', scope)
        assert status == 201

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask('GET', '')[0] == 200
        return False

    def kill(self) -> None:
        """The process is gone, in the midst of what it did."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """(status, body, headers).  Raises OSError or HTTPException without an answer."""
        with contextlib.closing(http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)) as connection:
            told = {'X-Auth-Token': self.token, 'Content-Type': 'application/json', **headers}
            connection.request(method, f'/v3{path}', json.dumps(body) if body else None, told)
            answer = connection.getresponse()
            read = answer.read()
            is_json = read and 'json' in answer.headers['Content-Type']
            return answer.status, json.loads(read) if is_json else read.decode() or None, answer.headers

    def login(self, name: str, password: str, scope: Any = None) -> tuple[int, str]:
        user = {'name': name, 'password': password, 'domain': {'id': 'default'}}
        body: dict[str, Any] = {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}}}}
        if scope:
            body['auth']['scope'] = scope
        status, _, headers = self.ask('POST', '/auth/tokens', body)
        return status, headers.get('X-Subject-Token', '')

    def rows(self, query: str, *values: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.state / 'nimbus.db')) as database:
            return database.execute(query, values).fetchall()

    def named(self, noun: str, name: str) -> list[Any]:
        status, body, _ = self.ask('GET', f'/{noun}?name={name}')
        assert status == 200
        return body[noun]
