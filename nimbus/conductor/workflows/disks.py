"""Steps for a server's volumes: create and reserve, connect the host, attach to the guest, release."""

from typing import Any

from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.common.jobs import NotYet, Run
from nimbus.compute import notifications
from nimbus.compute.devices import block_devices
from nimbus.compute.servers import guests, servers
from nimbus.conductor.workflows import guest_orders
from nimbus.volume.volumes import attachments, copies, snapshots, volumes

CLOUD = context.internal()


def of_server(run: Run) -> list[dict[str, Any]]:
    """The server's block devices that are volumes, in the order they were asked for."""
    with run.env.db.read() as tx:
        return [
            block_devices.facts(row) for row in block_devices.of_server(tx, run.subject) if row.destination == 'volume'
        ]


def device(run: Run, bdm_id: str) -> dict[str, Any]:
    """One block device of the server.  Raises NimbusError when it is gone."""
    for found in of_server(run):
        if found['id'] == bdm_id:
            return found
    raise errors.NimbusError(f'Block device {bdm_id} of server {run.subject} is gone.')


# Before the guest has them


def make(run: Run) -> None:
    """Every volume exists, and is kept for the server.  Raises NotYet while one is still being made."""
    waits = [found for found in of_server(run) if not _is_kept(run, found)]
    if waits:
        raise NotYet(1)


def _is_kept(run: Run, found: dict[str, Any]) -> bool:
    """Whether the volume is the server's now; it is asked for, and reserved as soon as it can be."""
    if found['attachment_id']:
        return True
    volume_id = found['volume_id'] or run.name_for('volume', found['id'])
    with run.env.db.write() as tx:
        if not found['volume_id']:
            source = snapshots.source(tx, run.context, found['snapshot_id']) if found['snapshot_id'] else None
            volumes.create(
                tx,
                run.context,
                size=found['size'],
                image_id=found['image_id'],
                source=source,
                **({'zone': source.zone, 'host': source.host} if source else {}),
                volume_type=found['volume_type'],
                name='',
                volume_id=volume_id,
            )
            block_devices.change(tx, found['id'], volume_id=volume_id)
        volume = volumes.show(tx, CLOUD, volume_id)
        if 'error' in volume.status:
            raise errors.NimbusError(f'Volume {volume_id} could not be made: {volume.trouble or volume.status}')
        kept = run.name_for('attachment', found['id'])
        if volume.status != 'available' and not any(one.id == kept for one in volume.attachments):
            return False
        attachments.reserve(tx, run.context, volume_id, run.subject, attachment_id=kept)
        block_devices.change(tx, found['id'], attachment_id=kept)
    return True


def connect_all(run: Run, host: str | None = None) -> None:
    """The server's host, or the one named, reaches every volume."""
    for found in of_server(run):
        connect(run, found, host)


def connect(run: Run, found: dict[str, Any], host: str | None = None) -> None:
    """The server's host, or the one named, reaches the volume, and the attachment says how.

    Raises NotYet while the volume is being copied.
    """
    host = host or run.host
    with run.env.db.read() as tx:
        volume = volumes.show(tx, CLOUD, found['volume_id'])
    copies.wait(volume)
    connector = {'host': host, 'instance': run.subject, 'mountpoint': found['device']}
    agent = run.env.volume(run.context, volume.host)
    connection = agent.connect(found['volume_id'], run.fence, connector)
    with run.env.db.write() as tx:
        attachments.connected(tx, CLOUD, found['attachment_id'], host, connection, connector)


def disconnect_all(run: Run) -> None:
    """No host reaches any volume on the server's behalf."""
    for found in of_server(run):
        disconnect(run, found['attachment_id'])


def keep_all(run: Run) -> None:
    """No host reaches any of the server's volumes, which are kept for it."""
    disconnect_all(run)
    with run.env.db.write() as tx:
        for row in block_devices.of_server(tx, run.subject):
            if row.destination == 'volume' and row.attachment_id:
                attachments.let_go(tx, CLOUD, row.attachment_id)


