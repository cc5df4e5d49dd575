"""Uploads of images without HTTP, by this build and another checkout in turns: wall time and CPU of each.

python -m bench.uploads --other ../before --large 1024 --turns 3
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench import measure

PIECE = bytes(1 << 20)


def main() -> None:
    """Print a line for each build and size, and the ratios to the other build where one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--other', help='a checkout of the build to compare with')
    parser.add_argument('--large', type=int, default=1024, help='MiB of the large image')
    parser.add_argument('--small', type=int, default=50, help='images of 1 MiB that are made and filled in a turn')
    parser.add_argument('--turns', type=int, default=3)
    parser.add_argument('--once', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(_turn(options)))
        return
    builds = {'this': os.getcwd()} | ({'other': options.other} if options.other else {})
    found: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    for _ in range(options.turns):
        for name, path in builds.items():
            found[name].append(_elsewhere(path, options))
    middle = {
        name: {key: statistics.median(turn[key] for turn in turns) for key in turns[0]} for name, turns in found.items()
    }
    for name, figures in middle.items():
        measure.report(test=f'uploads, {name} build', **{key: round(value, 2) for key, value in figures.items()})
    if options.other:
        ratios = {key: round(value / middle['other'][key], 2) for key, value in middle['this'].items()}
        measure.report(test='uploads, this build / the other', **ratios)


def _elsewhere(path: str, options: argparse.Namespace) -> dict[str, float]:
    """One turn in a process of that checkout's code."""
    words = ['--once', f'--large={options.large}', f'--small={options.small}']
    env = {**os.environ, 'PYTHONPATH': path}
    done = subprocess.run([sys.executable, __file__, *words], env=env, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _turn(options: argparse.Namespace) -> dict[str, float]:
    from nimbus.cmd import schema
    from nimbus.common.database import db
    from nimbus.image.data.transfers import Limits, Transfers
    from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS
    from nimbus.image.quotas import ImageQuotas
    from nimbus.image.stores.file import FileStore

    with tempfile.TemporaryDirectory() as folder:
        database = db.Database(f'sqlite:///{folder}/nimbus.db')
        schema.upgrade(database)
        limits = Limits(tuple(DISK_FORMATS), tuple(CONTAINER_FORMATS))
        transfers = Transfers(database, FileStore(f'{folder}/images'), limits, ImageQuotas(), 'bench')
        _one(transfers, 1)  # what is imported with the first one is not counted
        started, cpu = time.monotonic(), time.process_time()
        for _ in range(options.small):
            _one(transfers, 1)
        small_cpu = (time.process_time() - cpu) * 1000 / options.small
        small_wall = (time.monotonic() - started) * 1000 / options.small
        started, cpu = time.monotonic(), time.process_time()
        _one(transfers, options.large)
        large = {'large_wall_s': time.monotonic() - started, 'large_cpu_s': time.process_time() - cpu}
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        database.close()
    return {'small_cpu_ms': small_cpu, 'small_wall_ms': small_wall, **large, 'memory_mib': memory}


def _one(transfers: Any, mib: int) -> None:
    from nimbus.common import context
    from nimbus.image.images import images

    asker = context.Context(project_id='bench', roles=('member',))
    with transfers.db.write() as tx:
        image = images.create(tx, asker, transfers.quotas, {'disk_format': 'raw', 'container_format': 'bare'}, {}, [])
    transfers.upload(image, (PIECE for _ in range(mib)), mib << 20)


if __name__ == '__main__':
    main()
