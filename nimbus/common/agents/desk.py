"""The desk: the RPC contract by which every agent reports to the conductor, and the agent's heartbeat.

A service's own desk subclasses `Desk` in its rpc.py with a topic of its own
and its questions; the conductor serves it.  Agents reach nothing else.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from nimbus.common import clock
from nimbus.common.context import Context
from nimbus.common.messaging import rpc

LOG = logging.getLogger(__name__)
CLOCK = 'clock'  # among the facts of a report: what time it is where it comes from


class Desk(rpc.Contract):
    """What every service's desk answers."""

    @rpc.call(timeout=15)
    def done(
        self,
        context: Context,
        job_id: str,
        key: str,
        ok: bool,
        result: dict[str, Any] | None = None,
        error: str | None = None,
        kind: str | None = None,
    ) -> None:
        """The errand's outcome is kept with its job, which goes on at once."""

    @rpc.call(timeout=15)
    def alive(self, context: Context, host: str, binary: str, facts: dict[str, Any], started: bool) -> str:
        """The agent is known to be up now; returns its service id."""


class Heartbeat:
    """Reports to the desk every few seconds that an agent is alive and what its host has."""

    def __init__(
        self, desk: Any, host: str, binary: str, facts: Callable[[], dict[str, Any]], interval: float = 10
    ) -> None:
        """`desk` is a client of the service's desk; `facts` is asked before each report."""
        self._desk, self._host, self._binary = desk, host, binary
        self._facts, self._interval = facts, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f'alive-{binary}', daemon=True)

    def start(self) -> None:
        """The first report is on its way."""
        self._thread.start()

    def stop(self) -> None:
        """No report is made any more."""
        self._stop.set()

    def _run(self) -> None:
        started = True
        while not self._stop.is_set():
            try:
                facts = {**self._facts(), CLOCK: clock.Clock().now().isoformat()}
                self._desk.alive(self._host, self._binary, facts, started)
                started = False
            except Exception as why:
                LOG.warning('The heartbeat of %s did not reach the desk: %s', self._binary, why)
            self._stop.wait(1.0 if started else self._interval)
