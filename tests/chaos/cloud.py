"""A cloud of separate daemons over a real RabbitMQ and MariaDB, with fake hosts that outlive their agents."""

import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import requests
import sqlalchemy as sa
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

from devstack import cloud as devstack_cloud
from devstack import mariadb, place, processes, rabbitmq
from devstack.place import REST, write_private
from tests.cloud import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
OFFSET = place.TEST_OFFSETS['chaos']
CONTROL = ('identity', 'image', 'api', 'conductor', 'scheduler')
AGENTS = ('network', 'volume', 'compute', 'network-2', 'compute-2')
REPORTS = {'nova-compute': 2, 'neutron-openvswitch-agent': 2, 'cinder-volume': 1}
LOST = (exceptions.ConnectFailure, exceptions.RetriableConnectionFailure, requests.ConnectionError)


class Cloud:
    """Every daemon by name, and how to make one die where it hurts."""

    def __init__(self, points: dict[str, list[str]], debug: bool = False) -> None:
        """`points` are the failpoints that each daemon is started with; none acts before it is armed."""
        self.points, self.debug = points, debug
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
        self.place = place.settle(self.path, form='daemons', port_offset=OFFSET)
        self.registry = processes.Registry(self.path)
        self.hosts = [self.place.host, f'{self.place.host}-2']
        self.engine: Any = None
        self._action: dict[str, str] = {}
        self._begun: dict[str, int] = {}  # where in its log each daemon's present life begins

    def __enter__(self) -> Self:
        try:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                for begun in [pool.submit(part.up, self.place, self.registry) for part in (mariadb, rabbitmq)]:
                    begun.result()
            self._configure()
            self._prepare()
            self.engine = sa.create_engine(mariadb.url(self.place), isolation_level='AUTOCOMMIT', pool_pre_ping=True)
            for name in (*CONTROL, *AGENTS):
                self.start(name)
            wait(self._is_ready, 90, 'the cloud is ready')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.engine is not None:
            self.engine.dispose()
        # Nothing of it is wanted any more, so nobody is asked to write anything down first.
        processes.end(self.registry.marked(), 5.0, signal.SIGKILL)
        shutil.rmtree(self.path)

    def _configure(self) -> None:
        common = {
            'DEFAULT': {'state_path': self.path, 'report_interval': 5},
            'log': {'debug': self.debug},
            'api': {'port_offset': OFFSET, 'policy_file': self.path / 'policy.yaml', 'threads': 8, 'workers': 1},
            'service_user': {'password': self.place.secret('nimbus')},
            'metadata': {'shared_secret': self.place.secret('metadata')},
            'identity': {'bcrypt_rounds': 4},
            'compute': {'driver': 'fake', 'heal_interval': 10},
            'network': {'driver': 'fake'},
            'volume': {'driver': 'file'},
            'conductor': {'still': 4},
            'database': {'pool_size': 10},
        }
        control = rabbitmq.url(self.place, rabbitmq.CONTROL)
        # The broker has a user for this host's own agents; the pretended second host speaks as the control plane.
        first = {'host': self.hosts[0], 'bus': rabbitmq.url(self.place, rabbitmq.agent(self.place))}
        self._write('agent', common, DEFAULT=first)
        self._write('agent-2', common, DEFAULT={'host': self.hosts[1], 'bus': control})
        self._write(
            'control',
            common,
            DEFAULT={'host': 'control', 'bus': control},
            database={'url': mariadb.url(self.place)},
        )

    def _write(self, name: str, common: dict[str, Any], **more: dict[str, Any]) -> None:
        text = ''
        for group, values in common.items():
            text += f'[{group}]\n'
            for key, value in {**values, **more.get(group, {})}.items():
                text += f'{key} = {str(value).replace("$", "$$")}\n'
        write_private(self.path / f'{name}.conf', text)

    def _prepare(self) -> None:
        words = ['--config-file', str(self.path / 'control.conf')]
        passwords = []
        for option, user in {'--password-file': 'admin', '--service-password-file': 'nimbus'}.items():
            self.place.secret(user)
            passwords += [option, str(self.place.secret_file(user))]
        commands = (['db', 'upgrade'], ['token', 'setup'], ['bootstrap', *passwords])
        done = subprocess.run(
            [sys.executable, '-c', devstack_cloud.MANAGE, *(json.dumps([*words, *verb]) for verb in commands)],
            cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]

    def _is_ready(self) -> bool:
        if not all(map(self.serves, CONTROL)):
            return False
        found = collections.Counter(row[0] for row in self.sql('SELECT `binary` FROM services'))
        return all(found[binary] == n for binary, n in REPORTS.items())

    # Daemons

    def start(self, name: str, action: str = 'kill') -> None:
        """The daemon runs; it does `action` once at each of its failpoints that is armed from now on."""
        room, _, second = name.partition('-')
        config = 'control' if name in CONTROL else f'agent{"-2" if second else ""}'
        flags = [(point, self._flag(name, point)) for point in self.points.get(name, [])]
        for _, flag in flags:
            flag.touch()
        self._action[name] = action
        log = self.registry.log(name)
        self._begun[name] = log.stat().st_size if log.exists() else 0
        self.registry.start(
            name,
            [sys.executable, '-m', f'nimbus.cmd.daemons.{room}', '--config-file', str(self.path / f'{config}.conf')],
            {
                'PYTHONPATH': str(ROOT),
                'NIMBUS_FAILPOINTS': ','.join(f'{point}={action}@{flag}' for point, flag in flags),
            },
        )

    def serves(self, name: str) -> bool:
        """Whether the daemon has come up since its last start."""
        if name in ('identity', 'image', 'api'):
            services = [name] if name != 'api' else [one for one in REST if one not in ('identity', 'image')]
            return all(self._is_healthy(service) for service in services)
        return b'is at work' in self.registry.log(name).read_bytes()[self._begun[name] :]

    def _is_healthy(self, service: str) -> bool:
        try:
            return requests.get(f'{self.place.url(service)}/healthcheck', timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def kill(self, name: str) -> None:
        """The daemon, or the server with what it started, was killed."""
        doomed = self.registry.marked(name)
        for process in doomed:
            process.send(signal.SIGKILL)
        wait(lambda: not any(process.alive() for process in doomed), 10, f'{name} is dead')

    @contextlib.contextmanager
    def aside(self, ask: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
        """`ask` is under way in a thread of its own; yields what waits for its answer."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            yield pool.submit(ask).result

    def arm(self, name: str, point: str, action: str = 'kill') -> None:
        """The daemon does `action` the next time it comes there; one that would do another is started again."""
        if self._action[name] != action:
            self.kill(name)
            self.start(name, action)
            wait(lambda: self.serves(name), 30, f'{name} serves again')
        self._flag(name, point).unlink()

    def met(self, name: str, point: str) -> bool:
        """Whether the daemon met the failpoint since it was armed."""
        return self._flag(name, point).exists()

    def _flag(self, name: str, point: str) -> pathlib.Path:
        return self.place.folder('flags') / f'{name}.{point}'

    def log(self, name: str, lines: int = 30) -> str:
        """The end of what the daemon logged."""
        return self.registry.tail(name, lines)

    # Looking and asking

    def sql(self, query: str, **values: Any) -> list[Any]:
        """The rows of a query, asked of the database itself."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(query), values))

    def client(self) -> Client:
        """An admin's way into the cloud, with a token of its own."""
        auth = v3.Password(
            auth_url=f'{self.place.url("identity")}/v3',
            username='admin',
            password=self.place.secret('admin'),
            user_domain_id='default',
            project_name='admin',
            project_domain_id='default',
        )
        return Client(session.Session(auth=auth, timeout=30))


def wait(look: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `look` returns once it is true.  Raises AssertionError naming what was waited for."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f'Within {seconds:g} s it did not become so that {what}.'
        time.sleep(0.1)
    return found
