"""The processes that serve beside a daemon, as the daemon itself sees them."""

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from nimbus.cmd.processes import supervisor
from nimbus.cmd.processes.shared_numbers import Peers, SharedNumbers
from nimbus.cmd.processes.supervisor import Supervisor, Work

LOG = logging.getLogger(__name__)
MOST = 8  # processes that are begun unasked: each takes memory and connections to the database
WITHIN = 2 * supervisor.GRACE + 0.5  # seconds in which all of them end


def count(conf: Any) -> int:
    """How many processes serve, the daemon itself among them."""
    if conf.database.url in ('sqlite://', 'sqlite:///:memory:'):
        return 1  # no other process sees it
    return conf.api.workers or min(MOST, len(os.sched_getaffinity(0)))


class WorkerProcesses:
    """All processes but this one; none where the daemon serves alone."""

    def __init__(self, processes: int, work: Work, on_bus: Callable[[socket.socket], None] | None = None) -> None:
        """`work` is the life of each, which returns its exit code; they begin with `start`.

        To be made before this process has threads or connections.  `on_bus` gets a socket to each process that begins.
        """
        self.peers: Peers | None = None
        self.count = max(1, processes)
        self._control: socket.socket | None = None
        self._on_bus = on_bus
        if processes < 2:
            return
        shared = SharedNumbers(processes)
        self.peers = Peers(shared, 0)
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        me, self._pid = os.getpid(), os.fork()
        if not self._pid:
            self._control.close()
            supervisor.die_with(me)
            _supervise(Supervisor(far, shared, work, on_bus is not None))
        far.close()

    def start(self) -> None:
        """The processes begin, now that all they need is there."""
        if self._control:
            threading.Thread(target=self._listen, name='processes', daemon=True).start()
            self._tell(supervisor.START)

    def reload(self) -> None:
        """Each reads its policy again."""
        self._tell(supervisor.RELOAD)

    def leave(self) -> None:
        """The processes begin to stop; safe in a signal handler."""
        self._tell(supervisor.STOP)

    def stop(self) -> None:
        """The processes have ended."""
        if not self._control:
            return
        self.leave()
        handle = os.pidfd_open(self._pid)
        try:
            if not select.select([handle], [], [], WITHIN)[0]:
                os.kill(self._pid, signal.SIGKILL)  # the others are killed with it
            with contextlib.suppress(ChildProcessError):  # whoever started the daemon may have it ignore SIGCHLD
                os.waitpid(self._pid, 0)
        finally:
            os.close(handle)
        control, self._control = self._control, None
        control.close()

    def _tell(self, order: bytes) -> None:
        if self._control:
            with contextlib.suppress(OSError):
                self._control.send(order)

    def _listen(self) -> None:
        """The other ends of the processes' sockets are handed on, until the supervisor has ended."""
        control = self._control
        while control is not None:
            try:
                said, handles, _, _ = socket.recv_fds(control, 64, 1)
            except OSError:
                return
            if not said:
                return
            for handle in handles:
                sock = socket.socket(fileno=handle)
                if self._on_bus:
                    self._on_bus(sock)
                else:
                    sock.close()


def _supervise(made: Supervisor) -> None:
    """The life of the supervisor; it does not return."""
    try:
        made.run()
    except BaseException:
        LOG.exception('The processes that serve beside the daemon are no longer looked after')
    finally:
        logging.shutdown()
        os._exit(0)
