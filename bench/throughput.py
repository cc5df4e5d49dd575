"""Many clients at once of two clouds in turns: requests a second of each, CPU of a request, and the second's share.

    python -m bench.throughput --first STATE1/clouds.yaml PID1 --second STATE2/clouds.yaml PID2

Each cloud gets servers until it has --servers.  The client is one thread that sends the same bytes again as soon as an
answer is whole, so that it takes little of the processors from the cloud.  The children of a PID belong to its cloud.
"""

import argparse
import selectors
import socket
import statistics
import time
import urllib.parse
from typing import Any

from bench import measure
from bench.beside import Side

PIECE = 1 << 20
END = b'\r\n\r\n'


class Client:
    """One connection that asks the same again and again."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.sock = socket.create_connection(address, timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request, self.left, self.began = request, 0, 0.0

    def ask(self) -> None:
        """The request is sent again."""
        self.began = time.perf_counter()
        self.sock.sendall(self.request)
        self.left = -1

    def take(self) -> bool:
        """More of the answer is there; whether it is whole now."""
        data = self.sock.recv(PIECE)
        if not data:
            raise SystemExit('The cloud has closed a connection')
        if self.left < 0:
            head, _, body = data.partition(END)
            if not head.startswith(b'HTTP/1.1 200'):
                raise SystemExit(f'The cloud answered {head[:80]!r}')
            lines = head.lower().split(b'\r\n')
            length = next(int(line[16:]) for line in lines if line.startswith(b'content-length: '))
            self.left = length - len(body)
        else:
            self.left -= len(data)
        return self.left == 0


def ask_for(side: Side, path: str, clients: int, seconds: float) -> tuple[float, float, list[float]]:
    """Requests a second, CPU milliseconds of one, and the wall milliseconds of each."""
    place = urllib.parse.urlsplit(side.compute.base_url)
    token = side.login.token
    request = (
        f'GET {side.compute.base}{path} HTTP/1.1\r\nHost: {place.netloc}\r\nX-Auth-Token: {token}\r\n'
        'OpenStack-API-Version: compute latest\r\nAccept: application/json\r\n\r\n'
    ).encode()
    chosen, walls = selectors.DefaultSelector(), []
    asking = [Client((place.hostname or '', place.port or 0), request) for _ in range(clients)]
    for client in asking:
        chosen.register(client.sock, selectors.EVENT_READ, client)
    before, began = side.cloud.cpu_ms(), time.perf_counter()
    for client in asking:
        client.ask()
    while (now := time.perf_counter()) < began + seconds:
        for key, _ in chosen.select(1):
            if key.data.take():
                walls.append((time.perf_counter() - key.data.began) * 1000)
                key.data.ask()
    spent, took = side.cloud.cpu_ms() - before, now - began
    for client in asking:
        client.sock.close()
    return len(walls) / took, spent / max(1, len(walls)), walls


def fill(side: Side, wanted: int) -> None:
    """The cloud has so many servers."""
    side.compute.ask('PUT', f'/os-quota-sets/{side.login.project}', {
        'quota_set': {'instances': -1, 'cores': -1, 'ram': -1}})  # fmt: skip
    side.network.ask('PUT', f'/v2.0/quotas/{side.login.project}', {'quota': {'port': -1}})
    while (missing := wanted - len(side.compute.ask('GET', '/servers?limit=1000')[2]['servers'])) > 0:
        shown = side.compute.ask('GET', f'/servers/{side.server}')[2]['server']
        network = side.network.ask('GET', '/v2.0/networks')[2]['networks'][0]['id']
        body = {'name': 'bench', 'flavorRef': shown['flavor']['id'], 'imageRef': shown['image']['id'],
                'networks': [{'uuid': network}], 'max_count': min(missing, 50)}  # fmt: skip
        status, _, answer = side.compute.ask('POST', '/servers', {'server': body})
        if status != 202:
            raise SystemExit(f'No servers: {status} {answer}')
        while any(one['status'] == 'BUILD' for one in side.compute.ask('GET', '/servers/detail')[2]['servers']):
            time.sleep(0.2)


def main() -> None:
    """Print a line for each request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--first', nargs=2, required=True, metavar=('CLOUDS', 'PID'))
    parser.add_argument('--second', nargs=2, required=True, metavar=('CLOUDS', 'PID'))
    parser.add_argument('--servers', type=int, default=100, help='servers of each cloud')
    parser.add_argument('--limit', type=int, default=100, help='servers in one list')
    parser.add_argument('--clients', type=int, default=16)
    parser.add_argument('--seconds', type=float, default=3, help='length of one turn')
    parser.add_argument('--turns', type=int, default=7)
    options = parser.parse_args()
    sides = {'first': Side(*options.first), 'second': Side(*options.second)}
    for side in sides.values():
        fill(side, options.servers)
    for path in ('/servers/{server}', f'/servers/detail?limit={options.limit}'):
        found: dict[str, list[Any]] = {name: [] for name in sides}
        for turn in range(options.turns + 1):
            for name, side in sides.items():
                one = ask_for(side, path.format(server=side.server), options.clients, options.seconds)
                if turn:  # the first warms up
                    found[name].append(one)
        _report(path, options.clients, found)


def _report(path: str, clients: int, found: dict[str, list[Any]]) -> None:
    figures: dict[str, Any] = {}
    for name, turns in found.items():
        walls = sorted(wall for _, _, taken in turns for wall in taken)
        figures[name] = {
            'a_second': round(statistics.median(rate for rate, _, _ in turns), 1),
            'cpu_ms': round(statistics.median(spent for _, spent, _ in turns), 3),
            'p50_ms': round(statistics.median(walls), 1),
            'p99_ms': round(walls[int(len(walls) * 0.99) - 1], 1),
        }
    first, second = figures['first'], figures['second']
    measure.report(
        test=f'GET {path}',
        clients=clients,
        ratio_of_requests=round(second['a_second'] / first['a_second'], 2),
        ratio_of_cpu=round(second['cpu_ms'] / first['cpu_ms'], 3),
        **figures,
    )


if __name__ == '__main__':
    main()
