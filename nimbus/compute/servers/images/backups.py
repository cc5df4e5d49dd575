"""Back servers up: images of one kind, of which the newest are kept and the others go."""

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.compute.servers import guests, servers
from nimbus.compute.servers.images import snapshots
from nimbus.image.images import search


def backup(
    tx: db.Tx, asker: context.Context, server_id: str, wanted: snapshots.Wanted, kind: str, rotation: int
) -> str | None:
    """An image of the server is being made, after which `rotation` of its kind are kept; returns the image's id.

    With a rotation of 0 no image stays: the older ones go too, and there is none to name.
    Raises NotFound, Conflict, WrongState, OverQuota, and Invalid for a server that boots from a volume.
    """
    row = servers.begin(tx, asker, server_id, 'backup')
    if guests.boots_from_volume(servers.spec(tx, server_id)):
        raise errors.Invalid('Backup is not supported for volume-backed instances.')
    given = {'verb': 'backup', 'kind': kind, 'rotation': rotation, 'quiesce': snapshots.quiesced(row)}
    image_id = snapshots.reserve(tx, asker, row, wanted, {'image_type': 'backup', 'backup_type': kind})
    jobs.start(tx, asker, 'backup_server', server_id, image_id=image_id, **given)
    return image_id if rotation else None


def rotate(tx: db.Tx, asker: context.Context, quotas: Quotas, server_id: str, kind: str, rotation: int) -> None:
    """The newest `rotation` backups of that kind of the server stay; those older go, but for what is protected."""
    facts = {'image_type': 'backup', 'backup_type': kind, 'instance_uuid': server_id}
    for image_id in search.newest(tx, asker.project_id, facts)[rotation:]:
        snapshots.discard(tx, quotas, image_id)
