"""The default volume types of projects over HTTP (/default-types, since 3.62)."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Route
from nimbus.api.volume.microversions import DefaultTypes
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.people import projects
from nimbus.volume import types

SET = Shape({
    'type': 'object',
    'properties': {'default_type': {
        'type': 'object', 'properties': {'volume_type': {'type': 'string', 'minLength': 1, 'maxLength': 255}},
        'required': ['volume_type'], 'additionalProperties': False,
    }},
    'required': ['default_type'], 'additionalProperties': False,
})  # fmt: skip
RULES = 'volume_extension:default_{}'


def _view(row: Any) -> dict[str, str]:
    return {'project_id': row.project_id, 'volume_type_id': row.type_id}


def _check_project(tx: db.Tx, project: str) -> None:
    try:
        projects.show(tx, project)
    except errors.NotFound as why:
        raise errors.NotFound(f'Project with id {project} not found.') from why


def index(call: Call) -> dict[str, Any]:
    """Every project that has a default type of its own."""
    with call.db.read() as tx:
        return {'default_types': [_view(row) for row in types.defaults(tx)]}


def show(call: Call, project: str) -> dict[str, Any]:
    """The project's own default type."""
    with call.db.read() as tx:
        _check_project(tx, project)
        return {'default_type': _view(types.default_of(tx, project))}


def update(call: Call, project: str) -> dict[str, Any]:
    """New volumes of the project that name no type are of this one."""
    with call.db.write() as tx:
        _check_project(tx, project)
        try:
            row = types.by_name_or_id(tx, call.context, call.body['default_type']['volume_type'])
        except errors.NotFound as why:
            raise errors.Invalid(str(why)) from why
        types.set_default(tx, project, row.id)
        return {'default_type': _view(types.default_of(tx, project))}


def delete(call: Call, project: str) -> None:
    """The project has no default type of its own; one that is gone has none any more either."""
    with call.db.write() as tx:
        types.unset_default(tx, project)


ROUTES = (
    Route('GET', '/default-types', index, RULES.format('get_all'), since=DefaultTypes.number),
    Route('GET', '/default-types/{project}', show, RULES.format('get'), since=DefaultTypes.number),
    Route(
        'PUT',
        '/default-types/{project}',
        update,
        RULES.format('set_or_update'),
        since=DefaultTypes.number,
        shape=SET,
    ),
    Route('DELETE', '/default-types/{project}', delete, RULES.format('unset'), 204, since=DefaultTypes.number),
)
