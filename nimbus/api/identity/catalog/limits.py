"""`/v3/registered_limits` and `/v3/limits`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.limit_nouns import Limit, RegisteredLimit
from nimbus.api.kit.fields import CREATE, Field, Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.catalog import limits
from nimbus.identity.people import projects


def _several(noun: type[wire.KeystoneNoun], **more: Any) -> Shape:
    """The shape of a body that creates several at once."""
    known: dict[str, Field] = {name: field for name, field in noun.fields if CREATE in field.on}
    item = {
        'type': 'object',
        'properties': {name: field.request_schema() for name, field in known.items()},
        'required': [name for name, field in known.items() if field.required],
        'additionalProperties': False,
        **more,
    }
    rows = {'type': 'array', 'items': item, 'minItems': 1}
    return Shape(
        {'type': 'object', 'properties': {noun.many: rows}, 'required': [noun.many], 'additionalProperties': False}
    )


REGISTER = _several(RegisteredLimit)
CREATE_LIMITS = _several(Limit, oneOf=[{'required': ['project_id']}, {'required': ['domain_id']}])
# Filters whose value in the database is '' for null.
OPTIONAL = ('region_id', 'project_id', 'domain_id')


def _page(call: Call, noun: type[wire.KeystoneNoun], names: tuple[str, ...]) -> Any:
    return wire.page_of(call, noun, **{name: call.arg(name) or '' for name in names if name in call.query})


def list_registered(call: Call) -> dict[str, Any]:
    """GET /registered_limits."""
    wire.check(call, 'list_registered_limits')
    page = _page(call, RegisteredLimit, OPTIONAL[:1])
    with call.db.read() as tx:
        return wire.many(call, RegisteredLimit, limits.find(tx, 'registered_limit', page), page)


def show_registered(call: Call, registered_limit_id: str) -> dict[str, Any]:
    """GET /registered_limits/{registered_limit_id}."""
    wire.check(call, 'get_registered_limit')
    with call.db.read() as tx:
        return wire.one(call, RegisteredLimit, limits.show(tx, 'registered_limit', registered_limit_id))


def register(call: Call) -> Reply:
    """POST /registered_limits."""
    with wire.writing(call) as tx:
        rows = limits.register(tx, call.body['registered_limits'])
    return Reply({'registered_limits': [wire.shown(call, RegisteredLimit, row) for row in rows]}, 201)


def update_registered(call: Call, registered_limit_id: str) -> dict[str, Any]:
    """PATCH /registered_limits/{registered_limit_id}."""
    with wire.writing(call) as tx:
        limits.update_registered(tx, registered_limit_id, call.given)
        return wire.one(call, RegisteredLimit, limits.show(tx, 'registered_limit', registered_limit_id))


def delete_registered(call: Call, registered_limit_id: str) -> None:
    """DELETE /registered_limits/{registered_limit_id}."""
    with wire.writing(call) as tx:
        limits.delete_registered(tx, registered_limit_id)


def show_model(call: Call) -> dict[str, Any]:
    """GET /limits/model."""
    wire.check(call, 'get_limit_model')
    name = authority(call).settings.limit_model
    return {'model': {'name': name, 'description': limits.DESCRIPTIONS[name]}}


def index(call: Call) -> dict[str, Any]:
    """GET /limits: all of them for operators and services, else those of the asker's domain or project."""
    wire.check(call, 'list_limits')
    page = _page(call, Limit, OPTIONAL)
    asker, where = call.context, None
    if not (asker.system or asker.is_admin or 'service' in asker.roles):
        if asker.domain_id:
            where = limits.within(asker.domain_id)
        elif not asker.project_id:
            return wire.many(call, Limit, [], page)
        elif page.filters.setdefault('project_id', asker.project_id) != asker.project_id:
            return wire.many(call, Limit, [], page)
    with call.db.read() as tx:
        return wire.many(call, Limit, limits.find(tx, 'limit', page, where), page)


def show(call: Call, limit_id: str) -> dict[str, Any]:
    """GET /limits/{limit_id}."""

    def target(row: Any) -> dict[str, Any]:
        # Never None, as None would equal the missing domain or project of an asker.
        domain_id = ''
        if row.project_id:
            with call.db.read() as tx:
                domain_id = projects.show(tx, row.project_id).domain_id
        return {
            'limit__project_id': row.project_id,
            'limit__domain__id': row.domain_id,
            'limit__project__domain_id': domain_id,
        }

    def find() -> Any:
        with call.db.read() as tx:
            return limits.show(tx, 'limit', limit_id)

    try:
        row = find()
    except errors.NotFound:
        wire.check(call, 'get_limit', limit__project_id='', limit__domain__id='', limit__project__domain_id='')
        raise
    wire.check(call, 'get_limit', **target(row))
    return wire.one(call, Limit, row)


def create(call: Call) -> Reply:
    """POST /limits."""
    with wire.writing(call) as tx:
        rows = limits.create(tx, call.body['limits'], authority(call).settings.limit_model)
    return Reply({'limits': [wire.shown(call, Limit, row) for row in rows]}, 201)


def update(call: Call, limit_id: str) -> dict[str, Any]:
    """PATCH /limits/{limit_id}."""
    with wire.writing(call) as tx:
        limits.update(tx, limit_id, call.given, authority(call).settings.limit_model)
        return wire.one(call, Limit, limits.show(tx, 'limit', limit_id))


def delete(call: Call, limit_id: str) -> None:
    """DELETE /limits/{limit_id}."""
    with wire.writing(call) as tx:
        limits.delete(tx, limit_id)
