"""The conductor's side of the network agents' desk."""

from typing import Any

from nimbus.common import clock, failpoints, jobs
from nimbus.common.agents import desk_server, services
from nimbus.common.context import Context, internal
from nimbus.common.database import db
from nimbus.network import generations, rescheduling, tunnels
from nimbus.network.hosts import desired_state as desired
from nimbus.network.hosts import port_reports, scheduling, tunnel_peers
from nimbus.network.models import Host
from nimbus.network.rpc import BINARIES, NetworkDesk


class NetworkDeskServer(desk_server.DeskServer, NetworkDesk):
    """Hands out what hosts must look like, and takes in what they do."""

    kinds = {binary: services.Kind('network', binary) for binary in BINARIES}

    def alive(self, context: Context, host: str, binary: str, facts: dict[str, Any], started: bool) -> str:
        found = super().alive(context, host, binary, facts, started)
        if binary in scheduling.AGENT.values():
            with self.db.read() as tx:
                waiting = rescheduling.waiting(tx, host)
            if waiting:
                with self.db.write() as tx:
                    rescheduling.place(tx, internal(), waiting)
        return found

    def _heard(self, tx: db.Tx, host: str, binary: str, facts: dict[str, Any]) -> None:
        if binary == tunnels.AGENT and tunnels.ends(tx, [host]).get(host) != tunnels.end_in(facts):
            tunnel_peers.tell(tx, host)

    def desired(self, context: Context, host: str, since: int, also: list[list[str]]) -> dict[str, Any] | None:
        with self.db.read() as tx:
            now = generations.of(tx, host)
            if since and now == since and not also:
                return None
            changed = generations.noted(tx, host, since, now)
            if changed is None:
                return desired.whole(tx, host, now)
            return desired.differences(tx, host, now, changed | {(kind, subject_id) for kind, subject_id in also})

    def applied(
        self,
        context: Context,
        host: str,
        generation: int,
        wired: list[str],
        trouble: dict[str, str],
        only: list[str] | None,
    ) -> None:
        report = port_reports.Report(host, generation, wired, trouble, only)
        with self.db.read() as tx:
            known = scheduling.seen(tx, host)
            if known and known.applied >= generation and not port_reports.is_new(tx, report):
                return
        failpoints.hit('desk.applied')
        with self.db.write() as tx:
            now = clock.Clock().now()
            tx.update(Host, Host.host == host, Host.applied <= generation, applied=generation, applied_at=now)
            if only is None:
                generations.forget(tx, host, generation)
            for device in port_reports.settle(tx, report):
                if device:
                    jobs.wake(tx, device)
