"""A whole cloud in one test: real daemons as threads, SQLite, the in-process bus, and fake hosts that outlive agents.

with Cloud(tmp_path, hosts=3) as cloud:
    admin = cloud.client('admin')
    admin.post('compute', '/servers', {...})
    cloud.restart('compute', 'h1')
"""

import contextlib
import itertools
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from keystoneauth1 import adapter, exceptions, session
from keystoneauth1.identity import v3

from nimbus.cmd import services, wiring
from nimbus.common import config
from nimbus.common.messaging import rpc
from nimbus.common.parts import Parts
from nimbus.compute.agent.fake import host as fake_host
from nimbus.network.agent.fake import driver as fake_network
from nimbus.volume.agent.fake import driver as fake_volume
from tests import databases
from tests.transport import WsgiAdapter

PASSWORD = 'a password of the test'
NAMES = ('identity', 'compute', 'metadata', 'network', 'image', 'volume', 'placement')
TYPES = {'volume': 'block-storage'}
_COUNT = itertools.count()


class Conf:
    """Configuration for one cloud: the options' defaults, and what the test says instead."""

    def __init__(self, told: dict[str, Any]) -> None:
        """`told` is by 'option' or 'group.option'."""
        groups: dict[str, dict[str, Any]] = {}
        for group, opts in config.options().items():
            groups[group] = {opt.dest: opt.default for opt in opts}
        for name, value in told.items():
            group, _, option = name.rpartition('.')
            if option not in groups[group or 'DEFAULT']:
                raise KeyError(f'There is no option {name}.')
            groups[group or 'DEFAULT'][option] = value
        for group, values in groups.items():
            if group == 'DEFAULT':
                self.__dict__.update(values)
            else:
                self.__dict__[group] = _Group(values)


class _Group:
    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


@contextlib.contextmanager
def bare_parts(path: pathlib.Path, **told: Any) -> Iterator[Parts]:
    """Parts with an empty database and nobody on the bus: enough to load every API."""
    number = next(_COUNT)
    conf: Any = Conf(
        {
            'state_path': str(path),
            'bus': f'inproc:///bare-{number}',
            'api.public_host': 'cloud',
            'api.policy_file': str(path / 'policy.yaml'),
            **told,
        }
    )
    database = databases.new(path / 'nimbus.db')
    parts = Parts(conf=conf, db=database, bus=rpc.transport(conf.bus))
    services.fill(conf, parts)
    try:
        yield parts
    finally:
        services.empty(parts)
        database.close()


class Client:
    """One user's way into the cloud."""

    def __init__(self, made: session.Session) -> None:
        self.session = made

    def request(
        self, method: str, service: str, path: str, body: Any = None, version: str | None = None, **more: Any
    ) -> Any:
        """The response, whatever its status."""
        speak = adapter.Adapter(
            self.session,
            service_type=TYPES.get(service, service),
            interface='public',
            version='3' if service == 'identity' else None,  # the catalog's URL names none
        )
        headers = {**more.pop('headers', {}), **({'OpenStack-API-Version': f'{service} {version}'} if version else {})}
        return speak.request(path, method, json=body, headers=headers, raise_exc=False, **more)

    def get(self, service: str, path: str, version: str | None = None) -> Any:
        """The body of a GET that succeeds."""
        return self._body('GET', service, path, None, version)

    def post(self, service: str, path: str, body: Any, version: str | None = None) -> Any:
        """The body of a POST that succeeds."""
        return self._body('POST', service, path, body, version)

    def put(self, service: str, path: str, body: Any, version: str | None = None) -> Any:
        """The body of a PUT that succeeds."""
        return self._body('PUT', service, path, body, version)

    def delete(self, service: str, path: str, version: str | None = None) -> Any:
        """A DELETE that succeeds."""
        return self._body('DELETE', service, path, None, version)

    def _body(self, method: str, service: str, path: str, body: Any, version: str | None) -> Any:
        answer = self.request(method, service, path, body, version)
        assert answer.status_code < 300, f'{method} {path}: {answer.status_code} {answer.text}'
        return answer.json() if answer.content else None


