"""What every bench needs: a way to ask an endpoint, and the CPU that its processes spent."""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import statistics
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import yaml

TICK = os.sysconf('SC_CLK_TCK')


def arguments(sentence: str) -> argparse.ArgumentParser:
    """An argument parser with what every bench takes."""
    parser = argparse.ArgumentParser(description=sentence)
    parser.add_argument('--auth-url', default=os.environ.get('OS_AUTH_URL'), help='identity endpoint, with /v3')
    parser.add_argument('--os-cloud', default=os.environ.get('OS_CLOUD', 'nimbus'), help='entry of clouds.yaml')
    parser.add_argument('--match', default='nimbus', help='processes whose command line holds this are the cloud')
    parser.add_argument('--pid', type=int, action='append', help='a process of the cloud, instead of --match')
    return parser


def report(**facts: Any) -> None:
    """One JSON line on standard output."""
    print(json.dumps(facts), flush=True)


class Processes:
    """The cloud's processes, as the kernel counts them."""

    def __init__(self, options: argparse.Namespace) -> None:
        told = options.pid and with_children(options.pid)
        self.pids = told or [pid for pid in _pids() if pid != os.getpid() and options.match in _line(pid)]

    def cpu_ms(self) -> float:
        """CPU milliseconds that all of them have spent, children that ended included."""
        total = 0
        for pid in self.pids:
            try:
                fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
            except OSError:
                continue
            total += sum(map(int, fields[11:15]))
        return total * 1000 / TICK

    def pss_mib(self) -> float:
        """Memory of all of them, shared pages divided among those that share them."""
        total = 0
        for pid in self.pids:
            try:
                text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith('Pss:'))
        return total / 1024

    def rss_mib(self) -> float:
        """Resident memory of all of them."""
        lines = ''.join(self._statuses()).splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith('VmRSS:')) / 1024

    def threads(self) -> int:
        """The threads of all of them."""
        lines = ''.join(self._statuses()).splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith('Threads:'))

    def _statuses(self) -> list[str]:
        paths = [pathlib.Path(f'/proc/{pid}/status') for pid in self.pids]
        return [path.read_text() for path in paths if path.exists()]


def with_children(pids: list[int]) -> list[int]:
    """The processes and whatever they have started, directly or not, that runs now."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
            children.setdefault(int(fields[1]), []).append(pid)
    found, new = list(pids), list(pids)
    while new:
        new = [child for pid in new for child in children.get(pid, ())]
        found += new
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in pathlib.Path('/proc').iterdir() if path.name.isdigit()]


def _line(pid: int) -> str:
    try:
        words = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')
    except OSError:
        return ''
    text = b' '.join(words).decode(errors='replace')
    return '' if 'bench' in text or 'pytest' in text else text


class Endpoint:
    """One kept-alive connection to one API."""

    def __init__(self, url: str, token: str | None = None) -> None:
        place = urllib.parse.urlsplit(url)
        self.base, self.base_url = place.path.rstrip('/'), url
        self._connection = http.client.HTTPConnection(place.hostname or '', place.port, timeout=120)
        self.headers = {'X-Auth-Token': token} if token else {}

    def close(self) -> None:
        """The connection is closed."""
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """(status, headers, body) of one request."""
        return self.send(method, path, json.dumps(body).encode() if body is not None else None, **headers)

    def send(self, method: str, path: str, data: bytes | None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """(status, headers, body) of one request with bytes that are JSON unless Content_Type says otherwise."""
        options = {
            **self.headers,
            'Content-Type': 'application/json',
            **{name.replace('_', '-'): value for name, value in headers.items()},
        }
        try:
            self._connection.request(method, self.base + path, data, options)
            answer = self._connection.getresponse()
        except ConnectionError:  # idle for longer than a server keeps a connection
            self._connection.close()
            self._connection.request(method, self.base + path, data, options)
            answer = self._connection.getresponse()
        read = answer.read()
        kind = answer.headers.get('Content-Type', '')
        return answer.status, dict(answer.headers), json.loads(read) if read and 'json' in kind else read


class Login:
    """A token and the endpoints its catalog names."""

    def __init__(self, options: argparse.Namespace) -> None:
        auth = self._credentials(options)
        self.auth_url, self.auth = options.auth_url or auth['auth_url'], auth
        self.identity = Endpoint(self.auth_url)
        status, headers, body = self.identity.ask('POST', '/auth/tokens', self.request())
        if status != 201:
            raise SystemExit(f'No token: {status} {body}')
        self.token, self.project = headers['X-Subject-Token'], body['token']['project']['id']
        self.urls = {
            service['type']: next(e['url'] for e in service['endpoints'] if e['interface'] == 'public')
            for service in body['token']['catalog']
            if service['endpoints']
        }

    def request(self) -> dict[str, Any]:
        """The body that asks for a token by password."""
        user = {'name': self.auth['username'], 'password': self.auth['password'], 'domain': {'id': 'default'}}
        scope = {'project': {'name': self.auth['project_name'], 'domain': {'id': 'default'}}}
        return {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}}, 'scope': scope}}

    def to(self, service: str) -> Endpoint:
        """A new connection to a service of the catalog."""
        return Endpoint(self.urls[service], self.token)

    @staticmethod
    def _credentials(options: argparse.Namespace) -> dict[str, Any]:
        if os.environ.get('OS_PASSWORD'):
            return {
                'username': os.environ.get('OS_USERNAME', 'admin'),
                'password': os.environ['OS_PASSWORD'],
                'project_name': os.environ.get('OS_PROJECT_NAME', 'admin'),
                'auth_url': options.auth_url,
            }
        path = os.environ.get('OS_CLIENT_CONFIG_FILE', os.path.expanduser('~/.config/openstack/clouds.yaml'))
        return yaml.safe_load(pathlib.Path(path).read_text())['clouds'][options.os_cloud]['auth']


def timed(cloud: Processes, name: str, count: int, work: Callable[[], Any], **facts: Any) -> None:
    """Run the work so often, after a tenth of it unmeasured, and return its CPU and its wall time."""
    for _ in range(max(1, count // 10)):
        work()
    before, walls = cloud.cpu_ms(), []
    for _ in range(count):
        began = time.perf_counter()
        work()
        walls.append((time.perf_counter() - began) * 1000)
    spent = (cloud.cpu_ms() - before) / count
    report(
        test=name,
        count=count,
        cpu_ms=round(spent, 3),
        p50_ms=round(statistics.median(walls), 3),
        p99_ms=round(sorted(walls)[max(0, int(count * 0.99) - 1)], 3),
        **facts,
    )
