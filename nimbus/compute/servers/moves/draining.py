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
from nimbus.compute.servers.moves import live, migrations, moves, resizes

Ask = Callable[[db.Tx, context.Context, str], None]


def _while_it_runs(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    live.migrate(tx, asker, server_id, live.How())


# What takes a server that is in the state off its host; where one way fails the next is tried.
WAYS: dict[str, tuple[Ask, ...]] = {
    states.ACTIVE: (_while_it_runs,),
    states.PAUSED: (_while_it_runs,),
    states.STOPPED: (migrations.migrate,),
    states.SHELVED: (shelving.begin_offload,),
}
SHUT_DOWN: dict[str, tuple[Ask, ...]] = {states.ACTIVE: (_while_it_runs, migrations.migrate)}
WAITS = {
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
        """`shut_down` lets servers that cannot move while they run be off for it."""
        self.db, self.host, self.at_once = database, host, at_once
        self._ways = WAYS | (SHUT_DOWN if shut_down else {})
        self._tries: dict[str, int] = {}
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
        ways, tries = self._ways.get(row.vm_state, ()), self._tries.get(row.id, 0)
        if tries >= len(ways):
            seen.left[row.id] = self._refused.get(row.id) or self._why(row)
        elif len(seen.going) < self.at_once:
            self._ask(row, ways[tries], seen)
        else:
            seen.going.append(row.id)

    def _ask(self, row: Any, way: Ask, seen: Look) -> None:
        self._tries[row.id] = self._tries.get(row.id, 0) + 1
        try:
            with self.db.write() as tx:
                way(tx, context.internal(), row.id)
        except errors.NimbusError as why:
            self._refused[row.id] = why.sentence
        else:
            self._refused.pop(row.id, None)
        seen.going.append(row.id)

    def _why(self, row: Any) -> str:
        """Why a server that nothing is done to is still here."""
        if row.id in self._tries and row.fault:
            return str(row.fault.get('details') or row.fault['message'])
        return WAITS.get(row.vm_state, f'it is {row.vm_state}')

    def _settle(self, move: Any, seen: Look) -> None:
        """A server that was taken off here stays where it is; one that a user moved or resized waits for him."""
        with self.db.write() as tx:
            row, works = servers.row_of(tx, move.server_id), jobs.under_way(tx, move.server_id)
            if works:
                seen.going.append(row.id)
            elif move.kind != moves.MIGRATION or move.user_id is not None:
                seen.left[row.id] = WAITS[states.RESIZED]
            elif move.status == moves.FINISHED:
                resizes.confirm(tx, context.internal(), row.id)
                seen.going.append(row.id)
            else:
                seen.left[row.id] = f'it is elsewhere, and what it left is still there: {self._why(row)}'
