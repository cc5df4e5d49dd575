"""Bring a server whose host is down to another one, with its disks where both share them and new ones else."""

from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import Refused, Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.metadata import documents
from nimbus.compute.servers import guests, servers
from nimbus.compute.servers.moves import evacuations, moves
from nimbus.conductor.workflows import build_server, disks, guest_orders
from nimbus.network.ports import ports
from nimbus.scheduler import claims, hosts


def set_claim_aside(run: Run) -> None:
    """The move holds what the server held on its host, which is down."""
    _source_is_down(run)
    with run.env.db.write() as tx:
        if claims.of(tx, run.move_id) is None:
            claims.hand_over(tx, run.subject, run.move_id)


def _source_is_down(run: Run) -> None:
    """Nothing, while the host that the server leaves is down.  Raises Conflict: two guests of it would run."""
    if not run.env.is_down(run.source):
        raise errors.Conflict(
            "The server's host is up again, so that its guest may run there.",
            inside=f'Compute service of {run.source} is in use again.',
        )


def stay(run: Run) -> None:
    """The server is on its old host again, and holds what it held there."""
    with run.env.db.write() as tx:
        if claims.of(tx, run.move_id) is not None:
            claims.release(tx, run.subject)
            claims.hand_over(tx, run.move_id, run.subject)
        servers.placed(tx, run.subject, run.source, run.source_node, run.source_zone)


def move_ports(run: Run) -> dict[str, list[str]]:
    """The server's ports are bound to its new host, with the addresses that they had."""
    with run.env.db.write() as tx:
        address = hosts.named(tx, run.host).facts.get('host_ip')
        target = {'target_host': run.host, 'target_node': run.node, 'target_address': address}
        moves.go(tx, run.move_id, moves.BEFORE, **target)
        return {'ports': _bind(tx, run, run.host, run.zone)}


def move_ports_back(run: Run) -> None:
    """The server's ports are bound to its old host."""
    with run.env.db.write() as tx:
        _bind(tx, run, run.source, run.source_zone)


def _bind(tx: db.Tx, run: Run, host: str, zone: str) -> list[str]:
    hostname, found = servers.row_of(tx, run.subject).hostname, ports.of_server(tx, run.subject)
    for row in found:
        to = {'server_id': run.subject, 'project_id': row.project_id, 'hostname': hostname}
        ports.bind(tx, run.context, row.id, host=host, zone=zone, **to)
    return [row.id for row in found]


def move_volumes(run: Run) -> None:
    """The new host reaches every volume of the server, and the old one none."""
    disks.disconnect_all(run)
    disks.connect_all(run)


def move_volumes_back(run: Run) -> None:
    """The old host reaches the volumes again as far as the volume service is concerned."""
    disks.disconnect_all(run)
    disks.connect_all(run, run.source)


def take_over(run: Run) -> dict[str, Any]:
    """The guest is on its new host, and runs there if it is to."""
    _source_is_down(run)

    def guest() -> dict[str, Any]:
        with run.env.db.write() as tx:
            servers.task(tx, run.subject, states.REBUILT_SPAWNING)
            drive = documents.config_drive(tx, run.subject, run.env.force_config_drive)
            return guests.describe(tx, run.subject, drive)

    try:
        return guest_orders.ask(run, 'take_over', guest, run.source, run.shared, run.starts)
    except Refused as why:
        if why.kind != 'Refused':
            raise
        raise build_server.elsewhere(run, why) from why


def forsake(run: Run) -> None:
    """The new host has nothing of the guest; a disk that both hosts share is the old one's again."""
    try:
        guest_orders.ask(run, 'forsake', run.subject, run.source)
    except guest_orders.HostDown:
        run.note(abandoned=sorted({*run.get('abandoned', ()), run.host}))


def mark_evacuated(tx: db.Tx, run: Run) -> None:
    """The server is on its new host; what it held on the old one is given back."""
    claims.release(tx, run.move_id)
    disks.complete_all(tx, run)
    evacuations.done(tx, run.subject, run.move_id, starts=run.starts, kept=run.kept)


def mark_unmoved(run: Run) -> None:
    """The server is on its old host as before, and says why."""
    with run.env.db.write() as tx:
        moves.end(tx, moves.show(tx, run.move_id), moves.FAILED)
        why = run.job.error or 'The server could not be evacuated.'
        servers.failed(tx, run.subject, 'evacuate', 500, why, run.get('inside'))


class EvacuateServer(Workflow):
    """Claim room on another host, bring ports and volumes there, and run the guest; on failure it is where it was."""

    steps = (
        Step(set_claim_aside, undo=stay),
        Step(build_server.place, undo=build_server.give_back_place),
        Step(move_ports, undo=move_ports_back),
        Step(build_server.wait_for_wires, undo=build_server.forget_wires),
        Step(move_volumes, undo=move_volumes_back),
        Step(take_over, undo=forsake),
    )
    on_done = staticmethod(mark_evacuated)
    on_failure = staticmethod(mark_unmoved)
    max_rewinds = build_server.BuildServer.max_rewinds
