"""Volumes over HTTP (/volumes)."""

import functools
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE, Any_, Mapping, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.api.volume import filters, lists
from nimbus.api.volume.microversions import BackupVolumes, Clusters, ForcedDeletes, ProviderIds, StrictBodies
from nimbus.common import errors, numbers
from nimbus.common.clock import iso_micro
from nimbus.common.database import db, listing
from nimbus.volume import hosts
from nimbus.volume.backups import restores
from nimbus.volume.volumes import copies, image_metadata, search, snapshots, volumes

LARGEST = 2147483647  # GiB; what every database's integers hold
DIGITS = {'type': ['integer', 'string', 'null'], 'pattern': '^[0-9]+$', 'minimum': 1, 'maximum': LARGEST,
          'minLength': 1, 'maxLength': 10}  # fmt: skip
PAIRS = {
    'type': 'object',
    'maxProperties': 256,
    'patternProperties': {'^[a-zA-Z0-9-_:. /]{1,255}$': {'type': 'string', 'maxLength': 255}},
    'additionalProperties': False,
}


def attached(row: Any, call: Call) -> list[dict[str, Any]]:
    """The volume's attachments; only operators see the host names."""
    return [
        {
            'id': row.id,
            'attachment_id': one.id,
            'volume_id': row.id,
            'server_id': one.server_id,
            'host_name': one.host if call.context.is_admin or 'service' in call.context.roles else None,
            'device': one.device,
            'attached_at': iso_micro(one.attached_at),
        }
        for one in row.attachments
        if one.status in ('attached', 'detaching')
    ]


def metadata(row: Any, _call: Call) -> dict[str, str]:
    """The volume's metadata, with `readonly` where it was set."""
    return row.metadata if row.readonly is None else {**row.metadata, 'readonly': str(row.readonly)}


def image_pairs(row: Any, _call: Call) -> dict[str, str] | None:
    """The volume's image metadata, as strings."""
    if not row.image:
        return None
    return {name: '' if value is None else str(value) for name, value in image_metadata.shown(row.image).items()}


def place(row: Any, _call: Call) -> str | None:
    """The volume's host, backend and pool."""
    return f'{row.host}@{row.backend}#{row.backend}' if row.host else None


def _nothing(_row: Any, _call: Call) -> None:
    return None


def _never(_row: Any, _call: Call) -> bool:
    return False


class Summary(Noun):
    """A volume in a short list."""

    one, many = 'volume', 'volumes'
    id = Text()
    name = Text()
    links = Any_(source=lambda row, call: lists.links(call, 'volumes', row.id))


class Volume(Noun):
    """A volume with all that its owner sees."""

    one, many = 'volume', 'volumes'

    id = Text(sort=True)
    status = Text(sort=True)
    size = Any_(READ, CREATE, schema=DIGITS, sort=True)
    availability_zone = Text(READ, CREATE, null=True, sort=True)
    created_at = Text(source=lambda row, call: iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: iso_micro(row.updated_at))
    name = Text(READ, CREATE, UPDATE, null=True, sort=True)
    description = Text(READ, CREATE, UPDATE, null=True)
    display_name = Text(CREATE, UPDATE, null=True)
    display_description = Text(CREATE, UPDATE, null=True)
    volume_type = Text(READ, CREATE, source='type_name', null=True)
    snapshot_id = Text(READ, CREATE, null=True)
    source_volid = Text(READ, CREATE, null=True)
    metadata = Mapping(READ, CREATE, UPDATE, schema=PAIRS, null=True, source=metadata)
    links = Any_(source=lambda row, call: lists.links(call, 'volumes', row.id))
    user_id = Text()
    bootable = Text(source=lambda row, call: 'true' if row.bootable else 'false')
    encrypted = Text(source=_never)
    replication_status = Text(source=_nothing)
    consistencygroup_id = Text(READ, CREATE, null=True, source=_nothing)
    multiattach = Any_(READ, CREATE, schema={'type': ['boolean', 'string', 'null']}, source=_never)
    attachments = Any_(source=attached)
    migration_status = Text(source='migration_status')
    imageRef = Text(CREATE, null=True)
    image_id = Text(CREATE, null=True)
    host = Text(CREATE, null=True)
    group_id = Text(READ, CREATE, null=True, source=_nothing, since=(3, 13))
    backup_id = Text(CREATE, null=True, since=(3, 47))
    provider_id = Text(source=_nothing, since=(3, 21))
    service_uuid = Text(source='service_id', since=(3, 48))
    shared_targets = Any_(source=_never, since=(3, 48))
    cluster_name = Text(source=_nothing, since=(3, 61))
    volume_type_id = Text(source='type_id', since=(3, 63))
    consumes_quota = Any_(source=lambda row, call: True, since=(3, 65))

    @classmethod
    def schema(cls, verb: str, version: Version) -> dict[str, Any]:
        """A new volume may come with hints for the scheduler."""
        schema = super().schema(verb, version)
        if verb == CREATE:
            schema['properties']['OS-SCH-HNT:scheduler_hints'] = {'type': ['object', 'null']}
        return schema

    @classmethod
    def _inner_schema(cls, verb: str, version: Version) -> dict[str, Any]:
        """The schema of the noun itself; before 3.53 unknown names in a create request are ignored."""
        inner = super()._inner_schema(verb, version)
        if verb == CREATE and version < StrictBodies.number:
            inner['additionalProperties'] = True
        if verb == UPDATE and version >= StrictBodies.number:
            inner['anyOf'] = [{'required': [name]} for name in inner['properties']]
        return inner


