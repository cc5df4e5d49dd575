"""A host of its own for a test: a network namespace, a view of mounts and a folder."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from devstack.processes import Registry

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENV = {**os.environ, 'PYTHONPATH': str(ROOT)}
# The last mount is one that only the finished place has.
ENTER = (
    'mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns; mount -t sysfs sysfs /sys; ip link set lo up; '
    'mount -t tmpfs nimbus-ready /mnt; exec "$@"'
)
LOOK = """
import os, pathlib, sys
links = sorted(os.listdir('/sys/class/net'))
print(' '.join(name for name in links if not name.startswith(('lo', 'bonding', 'tunl', 'sit'))))
print(' '.join(sorted(os.listdir('/run/netns'))))
from devstack import processes
print(len(processes.Registry(pathlib.Path(sys.argv[1])).marked()))
"""


class Host:
    """A place in which steps of Python are taken one after the other, each in a process of its own."""

    def __init__(self, folder: pathlib.Path, pid: int) -> None:
        self.folder = folder
        self._inside = ['nsenter', '-t', str(pid), '--net', '--mount', '--', sys.executable]

    def begin(self, *words: str) -> subprocess.Popen:
        """A Python with these words has begun."""
        return subprocess.Popen(
            [*self._inside, *words], cwd=ROOT, env=ENV, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def take(self, *words: str) -> str:
        """What a Python with these words printed.  Raises AssertionError with it when it failed."""
        with self.begin(*words) as step:
            said, _ = step.communicate(timeout=100)
        assert step.returncode == 0, said
        return said

    def down(self, *more: str) -> str:
        """devstack/down has ended well."""
        return self.take('-m', 'devstack.down', '--state', str(self.folder), *more)

    def left(self) -> list[str]:
        """Devices, namespaces and the number of processes of the folder that are there."""
        return self.take('-c', LOOK, str(self.folder)).splitlines()


@contextlib.contextmanager
def host() -> Iterator[Host]:
    """A host of its own, gone afterwards with whatever was left on it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
    apart = ['unshare', '--net', '--mount', '--', '/bin/sh', '-ec', ENTER, 'sh', 'sleep', '600']
    with subprocess.Popen(apart) as holder:
        try:
            while b'nimbus-ready' not in pathlib.Path(f'/proc/{holder.pid}/mounts').read_bytes():
                assert holder.poll() is None
            yield Host(folder, holder.pid)
        finally:
            for process in Registry(folder).marked():
                process.send(signal.SIGKILL)
            holder.terminate()
    shutil.rmtree(folder, ignore_errors=True)  # a purge takes it along
