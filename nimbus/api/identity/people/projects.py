"""`/v3/projects`, with their trees and tags."""

from collections.abc import Iterable
from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.limit_nouns import Limit
from nimbus.api.identity.people.domains import IMMUTABLE, TAG
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Any_, Flag, Listing, Mapping, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.database.listing import Page
from nimbus.identity.catalog import limits
from nimbus.identity.people import projects, users
from nimbus.identity.roles import assignments
from nimbus.identity.tokens.scopes import projects_of

ID = r'^[a-zA-Z0-9-]+$'
TAG_FILTERS = ('tags', 'tags-any', 'not-tags', 'not-tags-any')
TAGS = Shape(
    {
        'type': 'object',
        'required': ['tags'],
        'properties': {'tags': Listing(items=TAG, max=80).schema},
        'additionalProperties': False,
    }
)
ONE_TAG = Shape({'type': 'array', 'items': TAG, 'maxItems': 80, 'uniqueItems': True})


class Project(wire.KeystoneNoun):
    """A project."""

    one, many = 'project', 'projects'
    id = Text(READ)
    name = Text(READ, CREATE, UPDATE, min=1, max=64, pattern=r'[\S]+', required=True, filter=True, sort=True)
    domain_id = Text(
        READ,
        CREATE,
        UPDATE,
        min=1,
        max=64,
        pattern=ID,
        null=True,
        filter=True,
        source=lambda row, _: row.domain_id or None,
    )
    description = Text(READ, CREATE, UPDATE, max=65535, null=True)
    enabled = Flag(READ, CREATE, UPDATE, filter=True)
    parent_id = Text(READ, CREATE, min=1, max=64, pattern=ID, null=True, filter=True)
    moved_to = Any_(UPDATE, wire='parent_id')
    is_domain = Flag(READ, CREATE, UPDATE, filter=True)
    tags = Listing(READ, CREATE, UPDATE, items=TAG, max=80, unique=True, source=lambda row, call: [])
    options = Mapping(READ, CREATE, UPDATE, schema=IMMUTABLE)


def target(row: Any) -> dict[str, Any]:
    """The attributes of a project that policy rules may use."""
    return {'project__id': row.id, 'project__domain_id': row.domain_id or None}


def _shown(call: Call, tx: db.Tx, rows: list[Any]) -> list[dict[str, Any]]:
    tags = projects.tags_of(tx, [row.id for row in rows])
    return [{**wire.shown(call, Project, row), 'tags': tags[row.id]} for row in rows]


def listed(call: Call, tx: db.Tx, rows: Iterable[Any], page: Any = None) -> dict[str, Any]:
    """The rows with their tags."""
    rows = list(rows)
    tags = projects.tags_of(tx, [row.id for row in rows])
    return wire.many(call, Project, rows, page, lambda *given: {**wire.shown(*given), 'tags': tags[given[2].id]})


def index(call: Call) -> dict[str, Any]:
    """GET /projects; domains are left out unless `is_domain` is set."""
    wire.check(call, 'list_projects', domain_id=call.context.domain_id or '')
    page = wire.page_of(call, Project, **wire.within(call))
    page.filters.setdefault('is_domain', False)
    tags = {name: call.arg(name, '').split(',') for name in TAG_FILTERS if call.arg(name)}
    with call.db.read() as tx:
        return listed(call, tx, projects.find(tx, page, tags), page)


