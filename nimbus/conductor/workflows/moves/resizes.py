"""Give a server another flavor or another host, and keep what it was until somebody decides."""

from typing import Any

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.common.jobs import Refused, Rewind, Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import moves, resizes
from nimbus.conductor.workflows import guest_orders, power
from nimbus.conductor.workflows.moves import destinations
from nimbus.scheduler import claims


def place(run: Run) -> dict[str, Any]:
    """The server has a claim of its new size where it goes, and the move holds the one of the old size."""
    with run.env.db.read() as tx:
        move = moves.show(tx, run.move_id)
    may_stay = move.kind == moves.RESIZE and run.env.resize_to_same_host
    found = destinations.place(run, leave=not may_stay)
    return {**found, 'ran': move.vm_state == states.ACTIVE}


def shut_down(run: Run) -> None:
    """The guest is off."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.MIGRATING)
    if run.ran:
        guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout, host=run.source)


def start_again(run: Run) -> None:
    """The guest runs as before, if it did."""
    if run.get('ran'):
        guest_orders.take_back(run, 'power_on', lambda: guest_orders.described(run))


def copy_disks(run: Run) -> None:
    """The host where the server goes has its disks in their new sizes; the other one keeps those that it has."""
    if not destinations.changes_host(run):
        return
    offer = guest_orders.ask(run, 'send', run.subject, run.move_id, host=run.source)
    try:
        guest_orders.ask(run, 'receive', lambda: _resized(run), run.move_id, offer['offer'])
    except Refused as why:
        if why.kind != 'Refused' or run.job.rewinds + 1 >= run.env.max_attempts:
            raise
        refused = errors.NoValidHost(
            f'The host that was chosen refused the server: {why.sentence}', inside=f'Host {run.host}: {why.inside}'
        )
        raise Rewind(place, refused, refusals={**run.get('refusals', {}), run.host: why.inside}) from why
    guest_orders.ask(run, 'withhold', run.subject, host=run.source)


def _resized(run: Run) -> dict[str, Any]:
    """The server's guest in its new size, while its row still has the old one."""
    with run.env.db.read() as tx:
        return resizes.described(tx, run.move_id)


def drop_copies(run: Run) -> None:
    """The host where the server was to go has nothing of it, and the other one gives nothing away any more."""
    if destinations.changes_host(run):
        guest_orders.destroy(run, run.host)
        guest_orders.take_back(run, 'withhold', run.subject, host=run.source)


def move_volumes(run: Run) -> None:
    """The server's volumes are reached from where it goes."""
    if destinations.changes_host(run):
        destinations.bring_volumes(run, run.subject)


def move_volumes_back(run: Run) -> None:
    """The server's volumes are reached from where it came from."""
    if destinations.changes_host(run):
        destinations.bring_volumes(run, run.move_id)


def move_ports(run: Run) -> dict[str, Any]:
    """The server's ports are bound to where it goes."""
    return {'ports': destinations.bring_ports(run, run.subject)} if destinations.changes_host(run) else {}


def move_ports_back(run: Run) -> None:
    """The server's ports are wired where it came from."""
    if destinations.changes_host(run):
        destinations.return_ports(run, run.move_id)


def wait_for_wires(run: Run) -> None:
    """The server's ports are wired where it goes."""
    if destinations.changes_host(run):
        destinations.wait_for_wires(run, run.subject)


def take_place(run: Run) -> None:
    """The server's row has the new flavor and host."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        resizes.take_flavor(tx, run.subject, move.new_flavor_id, move.new_flavor)
        destinations.stand(tx, run, run.subject)
        moves.go(tx, run.move_id, moves.AFTER)


def take_old_place(run: Run) -> None:
    """The server's row has the flavor and host it had."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        resizes.take_flavor(tx, run.subject, move.old_flavor_id, move.old_flavor)
        destinations.stand(tx, run, run.move_id)


def resize_disks(run: Run) -> None:
    """The guest's disks have the new sizes, and those it had are kept."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.MIGRATED)
    if not destinations.changes_host(run):
        guest_orders.ask(run, 'resize', lambda: guest_orders.described(run), run.move_id)


def put_disks_back(run: Run) -> None:
    """The guest is off and has the disks it had."""
    if not destinations.changes_host(run):
        guest_orders.take_back(run, 'unresize', run.subject, run.move_id)


def start(run: Run) -> None:
    """The guest runs with its new size, if it ran before."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.FINISHING)
    if run.ran:
        guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run))


def shut_down_again(run: Run) -> None:
    """The guest is off, so that its disks can be changed."""
    guest_orders.take_back(run, 'power_off', run.subject, 0)


def wait_for_decision(tx: db.Tx, run: Run) -> None:
    """The server waits for somebody to confirm or revert."""
    moves.go(tx, run.move_id, moves.FINISHED)
    power = states.RUNNING if run.ran else states.SHUTDOWN
    verb = resizes.VERBS[moves.show(tx, run.move_id).kind]
    servers.finished(tx, run.subject, verb, power_state=power, launched_at=clock.Clock().now())


def stay(run: Run) -> None:
    """The server is as before, and says why."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        verb = resizes.VERBS[move.kind]
        moves.end(tx, move, moves.FAILED)
        why = run.job.error or f'The server could not {verb}.'
        servers.failed(tx, run.subject, verb, 500, why, run.get('inside'))


class ResizeServer(Workflow):
    """Claim the new size, shut the guest down, grow or copy its disks and start it; on failure it is as it was."""

    steps = (
        Step(place, undo=destinations.give_back_place),
        Step(shut_down, undo=start_again),
        Step(copy_disks, undo=drop_copies),
        Step(move_volumes, undo=move_volumes_back),
        Step(move_ports, undo=move_ports_back),
        Step(wait_for_wires),
        Step(take_place, undo=take_old_place),
        Step(resize_disks, undo=put_disks_back),
        Step(start, undo=shut_down_again),
    )
    on_done = staticmethod(wait_for_decision)
    on_failure = staticmethod(stay)


class MigrateServer(ResizeServer):
    """Take a server to another host, off, with the size that it has."""


def forget_disks(run: Run) -> None:
    """No host keeps anything of what the guest was; one that is down destroys it when it comes back."""
    with run.env.db.read() as tx:
        row, move = servers.row_of(tx, run.subject), moves.show(tx, run.move_id)
    if move.source_host == row.host:
        guest_orders.ask(run, 'settle', run.subject, host=row.host)
    else:
        guest_orders.destroy(run, move.source_host)


def keep_size(tx: db.Tx, run: Run) -> None:
    """The server has its new size and host for good; what it held beside it is given back."""
    claims.release(tx, run.move_id)
    moves.end(tx, moves.show(tx, run.move_id), moves.CONFIRMED)
    power_state = servers.row_of(tx, run.subject).power_state
    state = resizes.settled_state(power_state)
    servers.finished(tx, run.subject, 'confirm_resize', vm_state=state, power_state=power_state)


def wait_for_confirm(run: Run) -> None:
    """The server waits to be confirmed again, and says why; it cannot go back, for the disks may be forgotten."""
    power.fail(run, 'confirm_resize')


class ConfirmResize(Workflow):
    """Forget the disks that were kept, then give back what was held for them."""

    steps = (Step(forget_disks),)
    on_done = staticmethod(keep_size)
    on_failure = staticmethod(wait_for_confirm)
