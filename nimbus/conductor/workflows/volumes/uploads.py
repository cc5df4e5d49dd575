"""Fill an image with what a volume holds that nobody has open."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import progress, uploads


def fill_image(run: Run) -> None:
    """The image is active and holds what the volume does."""
    with run.env.db.read() as tx:
        volume = progress.look(tx, run.subject)
    if volume is None:
        return
    agent = run.env.client(Volume, run.context, volume.host)
    told = run.image_id, run.disk_format
    run.ask('upload', lambda key: agent.upload(run.job.id, key, volume.id, run.fence, *told))


def mark_available(tx: db.Tx, run: Run) -> None:
    """The volume may be used again."""
    uploads.finished(tx, run.subject)


def mark_unmade(run: Run) -> None:
    """The volume may be used again and says why, and no image is left that waits for bytes."""
    with run.env.db.write() as tx:
        uploads.discard(tx, run.env.image_quotas, run.image_id)
        uploads.finished(tx, run.subject, run.job.error or 'The image could not be made.')


class UploadVolume(Workflow):
    """Send what the volume holds; on failure there is no image."""

    steps = (Step(fill_image),)
    on_done = staticmethod(mark_available)
    on_failure = staticmethod(mark_unmade)
