"""Start, find again and stop the small daemons (dnsmasq, haproxy) that outlive the agent."""

import contextlib
import os
import signal
import time

from nimbus.network.agent.host import namespaces
from nimbus.network.agent.host.command import run


class Daemon:
    """A process in a namespace, known by its pid file and its exact command line."""

    def __init__(self, namespace: str, argv: list[str], pid_file: str, token: str) -> None:
        self.namespace = namespace
        self.argv = argv
        self.pid_file = pid_file
        self.token = token  # an argument part no other process has: its own path

    def pid(self) -> int | None:
        """The process id, if it runs with today's arguments in today's namespace."""
        found = self._anyone()
        if found is None or command_line(found) != self.argv or not self._at_home(found):
            return None
        return found

    def start(self) -> None:
        """It runs; one with other arguments has been stopped first.  Raises OSError with its last output."""
        if self.pid() is not None:
            return
        self.stop()
        run('ip', 'netns', 'exec', self.namespace, *self.argv)

    def hang_up(self) -> None:
        """It has been sent SIGHUP, to read its files again."""
        found = self.pid()
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found, signal.SIGHUP)

    def stop(self) -> None:
        """It is gone, and its pid file too."""
        while (found := self._anyone()) is not None:
            _end(found)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.pid_file)

    def _anyone(self) -> int | None:
        """The process of this place, with whatever arguments."""
        try:
            with open(self.pid_file) as file:
                noted = int(file.read().split()[0])
        except (OSError, ValueError, IndexError):
            noted = 0
        if noted and self._is_mine(noted):
            return noted
        # A process whose pid file was lost, or was not written yet when the agent died, is found by its arguments.
        for entry in os.listdir('/proc'):
            if entry.isdigit() and self._is_mine(int(entry)):
                return int(entry)
        return None

    def _is_mine(self, pid: int) -> bool:
        line = command_line(pid)
        return bool(line) and line[0] == self.argv[0] and any(self.token in part for part in line)

    def _at_home(self, pid: int) -> bool:
        try:
            there = os.stat(f'/proc/{pid}/ns/net')
            here = os.stat(os.path.join(namespaces.HOME, self.namespace))
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def command_line(pid: int) -> list[str]:
    """The process's arguments; none when it is gone."""
    try:
        # A process that ends between open and read breaks a buffered file halfway through its making.
        file = os.open(f'/proc/{pid}/cmdline', os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(file, 65536).decode(errors='replace').split('\0')[:-1]
    except OSError:
        return []
    finally:
        os.close(file)


def _end(pid: int) -> None:
    """The process is gone: asked first, killed after a second."""
    for wait, number in ((1.0, signal.SIGTERM), (5.0, signal.SIGKILL)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + wait
        while time.monotonic() < until:
            if not command_line(pid):
                return
            time.sleep(0.005)
    raise OSError(f'The process {pid} did not end after SIGKILL.')
