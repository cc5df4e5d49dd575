"""What a one-process cloud with fake drivers costs from its start until it is ready, and the memory it has at rest.

    python -m bench.start
    python -m bench.start --samples 3 --rest 30 --build FOLDER PYTHON --build FOLDER PYTHON

Each sample starts every build twice, over no state and over what that left.  Builds take turns, so that what else the
machine does meets all alike; the last line has the others' medians as shares of the first one's.
"""

import argparse
import collections
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench import measure

HERE = str(pathlib.Path(__file__).parents[1])
STARTS = ('first start', 'second start')


def main() -> None:
    """Print one line for each start, and with several builds one that compares them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--port-offset', type=int, default=20000)
    parser.add_argument('--samples', type=int, default=1)
    parser.add_argument('--rest', type=float, default=5, help='seconds after which memory is read')
    parser.add_argument(
        '--build',
        nargs=2,
        action='append',
        metavar=('FOLDER', 'PYTHON'),
        help='a checkout and an interpreter that has what it needs, instead of these',
    )
    options = parser.parse_args()
    builds = options.build or [(HERE, sys.executable)]
    found: dict[tuple[str, str], list[dict[str, Any]]] = collections.defaultdict(list)
    for _ in range(options.samples):
        for folder, python in builds:
            with tempfile.TemporaryDirectory() as state:
                for name in STARTS:
                    facts = start(folder, python, state, options.port_offset, options.rest)
                    measure.report(test=name, build=folder, **facts)
                    found[name, folder].append(facts)
    first, *others = [folder for folder, _ in builds]
    for other in others:
        shares = {name: _share(found[name, other], found[name, first]) for name in STARTS}
        measure.report(
            test='share', build=other, of=first, **{name.replace(' ', '_'): one for name, one in shares.items()}
        )


def start(folder: str, python: str, state: str, offset: int, rest: float) -> dict[str, Any]:
    """The figures of one start, stopped again.  Raises RuntimeError when it ends by itself."""
    command = [python, '-m', 'nimbus.cli.main', 'up', '--fake', '--state', state, '--port-offset', str(offset)]
    environment = {**os.environ, 'PYTHONPATH': folder}
    environment.pop('PYTHONDONTWRITEBYTECODE', None)  # nobody compiles nimbus anew at each start
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd='/', text=True) as process:
        assert process.stdout is not None
        try:
            if 'ready' not in process.stdout.readline():
                raise RuntimeError(f'{folder} did not become ready.')
            cloud = measure.Processes(argparse.Namespace(pid=[process.pid]))
            facts = {'ready_s': round(time.monotonic() - began, 2), 'cpu_ms': round(cloud.cpu_ms())}
            time.sleep(rest)
            return facts | {
                'pss_mib': round(cloud.pss_mib(), 1),
                'rss_mib': round(cloud.rss_mib(), 1),
                'threads': cloud.threads(),
            }
        finally:
            process.send_signal(signal.SIGTERM)


def _share(some: list[dict[str, Any]], of: list[dict[str, Any]]) -> dict[str, float]:
    """The median of each figure as a share of the other's."""
    return {
        name: round(statistics.median(one[name] for one in some) / statistics.median(one[name] for one in of), 3)
        for name in ('cpu_ms', 'pss_mib', 'rss_mib')
    }


if __name__ == '__main__':
    main()
