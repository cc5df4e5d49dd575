"""Auto-provisioning: creates the projects that a mapping lists and assigns its roles on them to the user."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.federation import mapping_schemas
from nimbus.identity.models import ROOT, Assignment, Project, Role
from nimbus.identity.people import projects
from nimbus.identity.roles import assignments
from nimbus.identity.roles.assignments import Grant
from nimbus.identity.tokens import scopes


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A project and the ids of the roles that the user is to have on it."""

    name: str
    domain_id: str
    role_ids: tuple[str, ...]


def resolve(
    tx: db.Tx, given: tuple[dict[str, Any], ...], home: str, user_domain: str, provider_id: str
) -> list[Wanted]:
    """The projects of the mapping's result, in the domain `home` where they name none.

    Raises NotFound on no such role or domain, Forbidden on a role of another domain; nothing is created then.
    """
    found = []
    for project in given:
        role_ids = tuple(dict.fromkeys(_role(tx, name, user_domain, provider_id) for name in project['roles']))
        domain_id = scopes.domain_id(tx, project['domain']) if project['domain'] else home
        if domain_id is None:
            raise errors.NotFound(f'Could not find domain: {next(iter(project["domain"].values()))}.')
        found.append(Wanted(project['name'], domain_id, role_ids))
    return found


def _role(tx: db.Tx, name: str, user_domain: str, provider_id: str) -> str:
    rows = list(tx.rows(sa.select(Role.id, Role.domain_id).where(Role.name == name)))
    if not rows:
        raise errors.NotFound(f'Could not find role: {name}.')
    fitting = [row.id for row in rows if row.domain_id in (ROOT, user_domain)]
    if not fitting:
        raise errors.Forbidden(f'role: {name} must be within the same domain as the identity provider: {provider_id}.')
    return fitting[0]


def is_done(tx: db.Tx, user_id: str, wanted: list[Wanted], version: str) -> bool:
    """Whether the user has those projects already."""
    known = [(_find(tx, project), project) for project in wanted]
    if not all(row_id and _missing(tx, user_id, row_id, project) == [] for row_id, project in known):
        return False
    return version != mapping_schemas.IN_STEP or not _left_over(
        tx, user_id, {row_id: p.role_ids for row_id, p in known if row_id}
    )


def provide(tx: db.Tx, user_id: str, wanted: list[Wanted], version: str) -> None:
    """The projects exist and the user has the roles on them.

    With schema version 3.0 the user has no other role on any project.
    """
    kept: dict[str, tuple[str, ...]] = {}
    for project in wanted:
        project_id = _find(tx, project) or projects.create(
            tx, {'name': project.name, 'domain_id': project.domain_id}, {}
        )
        kept[project_id] = (*kept.get(project_id, ()), *project.role_ids)
        for role_id in _missing(tx, user_id, project_id, project):
            assignments.grant(tx, Grant('user', user_id, 'project', project_id, role_id))
    if version == mapping_schemas.IN_STEP:
        for grant in _left_over(tx, user_id, kept):
            assignments.take_back(tx, grant)


def _find(tx: db.Tx, project: Wanted) -> str | None:
    return tx.scalar(sa.select(Project.id).where(Project.name == project.name, Project.domain_id == project.domain_id))


def _missing(tx: db.Tx, user_id: str, project_id: str, project: Wanted) -> list[str]:
    """The roles that the user does not have on the project yet."""
    held = {row.id for row in assignments.roles_of(tx, 'user', user_id, 'project', project_id)}
    return [role_id for role_id in project.role_ids if role_id not in held]


def _left_over(tx: db.Tx, user_id: str, kept: dict[str, tuple[str, ...]]) -> list[Grant]:
    """The user's role assignments on projects that are not in the mapping's result."""
    query = sa.select(Assignment.target_id, Assignment.role_id, Assignment.inherited).where(
        Assignment.actor_type == 'user', Assignment.actor_id == user_id, Assignment.target_type == 'project'
    )
    return [
        Grant('user', user_id, 'project', row.target_id, row.role_id, row.inherited)
        for row in tx.rows(query)
        if row.inherited or row.role_id not in kept.get(row.target_id, ())
    ]
