"""Give a server another flavor on its host, keep what it was until somebody decides, and do as decided."""

from typing import Any

from nimbus.common import clock
from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import moves, resizes
from nimbus.conductor.workflows import build_server, guest_orders, power
from nimbus.scheduler import claims


def place(run: Run) -> dict[str, Any]:
    """The server has a claim of its new size on its host, and the move holds the one of the old size."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        claims.hand_over(tx, run.subject, run.move_id)
        spec = servers.spec(tx, run.subject)
    wanted = build_server.request(run, {**spec, 'flavor': move.new_flavor, 'forced_host': None})
    found = run.env.scheduler(run.context).place(run.subject, {**wanted, 'only': move.source_host})
    with run.env.db.write() as tx:
        moves.go(tx, run.move_id, moves.UNDER_WAY, target_host=found['host'], target_node=found['node'])
    return {'host': found['host'], 'ran': move.vm_state == states.ACTIVE, 'trail': found['trail']}


def give_back_place(run: Run) -> None:
    """The server has the claim it had."""
    with run.env.db.write() as tx:
        if claims.of(tx, run.move_id) is not None:
            claims.release(tx, run.subject)
            claims.hand_over(tx, run.move_id, run.subject)


def shut_down(run: Run) -> None:
    """The guest is off."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.MIGRATING)
    if run.ran:
        guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout)


def start_again(run: Run) -> None:
    """The guest runs as before, if it did."""
    if run.get('ran'):
        guest_orders.take_back(run, 'power_on', lambda: guest_orders.described(run))


def take_flavor(run: Run) -> None:
    """The server's row has the new flavor."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        resizes.take_flavor(tx, run.subject, move.new_flavor_id, move.new_flavor)
        moves.go(tx, run.move_id, moves.AFTER)


def give_back_flavor(run: Run) -> None:
    """The server's row has the flavor it had."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        resizes.take_flavor(tx, run.subject, move.old_flavor_id, move.old_flavor)


def resize_disks(run: Run) -> None:
    """The guest's disks have the new sizes, and those it had are kept."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.MIGRATED)
    guest_orders.ask(run, 'resize', lambda: guest_orders.described(run), run.move_id)


def put_disks_back(run: Run) -> None:
    """The guest is off and has the disks it had."""
    guest_orders.take_back(run, 'unresize', run.subject, run.move_id)


def start(run: Run) -> None:
    """The guest runs with its new size, if it ran before."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.FINISHING)
    if run.ran:
        guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run))


def wait_for_decision(tx: db.Tx, run: Run) -> None:
    """The server waits for somebody to confirm or revert."""
    moves.go(tx, run.move_id, moves.FINISHED)
    power = states.RUNNING if run.ran else states.SHUTDOWN
    servers.finished(tx, run.subject, 'resize', power_state=power, launched_at=clock.Clock().now())


def stay(run: Run) -> None:
    """The server is as before, and says why."""
    with run.env.db.write() as tx:
        moves.end(tx, moves.show(tx, run.move_id), moves.FAILED)
        why = run.job.error or 'The server could not be resized.'
        servers.failed(tx, run.subject, 'resize', 500, why, run.get('inside'))


class ResizeServer(Workflow):
    """Claim the new size, shut the guest down, grow its disks and start it; on failure it is as it was."""

    steps = (
        Step(place, undo=give_back_place),
        Step(shut_down, undo=start_again),
        Step(take_flavor, undo=give_back_flavor),
        Step(resize_disks, undo=put_disks_back),
        Step(start),
    )
    on_done = staticmethod(wait_for_decision)
    on_failure = staticmethod(stay)


def forget_disks(run: Run) -> None:
    """The host keeps nothing of what the guest was."""
    guest_orders.ask(run, 'settle', run.subject, host=power.host_of(run))


def keep_size(tx: db.Tx, run: Run) -> None:
    """The server has its new size for good; what it held beside it is given back."""
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


def shut_down_resized(run: Run) -> dict[str, Any]:
    """The guest is off."""
    with run.env.db.read() as tx:
        row, move = servers.row_of(tx, run.subject), moves.show(tx, run.move_id)
    ran = run.get('ran', row.power_state == states.RUNNING)
    run.note(host=row.host, ran=ran, starts=move.vm_state == states.ACTIVE)
    if run.ran:
        guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout)
    return {}


def take_old_disks(run: Run) -> None:
    """The guest has the disks it had; what happened since on those it has now is lost."""
    guest_orders.ask(run, 'unresize', run.subject, run.move_id)


def resize_again(run: Run) -> None:
    """The guest's disks have the new sizes again, and hold what they held before."""
    guest_orders.take_back(run, 'resize', lambda: guest_orders.described(run), run.move_id)


def take_flavor_again(run: Run) -> None:
    """The server's row has the new flavor again."""
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        resizes.take_flavor(tx, run.subject, move.new_flavor_id, move.new_flavor)


def start_old(run: Run) -> None:
    """The guest runs with the size it had, if it ran before it was resized."""
    if run.starts:
        guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run))


def shut_down_again(run: Run) -> None:
    """The guest is off, so that its disks can be changed."""
    guest_orders.take_back(run, 'power_off', run.subject, 0)


def come_back(tx: db.Tx, run: Run) -> None:
    """The server is what it was, and what it held beside that is given back."""
    if claims.of(tx, run.move_id) is not None:
        claims.release(tx, run.subject)
        claims.hand_over(tx, run.move_id, run.subject)
    moves.end(tx, moves.show(tx, run.move_id), moves.REVERTED)
    state, power_state = (states.ACTIVE, states.RUNNING) if run.starts else (states.STOPPED, states.SHUTDOWN)
    servers.finished(tx, run.subject, 'revert_resize', vm_state=state, power_state=power_state)


def wait_again(run: Run) -> None:
    """The server waits for a decision as before, and says why."""
    with run.env.db.write() as tx:
        moves.go(tx, run.move_id, moves.FINISHED)
    power.fail(run, 'revert_resize')


class RevertResize(Workflow):
    """Shut the guest down, put back its disks and flavor, and start it; on failure it keeps its new size."""

    steps = (
        Step(shut_down_resized, undo=start_again),
        Step(take_old_disks, undo=resize_again),
        Step(give_back_flavor, undo=take_flavor_again),
        Step(start_old, undo=shut_down_again),
    )
    on_done = staticmethod(come_back)
    on_failure = staticmethod(wait_again)
