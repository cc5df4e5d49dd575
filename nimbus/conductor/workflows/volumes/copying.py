"""Copy and grow volumes that guests have open: their guests do it, and go on with them."""

from typing import Any

from nimbus.common.jobs import NotYet, Refused, Run
from nimbus.compute.servers import guests, servers
from nimbus.compute.servers.images import snapshots
from nimbus.conductor.workflows import guest_orders
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import copies


def by_guest(run: Run, kind: str, volume: Any, size: int) -> bool:
    """Whether the copy is there, made by the guest that has the volume open; when nobody has, none is made.

    `kind` says what the copy is, a 'snapshot' or a 'volume' of `size` GiB; its id is the job's subject.
    """
    turn = run.get('copy_turn', 0)
    found = run.get('copied_by') or _user(run, volume.id)
    if found is None:
        return False
    run.note(copied_by=found)
    agent = run.env.client(Volume, run.context, volume.host)
    told = run.subject, run.fence, kind
    begun = run.ask(f'begin_copy:{turn}', lambda key: agent.begin_copy(run.job.id, key, *told, volume.id))
    if begun['target']:
        orders = run.subject, found['server'], found['volume'], begun['target'], found['quiesce']
        try:
            guest_orders.ask(run, 'copy_volume', *orders, host=found['host'], turn=f':{turn}')
        except Refused as why:
            if why.kind != 'Missing':
                raise
            # The guest moved or let go of the volume since it was looked for.
            run.note(copied_by=None, copy_turn=turn + 1)
            raise NotYet(1) from None
    run.ask(f'end_copy:{turn}', lambda key: agent.end_copy(run.job.id, key, *told, size))
    return True


def grown_by_guest(run: Run, volume: Any) -> None:
    """The guest that has the volume open, where one has, sees `run.size` GiB of it."""
    turn = run.get('grow_turn', 0)
    found = run.get('grown_by') or _user(run, volume.id)
    if found is None:
        return
    run.note(grown_by=found)
    orders = volume.id, found['server'], found['volume'], run.size
    try:
        guest_orders.ask(run, 'grow_volume', *orders, host=found['host'], turn=f':{turn}')
    except Refused as why:
        if why.kind != 'Missing':
            raise
        run.note(grown_by=None, grow_turn=turn + 1)
        raise NotYet(1) from None


def _user(run: Run, volume_id: str) -> dict[str, Any] | None:
    """The guest that has the volume open: its server, host, the volume as it has it, and how it is to stand still."""
    with run.env.db.read() as tx:
        server_id = copies.opened_by(tx, volume_id)
        if server_id is None:
            return None
        row = servers.row_of(tx, server_id)
        connected = guests.volumes(tx, server_id, servers.spec(tx, server_id))
    found = next((one.to_dict() for one in connected if one.id == volume_id), None)
    if found is None or not row.host:
        return None
    return {'server': server_id, 'host': row.host, 'volume': found, 'quiesce': snapshots.quiesced(row)}


def let_guest_go(run: Run) -> None:
    """No guest writes to the copy; one whose host is down is gone with what it wrote."""
    if found := run.get('copied_by'):
        orders = run.subject, found['server'], found['volume']['id']
        guest_orders.take_back(run, 'drop_volume_copy', *orders, host=found['host'])
