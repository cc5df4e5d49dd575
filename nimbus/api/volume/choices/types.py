"""Volume types and their extra specs over HTTP (/types)."""

from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE, Any_, Flag, Mapping, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.api.volume import filters
from nimbus.api.volume.microversions import TypeFilters
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.volume import types

USERS_SPECS = ('RESKEY:availability_zones', 'multiattach', 'replication_enabled')
SPEC = {'type': ['string', 'null'], 'maxLength': 255}
SPECS = {
    'type': 'object',
    'patternProperties': {'^[a-zA-Z0-9-_:. ]{1,255}$': SPEC},
    'additionalProperties': False,
}


def _access(action: str) -> Shape:
    project = {'type': 'string', 'minLength': 1, 'maxLength': 64}
    inner = {'type': 'object', 'properties': {'project': project}, 'required': ['project']}
    inner['additionalProperties'] = False
    return Shape({'type': 'object', 'properties': {action: inner}, 'required': [action], 'additionalProperties': False})


GRANT, REVOKE = _access('addProjectAccess'), _access('removeProjectAccess')
ONE_SPEC = Shape({**SPECS, 'minProperties': 1, 'maxProperties': 1})


class Type(Noun):
    """A kind of volume."""

    one, many = 'volume_type', 'volume_types'

    id = Text()
    name = Text(READ, CREATE, min=1, required=True)
    renamed = Text(UPDATE, min=1, wire='name', null=True)
    description = Text(READ, CREATE, UPDATE, null=True)
    is_public = Flag(READ, UPDATE)
    os_access = Any_(
        READ, CREATE, schema={'type': 'boolean'}, wire='os-volume-type-access:is_public', source='is_public'
    )
    extra_specs = Mapping(CREATE, schema=SPECS)


def shown(call: Call, row: Any) -> dict[str, Any]:
    """One type as the asker may see it."""
    found = plain(call, row)
    if call.context.is_admin:
        found['qos_specs_id'] = row.qos_id
    return found


def plain(call: Call, row: Any) -> dict[str, Any]:
    """One type as in the response to its creation, with extra specs where policy shows them."""
    found = Type.view(call.version)(row, call)
    if call.allows('volume_extension:access_types_extra_specs'):
        found['extra_specs'] = _visible(call, row)
    return found


def _visible(call: Call, row: Any) -> dict[str, Any]:
    """The extra specs the asker may see: all, or those that describe the type's abilities to users."""
    if call.allows('volume_extension:types_extra_specs:read_sensitive'):
        return row.extra_specs
    return {name: value for name, value in row.extra_specs.items() if name in USERS_SPECS}


def index(call: Call) -> dict[str, Any]:
    """Every type the asker may choose."""
    text = (call.arg('is_public') or 'true').lower()
    if text not in ('none', 'true', 'false', '1', '0'):
        raise errors.Invalid(f'Invalid is_public filter [{text[:40]}]; allowed are true, false and none.')
    wanted = None if text == 'none' else text in ('true', '1')
    with call.db.write() as tx:
        types.ensure_default(tx)
        rows = types.find(tx, call.context, wanted)
    if call.speaks(TypeFilters) and call.arg('extra_specs') and call.context.is_admin:
        pairs = filters.pairs('extra_specs', call.arg('extra_specs') or '')
        rows = [row for row in rows if pairs.items() <= row.extra_specs.items()]
    return {'volume_types': [shown(call, row) for row in rows]}


def show(call: Call, id: str) -> dict[str, Any]:
    """One type; `default` is the one a volume gets that names none."""
    with call.db.write() as tx:
        row = types.default_for(tx, call.context) if id == 'default' else types.show(tx, call.context, id)
    return {'volume_type': shown(call, row)}


def create(call: Call) -> dict[str, Any]:
    """A new type exists."""
    given = call.given
    if not given['name'].strip():
        raise errors.Invalid('Volume type name can not be empty.')
    with call.db.write() as tx:
        row = types.create(
            tx,
            given['name'].strip(),
            given.get('description'),
            given.get('os-volume-type-access:is_public', True),
            given.get('extra_specs') or {},
        )
    return {'volume_type': plain(call, row)}


def update(call: Call, id: str) -> dict[str, Any]:
    """The type has other values."""
    values = {name: value for name, value in call.given.items() if value is not None}
    if not values:
        raise errors.Invalid('Specify volume type name, description, is_public or a combination thereof.')
    with call.db.write() as tx:
        types.show(tx, call.context, id)
        found = plain(call, types.change(tx, id, **values))
    return {'volume_type': {name: value for name, value in found.items() if not name.startswith('os-')}}


def delete(call: Call, id: str) -> None:
    """The type is gone."""
    with call.db.write() as tx:
        types.delete(tx, id)


def extra_specs(call: Call, id: str) -> dict[str, Any]:
    """The type's extra specs."""
    with call.db.read() as tx:
        return {'extra_specs': _visible(call, types.show(tx, call.context, id))}


def _changeable(call: Call, tx: db.Tx, id: str) -> Any:
    """The type, which no volume is of: its extra specs said where the volumes went.  Raises NotFound and Invalid."""
    row = types.show(tx, call.context, id)
    types.check_unused(tx, id, 'Volume Type is currently in use.')
    return row


def set_extra_specs(call: Call, id: str) -> dict[str, Any]:
    """The specs given stand beside those that were there."""
    given = call.body['extra_specs']
    with call.db.write() as tx:
        row = _changeable(call, tx, id)
        types.change(tx, id, extra_specs={**row.extra_specs, **given})
    return {'extra_specs': given}


def extra_spec(call: Call, id: str, key: str) -> dict[str, Any]:
    """One spec of the type, by itself."""
    found = extra_specs(call, id)['extra_specs']
    if key not in found:
        raise errors.NotFound(f'Volume Type {id} has no extra specs with key {key}.')
    return {key: found[key]}


def set_extra_spec(call: Call, id: str, key: str) -> dict[str, Any]:
    """One spec has another value."""
    if list(call.body) != [key]:
        raise errors.Invalid('Request body and URI mismatch')
    with call.db.write() as tx:
        row = _changeable(call, tx, id)
        types.change(tx, id, extra_specs={**row.extra_specs, **call.body})
    return dict(call.body)


def delete_extra_spec(call: Call, id: str, key: str) -> None:
    """One spec is gone."""
    with call.db.write() as tx:
        row = _changeable(call, tx, id)
        if key not in row.extra_specs:
            raise errors.NotFound(f'Volume Type {id} has no extra specs with key {key}.')
        types.change(tx, id, extra_specs={name: value for name, value in row.extra_specs.items() if name != key})


def access(call: Call, id: str) -> dict[str, Any]:
    """The projects that may choose a private type."""
    with call.db.read() as tx:
        found = types.projects(tx, call.context, id)
    return {'volume_type_access': [{'volume_type_id': id, 'project_id': project} for project in found]}


def grant(call: Call, id: str) -> None:
    """addProjectAccess: the project may choose the type."""
    with call.db.write() as tx:
        types.grant(tx, call.context, id, call.given['project'])


def revoke(call: Call, id: str) -> None:
    """removeProjectAccess: the project may not choose the type any more; its volumes stay."""
    with call.db.write() as tx:
        types.revoke(tx, call.context, id, call.given['project'])
