"""Logins and reads beside a thousand slow clients of each kind: what others wait, and what memory it takes.

Each kind's line has the figures without and with the slow clients, one after the other, so that what else the machine
does meets both alike.  The slow clients are a process of their own, spread over every port of the catalog.
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
IMAGE = 8 << 20  # bytes of the image that nobody reads
READS = {'compute': '/flavors', 'network': '/v2.0/networks?limit=10', 'image': '/v2/images?limit=10'}


def main() -> None:
    """Print a line for each kind of slow client."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--connections', type=int, default=1000)
    parser.add_argument('--seconds', type=float, default=8, help='of each measurement')
    parser.add_argument('--at-a-time', type=int, default=2, help='others who read, beside one who logs in')
    parser.add_argument('--only', help='kinds whose name holds this')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    image = _image(login)
    for name, (places, heads, drip) in _kinds(login, image).items():
        if options.only and options.only not in name:
            continue
        without = _measure(options, cloud)
        with slow(places, heads, options.connections, drip) as there:
            beside = _measure(options, cloud)
        left = _measure(options, cloud)
        ratios = {
            f'{what}_{at}': round(beside[what][at] / max(without[what][at], left[what][at]), 2)
            for what in ('logins', 'reads')
            for at in ('p50_ms', 'p99_ms')
        }
        measure.report(test=name, connections=there, ratio=ratios, without=without, beside=beside, afterwards=left)


def _kinds(login: measure.Login, image: str) -> dict[str, tuple[list[PLACE], list[bytes], bool]]:
    """By name: where they connect, what they send to each, and whether they go on with a byte a second."""
    everywhere = sorted({place_of(url) for url in login.urls.values()})
    images, compute = place_of(login.urls['image']), place_of(login.urls['compute'])
    token = f'X-Auth-Token: {login.token}\r\n'
    head = 'POST /v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    body = f'{head}Content-Length: 1000\r\n\r\n{{'.encode()
    chunk = f'{head}Transfer-Encoding: chunked\r\n\r\nff\r\n{{'.encode()
    large = f'{head}Content-Length: 112000\r\n\r\n'.encode() + b' ' * 110_000
    upload = f'PUT /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/octet-stream\r\n'
    list_ = f'GET /v2.1/flavors/detail HTTP/1.1\r\nHost: x\r\n{token}\r\n'.encode()
    return {
        'half-sent heads': (everywhere, [head.encode()], False),
        'half-sent bodies': (everywhere, [body], False),
        'half-sent chunks': (everywhere, [chunk], False),
        'nearly whole bodies of 110 kB': (everywhere, [large], False),
        'a byte of the head a second': (everywhere, [head.encode()], True),
        'a byte of the body a second': (everywhere, [body], True),
        'half-sent uploads': ([images], [f'{upload}Content-Length: 9000000\r\n\r\nx'.encode()], False),
        'answers that are not read': ([compute], [list_ * 400], False),
        'downloads that are not read': (
            [images],
            [f'GET /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\n{token}\r\n'.encode()],
            False,
        ),
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
def slow(places: list[PLACE], heads: list[bytes], count: int, drip: bool) -> Any:
    """So many slow clients are there within; how many are connected."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context('spawn').Process(target=_be_slow, args=(theirs, places, heads, count, drip))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def _be_slow(
    options: multiprocessing.connection.Connection, places: list[PLACE], heads: list[bytes], count: int, drip: bool
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    for n in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(30)
        sock.connect(places[n % len(places)])
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.send(heads[n % len(heads)])
        held.append(sock)
    options.send(len(held))
    while not options.poll(1):
        for sock in held if drip else ():
            with contextlib.suppress(OSError):
                sock.send(b'x')


def _measure(options: argparse.Namespace, cloud: measure.Processes) -> dict[str, Any]:
    """What others wait, and what the cloud takes."""
    logins: list[float] = []
    reads: list[float] = []
    login = measure.Login(options)
    asked: list[tuple[Callable[[int], int], list[float]]] = [(lambda _: _log_in(login), logins)]
    for _ in range(options.at_a_time):
        own = [(measure.Endpoint(login.urls[service], login.token), path) for service, path in READS.items()]
        asked.append((lambda n, own=own: own[n % len(own)][0].ask('GET', own[n % len(own)][1])[0], reads))  # type: ignore[misc]
    until = time.monotonic() + options.seconds
    threads = [threading.Thread(target=_run, args=(work, walls, until)) for work, walls in asked]
    before, began = cloud.cpu_ms(), time.monotonic()
    [thread.start() for thread in threads]  # type: ignore[func-returns-value]
    [thread.join() for thread in threads]  # type: ignore[func-returns-value]
    share = (cloud.cpu_ms() - before) / (time.monotonic() - began) / 10
    return {
        'logins': _figures(logins),
        'reads': _figures(reads),
        'cpu_percent': round(share, 1),
        'memory_mib': round(cloud.pss_mib(), 1),
    }


def _log_in(login: measure.Login) -> int:
    return measure.Endpoint(login.auth_url).ask('POST', '/auth/tokens', login.request())[0]


def _run(work: Callable[[int], int], walls: list[float], until: float) -> None:
    n = 0
    while time.monotonic() < until:
        began = time.perf_counter()
        status = work(n)
        walls.append((time.perf_counter() - began) * 1000)
        n += 1
        if status not in (200, 201):
            raise SystemExit(f'answered {status}')


def _figures(walls: list[float]) -> dict[str, float]:
    ordered = sorted(walls) or [float('inf')]
    return {
        'count': len(walls),
        'p50_ms': round(statistics.median(ordered), 2),
        'p99_ms': round(ordered[max(0, int(len(ordered) * 0.99) - 1)], 2),
    }


if __name__ == '__main__':
    main()