def of_user(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/projects."""
    with call.db.read() as tx:
        wire.seen(
            call,
            'list_user_projects',
            lambda: users.show(tx, user_id),
            lambda row: {'user__id': row.id, 'user__domain_id': row.domain_id},
        )
        page = wire.page_of(call, Project)
        rows = projects_of(tx, user_id, disabled=True)
        return listed(call, tx, [row for row in rows if _matches(row, page.filters)])


def _matches(row: Any, filters: dict[str, Any]) -> bool:
    return all('__' in name or getattr(row, name) == value for name, value in filters.items())


def show(call: Call, project_id: str) -> dict[str, Any]:
    """GET /projects/{project_id}."""
    with call.db.read() as tx:
        row = wire.seen(call, 'get_project', lambda: projects.show(tx, project_id), target)
        (body,) = _shown(call, tx, [row])
        return {'project': {**body, **_relatives(call, tx, row)}}


def _relatives(call: Call, tx: db.Tx, row: Any) -> dict[str, Any]:
    """The parents and the subtree that the query requests."""
    found: dict[str, Any] = {}
    for name in ('parents', 'subtree'):
        as_list, as_ids = (wire.wanted(call, f'{name}_as_{how}') for how in ('list', 'ids'))
        if as_list and as_ids:
            raise errors.Invalid(f'Cannot use {name}_as_list and {name}_as_ids query params at the same time.')
        rows = assignments.ancestors(tx, row.id) if name == 'parents' else projects.subtree(tx, row.id)
        if as_list:
            held = [one.id for one in projects_of(tx, call.context.user_id or '')]
            rows = [one for one in rows if one.id in held and (name == 'subtree' or not one.is_domain)]
            found[name] = [{'project': one} for one in _with_limits(call, tx, _shown(call, tx, rows))]
        elif as_ids:
            found[name] = _line(rows) if name == 'parents' else _tree(rows, row.id)
    return found


def _with_limits(call: Call, tx: db.Tx, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The projects, with the limits set on each if the query requests them."""
    if not wire.wanted(call, 'include_limits'):
        return bodies
    view = Limit.view(call.version)
    given = {one['id']: limits.find(tx, 'limit', Page(filters={'project_id': one['id']})) for one in bodies}
    return [{**one, 'limits': [view(row, call) for row in given[one['id']]]} for one in bodies]


def _line(rows: list[Any]) -> dict[str, Any] | None:
    """Parents as nested ids, nearest outermost."""
    found: dict[str, Any] | None = None
    for row in reversed(rows):
        found = {row.id: found}
    return found


def _tree(rows: list[Any], above: str) -> dict[str, Any] | None:
    return {row.id: _tree(rows, row.id) for row in rows if row.parent_id == above} or None


def create(call: Call) -> Reply:
    """POST /projects."""
    given, extra = wire.split(call, Project)
    with wire.writing(call) as tx:
        # A domain manager must give the domain, also where it is the default one.
        wire.check(call, 'create_project', project__domain_id=given.get('domain_id'))
        if not given.get('is_domain'):
            given['domain_id'] = wire.home(call, given.get('domain_id'))
        project_id = projects.create(tx, given, extra, None if call.context.is_admin else call.context.domain_id)
        (body,) = _shown(call, tx, [projects.show(tx, project_id)])
        return Reply({'project': body}, 201)


def update(call: Call, project_id: str) -> dict[str, Any]:
    """PATCH /projects/{project_id}."""
    with wire.writing(call) as tx:
        wire.seen(call, 'update_project', lambda: projects.show(tx, project_id), target)
        wire.require_change(call)
        wire.same_id(call, project_id)
        projects.update(tx, project_id, *wire.split(call, Project))
        (body,) = _shown(call, tx, [projects.show(tx, project_id)])
        return {'project': body}


def delete(call: Call, project_id: str) -> None:
    """DELETE /projects/{project_id}."""
    with wire.writing(call) as tx:
        wire.seen(call, 'delete_project', lambda: projects.show(tx, project_id), target)
        projects.delete(tx, project_id)


def _tags(call: Call, tx: db.Tx, rule: str, project_id: str) -> list[str]:
    wire.seen(call, rule, lambda: projects.show(tx, project_id), target)
    return projects.tags_of(tx, [project_id])[project_id]


def list_tags(call: Call, project_id: str) -> dict[str, Any]:
    """GET /projects/{project_id}/tags."""
    with call.db.read() as tx:
        return _tag_list(call, _tags(call, tx, 'list_project_tags', project_id))


def _tag_list(call: Call, tags: list[str]) -> dict[str, Any]:
    here = f'{call.root_url}{call.path.rstrip("/")}'
    more = {} if call.route.method == 'GET' else {'next': None, 'previous': None}
    return {'tags': tags, 'links': {'self': here, **more}}


def check_tag(call: Call, project_id: str, tag: str) -> None:
    """GET /projects/{project_id}/tags/{tag}."""
    with call.db.read() as tx:
        if tag not in _tags(call, tx, 'get_project_tag', project_id):
            raise errors.NotFound(f'Could not find project tag: {tag}.')


def set_tags(call: Call, project_id: str) -> dict[str, Any]:
    """PUT /projects/{project_id}/tags."""
    with wire.writing(call) as tx:
        _tags(call, tx, 'update_project_tags', project_id)
        tags = ONE_TAG.check(call.body['tags'])
        projects.set_tags(tx, project_id, tags)
    return _tag_list(call, tags)


def add_tag(call: Call, project_id: str, tag: str) -> Reply:
    """PUT /projects/{project_id}/tags/{tag}."""
    with wire.writing(call) as tx:
        tags = _tags(call, tx, 'create_project_tag', project_id)
        projects.set_tags(tx, project_id, ONE_TAG.check([*(one for one in tags if one != tag), tag]))
    return Reply(None, 201, [('Location', call.root_url + call.path)])


def remove_tags(call: Call, project_id: str) -> None:
    """DELETE /projects/{project_id}/tags."""
    with wire.writing(call) as tx:
        _tags(call, tx, 'delete_project_tags', project_id)
        projects.set_tags(tx, project_id, [])


def remove_tag(call: Call, project_id: str, tag: str) -> None:
    """DELETE /projects/{project_id}/tags/{tag}."""
    with wire.writing(call) as tx:
        tags = _tags(call, tx, 'delete_project_tag', project_id)
        if tag not in tags:
            raise errors.NotFound(f'Could not find project tag: {tag}.')
        projects.set_tags(tx, project_id, [one for one in tags if one != tag])
