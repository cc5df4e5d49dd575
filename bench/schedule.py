"""How long the scheduler takes to find a host and commit a claim on it; one JSON line for each size of cloud."""

import argparse
import json
import statistics
import tempfile
import time

import sqlalchemy as sa

from nimbus.common import context
from nimbus.common.agents import services
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.scheduler import models
from nimbus.scheduler.manager import SchedulerServer

KIND = services.Kind('compute', 'nova-compute')
WISH = {'vcpus': 1, 'memory_mb': 512, 'disk_gb': 1, 'zone': 'nova'}


def fill(database: db.Database, count: int) -> None:
    """So many hosts stand in the database, each just seen."""
    now = Clock().now()
    row = dict(node='node', zone='nova', facts={'hypervisor_type': 'QEMU', 'arch': 'x86_64'}, vcpus=64, disk_gb=10_000)
    row |= dict(reserved_vcpus=0, reserved_memory_mb=512, reserved_disk_gb=0, generation=0)
    row |= dict(vcpus_ratio=4.0, memory_mb_ratio=1.0, disk_gb_ratio=1.0)
    row |= dict(used_vcpus=0, used_memory_mb=0, used_disk_gb=0, created_at=now, updated_at=now)
    beat = dict(room='compute', binary=KIND.binary, zone='nova', disabled=False, forced_down=False, facts={})
    beat |= dict(created_at=now, started_at=now, seen_at=now)
    with database.write() as tx:
        tx.execute(
            sa.insert(models.Host),
            [{**row, 'id': f'id{n}', 'host': f'h{n}', 'memory_mb': 262_144 + n % 97} for n in range(count)],
        )
        tx.execute(sa.insert(services.Service), [{**beat, 'id': f'id{n}', 'host': f'h{n}'} for n in range(count)])


def measure(hosts: int, servers: int, folder: str) -> dict:
    """Wall and CPU milliseconds of a placement."""
    database = db.Database(f'sqlite:///{folder}/{hosts}.db')
    db.Base.metadata.create_all(database.writer)
    fill(database, hosts)
    scheduler = SchedulerServer(database, down_time=3600)
    scheduler.start()
    asker = context.internal()
    for n in range(20):
        scheduler.place(asker, f'warm{n}', WISH)
    time.sleep(2.5)  # the rows written by fill() are by then older than what is read anew each time
    scheduler.place(asker, 'last', WISH)
    walls, cpu = [], time.process_time()
    for n in range(servers):
        began = time.perf_counter()
        scheduler.place(asker, f's{n}', WISH)
        walls.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / servers
    scheduler.stop()
    database.close()
    return {
        'test': 'schedule and claim',
        'hosts': hosts,
        'servers': servers,
        'p50_ms': round(statistics.median(walls), 2),
        'p99_ms': round(sorted(walls)[int(len(walls) * 0.99)], 2),
        'cpu_ms': round(cpu, 2),
    }


def main() -> None:
    """Print one line for each number of hosts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, nargs='*', default=[100, 1000, 10_000])
    parser.add_argument('--servers', type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for hosts in args.hosts:
            print(json.dumps(measure(hosts, args.servers, folder)), flush=True)


if __name__ == '__main__':
    main()