def disconnect(run: Run, attachment_id: str | None) -> None:
    """The attachment's host does not reach the volume on the server's behalf; gone or never reached is fine."""
    with run.env.db.read() as tx:
        row = next((row for row in attachments.of_server(tx, run.subject) if row.id == attachment_id), None)
        if row is None or not row.connection:
            return
        volume = volumes.show(tx, CLOUD, row.volume_id)
    run.env.volume(run.context, volume.host).disconnect(row.volume_id, run.fence, row.connector)


# In the guest


def as_volume(run: Run, bdm_id: str) -> dict[str, Any]:
    """The volume as the guest's host reaches it, as plain JSON."""
    with run.env.db.read() as tx:
        found = {volume.id: volume for volume in guests.volumes(tx, run.subject, servers.spec(tx, run.subject))}
    wanted = device(run, bdm_id)['volume_id']
    if wanted not in found:
        raise errors.NimbusError(
            f"The server's host is not connected to volume {wanted}.",
            inside=f'Host {run.host} is not connected to volume {wanted}.',
        )
    return found[wanted].to_dict()


def unplug(run: Run, bdm_id: str) -> None:
    """The guest has let go of the volume; a volume that was never connected was never plugged."""
    with run.env.db.read() as tx:
        found = guests.volumes(tx, run.subject, servers.spec(tx, run.subject))
    wanted = next((found['volume_id'] for found in of_server(run) if found['id'] == bdm_id), None)
    for volume in found:
        if volume.id == wanted:
            guest_orders.ask(run, 'detach', run.subject, volume.to_dict(), host=run.host)


def complete_all(tx: db.Tx, run: Run) -> None:
    """Every volume is in use."""
    for row in block_devices.of_server(tx, run.subject):
        if row.destination == 'volume' and row.attachment_id:
            attachments.complete(tx, CLOUD, row.attachment_id, row.device)


def complete(tx: db.Tx, run: Run, bdm_id: str, named: str | None) -> None:
    """The volume is in use under the device's name; a block device that is gone is fine."""
    for row in block_devices.of_server(tx, run.subject):
        if row.id == bdm_id and row.attachment_id:
            path = f'/dev/{named.removeprefix("/dev/")}' if named else row.device
            block_devices.change(tx, bdm_id, device=path)
            attachments.complete(tx, CLOUD, row.attachment_id, path)


def notify(tx: db.Tx, run: Run, bdm_id: str, verb: str) -> None:
    """The notification is posted that the volume was attached (`attach`) or detached (`detach`)."""
    for row in block_devices.of_server(tx, run.subject):
        if row.id == bdm_id:
            notifications.volume_moved(tx, run.subject, row.volume_id, verb)


# Given back


def drop(tx: db.Tx, run: Run, bdm_id: str, attachment_id: str) -> None:
    """The volume is not attached or reserved any more, and the server's block device is gone."""
    attachments.drop(tx, CLOUD, attachment_id)
    block_devices.drop(tx, bdm_id)


def let_go(tx: db.Tx, run: Run) -> None:
    """A server that could not be built holds no volumes, and those made for it are being deleted."""
    for row in block_devices.of_server(tx, run.subject):
        if row.destination != 'volume':
            continue
        if row.attachment_id:
            attachments.drop(tx, CLOUD, row.attachment_id)
        made = row.source != 'volume' and row.volume_id
        if made:
            _remove(tx, run, row.volume_id)
        block_devices.change(tx, row.id, attachment_id=None, **({'volume_id': None} if made else {}))


def give_back_all(tx: db.Tx, run: Run) -> None:
    """A deleted server holds no volumes, and those with delete_on_termination are being deleted."""
    for row in block_devices.of_server(tx, run.subject):
        if row.destination == 'volume' and row.volume_id:
            if row.attachment_id:
                attachments.drop(tx, CLOUD, row.attachment_id)
            if row.delete_on_termination:
                _remove(tx, run, row.volume_id)
    for left in attachments.of_server(tx, run.subject):
        attachments.drop(tx, CLOUD, left.id)


def _remove(tx: db.Tx, run: Run, volume_id: str) -> None:
    """The volume is being deleted; one that is gone, or cannot be deleted, is left to its owner."""
    try:
        volumes.delete(tx, run.context, volume_id)
    except (errors.NotFound, errors.Invalid, errors.Conflict):
        pass