class ServiceUser:
    """The service user of a cloud without sockets: what agents need of one, over a session to its applications."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def log_in(self) -> None:
        """The session has a token.  Raises OSError."""
        try:
            self.session.get_auth_headers()
        except exceptions.ClientException as why:
            raise OSError(str(why)) from why


class Cloud:
    """Everything `nimbus up --fake` runs, without sockets."""

    def __init__(self, path: pathlib.Path, hosts: int = 1, **told: Any) -> None:
        self.path, self.number = path, next(_COUNT)
        self.hosts = [f'h{n + 1}' for n in range(hosts)]
        self.conf: Any = Conf(
            {
                'state_path': str(path),
                'host': 'control',
                'bus': f'inproc:///cloud-{self.number}',
                'api.public_host': 'cloud',
                'api.policy_file': str(path / 'policy.yaml'),
                'compute.driver': 'fake',
                'network.driver': 'fake',
                'volume.driver': 'fake',
                'service_user.password': PASSWORD,
                'metadata.shared_secret': PASSWORD,
                'identity.bcrypt_rounds': 4,
                'conductor.still': 1.0,
                **told,
            }
        )
        self.agents: dict[tuple[str, str], wiring.Group] = {}
        self.apps: dict[str, Callable[..., Any]] = {}

    def __enter__(self) -> Self:
        fake_host.FakeHost.forget()
        fake_network.HOSTS.clear()
        fake_volume.HOSTS.clear()
        self.parts = wiring.make_parts(self.conf)
        file = self.path / 'nimbus.db'
        if not file.stat().st_size:  # it was made just now, with the mode that it keeps
            databases.make_tables(file)
        services.bootstrap(self.conf, self.parts, PASSWORD, PASSWORD)
        services.fill(self.conf, self.parts)
        self.apps.update(wiring.load_apps(self.conf, self.parts, list(NAMES)))
        self.control = services.control(self.conf, self.parts)
        self.control.start()
        for host in self.hosts:
            for room in ('compute', 'network', 'volume'):
                self.start(room, host)
        return self

    def __exit__(self, *_: object) -> None:
        for agent in reversed(list(self.agents.values())):
            agent.stop()
        self.control.stop()
        self.parts.extra['image imports'].runner.stop()
        services.empty(self.parts)
        self.parts.db.close()

    def start(self, room: str, host: str) -> None:
        """The host's agent runs."""
        user = ServiceUser(self.session('nimbus', 'service'))
        made = services.agent(room, self.conf, self.parts.bus, host, service=user)
        self.agents[room, host] = made
        made.start()

    def stop(self, room: str, host: str) -> None:
        """The host's agent is gone; its guests, networks and disks are not."""
        self.agents.pop((room, host)).stop()

    def restart(self, room: str, host: str) -> None:
        """The host's agent is another one now."""
        self.stop(room, host)
        self.start(room, host)

    def session(self, user: str, project: str | None, password: str = PASSWORD) -> session.Session:
        """A keystoneauth session whose requests reach the WSGI applications directly."""
        auth = v3.Password(
            auth_url=f'http://cloud:{self.conf.api.identity_port}/v3',
            username=user,
            password=password,
            user_domain_id='default',
            project_name=project,
            project_domain_id='default',
        )
        made = session.Session(auth=auth)
        ports = {getattr(self.conf.api, f'{name}_port'): name for name in NAMES}
        made.session.mount('http://', WsgiAdapter({port: self.apps[name] for port, name in ports.items()}))
        return made

    def client(self, user: str = 'admin', project: str | None = 'admin', password: str = PASSWORD) -> Client:
        """A user's way into the cloud."""
        return Client(self.session(user, project, password))

    def wait(self, look: Callable[[], Any], seconds: float = 30) -> Any:
        """What `look` returns once it is true.  Raises TimeoutError."""
        end = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > end:
                raise TimeoutError(f'Not so within {seconds} s.')
            time.sleep(0.02)
        return found
