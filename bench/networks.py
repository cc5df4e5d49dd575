"""Makes, lists, shows and deletes networks, ports and security group rules: CPU of the whole cloud for each."""

import argparse
import time
from typing import Any

from bench import measure


def main() -> None:
    """Print a line each for creating, listing, showing and deleting."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=50, help='networks, ports and rules made')
    parser.add_argument('--rows', type=int, default=1000, help='ports there are when they are listed')
    options = parser.parse_args()
    bench = Bench(options)
    try:
        bench.networks(options.count)
        bench.ports(options.count)
        bench.rules(options.count)
        bench.lists(options.rows)
    finally:
        bench.sweep()


class Bench:
    """One network with a wide subnet, on which ports are made that nothing plugs in."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.cloud, self.login = measure.Processes(options), measure.Login(options)
        self.network = self.login.to('network')
        self.made: list[str] = []
        unlimited = dict.fromkeys(('network', 'subnet', 'port', 'security_group', 'security_group_rule'), -1)
        self.ask('PUT', f'/v2.0/quotas/{self.login.project}', {'quota': unlimited})
        self.id = self.make('networks', 'network', {'name': f'bench-{time.time_ns()}'})
        self.make('subnets', 'subnet', {'network_id': self.id, 'ip_version': 4, 'cidr': '10.200.0.0/16'})
        self.group = self.make('security-groups', 'security_group', {'name': 'bench'})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer.  Raises SystemExit when it is an error."""
        status, _, found = self.network.ask(method, path, body)
        if status >= 300:
            raise SystemExit(f'{method} {path}: {status} {found}')
        return found

    def make(self, many: str, one: str, body: dict[str, Any]) -> str:
        """The id of a thing that is there now, and gone again after the sweep."""
        found = self.ask('POST', f'/v2.0/{many}', {one: body})[one]['id']
        self.made.append(f'/v2.0/{many}/{found}')
        return found

    def networks(self, count: int) -> None:
        """Create networks."""
        measure.timed(self.cloud, 'create network', count, lambda: self.make('networks', 'network', {'name': 'bench'}))

    def ports(self, count: int) -> None:
        """Create ports with an address each."""
        measure.timed(self.cloud, 'create port', count, self.port)

    def port(self) -> str:
        """The id of a new port."""
        return self.make('ports', 'port', {'network_id': self.id, 'name': 'bench'})

    def rules(self, count: int) -> None:
        """Create rules, each for another port number."""
        numbers = iter(range(1, 65536))

        def rule() -> None:
            number = next(numbers)
            wanted = {
                'security_group_id': self.group,
                'direction': 'ingress',
                'protocol': 'tcp',
                'port_range_min': number,
                'port_range_max': number,
            }
            self.make('security-group-rules', 'security_group_rule', wanted)

        measure.timed(self.cloud, 'create security group rule', count, rule)

    def lists(self, rows: int) -> None:
        """List and show at so many ports."""
        there = sum('/ports/' in path for path in self.made)
        ids = [self.port() for _ in range(rows - there)] or [
            next(p for p in self.made if '/ports/' in p).split('/')[-1]
        ]
        path = f'/v2.0/ports?network_id={self.id}'
        measure.timed(self.cloud, 'GET /ports', 20, lambda: self.ask('GET', path), rows=max(rows, there))
        page = f'{path}&limit=100'
        measure.timed(self.cloud, 'GET /ports?limit=100', 50, lambda: self.ask('GET', page), rows=max(rows, there))
        measure.timed(self.cloud, 'GET /ports/ID', 200, lambda: self.ask('GET', f'/v2.0/ports/{ids[0]}'))
        measure.timed(self.cloud, 'GET /networks/ID', 200, lambda: self.ask('GET', f'/v2.0/networks/{self.id}'))

    def sweep(self) -> None:
        """Everything that was made is deleted, the newest first."""
        before, began = self.cloud.cpu_ms(), time.perf_counter()
        for path in reversed(self.made):
            self.network.ask('DELETE', path)
        took = time.perf_counter() - began
        measure.report(
            test='delete all',
            count=len(self.made),
            a_minute=round(len(self.made) / took * 60),
            cpu_ms=round((self.cloud.cpu_ms() - before) / len(self.made), 2),
        )
        self.network.ask('DELETE', f'/v2.0/quotas/{self.login.project}')


if __name__ == '__main__':
    main()
