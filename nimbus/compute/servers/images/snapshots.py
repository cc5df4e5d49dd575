"""Make images of servers: what an image says of its server, and how the two end together."""

import dataclasses
from typing import Any

from nimbus.common import context, errors, ids, jobs
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.compute.servers import boot_checks, guests, servers
from nimbus.image.images import images, inheritance

# A property cannot have the name of what every image has, or an image of a server.
TAKEN = (inheritance.FIELDS - {'image_id', 'image_name'}) | {
    *('base_image_ref', 'instance_uuid', 'user_id', 'owner_id', 'backup_type', 'image_state', 'image_location'),
}
TRY, MUST = 'try', 'must'


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A request for an image of a server; its schema and policy are checked already."""

    name: str
    quotas: Quotas  # the image service's
    properties: dict[str, str] = dataclasses.field(default_factory=dict)
    counted: bool = True  # whether there may be as many properties only as a server may have


def snapshot(tx: db.Tx, asker: context.Context, server_id: str, wanted: Wanted) -> str:
    """An image of the server is being made; returns the image's id.

    Raises NotFound, Conflict, WrongState, OverQuota, and Invalid for a server that boots from a volume.
    """
    row = servers.begin(tx, asker, server_id, 'snapshot')
    if guests.boots_from_volume(servers.spec(tx, server_id)):
        raise errors.Invalid(
            f'No image can be made of instance {server_id}, which boots from a volume; make a snapshot of that volume.'
        )
    facts = {} if 'image_type' in wanted.properties else {'image_type': 'snapshot'}
    image_id = reserve(tx, asker, row, wanted, facts)
    jobs.start(tx, asker, 'snapshot_server', server_id, image_id=image_id, quiesce=quiesced(row), verb='snapshot')
    return image_id


def reserve(tx: db.Tx, asker: context.Context, row: Any, wanted: Wanted, facts: dict[str, str]) -> str:
    """An image of the server in the row waits for its bytes; returns its id.  Raises Invalid and OverQuota."""
    if taken := sorted((TAKEN | facts.keys()) & set(wanted.properties)):
        raise errors.Invalid(f'Image property {taken[0]} cannot be given: every image has one of that name.')
    if wanted.counted:
        boot_checks.limits(tx, asker, wanted.properties, ())
    base = row.image or {}
    own = {
        'base_image_ref': row.image_id or '',
        'instance_uuid': row.id,
        'user_id': asker.user_id or '',
        'owner_id': row.project_id,
        'image_location': 'snapshot',
        'image_state': 'available',
    }
    values = {
        'id': ids.dashed(),
        'name': wanted.name,
        'visibility': 'private',
        'disk_format': 'qcow2',
        'container_format': 'bare',
        'min_disk': max(base.get('min_disk') or 0, row.flavor['disk']),
        'min_ram': base.get('min_ram') or 0,
    }
    properties = {**inheritance.inherited(base.get('properties')), **wanted.properties, **own, **facts}
    try:
        made = images.create(tx, asker, wanted.quotas, values, properties, ())
    except errors.OverQuota as why:
        raise errors.OverQuota(why.sentence) from None  # the image service's status is another than compute's
    return str(made.id)


def quiesced(row: Any) -> str:
    """How the guest's agent is to freeze file systems: TRY where its image says it has one, MUST where it insists."""
    properties = (row.image or {}).get('properties') or {}

    def says(name: str) -> bool:
        return str(properties.get(name, '')).strip().lower() in ('1', 't', 'true', 'on', 'y', 'yes')

    return MUST if says('os_require_quiesce') else TRY if says('hw_qemu_guest_agent') else ''


def discard(tx: db.Tx, quotas: Quotas, image_id: str | None) -> None:
    """The image is gone; gone already is fine, and one that its owner protects stays."""
    if not image_id:
        return
    try:
        images.delete(tx, images.show(tx, context.internal(), image_id), quotas)
    except (errors.NotFound, errors.Forbidden):
        pass
