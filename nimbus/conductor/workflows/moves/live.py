"""Take a running guest to another host: all is checked there before anything moves, and undone where it fails."""

from typing import Any

from nimbus.common import errors, jobs
from nimbus.common.database import db
from nimbus.common.jobs import Refused, Rewind, Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import moves
from nimbus.conductor.workflows import disks, guest_orders
from nimbus.conductor.workflows.moves import destinations, reverts
from nimbus.network.ports import arrivals
from nimbus.scheduler import claims
from nimbus.volume.volumes import attachments, volumes

VERB = 'migrate_live'


def place(run: Run) -> dict[str, Any]:
    """The server has a claim where it goes, and the move holds the one where it is."""
    wanted = {'host': run.to_host, 'only': None} if run.forced else {}
    return destinations.place(run, moves.PREPARING, **wanted)


def check(run: Run) -> dict[str, Any]:
    """The host where the server goes takes the guest as it is, and can be reached from where it is."""
    try:
        found = guest_orders.ask(run, 'live_facts', run.subject, host=run.source)
        facts = {**found['facts'], 'block': run.block}
        target = guest_orders.ask(run, 'live_check', lambda: guest_orders.described(run), run.move_id, facts)['target']
        reached = guest_orders.ask(run, 'live_reach', run.subject, target, run.block, host=run.source)
    except Refused as why:
        if why.kind != 'Refused' or run.to_host or run.job.rewinds + 1 >= run.env.max_attempts:
            raise
        refused = errors.NoValidHost(
            f'The host that was chosen refused the server: {why.sentence}', inside=f'Host {run.host}: {why.inside}'
        )
        raise Rewind(place, refused, refusals={**run.get('refusals', {}), run.host: why.inside}) from why
    return {'target': {**target, **reached}, 'facts': facts}


def forget_check(run: Run) -> None:
    """Neither host has anything left of the check."""
    guest_orders.take_back(run, 'live_drop', run.subject, True, host=run.host)
    guest_orders.take_back(run, 'withhold', run.subject, host=run.source)


def bring_wires(run: Run) -> None:
    """The server's ports are wired where it goes too, ahead of the guest.  Raises NotYet and NimbusError."""
    with run.env.db.write() as tx:
        arrivals.expect(tx, run.subject, run.host)
    arrivals_wait(run)


def arrivals_wait(run: Run) -> None:
    """Every port that is expected is wired.  Raises NotYet, HostDown, and NimbusError with the reason why not."""
    with run.env.db.read() as tx:
        waiting, troubles = arrivals.unready(tx, run.subject)
    if troubles:
        raise errors.NimbusError(
            'The ports of the server cannot be wired there.',
            inside=f'Host {run.host} cannot wire the ports: {"; ".join(troubles)}',
        )
    if waiting:
        if run.env.is_down(run.host):
            raise guest_orders.HostDown("The server's host is down.", inside=f'Host {run.host} is down.')
        raise jobs.NotYet(1)


def drop_wires(run: Run) -> None:
    """The server's ports are wired where it is, and nowhere else."""
    with run.env.db.write() as tx:
        arrivals.forget(tx, run.subject)


def connect_volumes(run: Run) -> dict[str, Any]:
    """The host where the server goes reaches its volumes too."""
    made = {}
    for found in disks.of_server(run):
        if found['attachment_id']:
            agent, connector = _volume(run, found, run.host)
            made[found['attachment_id']] = agent.connect(found['volume_id'], run.fence, connector)
    return {'connections': made}


def disconnect_volumes(run: Run) -> None:
    """The host where the server was to go reaches none of its volumes."""
    for found in disks.of_server(run):
        if found['attachment_id']:
            agent, connector = _volume(run, found, run.host)
            agent.disconnect(found['volume_id'], run.fence, connector)


def _volume(run: Run, found: dict[str, Any], host: str) -> tuple[Any, dict[str, Any]]:
    """The agent of the volume, and the connector by which the host is told to it."""
    with run.env.db.read() as tx:
        volume = volumes.show(tx, disks.CLOUD, found['volume_id'])
    connector = {'host': host, 'instance': run.subject, 'mountpoint': found['device']}
    return run.env.volume(run.context, volume.host), connector


