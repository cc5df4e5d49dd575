"""Servers as rows: find one, read what is needed to place and build it, and change its states.

Asking for a server is `nimbus.compute.servers.boots`, finding many is `nimbus.compute.servers.search`.
"""

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors
from nimbus.common.database import db
from nimbus.compute import console_tokens, notifications, quotas, states
from nimbus.compute.devices import block_devices
from nimbus.compute.models import Server, ServerTag
from nimbus.compute.servers import groups
from nimbus.compute.servers.moves import moves
from nimbus.compute.states import MACHINE

ROW = db.Fixed(sa.select(Server.__table__).where(Server.__table__.c.id == sa.bindparam('server')))


def show(tx: db.Tx, asker: context.Context, server_id: str) -> Any:
    """The server's row, if it is there and the asker's.  Raises NotFound."""
    row = row_of(tx, server_id)
    if row.deleted_at is not None or not (asker.is_admin or asker.project_id == row.project_id):
        raise _missing(server_id)
    return row


def row_of(tx: db.Tx, server_id: str) -> Any:
    """The server's row, deleted or not, whosever it is.  Raises NotFound."""
    row = tx.row(ROW, {'server': server_id})
    if row is None:
        raise _missing(server_id)
    return row


def _missing(server_id: str) -> errors.NotFound:
    return errors.NotFound(f'Instance {server_id} could not be found.')


def libvirt_name(row: Any) -> str:
    """`instance-0000002a`: the guest's name on its host."""
    return f'instance-{row.seq:08x}'


def boot_file(row: Any, kind: str) -> str:
    """The id of the image of its own 'kernel' or 'ramdisk' that the server starts with; empty where it has none."""
    return str(((row.image or {}).get(kind) or {}).get('id') or '')


def spec(tx: db.Tx, server_id: str) -> dict[str, Any]:
    """All that placing and building the server needs, as plain JSON.  Raises NotFound."""
    row = row_of(tx, server_id)
    return {
        'id': row.id,
        'name': libvirt_name(row),
        'display_name': row.name,
        'hostname': row.hostname,
        'project_id': row.project_id,
        'user_id': row.user_id,
        'reservation_id': row.reservation_id,
        'launch_index': row.launch_index,
        'vm_state': row.vm_state,
        'task_state': row.task_state,
        'host': row.host,
        'node': row.node,
        'generation': row.generation,
        'flavor': row.flavor,
        'image': row.image,
        'networks': row.networks,
        'security_groups': row.security_groups,
        'key': row.key,
        'metadata': row.properties,
        'user_data': row.user_data,
        'admin_pass': row.admin_pass,
        'personality': row.personality,
        'config_drive': row.config_drive,
        'disk_config': row.disk_config,
        'zone': row.pinned_zone,
        'forced_host': row.forced_host,
        'forced_node': row.forced_node,
        'hints': row.hints,
        'group': groups.rule_of(tx, server_id),
        'root_device': row.root_device,
        'bdms': [block_devices.facts(device) for device in block_devices.of_server(tx, server_id)],
        'created_at': clock.iso(row.created_at),
    }


def begin(tx: db.Tx, asker: context.Context, server_id: str, verb: str, **more: Any) -> Any:
    """The server is claimed for the verb; returns its row as it was.

    Raises NotFound, Conflict when it is locked or never ran, and WrongState.
    """
    row = show(tx, asker, server_id)
    unlocked(asker, row)
    told = states.TOLD.get(verb, verb)
    if verb in states.LAUNCHED and row.launched_at is None and MACHINE.allows(verb, row.vm_state, row.task_state):
        raise errors.Conflict(f"Cannot '{told}' instance {server_id} which has never been active")
    try:
        MACHINE.begin(tx, Server, server_id, verb, generation=Server.generation + 1, **more)
    except errors.WrongState as why:
        sentence = why.sentence.replace(f"'{verb}'", f"'{told}'", 1)
        raise errors.WrongState(sentence, **why.facts) from None
    notifications.began(tx, asker, server_id, verb)
    return row


def unlocked(asker: context.Context, row: Any) -> None:
    """Nothing, when the asker may change the server.  Raises Conflict when it is locked."""
    if row.locked and not asker.is_admin:
        raise errors.Conflict(f'Instance {row.id} is locked')


def task(tx: db.Tx, server_id: str, task_state: str) -> bool:
    """A verb under way has come to the task state; returns False when another verb has taken over."""
    family = next(tasks for tasks in states.TASKS.values() if task_state in tasks)
    return _change(tx, server_id, family, task_state=task_state)


def progressed(tx: db.Tx, server_id: str, percent: int) -> bool:
    """The build has come so far."""
    return _change(tx, server_id, states.TASKS['build'], progress=max(0, min(100, percent)))


def placed(tx: db.Tx, server_id: str, host: str, node: str, zone: str | None) -> bool:
    """The server belongs to the host, which is where its guest is or will be; False when it is gone."""
    console_tokens.forget(tx, server_id)
    return bool(tx.update(Server, *_living(server_id), host=host, node=node, zone=zone))


def unplaced(tx: db.Tx, server_id: str) -> bool:
    """The server belongs to no host; False when it is gone."""
    console_tokens.forget(tx, server_id)
    return bool(tx.update(Server, *_living(server_id), host=None, node=None, zone=None))


def built(tx: db.Tx, server_id: str) -> bool:
    """The server is active for the first time, and its admin password is removed from the row."""
    now = clock.Clock().now()
    tx.update(Server, Server.id == server_id, admin_pass=None)
    done = _leave(tx, server_id, 'build', MACHINE.rules['build'].done, launched_at=now, progress=0, fault=None)
    return done and notifications.ended(tx, server_id, 'build')


