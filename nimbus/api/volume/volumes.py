"""Volumes on the wire: Cinder's /volumes."""

from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Any_, Mapping, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.api.volume.history import Clusters, Counts, LikeFilters, Moments, StrictBootable
from nimbus.common import errors, listing
from nimbus.common.clock import iso_micro
from nimbus.volume import search, volumes

SORTS = ('id', 'name', 'status', 'size', 'created_at', 'updated_at', 'availability_zone', 'description', 'bootable',
         'host', 'attach_status')  # fmt: skip
DIGITS = {'type': ['integer', 'string', 'null'], 'pattern': '^[0-9]+$', 'minimum': 1, 'maximum': 2147483647,
          'minLength': 1, 'maxLength': 10}  # fmt: skip
PAIRS = {
    'type': 'object',
    'maxProperties': 256,
    'patternProperties': {'^.{1,255}$': {'type': 'string', 'maxLength': 255}},
    'additionalProperties': False,
}
BOOLEANS = {'true': True, '1': True, 'yes': True, 'on': True, 't': True, 'y': True,
            'false': False, '0': False, 'no': False, 'off': False, 'f': False, 'n': False}  # fmt: skip


def links(row: Any, call: Call) -> list[dict[str, str]]:
    """A volume's own address, with the project in it as volume clients expect."""
    path = f'{call.context.project_id}/volumes/{row.id}'
    return [{'rel': 'self', 'href': f'{call.root_url}/{path}'}, {'rel': 'bookmark', 'href': f'{call.host_url}/{path}'}]


def attached(row: Any, call: Call) -> list[dict[str, Any]]:
    """Who has the volume; on which host is for operators."""
    return [
        {
            'id': row.id,
            'attachment_id': one.id,
            'volume_id': row.id,
            'server_id': one.server_id,
            'host_name': one.host if call.context.is_admin else None,
            'device': one.device,
            'attached_at': iso_micro(one.attached_at),
        }
        for one in row.attachments
        if one.status in ('attached', 'detaching')
    ]


def image_metadata(row: Any) -> dict[str, str] | None:
    """What the volume remembers of its image, as strings."""
    if not row.image:
        return None
    facts = {
        name: value for name, value in row.image.items() if name not in ('properties', 'os_hash_algo', 'os_hash_value')
    }
    found = {**facts, **(row.image.get('properties') or {})}
    return {name: '' if value is None else str(value) for name, value in found.items()}


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
    links = Any_(source=links)


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
    snapshot_id = Text(READ, CREATE, null=True, source=_nothing)
    source_volid = Text(READ, CREATE, null=True, source=_nothing)
    metadata = Mapping(READ, CREATE, UPDATE, schema=PAIRS, null=True)
    links = Any_(source=links)
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


ABSENT = {
    'snapshot_id': 'a snapshot',
    'source_volid': 'another volume',
    'consistencygroup_id': 'a consistency group',
    'group_id': 'a group',
    'backup_id': 'a backup',
}


def shown(call: Call, row: Any) -> dict[str, Any]:
    """One volume as the asker may see it when reading; what makes or changes one answers less."""
    found = changed(call, row)
    own = {'project_id': row.project_id, 'user_id': row.user_id}
    if image := image_metadata(row):
        found['volume_image_metadata'] = image
    if call.allows('volume_extension:volume_tenant_attribute', **own):
        found['os-vol-tenant-attr:tenant_id'] = row.project_id
    if call.allows('volume_extension:volume_host_attribute', **own):
        found['os-vol-host-attr:host'] = place(row, call)
    if call.allows('volume_extension:volume_mig_status_attribute', **own):
        found['os-vol-mig-status-attr:migstat'] = row.migration_status
        found['os-vol-mig-status-attr:name_id'] = None
    return found


def changed(call: Call, row: Any) -> dict[str, Any]:
    """One volume as making or changing it answers."""
    found = Volume.view(call.version)(row, call)
    if not call.allows('volume_extension:volume_mig_status_attribute', project_id=row.project_id, user_id=row.user_id):
        found.pop('migration_status')
    if not call.context.is_admin:
        found.pop('provider_id', None)
        if call.speaks(Clusters):
            found.pop('cluster_name', None)
    return found


def index(call: Call) -> dict[str, Any]:
    """A page of short volumes."""
    return _list(call, Summary.view(call.version))


def detail(call: Call) -> dict[str, Any]:
    """A page of whole volumes."""
    return _list(call, lambda row, call: shown(call, row))


def _list(call: Call, view: Any) -> dict[str, Any]:
    page, everyone = _page(call)
    with call.db.read() as tx:
        rows = search.find(tx, call.context, page, everyone=everyone)
        counted = search.total(tx, call.context, page.filters, everyone=everyone) if _counts(call) else None
    found: dict[str, Any] = {'volumes': [view(row, call) for row in rows]}
    if more := paging.next_link(call, rows, page):
        found['volumes_links'] = more
    if counted:
        found['count'] = counted[0]
    return found


def _counts(call: Call) -> bool:
    return call.speaks(Counts) and (call.arg('with_count') or '').lower() in ('true', '1')


def summary(call: Call) -> dict[str, Any]:
    """How many volumes there are, and their GiB."""
    page, everyone = _page(call)
    with call.db.read() as tx:
        count, size = search.total(tx, call.context, page.filters, everyone=everyone)
    found: dict[str, Any] = {'total_count': count, 'total_size': size}
    if call.version >= (3, 36):
        found['metadata'] = {}
    return {'volume-summary': found}


