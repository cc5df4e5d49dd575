"""Starts processes, records them on disk, and stops exactly those.

A process is recorded before it runs: the child waits for a line on its input, written
only once its record is on disk, so a parent killed in between leaves nothing behind.
"""

import dataclasses
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from devstack.progress import Unable

# Every process started here, and each of its children, has the state folder and its name in its environment.
MARK, NAME = 'NIMBUS_DEVSTACK_STATE', 'NIMBUS_DEVSTACK_NAME'
_WAIT_FOR_WORD = 'read -r word && [ "$word" = go ] && exec "$@" </dev/null'


@dataclasses.dataclass(frozen=True)
class Process:
    """A process as it can be found again: a pid alone may be another's by now."""

    pid: int
    born: str

    @classmethod
    def at(cls, pid: int) -> 'Process | None':
        """The process that has `pid` now, None when there is none or only its remains."""
        try:
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in 'ZX' else cls(pid, fields[19] + '@' + _boot())

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.at(self.pid) == self

    def send(self, word: signal.Signals) -> None:
        """The process has been sent the signal `word`, if it still runs."""
        if self.alive():
            try:
                os.kill(self.pid, word)
            except ProcessLookupError:
                pass


def _boot() -> str:
    return pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()


def end(processes: list[Process], timeout: float = 10.0, first: signal.Signals = signal.SIGTERM) -> None:
    """None of `processes` runs: asked with `first`, and killed once `timeout` seconds have passed."""
    for process in processes:
        process.send(first)
    if not wait_until(lambda: not any(process.alive() for process in processes), timeout):
        for process in processes:
            process.send(signal.SIGKILL)
        wait_until(lambda: not any(process.alive() for process in processes), 5.0)


def wait_until(true: Callable[[], object], seconds: float, pause: float = 0.02) -> bool:
    """Whether `true()` became so within `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


class Registry:
    """The processes of one state folder, each under a name."""

    def __init__(self, state: pathlib.Path) -> None:
        self._state = state
        self._run = state / 'run'
        self._log = state / 'log'

    def log(self, name: str) -> pathlib.Path:
        """Where the output of the process `name` goes."""
        return self._log / f'{name}.log'

    def get(self, name: str) -> Process | None:
        """The process `name`, None when it does not run."""
        try:
            pid, born = (self._run / name).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        process = Process(int(pid), born)
        return process if process.alive() else None

    def names(self) -> list[str]:
        """Every name that has a record, the youngest first."""
        if not self._run.is_dir():
            return []
        records = [path for path in self._run.iterdir() if path.is_file() and not path.name.startswith('.')]
        return [path.name for path in sorted(records, key=lambda path: path.stat().st_mtime_ns, reverse=True)]

    def start(self, name: str, argv: list[str], env: dict[str, str] | None = None) -> Process:
        """The process `name` runs `argv` in a session of its own, and its record stands on disk."""
        self._run.mkdir(parents=True, exist_ok=True)
        self._log.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **(env or {}), MARK: str(self._state), NAME: name}
        with self.log(name).open('ab') as output:
            child = subprocess.Popen(
                ['/bin/sh', '-c', _WAIT_FOR_WORD, 'sh', *argv],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd='/',
                env=environment,
                start_new_session=True,
            )
        process = Process.at(child.pid)
        if process is None or child.stdin is None:
            raise Unable(f'{name} ended before it began; see {self.log(name)}.')
        self._write(name, process)
        child.stdin.write(b'go\n')
        child.stdin.close()
        # It outlives this process, and is asked after by its record; Popen would complain about that.
        child.returncode = 0
        return process

    def _write(self, name: str, process: Process) -> None:
        aside = self._run / f'.{name}'
        aside.write_text(f'{process.pid} {process.born}\n')
        aside.rename(self._run / name)

    def stop(
        self, name: str, timeout: float = 10.0, first: signal.Signals = signal.SIGTERM, children: bool = True
    ) -> bool:
        """The process `name` is gone and forgotten, its children too if asked; whether there was one."""
        process = self.get(name)
        if process:
            end([process], timeout, first)
        if children:
            end(self.marked(name), 3.0)
        (self._run / name).unlink(missing_ok=True)
        return process is not None

    def require(self, name: str, ready: Callable[[], object], seconds: float) -> None:
        """`ready()` is true.  Raises Unable when the process died or took longer than `seconds`."""
        wait_until(lambda: ready() or not self.get(name), seconds)
        if not ready():
            fate = f'is not ready after {seconds:.0f} s' if self.get(name) else 'has died'
            raise Unable(f'{name} {fate}; the end of {self.log(name)}:\n{self.tail(name)}')

    def tail(self, name: str, lines: int = 15) -> str:
        """The last `lines` lines that the process `name` printed."""
        try:
            text = self.log(name).read_bytes()[-20000:].decode(errors='replace')
        except FileNotFoundError:
            return '(nothing)'
        return '\n'.join('    ' + line for line in text.splitlines()[-lines:]) or '    (nothing)'

    def marked(self, name: str | None = None) -> list[Process]:
        """What was started from here, or only under `name`, and its children; never this process."""
        marks = {f'{MARK}={self._state}'.encode()} | ({f'{NAME}={name}'.encode()} if name else set())
        spared = set(_ancestors(os.getpid()))
        return [
            process
            for pid, environment in _everyone('environ')
            if pid not in spared and marks <= set(environment.split(b'\0')) and (process := Process.at(pid))
        ]

    def opening(self, program: str) -> list[Process]:
        """Every process of `program` whose command line names something below this state folder."""
        below = f'{self._state}/'.encode()
        return [
            process
            for pid, line in _everyone('cmdline')
            if below in line
            and os.path.basename(line.split(b'\0')[0]).startswith(program.encode())
            and (process := Process.at(pid))
        ]


def _everyone(what: str) -> Iterator[tuple[int, bytes]]:
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / what).read_bytes()
            except OSError:
                continue


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 0:
        yield pid
        try:
            pid = int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
        except OSError:
            return
