"""Tasks over HTTP: what imports of image data are asked for, under way and over."""

import urllib.parse
from typing import Any

from nimbus.api.image import access
from nimbus.api.image import images as images_wire
from nimbus.api.image.nouns import Task
from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors, ids
from nimbus.common.database.listing import Page
from nimbus.image.images import images
from nimbus.image.tasks import tasks

DEFAULT_LIMIT, MAX_LIMIT = 25, 1000
SORTABLE = ('id', 'type', 'status', 'owner', 'created_at', 'updated_at', 'expires_at')
WHOLE = ('input', 'result', 'message')  # what lists leave out
WHERE_KNOWN = ('image_id', 'request_id', 'user_id', 'expires_at')


def view(call: Call, row: Any) -> dict[str, Any]:
    """The whole task as Glance shows it."""
    found = Task.view(call.version)(row, call)
    return {name: value for name, value in found.items() if value is not None or name not in WHERE_KNOWN}


def _stub(call: Call, row: Any) -> dict[str, Any]:
    """The task as lists show it."""
    hidden = (*WHOLE, 'image_id', 'request_id', 'user_id')
    return {name: value for name, value in view(call, row).items() if name not in hidden}


def index(call: Call) -> Any:
    """GET /v2/tasks."""
    limit = paging.limit(call, MAX_LIMIT, DEFAULT_LIMIT)
    marker = call.arg('marker') or None
    if marker and not ids.is_uuid(marker):
        raise errors.Invalid('Invalid marker format')
    page = Page(limit=limit, marker=marker, sorts=_sorts(call), filters=_filters(call))
    with call.db.read() as tx:
        rows = tasks.find(tx, call.context, page)
    pairs = [(name, values[-1]) for name, values in call.query.items() if name != 'marker']
    body = {'tasks': [_stub(call, row) for row in rows], 'first': _with('/v2/tasks', pairs)}
    if rows and len(rows) == limit:
        body['next'] = _with('/v2/tasks', [*pairs, ('marker', rows[-1].id)])
    return body | {'schema': '/v2/schemas/tasks'}


def _with(path: str, pairs: list[tuple[str, str]]) -> str:
    return f'{path}?{urllib.parse.urlencode(pairs)}' if pairs else path


def _sorts(call: Call) -> tuple[tuple[str, str], ...]:
    key, way = call.arg('sort_key') or 'created_at', call.arg('sort_dir') or 'desc'
    if key not in SORTABLE:
        raise errors.Invalid(f'Invalid sort key: {key}. It must be one of the following: {", ".join(SORTABLE)}.')
    if way not in ('asc', 'desc'):
        raise errors.Invalid(f'Invalid sort direction: {way}')
    return ((key, way),)


def _filters(call: Call) -> dict[str, str]:
    found = {name: value for name in ('status', 'type') if (value := call.arg(name))}
    for name, allowed in (('status', tasks.STATUSES), ('type', tasks.TYPES)):
        if name in found and found[name] not in allowed:
            raise errors.Invalid(f'Invalid {name} value: {found[name]}')
    return found


def show(call: Call, task: str) -> Any:
    """GET /v2/tasks/{task}."""
    with call.db.read() as tx:
        return view(call, tasks.show(tx, call.context, task))


def create(call: Call) -> Any:
    """POST /v2/tasks: an image is made, and filled with what a URI names."""
    given = _import_from(call.body)
    described = dict(given['image_properties'])
    described.setdefault('disk_format', given['import_from_format'])
    described.setdefault('container_format', 'bare')
    values, properties, tags = images_wire.wanted(call, described)
    service = call.parts.extra['image imports']
    with call.db.write() as tx:
        image = images.create(tx, call.context, service.transfers.quotas, values, properties, tags)
        task_id = service.ask_alone(tx, call.context, image, given)
        shown = view(call, tasks.show(tx, call.context, task_id))
    return Reply(shown, headers=[('Location', shown['self'])])


def _import_from(body: Any) -> dict[str, Any]:
    """What an import task is asked for.  Raises Invalid."""
    if not isinstance(body, dict):
        raise errors.Invalid('Body expected in request.')
    for name in ('type', 'input'):
        if name not in body:
            raise errors.Invalid(f"Task '{name}' is required")
    if body['type'] != tasks.IMPORT:
        raise errors.Invalid(
            f"A task that is asked for has the type '{tasks.IMPORT}'; others come with their requests."
        )
    given = body['input']
    if not isinstance(given, dict):
        raise errors.Invalid("The 'input' of a task is an object.")
    for name, kind in (('import_from', str), ('import_from_format', str), ('image_properties', dict)):
        if not isinstance(given.get(name), kind):
            raise errors.Invalid(f"Input does not contain '{name}' field")
    return {name: given[name] for name in ('import_from', 'import_from_format', 'image_properties')}


def of_image(call: Call, id: str) -> Any:
    """GET /v2/images/{id}/tasks."""
    with call.db.read() as tx:
        access.seen(call, tx, id)
        rows = tasks.of_image(tx, call.context, id)
    return {'tasks': [_row(row) for row in rows]}


def _row(row: Any) -> dict[str, Any]:
    """A task as an image's list has it: every column, without links."""
    moments = {name: clock.iso(getattr(row, name)) for name in ('created_at', 'updated_at', 'expires_at')}
    names = ('id', 'type', 'status', 'owner', 'image_id', 'request_id', 'user_id', *WHOLE)
    kept = {name: getattr(row, name) for name in names}
    return {**kept, **moments, 'deleted': False, 'deleted_at': None}