ABSENT = {
    'consistencygroup_id': 'a consistency group',
    'group_id': 'a group',
}


# What is said of a size that is smaller than that of what the volume begins with.
TOO_SMALL = {
    'volume': ('original volume size  ', 'original volume'),
    'snapshot': ('the snapshot size ', 'original snapshot'),
    'backup': ('the backup size ', 'backup'),
}
NOUNS = {'volume': 'source volume', 'snapshot': 'snapshot', 'backup': 'backup'}
BEGINNINGS = ('snapshot_id', 'source_volid', 'backup_id', 'imageRef', 'image_id')


def plain(call: Call, row: Any) -> dict[str, Any]:
    """One volume in the response to its creation or change."""
    found = Volume.view(call.version)(row, call)
    if not call.context.is_admin:
        found.pop('migration_status')
        if call.speaks(ProviderIds):
            found.pop('provider_id')
        if call.speaks(Clusters):
            found.pop('cluster_name')
    return found


def shown(call: Call, row: Any) -> dict[str, Any]:
    """One volume as the asker may see it."""
    found = plain(call, row)
    own = {'project_id': row.project_id, 'user_id': row.user_id}
    remembered = image_pairs(row, call)
    if remembered and call.allows('volume_extension:volume_image_metadata:show', **own):
        found['volume_image_metadata'] = remembered
    if call.allows('volume_extension:volume_tenant_attribute', **own):
        found['os-vol-tenant-attr:tenant_id'] = row.project_id
    if call.allows('volume_extension:volume_host_attribute', **own):
        found['os-vol-host-attr:host'] = place(row, call)
    if call.allows('volume_extension:volume_mig_status_attribute', **own):
        found['os-vol-mig-status-attr:migstat'] = row.migration_status
        found['os-vol-mig-status-attr:name_id'] = None
    return found


def index(call: Call) -> dict[str, Any]:
    """A page of volumes in the short view."""
    return lists.answer(call, 'volumes', _page(call), search, Summary.view(call.version))


def detail(call: Call) -> dict[str, Any]:
    """A page of volumes in the detailed view."""
    return lists.answer(call, 'volumes', _page(call), search, lambda row, call: shown(call, row))


def _page(call: Call) -> listing.Page:
    """The requested page with its filters.  Raises Invalid."""
    sorts = filters.SORTS + filters.OPERATORS_SORTS if call.context.is_admin else filters.SORTS
    return lists.page(call, filters.OPEN, sorts, functools.partial(filters.of_volumes, call))


def summary(call: Call) -> dict[str, Any]:
    """How many volumes there are, and their GiB."""
    page, everyone = _page(call), filters.of_everyone(call)
    with call.db.read() as tx:
        count, size = search.size(tx, call.context, page.filters, everyone=everyone)
        found: dict[str, Any] = {'total_count': count, 'total_size': size}
        if call.version >= (3, 36):
            found['metadata'] = search.pairs(tx, call.context, page.filters, everyone=everyone)
    return {'volume-summary': found}


def show(call: Call, id: str) -> dict[str, Any]:
    """One volume."""
    with call.db.read() as tx:
        return {'volume': shown(call, volumes.show(tx, call.context, id))}


def create(call: Call) -> dict[str, Any]:
    """A volume is being created."""
    given = call.given
    _check_absent(call)
    image = given.get('imageRef') or given.get('image_id')
    if image:
        call.check('volume:create_from_image')
    zone, host = destination(call, given.get('availability_zone'))
    with call.db.write() as tx:
        source = _source(call, tx)
        size = fitting(given.get('size'), source)
        zone, host = place_for(tx, zone, host, source)
        row = volumes.create(
            tx,
            call.context,
            size=size,
            quotas=call.parts.extra['volume_quotas'],
            name=trimmed(given.get('name', given.get('display_name'))),
            description=trimmed(given.get('description', given.get('display_description'))),
            image_id=image or None,
            source=source,
            volume_type=given.get('volume_type') or None,
            zone=zone,
            host=host,
            metadata=given.get('metadata') or {},
        )
        if source is not None and source.kind == 'backup':
            restores.begin(tx, call.context, source.id)
    return {'volume': plain(call, row)}


