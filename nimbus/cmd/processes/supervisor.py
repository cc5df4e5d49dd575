"""The process that begins a daemon's other processes, and another in the place of one that ended.

It is forked before the daemon has threads or connections, and never has any, so that it can fork for as long as the
daemon lives.  What the daemon had imported by then is in memory once.
"""

import contextlib
import ctypes
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from nimbus.cmd.processes.shared_numbers import Peers, SharedNumbers

LOG = logging.getLogger(__name__)
START, RELOAD, STOP, BUS = b'start', b'reload', b'stop', b'bus'
PR_SET_PDEATHSIG = 1  # as prctl.h has it
GRACE = 1.0  # seconds in which a process that was asked to stop does so
LONGEST = 30.0  # seconds between two tries to begin a process that ends at once
YOUNG = 10.0  # seconds: a process that lived longer is begun again at once
SILENT = 60.0  # seconds without a beat after which a process counts as hung
LOOK = 5000  # milliseconds between two looks for hung ones
Work = Callable[[Peers, socket.socket | None], int]


def die_with(parent: int) -> None:
    """The calling process is killed when that parent ends, however it does."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class Child:
    """A process that serves."""

    def __init__(self, process: int) -> None:
        self.process, self.pid, self.handle = process, 0, -1
        self.began = self.due = 0.0  # when it was begun, and when it is to be
        self.pause = 0.0  # seconds before the next try


class Supervisor:
    """Keeps every process but the daemon itself alive; `run` returns when the daemon has asked for their end."""

    def __init__(self, control: socket.socket, shared: SharedNumbers, work: Work, bridged: bool) -> None:
        """`bridged` processes get a socket to the daemon, which gets its other end."""
        self._control, self._shared, self._work, self._bridged = control, shared, work, bridged
        self._children = [Child(number) for number in range(1, shared.processes)]
        self._poll = select.poll()
        self._leaving = self._started = False

    def run(self) -> None:
        """The processes live until the daemon says `stop`, or has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)  # whoever signals the whole group ends the others as well
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._poll.register(self._control, select.POLLIN)
        while self._listen():
            self._begin_those_due()
        self._end()

    def _leave(self, *_: Any) -> None:
        self._leaving = True

    def _listen(self) -> bool:
        """What has come was done: orders and ends of processes; False when the daemon wants no more."""
        for handle, _ in self._poll.poll(self._milliseconds()):
            if handle != self._control.fileno():
                self._reap(next(child for child in self._children if child.handle == handle))
                continue
            order = self._control.recv(64)
            if order == START:
                self._started = True
            elif order == RELOAD:
                self._signal(signal.SIGHUP)
            else:
                return False
        for child in self._children:
            if child.pid and self._shared.silence(child.process) > SILENT:
                LOG.error('Process %d has not answered for %d s and is killed', child.pid, SILENT)
                os.kill(child.pid, signal.SIGKILL)
                self._shared.clear(child.process)
        return True

    def _milliseconds(self) -> float:
        """Milliseconds until there is something to do by itself."""
        due = [child.due for child in self._children if self._started and not child.pid and not self._leaving]
        return max(0.0, min(LOOK, *((at - time.monotonic()) * 1000 for at in due))) if due else LOOK

    def _begin_those_due(self) -> None:
        for child in self._children:
            if self._started and not self._leaving and not child.pid and child.due <= time.monotonic():
                self._begin(child)

    def _begin(self, child: Child) -> None:
        pair = socket.socketpair() if self._bridged else None
        sys.stdout.flush()
        sys.stderr.flush()
        me = os.getpid()
        pid = os.fork()
        if not pid:
            die_with(me)
            self._control.close()
            if pair:
                pair[0].close()
            self._serve(child.process, pair[1] if pair else None)
        child.pid, child.handle, child.began = pid, os.pidfd_open(pid), time.monotonic()
        self._poll.register(child.handle, select.POLLIN)
        if pair:
            with contextlib.suppress(OSError):
                socket.send_fds(self._control, [BUS], [pair[0].fileno()])
            for end in pair:
                end.close()

    def _serve(self, process: int, bus: socket.socket | None) -> None:
        """The life of a process that serves; it does not return."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        code = 1
        try:
            code = self._work(Peers(self._shared, process), bus)
        except BaseException:
            LOG.exception('Process %d of the daemon cannot serve', process)
        finally:
            logging.shutdown()
            os._exit(code)

    def _reap(self, child: Child) -> None:
        """The process has ended; another is due, the later the sooner this one ended."""
        _, status = os.waitpid(child.pid, 0)
        self._poll.unregister(child.handle)
        os.close(child.handle)
        self._shared.clear(child.process)
        age = time.monotonic() - child.began
        child.pause = 0.0 if age > YOUNG else min(LONGEST, max(1.0, 2 * child.pause))
        child.due = time.monotonic() + child.pause
        if not self._leaving:
            LOG.error(
                'Process %d, which served beside the daemon, has ended (%s); another takes its place %s',
                child.pid,
                _in_words(os.waitstatus_to_exitcode(status)),
                f'in {child.pause:g} s' if child.pause else 'now',
            )
        child.pid, child.handle = 0, -1

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.pid:
                os.kill(child.pid, number)  # not reaped yet, so the pid is still its own

    def _end(self) -> None:
        """Every process has ended, by itself or killed."""
        self._leaving = True
        self._signal(signal.SIGTERM)
        self._poll.unregister(self._control)
        until = time.monotonic() + GRACE
        while any(child.pid for child in self._children):
            left = until - time.monotonic()
            ended = self._poll.poll(max(0.0, left) * 1000)
            for handle, _ in ended:
                self._reap(next(child for child in self._children if child.handle == handle))
            if not ended and left <= 0:
                self._signal(signal.SIGKILL)
                until += GRACE


def _in_words(code: int) -> str:
    return f'signal {signal.Signals(-code).name}' if code < 0 else f'exit code {code}'
