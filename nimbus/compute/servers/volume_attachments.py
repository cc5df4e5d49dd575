"""Attach volumes to an existing server and detach them."""

import re
from typing import Any

from nimbus.common import context, errors, ids, jobs
from nimbus.common.database import db
from nimbus.compute import notifications, states
from nimbus.compute.devices import block_devices, block_requests, device_names
from nimbus.compute.servers import guests, servers
from nimbus.volume.volumes import attachments, volumes

DEVICE = re.compile(r'(/dev/)?(x?v|s|h)d[a-z]{1,2}[0-9]*\Z')


def attach(
    tx: db.Tx,
    asker: context.Context,
    server_id: str,
    volume_id: str,
    *,
    device: str | None = None,
    tag: str | None = None,
    delete_on_termination: bool = False,
) -> Any:
    """The volume is reserved for the server and being attached; returns the block device's row.

    Raises NotFound, Invalid when the volume cannot be attached, Conflict and WrongState.
    """
    if device and not DEVICE.match(device):
        raise errors.Invalid(f'The supplied device path ({device}) is invalid.')
    server = servers.begin(tx, asker, server_id, 'attach_volume')
    held = block_devices.of_server(tx, server_id)
    if any(row.volume_id == volume_id for row in held):
        raise errors.Invalid(f'Invalid volume: volume {volume_id} already attached')
    volume = volumes.show(tx, asker, volume_id)
    spec = servers.spec(tx, server_id)
    path = _path(device, _taken(spec), device_names.usual_bus(spec['image']))
    attachment_id = _reserve(tx, asker, volume_id, server_id)
    bdm_id = ids.dashed()
    values = {'volume_id': volume_id, 'attachment_id': attachment_id, 'device': path, 'size': volume.size, 'tag': tag}
    block_devices.add(tx, bdm_id, server_id, delete_on_termination=delete_on_termination, **values)
    if server.vm_state == states.OFFLOADED:
        _attach_at_once(tx, asker, server_id, volume_id, attachment_id, path)
    else:
        told = {'volume_id': volume_id, 'attachment_id': attachment_id, 'bdm_id': bdm_id, 'device': path}
        jobs.start(tx, asker, 'attach_volume', server_id, **told)
    return block_devices.volume(tx, server_id, volume_id)


def _attach_at_once(
    tx: db.Tx, asker: context.Context, server_id: str, volume_id: str, attachment_id: str, path: str
) -> None:
    """The volume is in use by the server, which is on no host: the one that it comes back on connects it."""
    attachments.complete(tx, context.internal(), attachment_id, path)
    jobs.record(tx, asker, 'attach_volume', server_id, 'attach')
    notifications.volume_moved(tx, server_id, volume_id, 'attach')


def _reserve(tx: db.Tx, asker: context.Context, volume_id: str, server_id: str) -> str:
    try:
        return attachments.reserve(tx, asker, volume_id, server_id)
    except errors.Conflict as why:
        raise errors.Invalid(f'Invalid volume: {why.sentence}') from None


def _taken(spec: dict[str, Any]) -> set[str]:
    """The names of all the disks that the guest has."""
    taken = {device['device'] for device in spec['bdms'] if device['device']}
    taken.add(spec['root_device'] or block_requests.ROOT_PATH)
    bus = device_names.usual_bus(spec['image'])
    for blank in guests.blanks(spec):
        if not blank.device:
            # Its host named it at the first start, after the disks that had names.
            taken.add(device_names.free(taken, bus))
    return taken


def _path(asked: str | None, taken: set[str], bus: str) -> str:
    """The device's name in the guest: what was asked for where its bus can have it, or the next free one.

    Raises Conflict when the name that was asked for is taken.
    """
    path = asked if not asked or asked.startswith('/dev/') else f'/dev/{asked}'
    if not path or not device_names.fits(path, bus):
        return device_names.free(taken, bus)
    if path in taken:
        raise errors.Conflict(f'The supplied device path ({path}) is in use.')
    return path


def detach(tx: db.Tx, asker: context.Context, server_id: str, volume_id: str) -> None:
    """The volume is being detached from the server.

    Raises NotFound, Invalid for the disk it boots from or a volume that is not attached, Conflict and WrongState.
    """
    servers.show(tx, asker, server_id)
    volumes.show(tx, asker, volume_id)
    row = block_devices.volume(tx, server_id, volume_id)
    if row.boot_index == block_requests.ROOT:
        raise errors.Invalid('Cannot detach a root device volume')
    if jobs.asked(tx, server_id, 'detach_volume', bdm_id=row.id):
        raise errors.Invalid(f'Invalid volume: volume {volume_id} is being detached already')
    server = servers.begin(tx, asker, server_id, 'detach_volume')
    if server.vm_state == states.OFFLOADED:
        _detach_at_once(tx, asker, row)
        return
    try:
        attachments.begin_detach(tx, asker, row.attachment_id)
    except errors.Conflict as why:
        raise errors.Invalid(f'Invalid volume: {why.sentence}') from None
    jobs.start(
        tx,
        asker,
        'detach_volume',
        server_id,
        volume_id=volume_id,
        attachment_id=row.attachment_id,
        bdm_id=row.id,
        device=row.device,
    )


def _detach_at_once(tx: db.Tx, asker: context.Context, row: Any) -> None:
    """The volume of the block device is available again: no host reaches it for a server that is on none."""
    attachments.drop(tx, context.internal(), row.attachment_id)
    block_devices.drop(tx, row.id)
    jobs.record(tx, asker, 'detach_volume', row.server_id, 'detach')
    notifications.volume_moved(tx, row.server_id, row.volume_id, 'detach')
