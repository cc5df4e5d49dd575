"""Empty a host: what to ask for each server on it, and why one cannot go.

Nothing is kept between two looks but which servers were asked in vain, so that it may be cut off and begun again.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from nimbus.common import context, errors, jobs
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.servers import servers
from nimbus.compute.servers.images import shelving
from nimbus.compute.servers.moves import migrations, moves, resizes

Ask = Callable[[db.Tx, context.Context, str], None]


# What takes a server that is in the state off its host without anybody noticing more than that.
WAYS: dict[str, Ask] = {states.STOPPED: migrations.migrate, states.SHELVED: shelving.begin_offload}
RUNNING = 'it runs: stop it, or let it be shut down for the move'
WAITS = {
    states.ACTIVE: RUNNING,
    states.PAUSED: 'it is paused: unpause it, or stop it, first',
    states.SUSPENDED: 'it is suspended: resume it, or stop it, first',
    states.RESCUED: 'it is being rescued: unrescue it first',
    states.SOFT_DELETED: 'it waits for its end: restore it, or delete it at once',
    states.BUILDING: 'it is being built and no job works on it: delete it',
    states.ERROR: 'it is in ERROR: reset its state, or delete it',
    states.RESIZED: 'it was resized: confirm or revert that first',
}


@dataclasses.dataclass
class Look:
    """What was seen of a host at one moment."""

    going: list[str] = dataclasses.field(default_factory=list)  # servers that are on their way
    left: dict[str, str] = dataclasses.field(default_factory=dict)  # servers that stay, and why

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for."""
        return not self.going


class Draining:
    """A host that is being emptied; `look` is called until it is over."""

    def __init__(self, database: db.Database, host: str, at_once: int = 2, *, shut_down: bool = False) -> None:
        """`shut_down` lets servers that run be off while they move."""
        self.db, self.host, self.at_once = database, host, at_once
        self._ways = WAYS | ({states.ACTIVE: migrations.migrate} if shut_down else {})
        self._asked: set[str] = set()
        self._refused: dict[str, str] = {}

    def close(self, reason: str) -> None:
        """No new server comes to the host.  Raises NotFound when it is not known."""
        with self.db.write() as tx:
            rows = services.find(tx, room='compute', host=self.host, binary='nova-compute')
            if not rows:
                raise errors.NotFound(f'Compute host {self.host} could not be found.')
            if not rows[0].disabled:
                services.change(tx, rows[0].id, disabled=True, disabled_reason=reason)

    def look(self) -> Look:
        """As many servers as may go at once are on their way, and what was taken elsewhere is settled there."""
        with self.db.read() as tx:
            rows, leaving = servers.on_host(tx, self.host), moves.leaving(tx, self.host)
            busy = {row.id for row in rows if row.task_state is not None or jobs.under_way(tx, row.id)}
        here, seen = {row.id for row in rows}, Look()
        for move in leaving:
            if move.server_id not in here:
                self._settle(move, seen)
        for row in rows:
            if row.id in busy:
                seen.going.append(row.id)
        for row in rows:
            if row.id not in busy:
                self._send(row, seen)
        return seen

    def _send(self, row: Any, seen: Look) -> None:
        if row.id in self._refused or row.id in self._asked or row.vm_state not in self._ways:
            seen.left[row.id] = self._refused.get(row.id) or self._why(row)
        elif len(seen.going) < self.at_once:
            self._ask(row, seen)
        else:
            seen.going.append(row.id)

    def _ask(self, row: Any, seen: Look) -> None:
        self._asked.add(row.id)
        try:
            with self.db.write() as tx:
                self._ways[row.vm_state](tx, context.internal(), row.id)
        except errors.NimbusError as why:
            self._refused[row.id] = seen.left[row.id] = why.sentence
        else:
            seen.going.append(row.id)

    def _why(self, row: Any) -> str:
        """Why a server that nothing is done to is still here."""
        if row.id in self._asked and row.fault:
            return str(row.fault.get('details') or row.fault['message'])
        return WAITS.get(row.vm_state, f'it is {row.vm_state}')

    def _settle(self, move: Any, seen: Look) -> None:
        """A server that was taken off here stays where it is; one that a user moved or resized waits for him."""
        if move.kind != moves.MIGRATION or move.user_id is not None:
            seen.left[move.server_id] = WAITS[states.RESIZED]
            return
        with self.db.write() as tx:
            row, works = servers.row_of(tx, move.server_id), jobs.under_way(tx, move.server_id)
            if not works and move.status == moves.FINISHED:
                resizes.confirm(tx, context.internal(), row.id)
            elif not works:
                seen.left[row.id] = 'it is elsewhere, and what it left is still there: ' + self._why(row)
                return
        seen.going.append(row.id)
