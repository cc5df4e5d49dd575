"""Logins and reads beside a thousand slow clients on every port: what others wait, and what memory it takes.

Each kind's line has the figures without and with the slow clients.  The two are measured in turns, so that what else
the machine does meets both alike, until each has enough samples.  The slow clients are a process of their own.
"""

import argparse
import contextlib
import multiprocessing
import multiprocessing.connection
import resource
import socket
import statistics
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from bench import measure

PLACE = tuple[str, int]
PLAN = list[tuple[PLACE, bytes]]  # to whom a slow client connects, and what it sends
IMAGE = 8 << 20  # bytes of the image that nobody reads
SETTLING = 10  # seconds at most
METADATA = 1  # this many ports above compute's
READS = {'compute': '/flavors', 'network': '/v2.0/networks?limit=10', 'image': '/v2/images?limit=10'}
LISTS = {
    'identity': '/v3/users',
    'compute': '/v2.1/flavors/detail',
    'placement': '/resource_providers',
    'network': '/v2.0/security-groups',
    'image': '/v2/schemas/images',
    'volumev3': '/v3/types',
}


def main() -> None:
    """Print a line for each kind of slow client."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--connections', type=int, default=1000, help='on each port')
    parser.add_argument('--samples', type=int, default=300, help='of logins, and of reads, at least')
    parser.add_argument('--turns', type=int, default=3, help='of a measurement without and one with')
    parser.add_argument('--at-a-time', type=int, default=2, help='others who read, beside one who logs in')
    parser.add_argument('--only', help='kinds whose name holds this')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    for name, (plan, drip) in _kinds(login).items():
        if options.only and options.only not in name:
            continue
        without, beside = Found(), Found()
        for _ in range(options.turns):
            _measure(options, cloud, without)
            with slow(plan, options.connections, drip) as there:
                _let_settle(cloud)
                _measure(options, cloud, beside)
        first, second = without.figures(), beside.figures()
        ratios = {
            f'{what}_{at}': round(second[what][at] / first[what][at], 2)
            for what in ('logins', 'reads')
            for at in ('p50_ms', 'p99_ms')
        }
        measure.report(test=name, connections=there, ports=len(plan), ratio=ratios, without=first, beside=second)


def _kinds(login: measure.Login) -> dict[str, tuple[PLAN, bool]]:
    """By name: what is sent where, and whether they go on with a byte a second."""
    services = {name: place_of(url) for name, url in login.urls.items() if name in LISTS}
    compute, images = services['compute'], services['image']
    everywhere = sorted({*services.values(), (compute[0], compute[1] + METADATA)})
    token, image = f'X-Auth-Token: {login.token}\r\n', _image(login)
    head = 'POST /v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    body = f'{head}Content-Length: 1000\r\n\r\n{{'
    chunk = f'{head}Transfer-Encoding: chunked\r\n\r\nff\r\n{{'
    large = f'{head}Content-Length: 112000\r\n\r\n' + ' ' * 110_000
    upload = f'PUT /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/octet-stream\r\n'
    unread = [(services[name], f'GET {path} HTTP/1.1\r\nHost: x\r\n{token}\r\n'.encode() * 100)
              for name, path in LISTS.items()]  # fmt: skip
    download = f'GET /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\n{token}\r\n'.encode()

    def on_all(text: str) -> PLAN:
        return [(place, text.encode()) for place in everywhere]

    return {
        'half-sent heads': (on_all(head), False),
        'half-sent bodies': (on_all(body), False),
        'half-sent chunks': (on_all(chunk), False),
        'nearly whole bodies of 110 kB': (on_all(large), False),
        'a byte of the head a second': (on_all(head), True),
        'a byte of the body a second': (on_all(body), True),
        'half-sent uploads': ([(images, f'{upload}Content-Length: 9000000\r\n\r\nx'.encode())], False),
        'answers that are not read': (unread, False),
        'downloads that are not read': ([(images, download)], False),
    }


def place_of(url: str) -> PLACE:
    place = urllib.parse.urlsplit(url)
    return place.hostname or '127.0.0.1', place.port or 80


def _image(login: measure.Login) -> str:
    """An image with bytes to download."""
    to = login.to('image')
    body = {'name': 'slow', 'disk_format': 'raw', 'container_format': 'bare'}
    made = str(to.ask('POST', '/v2/images', body)[2]['id'])
    to._connection.request(
        'PUT',
        f'{to.base}/v2/images/{made}/file',
        b'\0' * IMAGE,
        {**to.headers, 'Content-Type': 'application/octet-stream'},
    )
    to._connection.getresponse().read()
    return made


@contextlib.contextmanager
def slow(plan: PLAN, count: int, drip: bool) -> Any:
    """So many slow clients are on each port within; how many are connected."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context('spawn').Process(target=_be_slow, args=(theirs, plan, count, drip))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def _be_slow(options: multiprocessing.connection.Connection, plan: PLAN, count: int, drip: bool) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    for place, data in plan * count:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(30)
        sock.connect(place)
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            sock.send(data)
        held.append(sock)
    options.send(len(held))
    while not options.poll(1):
        for sock in held if drip else ():
            with contextlib.suppress(OSError):
                sock.send(b'x')


