"""nimbus-identity and another API as processes of their own over one MariaDB, with no message bus to be reached."""

import contextlib
import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator

from devstack import mariadb, place, processes
from devstack.processes import wait_until
from tests.real.identity_alone import Identity

OFFSET = {'fernet': place.TEST_OFFSETS['beside'], 'jws': place.TEST_OFFSETS['beside-jws']}
MORE = """[DEFAULT]
bus = rabbit://nobody:nothing@127.0.0.1:9/
[database]
url = {database}
[identity]
token_format = {token_format}
jws_fetch_interval = 1
"""
SERVICE = """[api]
services = compute
compute_port = {port}
[DEFAULT]
state_path = {state}
[log]
file = {state}/log
"""


class Service:
    """The compute API: it has the database and, in a folder of its own, identity's public keys as they were."""

    def __init__(self, identity: Identity, alone: bool) -> None:
        """`alone` gives it no folder of identity's."""
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.identity, state = identity, identity.state / 'service'
        state.mkdir()
        more = SERVICE.format(port=self.port, state=state if alone else identity.state)
        self.conf = identity.state / 'service.conf'
        self.conf.write_text(identity.conf.read_text() + more)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = self.identity.run('nimbus.cmd.daemons.api', conf=self.conf)
        assert wait_until(lambda: self.status('') == 401, 60, 0.05), 'the compute API does not answer'

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def status(self, token: str) -> int:
        """The answer to a list of flavors; 0 without one."""
        with contextlib.closing(http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)) as connection:
            try:
                connection.request('GET', '/v2.1/flavors', headers={'X-Auth-Token': token} if token else {})
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                return 0
            assert answer.status != 200 or 'flavors' in json.loads(body)
            return answer.status


@contextlib.contextmanager
def beside(token_format: str) -> Iterator[tuple[Identity, Service]]:
    """Both run; a service that checks signatures has no key of identity's but the public ones it asked for."""
    path = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
    registry = processes.Registry(path)
    killed = []
    try:
        made = place.settle(path, form='daemons', port_offset=OFFSET[token_format])
        mariadb.up(made, registry)
        url = mariadb.url(made).replace('$', '$$')
        identity = Identity(made.folder('identity'), MORE.format(database=url, token_format=token_format))
        killed.append(identity)
        identity.start()
        service = Service(identity, token_format == 'jws')
        killed.append(service)
        service.start()
        yield identity, service
    finally:
        for process in killed:
            process.kill()
        processes.end(registry.marked(), 5.0, signal.SIGKILL)
        shutil.rmtree(path)
