"""Grants: a role of a user or group on a project, a domain or the system, under every path `.../roles/{role_id}`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.people import projects as project_wire
from nimbus.api.identity.roles import roles as role_wire
from nimbus.api.identity.roles.roles import Role
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import domains
from nimbus.identity.people import groups, projects, users
from nimbus.identity.roles import assignments, roles
from nimbus.identity.roles.assignments import SYSTEM, Grant

INHERITED = 'inherited_to_projects'
SHOW = {'user': users.show, 'group': groups.show, 'project': projects.show, 'domain': domains.show}


def _ends(ids: dict[str, str]) -> tuple[str, str, str, str]:
    """The kind and id of the actor and of the target in the path."""
    actor = 'user' if 'user_id' in ids else 'group'
    target = next((kind for kind in ('project', 'domain') if f'{kind}_id' in ids), SYSTEM)
    return actor, ids[f'{actor}_id'], target, ids.get(f'{target}_id', SYSTEM)


def _allow(call: Call, tx: db.Tx, verb: str, ids: dict[str, str], role_id: str | None) -> None:
    """Everything in the path exists and policy allows it.  Raises Forbidden and NotFound."""
    actor, actor_id, target, target_id = _ends(ids)
    rule = f'{verb}_grant{"s" if verb == "list" else ""}'
    if target == SYSTEM:
        rule = rule.replace('_grant', '_system_grant') + f'_for_{actor}'
    try:
        given = {f'{actor}__domain_id': SHOW[actor](tx, actor_id).domain_id}
        role = roles.show(tx, role_id) if role_id else None
        if target != SYSTEM:
            row = SHOW[target](tx, target_id)
            given |= {'domain__id': row.id} if target == 'domain' else project_wire.target(row)
            if verb == 'create' and target == 'project':
                _check_domain(role, row)
        elif verb == 'create' and role is not None and role.domain_id:
            wire.check(call, rule)
            raise errors.Invalid(
                f'Role {role.id} is a domain-specific role. Unable to use a domain-specific role in a system '
                'assignment.'
            )
    except errors.NotFound:
        wire.check(call, rule)
        raise
    wire.check(call, rule, **given, **(role_wire.target(role) if role is not None else {}))


def _check_domain(role: Any, project: Any) -> None:
    """Raises Forbidden when a domain-specific role is granted on a project of another domain."""
    if role is not None and role.domain_id and role.domain_id not in (project.id, project.domain_id):
        raise errors.Forbidden(f'Project {project.id} must be in the same domain as the role {role.id} being assigned.')


def _grant(call: Call, ids: dict[str, str], role_id: str) -> Grant:
    return Grant(*_ends(ids), role_id, inherited=call.route.path.endswith(INHERITED))


def index(call: Call, **ids: str) -> dict[str, Any]:
    """GET .../roles."""
    with call.db.read() as tx:
        _allow(call, tx, 'list', ids, None)
        inherited = call.route.path.endswith(INHERITED)
        return wire.many(call, Role, assignments.roles_of(tx, *_ends(ids), inherited))


def check(call: Call, role_id: str, **ids: str) -> None:
    """GET and HEAD .../roles/{role_id}."""
    with call.db.read() as tx:
        _allow(call, tx, 'check', ids, role_id)
        wanted = _grant(call, ids, role_id)
        if not assignments.has(tx, wanted):
            raise assignments.no_such(wanted)


def create(call: Call, role_id: str, **ids: str) -> None:
    """PUT .../roles/{role_id}."""
    with wire.writing(call) as tx:
        _allow(call, tx, 'create', ids, role_id)
        assignments.grant(tx, _grant(call, ids, role_id))


def revoke(call: Call, role_id: str, **ids: str) -> None:
    """DELETE .../roles/{role_id}."""
    with wire.writing(call) as tx:
        _allow(call, tx, 'revoke', ids, role_id)
        assignments.take_back(tx, _grant(call, ids, role_id))
