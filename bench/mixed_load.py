"""Clients of every kind at once for an hour: what a minute of them costs, and whether the cloud's memory levels off."""

import argparse
import collections
import dataclasses
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from bench import measure

WAITING = ('BUILD', 'creating', 'queued')
RENEWAL = 600.0  # seconds for which a client uses one token


@dataclasses.dataclass(frozen=True)
class Kind:
    """A noun that clients make, look at and delete."""

    service: str
    path: str
    one: str  # the key that its body is under, none where it has no envelope
    weight: int
    most: int = 4  # of one client that are there at once

    def wrapped(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body as a request has it."""
        return {self.one: body} if self.one else body

    def opened(self, body: Any) -> Any:
        """The noun that an answer holds."""
        return body[self.one] if self.one else body


SERVER = Kind('compute', '/servers', 'server', 30)
PORT = Kind('network', '/v2.0/ports', 'port', 20)
NETWORK = Kind('network', '/v2.0/networks', 'network', 10, 2)
VOLUME = Kind('block-storage', '/volumes', 'volume', 15)
IMAGE = Kind('image', '/v2/images', '', 10, 2)
KINDS = (SERVER, PORT, NETWORK, VOLUME, IMAGE)
TOKENS = 5  # the weight of a new token


class Tally:
    """How many requests there were, which of them failed, and what failed."""

    def __init__(self) -> None:
        self._guard, self.requests = threading.Lock(), 0
        self.errors: collections.Counter[str] = collections.Counter()

    def note(self, method: str, path: str, status: int) -> None:
        """One more request, named by its collection when it failed."""
        with self._guard:
            self.requests += 1
            if status >= 400:
                self.errors[f'{status} {method} {path}'] += 1


class Client:
    """One client with connections of its own, which does one thing after another until it is asked to stop."""

    def __init__(self, options: argparse.Namespace, number: int, common: dict[str, str], tally: Tally) -> None:
        self._options, self._common, self._tally = options, common, tally
        self._random, self._stop = random.Random(number), threading.Event()
        self._there: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
        self._endpoints: dict[str, measure.Endpoint] = {}
        self._login()
        self._home = self._network('10.202.0.0/16')
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """The client begins nothing new."""
        self._stop.set()

    def finish(self) -> None:
        """The client has deleted what it made and is gone."""
        self._thread.join()
        for kind, ids in self._there.items():
            for one in ids:
                self._ask(kind, 'DELETE', f'/{one}')
        mine = f'?network_id={self._home}&device_owner=compute:nova'
        self._await(lambda: not self._ask(PORT, 'GET', query=mine)[1]['ports'])
        self._ask(NETWORK, 'DELETE', f'/{self._home}')

    def _login(self) -> None:
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._account, self._since = measure.Login(self._options), time.monotonic()
        self._endpoints = {service: self._account.to(service) for service in {kind.service for kind in KINDS}}
        self._tally.note('POST', '/auth/tokens', 201)

    def _run(self) -> None:
        while not self._stop.is_set():
            if time.monotonic() - self._since > RENEWAL:
                self._login()
            weights = [*(kind.weight for kind in KINDS), TOKENS]
            kind = self._random.choices([*KINDS, None], weights)[0]
            if kind is None:
                self._token()
            else:
                self._turn(kind, self._there[kind])

    def _turn(self, kind: Kind, mine: list[str]) -> None:
        """One of the client's of this kind is made, looked at or deleted, or all are listed."""
        draw = self._random.random()
        if draw < 0.3 and len(mine) < kind.most:
            self._create(kind, mine)
        elif mine and (draw < 0.3 or draw > 0.8):
            self._ask(kind, 'DELETE', f'/{mine.pop(0)}')
        elif mine and draw < 0.6:
            self._ask(kind, 'GET', f'/{self._random.choice(mine)}')
        else:
            self._ask(kind, 'GET', query='?limit=50')

    def _create(self, kind: Kind, mine: list[str]) -> None:
        makers: dict[Kind, Callable[[], str | None]] = {
            SERVER: lambda: self._made(SERVER, self._server()),
            PORT: lambda: self._made(PORT, {'network_id': self._home}),
            NETWORK: lambda: self._network('10.203.0.0/24'),
            VOLUME: lambda: self._made(VOLUME, {'size': 1}),
            IMAGE: self._image,
        }
        made = makers[kind]()
        if made:
            mine.append(made)
            if kind in (SERVER, VOLUME):
                self._await(lambda: self._settled(kind, made))

    def _server(self) -> dict[str, Any]:
        flavor, image = self._common['flavor'], self._common['image']
        return {'name': 'mixed', 'flavorRef': flavor, 'imageRef': image, 'networks': [{'uuid': self._home}]}

    def _network(self, cidr: str) -> str | None:
        network = self._made(NETWORK, {'name': 'mixed'})
        if network:
            subnet = {'network_id': network, 'ip_version': 4, 'cidr': cidr}
            self._made(Kind('network', '/v2.0/subnets', 'subnet', 0), subnet)
        return network

    def _image(self) -> str | None:
        image = self._made(IMAGE, {'name': 'mixed', 'disk_format': 'raw', 'container_format': 'bare'})
        if image:
            self._tally.note('PUT', '/v2/images', upload(self._endpoints['image'], image, bytes(range(256)) * 4096))
        return image

    def _token(self) -> None:
        scope = {'project': {'id': self._account.project}}
        methods = {'methods': ['token'], 'token': {'id': self._account.token}}
        body = {'auth': {'identity': methods, 'scope': scope}}
        self._tally.note('POST', '/auth/tokens', self._account.identity.ask('POST', '/auth/tokens', body)[0])

    def _made(self, kind: Kind, body: dict[str, Any]) -> str | None:
        status, found = self._ask(kind, 'POST', body=kind.wrapped({'name': 'mixed', **body}))
        return str(kind.opened(found)['id']) if status < 300 else None

    def _settled(self, kind: Kind, one: str) -> bool:
        status, found = self._ask(kind, 'GET', f'/{one}')
        return status != 200 or kind.opened(found)['status'] not in WAITING

    def _ask(self, kind: Kind, method: str, below: str = '', query: str = '', body: Any = None) -> tuple[int, Any]:
        status, _, found = self._endpoints[kind.service].ask(method, kind.path + below + query, body)
        self._tally.note(method, kind.path, status)
        return status, found

    @staticmethod
    def _await(so: Callable[[], bool], timeout: float = 60.0) -> None:
        ends = time.monotonic() + timeout
        while not so() and time.monotonic() < ends:
            time.sleep(0.05)


def upload(image: measure.Endpoint, one: str, data: bytes) -> int:
    """What the image was answered that was given the bytes."""
    return image.send('PUT', f'/v2/images/{one}/file', data, Content_Type='application/octet-stream')[0]


def main() -> None:
    """Print a line at rest, one for each minute of load, one of the whole, and one for each minute of rest after it."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--minutes', type=int, default=60, help='of load')
    parser.add_argument('--rest', type=int, default=5, help='minutes of rest afterwards')
    parser.add_argument('--concurrency', type=int, default=16, help='clients, each with one request at a time')
    options = parser.parse_args()
    cloud, tally = measure.Processes(options), Tally()
    common = _prepared(measure.Login(options))
    _report(cloud, 'at rest')
    clients = [Client(options, number, common, tally) for number in range(options.concurrency)]
    seen = [_minute(cloud, tally, f'minute {minute + 1} of load') for minute in range(options.minutes)]
    for client in clients:
        client.stop()
    for client in clients:
        client.finish()
    after_ten = seen[min(9, len(seen) - 1)]
    measure.report(
        test='all of it', requests=tally.requests, errors=dict(tally.errors), rss_mib_after_ten_minutes=after_ten,
        rss_mib=seen[-1], share=round(seen[-1] / after_ten, 3),
    )  # fmt: skip
    for minute in range(options.rest):
        time.sleep(60)
        _report(cloud, f'minute {minute + 1} of rest')


def _prepared(login: measure.Login) -> dict[str, str]:
    """The flavor and the image of every server; nothing of the project is limited."""
    compute, image = login.to('compute'), login.to('image')
    quotas = {
        'compute': (f'/os-quota-sets/{login.project}', 'quota_set', ('instances', 'cores', 'ram')),
        'block-storage': (f'/os-quota-sets/{login.project}', 'quota_set', ('volumes', 'gigabytes')),
        'network': (f'/v2.0/quotas/{login.project}', 'quota', ('port', 'network', 'subnet')),
    }
    for service, (path, one, names) in quotas.items():
        login.to(service).ask('PUT', path, {one: dict.fromkeys(names, -1)})
    flavor = {'name': f'mixed-{time.time_ns()}', 'ram': 64, 'vcpus': 1, 'disk': 1}
    made = image.ask('POST', '/v2/images', {'name': 'mixed', 'disk_format': 'raw', 'container_format': 'bare'})[2]
    upload(image, made['id'], b'\0' * 65536)
    return {'flavor': compute.ask('POST', '/flavors', {'flavor': flavor})[2]['flavor']['id'], 'image': made['id']}


def _minute(cloud: measure.Processes, tally: Tally, when: str) -> float:
    """Resident memory at the end of one more minute, which is reported."""
    spent, requests, errors = cloud.cpu_ms(), tally.requests, tally.errors.copy()
    time.sleep(60)
    asked = tally.requests - requests
    cost = round((cloud.cpu_ms() - spent) / max(1, asked), 2)
    return _report(cloud, when, requests=asked, cpu_ms=cost, errors=dict(tally.errors - errors))


def _report(cloud: measure.Processes, when: str, **facts: Any) -> float:
    resident = round(cloud.rss_mib(), 1)
    measure.report(test=when, rss_mib=resident, threads=cloud.threads(), **facts)
    return resident


if __name__ == '__main__':
    main()