def _check_absent(call: Call) -> None:
    """Nothing, when the volume is wished for as this cloud makes them, and begins with one thing.  Raises Invalid."""
    given = call.given
    for name, what in ABSENT.items():
        if given.get(name):
            raise errors.Invalid(f'Volumes cannot be made from {what} here; leave {name} out.')
    if given.get('multiattach') not in (None, False, 'false', 'False'):
        raise errors.Invalid('Volumes cannot be attached to several servers here; leave multiattach out.')
    named = [name for name in BEGINNINGS if given.get(name)]
    if len(named) > 1 and named != ['imageRef', 'image_id']:
        raise errors.Invalid(f'A volume begins with one thing; leave one of {" and ".join(named)} out.')


def _source(call: Call, tx: db.Tx) -> copies.Source | None:
    """What the volume is to begin with, where that is no image.  Raises NotFound and Invalid."""
    snapshot, volume = call.given.get('snapshot_id'), call.given.get('source_volid')
    backup = call.given.get('backup_id')
    if backup and call.speaks(BackupVolumes):
        return restores.source(tx, call.context, backup)
    if snapshot is not None:
        return snapshots.source(tx, call.context, snapshot)
    return volumes.source(tx, call.context, volume) if volume is not None else None


def fitting(given: Any, source: copies.Source | None) -> int:
    """The size that is asked for, its source's where none is.  Raises Invalid when that does not fit."""
    if source is None or given is not None:
        size = gibibytes('size', given)
    if source is None:
        return size
    if given is None:
        return source.size
    if size < source.size:
        least, noun = TOO_SMALL[source.kind]
        raise errors.Invalid(
            f"Invalid input received: Volume size '{size}'GB cannot be smaller than {least}{source.size}GB. "
            f'{"It" if source.kind == "backup" else "They"} must be >= {noun} size.'
        )
    return size


def place_for(
    tx: db.Tx, zone: str | None, host: str | None, source: copies.Source | None
) -> tuple[str | None, str | None]:
    """The zone and host of the new volume: those of what it begins with.  Raises Invalid when others are asked for."""
    if source is None:
        return hosts.zone_for(tx, zone), host
    noun = NOUNS[source.kind]
    if zone and source.zone and zone != source.zone:
        raise errors.Invalid(f'Invalid input received: Volume must be in the same availability zone as the {noun}')
    if source.host is None:
        return hosts.zone_for(tx, zone), host
    if host and host != source.host:
        raise errors.Invalid(f'Invalid input received: Volume must be on the host of the {noun}, {source.host}.')
    return source.zone or hosts.zone_for(tx, zone), source.host


def gibibytes(name: str, value: Any) -> int:
    """The size that a request gives as a number or as a number's digits.  Raises Invalid, naming the field."""
    size = numbers.read(value)
    if size is None or not 1 <= size <= LARGEST:
        raise errors.Invalid(
            f'Invalid input for field/attribute {name}. Value: {str(value)[:40]}. Needed are whole GiB, 1 to {LARGEST}.'
        )
    return size


def trimmed(text: str | None) -> str | None:
    """The text without the blanks around it, as upstream keeps names."""
    return text.strip() if text else text


def destination(call: Call, zone: str | None) -> tuple[str | None, str | None]:
    """(zone, host): an operator may name both as ZONE:HOST."""
    name, colon, host = (zone or '').partition(':')
    if colon and not call.context.is_admin:
        raise errors.Forbidden('Only an operator names the host of a volume, as ZONE:HOST.')
    return name or None, host or None


def update(call: Call, id: str) -> dict[str, Any]:
    """The volume has another name, description or metadata."""
    given = call.given
    if not given:
        raise errors.Invalid('At least one of name, description and metadata must be given.')
    values = {}
    for name in ('name', 'description'):
        for spelt in (name, f'display_{name}'):
            if spelt in given:
                values[name] = trimmed(given[spelt])
    with call.db.write() as tx:
        volumes.show(tx, call.context, id)
        volumes.change(tx, id, **values)
        if given.get('metadata') is not None:
            volumes.set_metadata(tx, id, given['metadata'])
        return {'volume': plain(call, volumes.show(tx, call.context, id))}


def delete(call: Call, id: str) -> None:
    """The volume is being deleted, with its snapshots where `cascade` says so."""
    cascade = filters.flag(call, 'cascade')
    force = call.speaks(ForcedDeletes) and filters.flag(call, 'force')
    with call.db.write() as tx:
        if force:
            volumes.show(tx, call.context, id)
            call.check('volume:force_delete')
        if cascade:
            volumes.show(tx, call.context, id)
            snapshots.delete_all(tx, call.context, id, force=force)
        volumes.delete(tx, call.context, id, force=force)
