"""Create a volume: schedule it to a host, make the disk there of nothing, an image, a copy or a backup, and say so."""

from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import Refused, Run, Step, Workflow
from nimbus.conductor.workflows.volumes import copying
from nimbus.volume import hosts
from nimbus.volume.backups import progress as backup_progress
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import copies, progress

DOWN_TIME = 30.0  # seconds without a report after which a host is not given a new volume


def choose_host(run: Run) -> dict[str, Any] | None:
    """The volume has a host, the same one when this runs again."""
    with run.env.db.write() as tx:
        volume = progress.look(tx, run.subject)
        if volume is None or volume.host:
            return {'host': volume.host if volume else None}
        chosen = hosts.choose(tx, volume, DOWN_TIME)
        progress.placed(tx, run.subject, chosen)
        if _of_image(volume):
            progress.downloading(tx, run.subject)
        return {'host': chosen.host}


def _source(tx: db.Tx, volume: Any) -> dict[str, str] | None:
    """What the volume begins with, where that is no image.  Raises NimbusError for a backup that is gone."""
    if volume.backup_id:
        backup = backup_progress.look(tx, volume.backup_id)
        if backup is None:
            raise errors.NimbusError(f'Backup {volume.backup_id} is gone.')
        return {'kind': 'backup', 'id': backup.place}
    if volume.snapshot_id:
        return {'kind': 'snapshot', 'id': volume.snapshot_id}
    return {'kind': 'volume', 'id': volume.source_volid} if volume.source_volid else None


def _of_image(volume: Any) -> bool:
    """Whether the volume begins with an image; one that does not may have words of a user in its place."""
    copied = volume.snapshot_id or volume.source_volid or volume.backup_id
    return bool((volume.image or {}).get('image_id') and not copied)


def hold_source(run: Run) -> None:
    """Nobody but the server that has it writes the volume that this one begins with."""
    with run.env.db.write() as tx:
        volume = progress.look(tx, run.subject)
        if volume is not None and volume.source_volid:
            copies.hold(tx, volume.source_volid, volume.id)


def release_source(run: Run) -> None:
    """The volume that this one begins with may be written again."""
    with run.env.db.write() as tx:
        _release(tx, run)


def _release(tx: db.Tx, run: Run) -> None:
    volume = progress.look(tx, run.subject)
    if volume is not None and volume.source_volid:
        copies.release(tx, volume.source_volid, volume.id)


def make_disk(run: Run) -> None:
    """The host has the disk."""
    with run.env.db.read() as tx:
        volume = progress.look(tx, run.subject)
        begins_with = progress.look(tx, volume.source_volid) if volume and volume.source_volid else None
        source = _source(tx, volume) if volume is not None else None
    if volume is None or (begins_with is not None and copying.by_guest(run, 'volume', begins_with, volume.size)):
        return
    given = (volume.size, volume.image if _of_image(volume) else None, source)
    agent = run.env.client(Volume, run.context, volume.host)
    run.ask('create', lambda key: agent.create(run.job.id, key, volume.id, run.fence, *given))


def unmake_disk(run: Run) -> None:
    """The host has nothing of the disk."""
    host = run.get('host')
    if not host:
        return
    copying.let_guest_go(run)
    agent = run.env.client(Volume, run.context, host)
    try:
        run.ask('unmake', lambda key: agent.delete(run.job.id, key, run.subject, run.fence))
    except Refused as why:
        if why.kind != 'NotFound':
            raise


def mark_available(tx: db.Tx, run: Run) -> None:
    """The volume is there for its user."""
    volume = progress.look(tx, run.subject)
    progress.made(tx, run.subject, bootable=bool(volume and _of_image(volume)))
    _release(tx, run)
    if volume is not None and volume.backup_id:
        backup_progress.restored(tx, volume.backup_id)


def mark_error(run: Run) -> None:
    """The volume is in error, and its row says why."""
    with run.env.db.write() as tx:
        volume = progress.look(tx, run.subject)
        progress.failed(tx, run.subject, 'create', run.job.error)
        if volume is not None and volume.backup_id:
            backup_progress.not_restored(tx, volume.backup_id, run.job.error)


class CreateVolume(Workflow):
    """Choose a host and have the disk made there; on failure leave no disk and a volume in error."""

    steps = (
        Step(choose_host),
        Step(hold_source, undo=release_source),
        Step(make_disk, undo=unmake_disk),
    )
    on_done = staticmethod(mark_available)
    on_failure = staticmethod(mark_error)
