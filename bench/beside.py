"""Two clouds beside each other, asked in turns: CPU of one small read in each, and the second's share of the first.

    python -m bench.beside --first STATE1/clouds.yaml PID1 --second STATE2/clouds.yaml PID2

The turns alternate, so that what else the machine does meets both alike.  Each cloud gets a flavor, a network, an image
and a server if it has none.
"""

import argparse
import statistics
import time
from typing import Any

import yaml

from bench import measure


class Side:
    """One cloud, with connections to it that are kept."""

    def __init__(self, clouds: str, pid: str) -> None:
        with open(clouds) as file:
            auth = next(iter(yaml.safe_load(file)['clouds'].values()))['auth']
        options = argparse.Namespace(auth_url=auth['auth_url'], pid=[int(pid)], match='')
        self.cloud = measure.Processes(options)
        self.login = _Login(options, auth)
        self.compute, self.network = self.login.to('compute'), self.login.to('network')
        self.image = self.login.to('image')
        self.server = self._server()
        self.paths = {'GET /flavors': '/flavors', 'GET /servers/ID': f'/servers/{self.server}'}

    def _server(self) -> str:
        there = self.compute.ask('GET', '/servers')[2]['servers']
        if there:
            return str(there[0]['id'])
        flavor = {'flavor': {'name': f'beside-{time.time_ns()}', 'ram': 64, 'vcpus': 1, 'disk': 1}}
        flavor_id = self.compute.ask('POST', '/flavors', flavor)[2]['flavor']['id']
        network = self.network.ask('POST', '/v2.0/networks', {'network': {'name': 'beside'}})[2]['network']['id']
        subnet = {'subnet': {'network_id': network, 'cidr': '10.9.0.0/24', 'ip_version': 4}}
        self.network.ask('POST', '/v2.0/subnets', subnet)
        image = {'name': 'beside', 'disk_format': 'raw', 'container_format': 'bare'}
        image_id = self.image.ask('POST', '/v2/images', image)[2]['id']
        self.image.ask('PUT', f'/v2/images/{image_id}/file', 'x', Content_Type='application/octet-stream')
        server = {'name': 'beside', 'flavorRef': flavor_id, 'imageRef': image_id, 'networks': [{'uuid': network}]}
        made = self.compute.ask('POST', '/servers', {'server': server})[2]['server']['id']
        while self.compute.ask('GET', f'/servers/{made}')[2]['server']['status'] == 'BUILD':
            time.sleep(0.2)
        return str(made)

    def close(self) -> None:
        """Every connection is closed."""
        for endpoint in (self.login.identity, self.compute, self.network, self.image):
            endpoint.close()

    def turn(self, path: str, count: int) -> tuple[float, list[float]]:
        """CPU milliseconds of one request, and the wall milliseconds of each."""
        walls, before = [], self.cloud.cpu_ms()
        for _ in range(count):
            began = time.perf_counter()
            status = self.compute.ask('GET', path)[0]
            walls.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise SystemExit(f'GET {path} answered {status}')
        return (self.cloud.cpu_ms() - before) / count, walls


class _Login(measure.Login):
    """A login with the credentials that were read already."""

    def __init__(self, options: argparse.Namespace, auth: dict[str, Any]) -> None:
        self._told_auth = auth
        super().__init__(options)

    def _credentials(self, _options: argparse.Namespace) -> dict[str, Any]:  # type: ignore[override]
        return self._told_auth


def main() -> None:
    """Print a line for each request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--first', nargs=2, required=True, metavar=('CLOUDS', 'PID'))
    parser.add_argument('--second', nargs=2, required=True, metavar=('CLOUDS', 'PID'))
    parser.add_argument('--turns', type=int, default=10)
    parser.add_argument('--count', type=int, default=1000, help='requests of one turn')
    options = parser.parse_args()
    sides = {'first': Side(*options.first), 'second': Side(*options.second)}
    for name in ('GET /flavors', 'GET /servers/ID'):
        cpu: dict[str, list[float]] = {side: [] for side in sides}
        walls: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(options.turns + 1):
            for side, at in sides.items():
                spent, taken = at.turn(at.paths[name], options.count)
                if turn:  # the first warms up
                    cpu[side].append(spent)
                    walls[side] += taken
        _report(name, cpu, walls)


def _report(name: str, cpu: dict[str, list[float]], walls: dict[str, list[float]]) -> None:
    spent = {side: statistics.median(found) for side, found in cpu.items()}
    figures: dict[str, Any] = {}
    for side, found in walls.items():
        ordered = sorted(found)
        figures[side] = {
            'cpu_ms': round(spent[side], 3),
            'p50_ms': round(statistics.median(ordered), 3),
            'p99_ms': round(ordered[int(len(ordered) * 0.99) - 1], 3),
        }
    measure.report(test=name, ratio_of_cpu=round(spent['second'] / spent['first'], 3), **figures)


if __name__ == '__main__':
    main()
