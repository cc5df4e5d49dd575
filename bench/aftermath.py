"""What stays in a cloud's process after many boots and deletes: memory, threads and idle CPU, before and after."""

import time

from bench import measure
from bench.servers import Bench


def main() -> None:
    """Print a line at rest, one for each batch of boots and deletes, and one for each minute of rest after them."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--boots', type=int, default=1000, help='servers booted and deleted in all')
    parser.add_argument('--batch', type=int, default=100, help='servers that are there at once')
    parser.add_argument('--concurrency', type=int, default=16)
    parser.add_argument('--minutes', type=int, default=5, help='of rest afterwards')
    parser.add_argument('--network', action='store_true', help='each server has a port')
    options = parser.parse_args()
    bench = Bench(options)
    seen(bench.cloud, 'at rest', 10)
    for _ in range(options.boots // options.batch):
        bench.many(options.batch, options.concurrency)
        bench.sweep(options.concurrency)
        bench.ids.clear()
        seen(bench.cloud, 'under load', 0)
    for minute in range(options.minutes):
        seen(bench.cloud, f'minute {minute + 1} of rest', 60)
    bench.drop_network()


def seen(cloud: measure.Processes, when: str, seconds: float) -> None:
    """Report memory and threads, and the share of a core that was spent in the seconds before."""
    before = cloud.cpu_ms()
    time.sleep(seconds)
    idle = (cloud.cpu_ms() - before) / seconds / 10 if seconds else None
    measure.report(
        test=when,
        pss_mib=round(cloud.pss_mib(), 1),
        threads=cloud.threads(),
        cpu_percent=None if idle is None else round(idle, 2),
    )


if __name__ == '__main__':
    main()