class Found:
    """What was measured in all turns of one side."""

    def __init__(self) -> None:
        self.logins: list[float] = []
        self.reads: list[float] = []
        self.cpu: list[float] = []
        self.memory = 0.0  # the most

    def figures(self) -> dict[str, Any]:
        """What is options of them."""
        return {
            'logins': _figures(self.logins),
            'reads': _figures(self.reads),
            'cpu_percent': round(statistics.mean(self.cpu), 1),
            'memory_mib': round(self.memory, 1),
        }


def _measure(options: argparse.Namespace, cloud: measure.Processes, found: Found) -> None:
    """What others wait in one turn, and what the cloud takes."""
    login, enough = measure.Login(options), -(-options.samples // options.turns)
    logins, reads = len(found.logins) + enough, len(found.reads) + enough

    def lacking() -> bool:
        return len(found.logins) < logins or len(found.reads) < reads

    asked: list[tuple[Callable[[int], int], list[float]]] = [(lambda _: _log_in(login), found.logins)]
    for _ in range(options.at_a_time):
        own = [(measure.Endpoint(login.urls[service], login.token), path) for service, path in READS.items()]
        asked.append((lambda n, own=own: own[n % len(own)][0].ask('GET', own[n % len(own)][1])[0], found.reads))  # type: ignore[misc]
    threads = [threading.Thread(target=_run, args=(work, walls, lacking)) for work, walls in asked]
    before, began = cloud.cpu_ms(), time.monotonic()
    [thread.start() for thread in threads]  # type: ignore[func-returns-value]
    [thread.join() for thread in threads]  # type: ignore[func-returns-value]
    found.cpu.append((cloud.cpu_ms() - before) / (time.monotonic() - began) / 10)
    found.memory = max(found.memory, cloud.pss_mib())


def _let_settle(cloud: measure.Processes) -> None:
    """The whole requests that the slow clients sent have been answered: they cost what others' cost."""
    until = time.monotonic() + SETTLING
    while time.monotonic() < until:
        before = cloud.cpu_ms()
        time.sleep(0.5)
        if cloud.cpu_ms() - before < 100:
            return


def _log_in(login: measure.Login) -> int:
    return measure.Endpoint(login.auth_url).ask('POST', '/auth/tokens', login.request())[0]


def _run(work: Callable[[int], int], walls: list[float], lacking: Callable[[], bool]) -> None:
    n = 0
    while lacking():
        began = time.perf_counter()
        status = work(n)
        walls.append((time.perf_counter() - began) * 1000)
        n += 1
        if status not in (200, 201):
            raise SystemExit(f'answered {status}')


def _figures(walls: list[float]) -> dict[str, float]:
    ordered = sorted(walls)
    return {
        'count': len(walls),
        'p50_ms': round(statistics.median(ordered), 2),
        'p99_ms': round(ordered[max(0, int(len(ordered) * 0.99) - 1)], 2),
    }


if __name__ == '__main__':
    main()