def prepare(run: Run) -> None:
    """The host where the server goes has all that the guest needs there but its memory."""
    guest_orders.ask(run, 'live_prepare', lambda: _there(run), run.move_id, run.facts, run.target)
    guest_orders.ask(run, 'withhold', run.subject, host=run.source)


def _there(run: Run) -> dict[str, Any]:
    """The guest as the host where it goes reaches its volumes."""
    found = guest_orders.described(run)
    for volume in found['volumes']:
        connection = run.connections[volume['attachment_id']]
        volume |= {'driver_volume_type': connection['driver_volume_type'], 'data': connection['data']}
    return found


def drop_prepared(run: Run) -> None:
    """The host where the server was to go has nothing of it."""
    try:
        guest_orders.ask(run, 'live_drop', run.subject, run.target['shared'], host=run.host)
    except guest_orders.HostDown:
        run.note(abandoned=sorted({*run.get('abandoned', ()), run.host}))


def move(run: Run) -> dict[str, Any]:
    """The guest runs where it goes, and not where it came from."""
    with run.env.db.write() as tx:
        moves.go(tx, run.move_id, moves.RUNNING)
    guest_orders.ask(run, 'live_move', lambda: _there(run), run.move_id, run.target, host=run.source)
    return guest_orders.ask(run, 'live_arrived', run.subject)


def move_back(run: Run) -> None:
    """The guest runs where it came from: its move is broken off, or made again the other way."""
    run.env.compute(run.context, run.source).live_abort(run.subject)
    if guest_orders.ask(run, 'live_here', run.subject, host=run.source)['here']:
        return
    if not guest_orders.ask(run, 'live_here', run.subject, host=run.host, turn=':there')['here']:
        return  # it died on the way: its disks are where it came from, and nothing may be made in their place
    back = guest_orders.ask(
        run, 'live_check', lambda: guest_orders.described(run), run.move_id, run.facts, host=run.source
    )
    target = {**back['target'], 'shared': run.target['shared']}
    prepared = (lambda: guest_orders.described(run), run.move_id, run.facts, target)
    guest_orders.ask(run, 'live_prepare', *prepared, host=run.source)
    guest_orders.ask(run, 'live_move', lambda: guest_orders.described(run), run.move_id, target, host=run.host)
    guest_orders.ask(run, 'live_arrived', run.subject, host=run.source)


def arrive(tx: db.Tx, run: Run) -> None:
    """The server is where its guest is, with its ports and its volumes, and the host that it left is rid of it."""
    place, left = claims.of(tx, run.subject), []
    destinations.stand(tx, run, run.subject)
    destinations.bind(tx, run, place)
    for row in attachments.of_server(tx, run.subject):
        if row.id in run.connections and row.host != place.host:
            left.append({'volume_id': row.volume_id, 'connector': row.connector})
            connector = {**(row.connector or {}), 'host': place.host, 'instance': run.subject}
            attachments.connected(tx, disks.CLOUD, row.id, place.host, run.connections[row.id], connector)
    claims.release(tx, run.move_id)
    moves.end(tx, moves.show(tx, run.move_id), moves.COMPLETED)
    servers.finished(tx, run.subject, VERB)
    reverts.leave(tx, run, run.source, volumes=left, keeps_disks=run.target['shared'])


def stay(run: Run) -> None:
    """The server runs on where it is; one whose move was not broken off by its owner says why."""
    with run.env.db.write() as tx:
        cancelled = run.job.cancelled
        moves.end(tx, moves.show(tx, run.move_id), moves.CANCELLED if cancelled else moves.FAILED)
        if cancelled:
            servers.finished(tx, run.subject, VERB)
        else:
            why = run.job.error or 'The server could not be moved.'
            servers.failed(tx, run.subject, VERB, 500, why, run.get('inside'))


class LiveMigrateServer(Workflow):
    """Claim a place, check it, wire and connect it ahead, move the guest, then the server; or nothing has changed."""

    steps = (
        Step(place, undo=destinations.give_back_place),
        Step(check, undo=forget_check),
        Step(bring_wires, undo=drop_wires),
        Step(connect_volumes, undo=disconnect_volumes),
        Step(prepare, undo=drop_prepared),
        Step(move, undo=move_back),
    )
    on_done = staticmethod(arrive)
    on_failure = staticmethod(stay)
