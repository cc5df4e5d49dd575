"""`/v3/role_assignments`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.people import projects
from nimbus.identity.roles import role_assignments
from nimbus.identity.roles.role_assignments import Found, Wanted

INHERITED_TO = 'OS-INHERIT:inherited_to'


def index(call: Call) -> dict[str, Any]:
    """GET /role_assignments."""
    subtree = wire.wanted(call, 'include_subtree')
    with call.db.read() as tx:
        _allow(call, tx, subtree)
        found = role_assignments.find(tx, _wanted(call, subtree))
        named = role_assignments.names(tx, found) if wire.wanted(call, 'include_names') else {}
    here, query = f'{call.root_url}{call.path}', call.environ.get('QUERY_STRING')
    return {
        'role_assignments': [_shown(call, one, named) for one in found],
        'links': {'next': None, 'self': f'{here}?{query}' if query else here, 'previous': None},
    }


def _allow(call: Call, tx: db.Tx, subtree: bool) -> None:
    rule = 'list_role_assignments_for_tree' if subtree else 'list_role_assignments'
    domain_id, project_id = call.context.domain_id, call.arg('scope.project.id')
    if subtree and project_id:
        try:
            domain_id = projects.show(tx, project_id).domain_id
        except errors.NotFound:
            wire.check(call, rule, domain_id=None)
            raise
    wire.check(call, rule, domain_id=domain_id)


def _wanted(call: Call, subtree: bool) -> Wanted:
    return Wanted(
        user_id=call.arg('user.id') or None,
        group_id=call.arg('group.id') or None,
        role_id=call.arg('role.id') or None,
        project_id=call.arg('scope.project.id') or None,
        domain_id=call.arg('scope.domain.id') or None,
        system=wire.wanted(call, 'scope.system'),
        inherited=call.arg(f'scope.{INHERITED_TO}') == 'projects',
        effective=wire.wanted(call, 'effective'),
        subtree=subtree,
        within=call.context.domain_id,
    )


def _shown(call: Call, one: Found, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    scope: dict[str, Any] = {'all': True} if one.target_type == 'system' else _ref(one.target_id, named)
    body: dict[str, Any] = {
        'role': _ref(one.role_id, named),
        one.actor_type: _ref(one.actor_id, named),
        'scope': {one.target_type: scope},
    }
    if one.inherited:
        body['scope'][INHERITED_TO] = 'projects'
    if one.target_type == 'domain':
        scope.pop('domain', None)
    return {**body, 'links': _links(call, one)}


def _ref(row_id: str, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(named.get(row_id, {'id': row_id}))


def _links(call: Call, one: Found) -> dict[str, str]:
    """The URL of the grant that the assignment results from."""
    target_type, target_id = one.origin or (one.target_type, one.target_id)
    actor_type, actor_id = ('group', one.group_id) if one.group_id else (one.actor_type, one.actor_id)
    role_id = one.granted_role_id or one.role_id
    place = 'system' if target_type == 'system' else f'{target_type}s/{target_id}'
    path = f'{place}/{actor_type}s/{actor_id}/roles/{role_id}'
    if one.inherited:
        path = f'OS-INHERIT/{path}/inherited_to_projects'
    links = {'assignment': f'{call.root_url}/{path}'}
    if one.group_id:
        links['membership'] = f'{call.root_url}/groups/{one.group_id}/users/{one.actor_id}'
    if one.prior_role_id:
        links['prior_role'] = f'{call.root_url}/prior_role/{one.prior_role_id}/implies/{one.role_id}'
    return links
