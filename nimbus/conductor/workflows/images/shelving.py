"""Shelve a server, take it off its host, and bring it back on its own host or another."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.compute.servers.images import shelving
from nimbus.conductor.workflows import build_server, delete_server, disks, guest_orders, power
from nimbus.conductor.workflows.images import snapshots
from nimbus.network.ports import ports
from nimbus.scheduler import claims


def shut_down(run: Run) -> None:
    """The guest is off."""
    guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout, host=power.host_of(run))


def start_again(run: Run) -> None:
    """The guest runs, if it did; one that stood still or slept has lost its memory and is off."""
    if run.ran:
        guest_orders.take_back(run, 'power_on', lambda: guest_orders.described(run))


def mark_shelved(tx: db.Tx, run: Run) -> None:
    """The server is SHELVED, and may be on its way off its host."""
    shelving.shelved(tx, run.context, run.subject, run.image_id, offload=run.offload)


class ShelveServer(Workflow):
    """Shut the guest down and make an image of it; on failure it runs again."""

    steps = (Step(shut_down, undo=start_again), *snapshots.SnapshotServer.steps)
    on_done = staticmethod(mark_shelved)
    on_failure = staticmethod(snapshots.mark_unmade)


def keep_volumes(run: Run) -> None:
    """The server's volumes are kept for it, and no host reaches them."""
    disks.keep_all(run)


def leave_host(tx: db.Tx, run: Run) -> None:
    """The server is SHELVED_OFFLOADED: it holds no room on any host, and its ports are its own and on none."""
    for row in ports.of_server(tx, run.subject):
        ports.unbind(tx, run.context, row.id, keeps=True)
    claims.release(tx, run.subject)
    servers.unplaced(tx, run.subject)
    servers.finished(tx, run.subject, 'shelve_offload')


def mark_unoffloaded(run: Run) -> None:
    """The server is shelved as before and says why; it can be taken off its host again."""
    power.fail(run, 'shelve_offload')


class OffloadServer(Workflow):
    """Destroy the guest of a shelved server; its image and its volumes are all that is left of it."""

    steps = (Step(delete_server.destroy_guest), Step(keep_volumes))
    on_done = staticmethod(leave_host)
    on_failure = staticmethod(mark_unoffloaded)


def power_on(run: Run) -> None:
    """The guest runs."""
    guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run), host=power.host_of(run))


def power_off_again(run: Run) -> None:
    """The guest is off as before."""
    guest_orders.take_back(run, 'power_off', run.subject, run.env.shutdown_timeout)


def mark_back(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE, and the image that it was put away as is gone."""
    shelving.returned(tx, run.env.image_quotas, run.subject)


def mark_not_back(run: Run) -> None:
    """The server is shelved as before, and says why."""
    power.fail(run, 'unshelve')


class UnshelveServer(Workflow):
    """Start a shelved server that is still on its host."""

    steps = (Step(power_on, undo=power_off_again),)
    on_done = staticmethod(mark_back)
    on_failure = staticmethod(mark_not_back)


def bind_ports(run: Run) -> dict[str, list[str]]:
    """The server's ports are bound to its new host."""
    with run.env.db.write() as tx:
        hostname, found = servers.row_of(tx, run.subject).hostname, ports.of_server(tx, run.subject)
        to = {'server_id': run.subject, 'host': run.host, 'zone': run.zone, 'hostname': hostname}
        for row in found:
            ports.bind(tx, run.context, row.id, project_id=row.project_id, **to)
    return {'ports': [row.id for row in found]}


def unbind_ports(run: Run) -> None:
    """The server's ports are its own and on no host."""
    with run.env.db.write() as tx:
        for row in ports.of_server(tx, run.subject):
            ports.unbind(tx, run.context, row.id, keeps=True)


def mark_brought_back(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE with its volumes, and the image that it was put away as is gone."""
    disks.complete_all(tx, run)
    mark_back(tx, run)


class BringBackServer(Workflow):
    """Find a host for a server that has none, wire its ports there, and boot it from its image; or it stays away."""

    steps = (
        Step(build_server.place, undo=build_server.give_back_place),
        Step(bind_ports, undo=unbind_ports),
        Step(build_server.wait_for_wires, undo=build_server.forget_wires),
        Step(build_server.connect_volumes, undo=keep_volumes),
        Step(build_server.boot, undo=build_server.unboot),
    )
    on_done = staticmethod(mark_brought_back)
    on_failure = staticmethod(mark_not_back)
    max_rewinds = build_server.BuildServer.max_rewinds
