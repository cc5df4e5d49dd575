"""Boots, lists, shows and deletes servers: CPU of the whole cloud for each."""

import argparse
import concurrent.futures
import statistics
import time
from typing import Any

from bench import measure


def main() -> None:
    """Print a line each for boots, lists, shows and deletes."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--single', type=int, default=10, help='servers booted one at a time')
    parser.add_argument('--many', type=int, default=100, help='servers booted at --concurrency')
    parser.add_argument('--concurrency', type=int, default=8)
    parser.add_argument('--rows', type=int, action='append', help='list at so many servers; may be repeated')
    parser.add_argument('--network', action='store_true', help='each server has a port')
    parser.add_argument('--there', type=int, default=0, help='servers booted before any is measured')
    options = parser.parse_args()
    bench = Bench(options)
    bench.fill(options.there)
    bench.single(options.single)
    bench.many(options.many, options.concurrency)
    for rows in options.rows or [10, 1000]:
        bench.lists(rows)
    bench.sweep(options.concurrency)
    bench.drop_network()


class Bench:
    """A flavor and an image, and a network where servers have ports: without, what a server costs by itself."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.cloud, self.login = measure.Processes(options), measure.Login(options)
        self.compute, self.ids = self.login.to('compute'), []
        self.compute.ask(
            'PUT', f'/os-quota-sets/{self.login.project}', {'quota_set': {'instances': -1, 'cores': -1, 'ram': -1}}
        )
        self.wanted: Any = 'none'
        if options.network:
            self.make_network()
        _, _, body = self.compute.ask(
            'POST', '/flavors', {'flavor': {'name': f'bench-{time.time_ns()}', 'ram': 64, 'vcpus': 1, 'disk': 1}}
        )
        self.flavor = body['flavor']['id']
        image = self.login.to('image')
        _, _, body = image.ask(
            'POST',
            '/v2/images',
            {'name': 'bench', 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'private'},
        )
        self.image = body['id']
        image._connection.request(
            'PUT',
            f'{image.base}/v2/images/{self.image}/file',
            b'\0' * 65536,
            {**image.headers, 'Content-Type': 'application/octet-stream'},
        )
        image._connection.getresponse().read()

    def make_network(self) -> None:
        """Servers get a port on a wide network."""
        self.network = self.login.to('network')
        self.network.ask('PUT', f'/v2.0/quotas/{self.login.project}', {'quota': {'port': -1}})
        _, _, body = self.network.ask('POST', '/v2.0/networks', {'network': {'name': f'bench-{time.time_ns()}'}})
        self.wanted = [{'uuid': body['network']['id']}]
        subnet = {'network_id': body['network']['id'], 'ip_version': 4, 'cidr': '10.201.0.0/16'}
        self.network.ask('POST', '/v2.0/subnets', {'subnet': subnet})

    def drop_network(self) -> None:
        """The network is gone."""
        for network in self.wanted if self.wanted != 'none' else ():
            self.network.ask('DELETE', f'/v2.0/networks/{network["uuid"]}')

    def fill(self, rows: int) -> None:
        """There are so many servers, booted 8 at a time."""
        if rows > len(self.ids):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                made: Any = pool.map(lambda _: self.boot(self.login.to('compute')), range(rows - len(self.ids)))
                self.ids += [server for server, _ in made]

    def boot(self, compute: measure.Endpoint) -> tuple[str, float]:
        """(id, milliseconds from POST to ACTIVE)."""
        began = time.perf_counter()
        status, _, body = compute.ask(
            'POST',
            '/servers',
            {'server': {'name': 'bench', 'flavorRef': self.flavor, 'imageRef': self.image, 'networks': self.wanted}},
            OpenStack_API_Version='compute 2.37',
        )
        if status != 202:
            raise SystemExit(f'No server: {status} {body}')
        server = body['server']['id']
        while True:
            _, _, body = compute.ask('GET', f'/servers/{server}')
            if body['server']['status'] == 'ACTIVE':
                return server, (time.perf_counter() - began) * 1000
            if body['server']['status'] == 'ERROR':
                raise SystemExit(f'Server {server} failed: {body["server"].get("fault")}')
            time.sleep(0.05)

    def single(self, count: int) -> None:
        """Boot one at a time."""
        self.ids.append(self.boot(self.compute)[0])
        before, walls = self.cloud.cpu_ms(), []
        for _ in range(count):
            server, wall = self.boot(self.compute)
            self.ids.append(server)
            walls.append(wall)
        measure.report(
            test='boot one at a time',
            there=len(self.ids) - count,
            count=count,
            cpu_ms=round((self.cloud.cpu_ms() - before) / count, 1),
            p50_ms=round(statistics.median(walls), 1),
        )

    def many(self, count: int, concurrency: int) -> None:
        """Boot many at once."""
        before, began = self.cloud.cpu_ms(), time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
            self.ids += [server for server, _ in pool.map(lambda _: self.boot(self.login.to('compute')), range(count))]
        took = time.perf_counter() - began
        measure.report(
            test='boot many',
            count=count,
            concurrency=concurrency,
            a_minute=round(count / took * 60),
            cpu_ms=round((self.cloud.cpu_ms() - before) / count, 1),
        )

    def lists(self, rows: int) -> None:
        """List and show at so many servers; booted 8 at a time where there are fewer."""
        self.fill(rows)
        page = min(rows, 1000)
        for path in (f'/servers/detail?limit={page}', f'/servers?limit={page}'):
            measure.timed(
                self.cloud,
                f'GET {path}',
                20 if rows > 100 else 200,
                lambda path=path: self.compute.ask('GET', path),
                rows=len(self.ids),
            )
        measure.timed(
            self.cloud,
            'GET /servers/ID',
            200,
            lambda: self.compute.ask('GET', f'/servers/{self.ids[0]}'),
            rows=len(self.ids),
        )
        measure.timed(self.cloud, 'GET /flavors', 200, lambda: self.compute.ask('GET', '/flavors'))

    def sweep(self, concurrency: int) -> None:
        """Delete every server at once."""
        before, began = self.cloud.cpu_ms(), time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(lambda server: self.login.to('compute').ask('DELETE', f'/servers/{server}'), self.ids))
        while self.compute.ask('GET', '/servers?name=bench')[2]['servers']:
            time.sleep(0.05)
        took = time.perf_counter() - began
        measure.report(
            test='delete all',
            count=len(self.ids),
            a_minute=round(len(self.ids) / took * 60),
            cpu_ms=round((self.cloud.cpu_ms() - before) / len(self.ids), 1),
        )


if __name__ == '__main__':
    main()