def _page(call: Call) -> tuple[listing.Page, bool]:
    """The part of the list asked for, and whether of every project."""
    everyone = call.context.is_admin and (call.arg('all_tenants') or '').lower() in ('1', 'true', 'yes', 'on', 't', 'y')
    filters: dict[str, Any] = {}
    for name in call.query:
        value = call.arg(name) or ''
        if name in search.PLAIN or name == 'project_id' and everyone:
            filters[name] = _sized(value) if name == 'size' else value
        elif name.endswith('~') and call.speaks(LikeFilters):
            filters[name] = value
        elif name == 'bootable':
            filters[name] = _boolean(call, value)
        elif name == 'metadata':
            filters[name] = _pairs(value)
        elif name in ('created_at', 'updated_at') and call.speaks(Moments):
            filters[name] = search.moments(value)
        elif name in ('group_id', 'snapshot_id', 'source_volid', 'consistencygroup_id'):
            filters[name] = value
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT),
        marker=call.arg('marker') or None,
        sorts=_sorts(call),
        filters=filters,
    )
    return page, everyone


def _sized(text: str) -> int:
    if not text.isdigit() or len(text) > 9:
        raise errors.Invalid(f'Invalid filter size: {text[:40]} is not a number of GiB.')
    return int(text)


def _boolean(call: Call, text: str) -> bool:
    if text.lower() not in BOOLEANS:
        if call.speaks(StrictBootable):
            raise errors.Invalid(f"Invalid value '{text[:40]}' for bootable filter; use true or false.")
        return bool(text)
    return BOOLEANS[text.lower()]


def _pairs(text: str) -> dict[str, str]:
    """`{'key': 'value'}` as clients write it: one flat mapping of strings.  Raises Invalid."""
    inner = text.strip()
    if not (inner.startswith('{') and inner.endswith('}')):
        raise errors.Invalid(f'The filter metadata is no mapping: {text[:80]}')
    found = {}
    for part in inner[1:-1].split(','):
        name, colon, value = part.partition(':')
        if part.strip() and not colon:
            raise errors.Invalid(f'The filter metadata is no mapping: {text[:80]}')
        if part.strip():
            found[_unquoted(name)] = _unquoted(value)
    return found


def _unquoted(text: str) -> str:
    text = text.strip().removeprefix('u')
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in '\'"' else text


def _sorts(call: Call) -> tuple[tuple[str, str], ...]:
    pairs = [item.partition(':')[::2] for item in (call.arg('sort') or '').split(',') if item]
    if not pairs:
        ways = (call.arg('sort_dir') or '').split(',')
        keys = [key for key in (call.arg('sort_key') or '').split(',') if key]
        pairs = [(key, ways[number] if number < len(ways) else ways[0]) for number, key in enumerate(keys)]
    found = []
    for key, way in pairs:
        if key not in SORTS:
            raise errors.Invalid(f'Invalid sort keys provided: {key[:40]}; allowed are {", ".join(SORTS)}.')
        if (way or 'desc') not in ('asc', 'desc'):
            raise errors.Invalid(f"Invalid sort direction {way[:40]}; allowed are 'asc' and 'desc'.")
        found.append((key, way or 'desc'))
    return tuple(found) or (('created_at', 'desc'),)


def show(call: Call, id: str) -> dict[str, Any]:
    """One volume."""
    with call.db.read() as tx:
        return {'volume': shown(call, volumes.show(tx, call.context, id))}


def create(call: Call) -> dict[str, Any]:
    """A volume is being made."""
    given = call.given
    for name, what in ABSENT.items():
        if given.get(name):
            raise errors.Invalid(f'Volumes cannot be made from {what} here; leave {name} out.')
    if given.get('multiattach') not in (None, False, 'false', 'False'):
        raise errors.Invalid('Volumes cannot be attached to several servers here; leave multiattach out.')
    if given.get('size') is None:
        raise errors.Invalid("Invalid input for field/attribute size. Value: None. 'size' is needed, in GiB.")
    image = given.get('imageRef') or given.get('image_id')
    if image:
        call.check('volume:create_from_image')
    zone, host = _where(call, given.get('availability_zone'))
    with call.db.write() as tx:
        row = volumes.create(
            tx,
            call.context,
            size=int(given['size']),
            quotas=call.parts.extra['volume_quotas'],
            name=given.get('name', given.get('display_name')),
            description=given.get('description', given.get('display_description')),
            image_id=image or None,
            volume_type=given.get('volume_type') or None,
            zone=zone,
            host=host,
            metadata=given.get('metadata') or {},
        )
    return {'volume': changed(call, row)}


def _where(call: Call, zone: str | None) -> tuple[str | None, str | None]:
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
                text = given[spelt]
                values[name] = text.strip() if isinstance(text, str) and name == 'name' else text
    with call.db.write() as tx:
        volumes.show(tx, call.context, id)
        volumes.change(tx, id, **values)
        if given.get('metadata') is not None:
            volumes.set_metadata(tx, id, given['metadata'])
        return {'volume': changed(call, volumes.show(tx, call.context, id))}


def delete(call: Call, id: str) -> None:
    """The volume is being deleted."""
    if (call.arg('cascade') or '').lower() in ('true', '1') and (call.arg('force') or '').lower() in ('true', '1'):
        call.check('volume:force_delete')
    with call.db.write() as tx:
        volumes.delete(tx, call.context, id)