def keep_network(tx: db.Tx, server_id: str, place: int, asked: dict[str, Any]) -> None:
    """What was asked for at that place of the server's networks, counted from one, is this; {} for nothing any more."""
    had = [*row_of(tx, server_id).networks]
    had += [{}] * (place - len(had))
    tx.update(Server, *_living(server_id), networks=[*had[: place - 1], asked, *had[place:]])


def resized(tx: db.Tx, server_id: str, flavor_id: str, flavor: dict[str, Any]) -> None:
    """The server has the flavor; its move says what it holds for both sizes."""
    tx.update(Server, *_living(server_id), flavor_id=flavor_id, flavor=flavor)


def finished(tx: db.Tx, server_id: str, verb: str, **more: Any) -> bool:
    """The verb has done what it should, and the row has the values too; False when another verb has taken over."""
    done = _leave(tx, server_id, verb, MACHINE.rules[verb].done, **more)
    return done and notifications.ended(tx, server_id, verb)


def failed(tx: db.Tx, server_id: str, verb: str, code: int, message: str, details: str | None = None) -> bool:
    """The verb has failed for that reason; False when another verb has taken over."""
    fault = {'code': code, 'message': message[:255], 'details': details, 'created': clock.iso(clock.Clock().now())}
    if verb in ('build', 'rebuild', 'evacuate', 'rescue'):
        tx.update(Server, Server.id == server_id, admin_pass=None)
    state = MACHINE.rules[verb].failed
    if verb in states.TASKS:
        values = {'task_state': None, 'fault': fault} | ({'vm_state': state} if state else {})
        changed = _change(tx, server_id, states.TASKS[verb], **values)
    else:
        changed = bool(tx.update(Server, *_living(server_id), fault=fault))
    return changed and notifications.failed(tx, server_id, verb, code, message)


def powered(tx: db.Tx, server_id: str, power_state: int) -> bool:
    """The guest was seen so on its host; one that went down or came up by itself is stopped or active."""
    where = _living(server_id)
    changed = tx.update(Server, *where, Server.power_state != power_state, power_state=power_state)
    idle = [*where, Server.task_state.is_(None)]
    now = clock.Clock().now()
    if power_state in (states.SHUTDOWN, states.CRASHED):
        # A guest that was paused and is off has lost its memory, as when its host was switched off.
        ran = Server.vm_state.in_((states.ACTIVE, states.PAUSED))
        tx.update(Server, *idle, ran, vm_state=states.STOPPED, updated_at=now)
    elif power_state == states.RUNNING:
        tx.update(Server, *idle, Server.vm_state == states.STOPPED, vm_state=states.ACTIVE, updated_at=now)
    return bool(changed)


def gone(tx: db.Tx, server_id: str) -> bool:
    """Nothing is left of the server but its history, and what it held of the quota is given back, once."""
    now = clock.Clock().now()
    before = row_of(tx, server_id)
    if not tx.update(
        Server,
        *_living(server_id),
        vm_state=states.DELETED,
        task_state=None,
        power_state=states.NO_POWER,
        admin_pass=None,
        deleted_at=now,
        updated_at=now,
    ):
        return False
    block_devices.drop_all(tx, server_id)
    groups.leave(tx, server_id)
    console_tokens.forget(tx, server_id)
    quotas.follow(tx, before, row_of(tx, server_id))
    return notifications.ended(tx, server_id, 'delete')


def forget(tx: db.Tx, before: datetime.datetime, most: int) -> int:
    """Servers that were deleted before the time have left no row, `most` at once; returns how many."""
    gone = tx.column(sa.select(Server.id).where(Server.deleted_at < before).limit(most))
    tx.delete(ServerTag, ServerTag.server_id.in_(gone))
    moves.forget(tx, gone)
    tx.delete(Server, Server.id.in_(gone))
    return len(gone)


def every() -> Any:
    """A select of the ids of all servers that have a row, deleted ones too."""
    return sa.select(Server.id)


def claimants(tx: db.Tx) -> set[str]:
    """The ids of what may hold room on a host: servers that have one or are being built, and moves."""
    coming = sa.or_(Server.vm_state == states.BUILDING, Server.task_state == states.UNSHELVING)
    placed = sa.or_(Server.host.is_not(None), coming)
    return set(tx.column(sa.select(Server.id).where(Server.deleted_at.is_(None), placed))) | moves.ids_of_open(tx)


def on_host(tx: db.Tx, host: str) -> list[Any]:
    """The rows of every server that belongs to the host."""
    where = (Server.host == host, Server.deleted_at.is_(None))
    return list(tx.rows(sa.select(Server).where(*where).order_by(Server.seq)))


@contextlib.contextmanager
def counting(tx: db.Tx, server_id: str) -> Iterator[None]:
    """What is changed within is followed by what the server's project holds of its quota."""
    before = row_of(tx, server_id)
    yield
    quotas.follow(tx, before, row_of(tx, server_id))


def _living(server_id: str) -> list[Any]:
    return [Server.id == server_id, Server.deleted_at.is_(None)]


def _change(tx: db.Tx, server_id: str, tasks: frozenset[str], **values: Any) -> bool:
    where = [*_living(server_id), Server.task_state.in_(tasks)]
    return bool(tx.update(Server, *where, updated_at=clock.Clock().now(), **values))


def _leave(tx: db.Tx, server_id: str, verb: str, state: str | None, **more: Any) -> bool:
    """The verb under way is over; a state of None is the one that the server has."""
    values: dict[str, Any] = {'task_state': None}
    values |= {'vm_state': state} if state else {}
    values |= {'power_state': states.POWER_AFTER[verb]} if verb in states.POWER_AFTER else {}
    return _change(tx, server_id, states.TASKS[verb], **values | more)
