"""Qualities of service over HTTP (/qos-specs)."""

from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Route
from nimbus.api.volume import filters, lists
from nimbus.common import errors
from nimbus.common.database import listing
from nimbus.volume import qos

SORTS = ('id', 'name', 'consumer', 'created_at', 'updated_at')
TEXT = {'type': 'string', 'maxLength': 255}
KEYS = {'patternProperties': {'^.{1,255}$': TEXT}, 'additionalProperties': False}


def _shape(inner: dict[str, Any], name: str = 'qos_specs') -> Shape:
    return Shape({'type': 'object', 'properties': {name: inner}, 'required': [name], 'additionalProperties': False})


NAME = {**TEXT, 'pattern': r'^\s*\S'}
CREATE = _shape({'type': 'object', 'properties': {'name': NAME}, 'required': ['name'], **KEYS})
SET = _shape({'type': 'object', **KEYS})
ITEM = {'type': 'string', 'minLength': 1, 'maxLength': 255}
UNSET = _shape({'type': 'array', 'items': ITEM, 'uniqueItems': True}, 'keys')
RULES = 'volume_extension:qos_specs_manage:{}'


def _view(row: Any) -> dict[str, Any]:
    return {'id': row.id, 'name': row.name, 'consumer': row.consumer, 'specs': row.specs}


def _whole(call: Call, row: Any) -> dict[str, Any]:
    links = lists.links(call, 'qos-specs', row.id)
    return {'qos_specs': _view(row), 'links': links}


def index(call: Call) -> dict[str, Any]:
    """A page of specs."""
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT),
        marker=call.arg('marker') or None,
        sorts=filters.sorts(call, SORTS),
        filters={name: call.arg(name) for name in qos.FILTERS if call.arg(name)},
    )
    with call.db.read() as tx:
        rows = qos.find(tx, page)
    found: dict[str, Any] = {'qos_specs': [_view(row) for row in rows]}
    if more := paging.next_link(call, rows, page):
        found['qos_specs_links'] = more
    return found


def create(call: Call) -> dict[str, Any]:
    """New specs stand."""
    given = dict(call.body['qos_specs'])
    name = given.pop('name').strip()
    with call.db.write() as tx:
        return _whole(call, qos.create(tx, name, given))


def show(call: Call, id: str) -> dict[str, Any]:
    """One row of specs."""
    with call.db.read() as tx:
        return _whole(call, qos.show(tx, id))


def update(call: Call, id: str) -> Any:
    """The specs given stand beside those that were there."""
    with call.db.write() as tx:
        qos.change(tx, id, call.body['qos_specs'])
    return call.body


def delete_keys(call: Call, id: str) -> None:
    """The specs have none of the keys."""
    with call.db.write() as tx:
        qos.forget_keys(tx, id, call.body['keys'])


def delete(call: Call, id: str) -> None:
    """The specs are gone."""
    force = filters.flag(call, 'force')
    with call.db.write() as tx:
        qos.delete(tx, id, force=force)


def associations(call: Call, id: str) -> dict[str, Any]:
    """The volume types that have the specs."""
    with call.db.read() as tx:
        rows = qos.types_of(tx, id)
    return {'qos_associations': [{'association_type': 'volume_type', 'name': row.name, 'id': row.id} for row in rows]}


def _type_id(call: Call) -> str:
    type_id = call.arg('vol_type_id')
    if not type_id:
        raise errors.Invalid('Volume Type id must not be None.')
    return type_id


def associate(call: Call, id: str) -> None:
    """A volume type has the specs; by GET, as upstream has it."""
    type_id = _type_id(call)
    with call.db.write() as tx:
        qos.associate(tx, id, type_id)


def disassociate(call: Call, id: str) -> None:
    """A volume type does not have the specs any more."""
    type_id = _type_id(call)
    with call.db.write() as tx:
        qos.part(tx, id, type_id)


def disassociate_all(call: Call, id: str) -> None:
    """No volume type has the specs any more."""
    with call.db.write() as tx:
        qos.part(tx, id)


ROUTES = (
    Route('GET', '/qos-specs', index, RULES.format('get_all')),
    Route('POST', '/qos-specs', create, RULES.format('create'), shape=CREATE),
    Route('GET', '/qos-specs/{id}', show, RULES.format('get')),
    Route('PUT', '/qos-specs/{id}', update, RULES.format('update'), shape=SET),
    Route('DELETE', '/qos-specs/{id}', delete, RULES.format('delete'), 202),
    Route('PUT', '/qos-specs/{id}/delete_keys', delete_keys, RULES.format('delete'), 202, shape=UNSET),
    Route('GET', '/qos-specs/{id}/associations', associations, RULES.format('get_all')),
    Route('GET', '/qos-specs/{id}/associate', associate, RULES.format('update'), 202),
    Route('GET', '/qos-specs/{id}/disassociate', disassociate, RULES.format('update'), 202),
    Route('GET', '/qos-specs/{id}/disassociate_all', disassociate_all, RULES.format('update'), 202),
)
