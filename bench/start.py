"""How long a one-process cloud with fake drivers takes from its start until every port answers."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from bench import measure

PORTS = (5000, 8774, 8775, 8776, 8778, 9292, 9696)


def main() -> None:
    """Print one line for a first start and one for a second, over the same state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port-offset', type=int, default=20000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        for name in ('first start', 'second start'):
            began = time.monotonic()
            command = [
                str(pathlib.Path(sys.executable).with_name('nimbus')),
                'up',
                '--fake',
                '--state',
                state,
                '--port-offset',
                str(told.port_offset),
            ]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                try:
                    wait(told.port_offset)
                    ready = time.monotonic() - began
                    stat = pathlib.Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
                    measure.tell(
                        test=name,
                        ready_s=round(ready, 2),
                        cpu_ms=sum(map(int, stat[11:13])) * 1000 // os.sysconf('SC_CLK_TCK'),
                    )
                finally:
                    process.send_signal(signal.SIGTERM)


def wait(offset: int, seconds: float = 60) -> None:
    """Every port answers its health check.  Raises TimeoutError."""
    end = time.monotonic() + seconds
    for port in PORTS:
        while True:
            try:
                urllib.request.urlopen(f'http://127.0.0.1:{port + offset}/healthcheck', timeout=2).read()
                break
            except OSError:
                if time.monotonic() > end:
                    raise TimeoutError(f'Port {port + offset} did not answer.') from None
                time.sleep(0.02)


if __name__ == '__main__':
    main()
