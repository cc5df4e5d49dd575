"""The conductor's side of the compute agents' desk: records hosts, and servers' states as their guests change."""

from typing import Any

from nimbus.common import errors, failpoints, jobs
from nimbus.common.agents import services
from nimbus.common.agents.desk_server import DeskServer
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.hosts import aggregates
from nimbus.compute.rpc import ComputeDesk
from nimbus.compute.servers import guests, servers
from nimbus.compute.servers.moves import evacuations, live, moves
from nimbus.scheduler import claims, hosts

NUMBER = {
    'running': states.RUNNING,
    'paused': states.POWER_PAUSED,
    'shutdown': states.SHUTDOWN,
    'crashed': states.CRASHED,
}
SHOULD_RUN = frozenset({states.ACTIVE})
SHOULD_REST = frozenset({states.STOPPED, states.SHELVED, states.SOFT_DELETED})
SHOULD_STAND = frozenset({states.PAUSED})


class ComputeDeskServer(DeskServer, ComputeDesk):
    """Serves topic `desk-compute`."""

    kinds = {'nova-compute': services.Kind('compute', 'nova-compute')}

    def _heard(self, tx: db.Tx, host: str, binary: str, facts: dict[str, Any]) -> None:
        hosts.report(tx, host, facts, *aggregates.of_host(tx, host))

    def desired(self, context: Context, host: str) -> list[dict[str, Any]]:
        with self.db.read() as tx:
            found = [
                {'id': row.id, 'power': _power(row), 'busy': jobs.under_way(tx, row.id)}
                for row in servers.on_host(tx, host)
            ]
            moving = moves.on_host(tx, host) - {row['id'] for row in found}
        # What a host keeps for a move, or gets by one, is nothing that it should mend.
        return found + [{'id': one, 'power': 'any', 'busy': True} for one in sorted(moving)]

    def strangers(self, context: Context, host: str, guest_ids: list[str]) -> list[str]:
        with self.db.read() as tx:
            claimed = claims.servers_on(tx, host) | moves.on_host(tx, host)
            return [guest for guest in guest_ids if guest not in claimed and _is_nobodys(tx, guest, host)]

    def deleted(self, context: Context, host: str, guest_ids: list[str]) -> list[str]:
        with self.db.read() as tx:
            rows = {guest: _row(tx, guest) for guest in guest_ids}
        return [guest for guest, row in rows.items() if row is not None and row.deleted_at is not None]

    def evacuated(self, context: Context, host: str) -> list[dict[str, Any]]:
        with self.db.read() as tx:
            return [
                {'id': row.server_id, 'move': row.id, 'kept': bool(row.disk_kept)}
                for row in evacuations.leftovers(tx, host)
            ]

    def forsaken(self, context: Context, host: str, move: str) -> None:
        with self.db.write() as tx:
            evacuations.forsaken(tx, host, move)

    def guest(self, context: Context, host: str, server_id: str) -> dict[str, Any] | None:
        with self.db.read() as tx:
            if _idle_row(tx, server_id, host) is None:
                return None
            return guests.describe(tx, server_id)

    def changed(self, context: Context, host: str, server_id: str, state: str) -> None:
        failpoints.hit('desk.changed')
        with self.db.write() as tx:
            row = _idle_row(tx, server_id, host)
            if row is None:
                return
            if state == 'running' and row.vm_state in SHOULD_REST:
                return  # the agent shuts it down; it does not become ACTIVE behind its user's back
            servers.powered(tx, server_id, NUMBER[state])

    def moving(self, context: Context, host: str, server_id: str, figures: dict[str, int]) -> None:
        with self.db.write() as tx:
            live.progressed(tx, host, server_id, figures)

    def progress(self, context: Context, host: str, server_id: str, percent: int) -> None:
        with self.db.write() as tx:
            servers.progressed(tx, server_id, percent)


def _power(row: Any) -> str:
    """What the guest should be: running, paused, shutdown, or whatever it is."""
    if row.vm_state in SHOULD_RUN:
        return 'running'
    if row.vm_state in SHOULD_STAND:
        return 'paused'
    return 'shutdown' if row.vm_state in SHOULD_REST else 'any'


def _row(tx: db.Tx, server_id: str) -> Any:
    try:
        return servers.row_of(tx, server_id)
    except errors.NotFound:
        return None


def _idle_row(tx: db.Tx, server_id: str, host: str) -> Any:
    """The row of a server that belongs on the host and that no job works on, or None."""
    row = _row(tx, server_id)
    if row is None or row.deleted_at is not None or row.host != host or jobs.under_way(tx, server_id):
        return None
    return row


def _is_nobodys(tx: db.Tx, guest_id: str, host: str) -> bool:
    """Whether the guest's server is deleted, or gave this host up while it was being built; never on a doubt."""
    found = jobs.history(tx, guest_id)
    row = _row(tx, guest_id)
    if row is None or any(job.heading in jobs.UNDER_WAY for job in found):
        return False
    if row.deleted_at is not None:
        return True
    return row.host != host and any(host in job.notes.get('abandoned', ()) for job in found)
