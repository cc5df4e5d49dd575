"""Containers for tests: a fresh Debian root in namespaces of its own, with or without systemd as its first process.

A box has its own mounts, processes, host name, memory and network; it reaches other machines in user mode, and this one
not at all. All of it ends with the process that started it, however that ends.
"""

import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import uuid
from collections.abc import Sequence
from typing import Any, Self

from devstack import roots
from devstack.processes import wait_until
from devstack.progress import Unable

INIT = pathlib.Path(__file__).with_name('box-init')
CGROUPS = pathlib.Path('/sys/fs/cgroup')
SYSTEMD = ('systemd', 'systemd-sysv', 'dbus')
# Ended by the kernel as soon as their starter is, so that an interrupted run leaves nothing.
WITH_US = ['setpriv', '--pdeathsig', 'KILL', '--']


class Box:
    """One machine; entered and left by `with`."""

    def __init__(self, suite: str, systemd: bool = False, extra: Sequence[str] = ()) -> None:
        """A machine of `suite` on which, beside what every checkout needs, the packages `extra` are installed."""
        self.suite, self.systemd = suite, systemd
        self.name = f'box-{uuid.uuid4().hex[:8]}'
        self.folder = roots.CACHE / 'boxes' / self.name
        self._root = roots.make(suite, [*(SYSTEMD if systemd else ()), *extra])
        self._lock: Any = None
        self._machine: subprocess.Popen | None = None
        self._network: subprocess.Popen | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        _remove_the_dead()
        self.folder.mkdir(parents=True)
        self._lock = (self.folder / 'lock').open('w')
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        for name in ('upper', 'work', 'root'):
            (self.folder / name).mkdir()
        try:
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._lock.close()
        _remove(self.folder)

    def boot(self) -> None:
        """The machine runs, with the disk that it had; what it starts by itself has started."""
        words = ['unshare', '--mount', '--pid', '--uts', '--ipc', '--net', '--fork', '--kill-child']
        cgroup = self._cgroup()
        if cgroup:
            words.append('--cgroup')
        first = ['/sbin/init', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'] if self.systemd else []
        binds = [f'{roots.debs(self.suite)}:/var/cache/apt/archives:rw']
        binds += [f'{path}:{path}:ro' for path in roots.pip_folders()]
        command = [str(INIT), str(self.folder), str(self._root), self.name, *binds, '--', *first]
        enter = ['bash', '-ec', 'for c in $1; do echo $$ >$c/cgroup.procs; done; shift; exec "$@"', 'bash']
        with (self.folder / 'boot.log').open('ab') as log:
            self._machine = subprocess.Popen(
                [*WITH_US, *enter, ' '.join(map(str, cgroup)), *words, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=roots.environment() | {'container': 'other'},
            )
        if not wait_until(self._is_there, 30):
            raise Unable(f'the box {self.name} did not start: {(self.folder / "boot.log").read_text()[-2000:]}')
        self.connect()
        if self.systemd and not wait_until(lambda: self.state() in ('running', 'degraded'), 90, 0.2):
            raise Unable(f'systemd in the box {self.name} is {self.state()} after 90 s.')

    def state(self) -> str:
        """What systemd says of the whole machine."""
        return self.run('systemctl', 'is-system-running').stdout.strip()

    def cut(self) -> None:
        """The machine has stopped: no process, mount, link or control group of it is left; its disk is."""
        self.disconnect()
        if self._machine:
            # Its first process takes all others along, and is waited for by whoever started it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL) if self.pid else self._machine.kill()
            self._machine.wait()
            self._machine, self.pid = None, 0
        for folder in self._cgroups():
            wait_until(lambda folder=folder: _removed(folder), 10)

    def connect(self) -> None:
        """Other machines can be reached, the registries for one."""
        with (self.folder / 'network.log').open('ab') as log:
            self._network = subprocess.Popen(
                [*WITH_US, 'slirp4netns', '--configure', '--disable-host-loopback', str(self.pid), 'tap0'],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if not wait_until(lambda: 'default' in self._routes(), 15):
            raise Unable(f'the box {self.name} has no network: {(self.folder / "network.log").read_text()[-2000:]}')

    def disconnect(self) -> None:
        """The box's network is disconnected."""
        if self._network:
            self._network.kill()
            self._network.wait()
            self._network = None

    def run(self, *argv: str, user: str = 'root', seconds: float = 600, **more: Any) -> subprocess.CompletedProcess:
        """`argv` has run in the machine as somebody who has just logged in there; standard error is in the output."""
        home = '/root' if user == 'root' else f'/home/{user}'
        words = {**roots.environment(), 'HOME': home, 'USER': user, 'TERM': 'xterm'}
        del words['DEBIAN_FRONTEND']
        login = [f'{key}={value}' for key, value in words.items()]
        become = [] if user == 'root' else ['setpriv', f'--reuid={user}', f'--regid={user}', '--init-groups']
        return subprocess.run(
            [*self._enter(), 'env', '-i', *login, *become, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            **more,
        )

    def lay(self, archive: pathlib.Path, folder: str) -> None:
        """The files of a tar archive lie below `folder` in the machine."""
        with archive.open('rb') as file:
            words = ['sh', '-ec', 'mkdir -p "$1"; exec tar -x -C "$1"', 'sh', folder]
            subprocess.run([*self._enter(), *words], stdin=file, check=True)

    def _enter(self) -> list[str]:
        cgroup = ['-C'] if self._cgroups() else []
        return [*WITH_US, 'nsenter', '-t', str(self.pid), '-m', '-p', '-u', '-i', '-n', *cgroup, '-r', '-w', '--']

    def _routes(self) -> str:
        words = ['nsenter', '-t', str(self.pid), '-n', 'ip', 'route']
        return subprocess.run(words, capture_output=True, text=True).stdout

    def _is_there(self) -> bool:
        machine = self._machine
        if machine is None or machine.poll() is not None:
            return False
        try:
            children = pathlib.Path(f'/proc/{machine.pid}/task/{machine.pid}/children').read_text().split()
        except OSError:
            return False
        if not children or not os.path.exists(f'/proc/{children[0]}/root/run/box-is-laid'):
            return False
        self.pid = int(children[0])
        return True

    def _cgroups(self) -> list[pathlib.Path]:
        """The control groups that the machine's systemd has for itself, one in each hierarchy of this machine."""
        return [tree / f'nimbus-{self.name}' for tree in _hierarchies()] if self.systemd else []

    def _cgroup(self) -> list[pathlib.Path]:
        made = self._cgroups()
        for folder in made:
            folder.mkdir(exist_ok=True)
            for name in ('cpuset.cpus', 'cpuset.mems'):
                # In cgroup v1 a group accepts no process before these are set.
                if (folder / name).exists() and (folder.parent / 'tasks').exists():
                    (folder / name).write_text((folder.parent / name).read_text())
        return made


def _hierarchies() -> list[pathlib.Path]:
    """The roots of the control groups: one, or one for each controller and systemd's own."""
    if (CGROUPS / 'cgroup.controllers').exists():
        return [CGROUPS]
    return [path.parent for path in sorted(CGROUPS.glob('*/cgroup.procs'))]


def _removed(folder: pathlib.Path) -> bool:
    """Whether the control group is gone, with those below it."""
    if not folder.exists():
        return True
    for below, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(below)
        except OSError:
            return False
    return True


def _remove_the_dead() -> None:
    """What boxes whose starter was killed left on disk is removed."""
    home = roots.CACHE / 'boxes'
    home.mkdir(parents=True, exist_ok=True)
    for folder in home.iterdir():
        with (folder / 'lock').open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for tree in _hierarchies():
                _removed(tree / f'nimbus-{folder.name}')
            _remove(folder)


def _remove(folder: pathlib.Path) -> None:
    subprocess.run(['rm', '-rf', '--', str(folder)], check=True)
