"""Fake clouds started and stopped over and over, some of them side by side, and what they leave.

    python -m bench.many_clouds --rounds 100
    python -m bench.many_clouds --rounds 1 --together 8

Prints how long they took to be ready, their memory, and the files, processes and listening ports that are left.
"""

import argparse
import contextlib
import os
import tempfile
import time

import psutil

from bench import measure
from nimbus.testing import child


def main() -> None:
    """Print one line for each round and one for what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--together', type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        pids, ports = set[int](), set[int]()
        for _ in range(options.rounds):
            facts = start(options.together)
            pids |= facts.pop('pids')
            ports |= facts.pop('ports')
            measure.report(test='round', **facts)
        listening = {found.laddr.port for found in psutil.net_connections('tcp') if found.status == psutil.CONN_LISTEN}
        measure.report(
            test='left',
            files=len(os.listdir(folder)),
            processes=sum(psutil.pid_exists(pid) for pid in pids),
            ports=len(ports & listening),
        )


def start(count: int) -> dict:
    """The figures of so many clouds at once, stopped again."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        clouds = [child.ChildCloud() for _ in range(count)]
        for cloud in clouds:
            stack.callback(cloud.stop)
            cloud.start()
        for cloud in clouds:
            cloud.wait()
        ready = time.monotonic() - began
        seen = [measure.Processes(argparse.Namespace(pid=[cloud.facts['pid']])) for cloud in clouds]
        facts = {
            'clouds': count,
            'ready_s': round(ready, 2),
            'cpu_ms': round(max(one.cpu_ms() for one in seen)),
            'pss_mib': round(max(one.pss_mib() for one in seen), 1),
            'pids': {cloud.facts['pid'] for cloud in clouds},
            'ports': {int(url.rpartition(':')[2]) for cloud in clouds for url in cloud.facts['urls'].values()},
        }
    return facts | {'all_s': round(time.monotonic() - began, 2)}


if __name__ == '__main__':
    main()
