"""Lists of role assignments, as granted or effective."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db, tables
from nimbus.identity import lists
from nimbus.identity.models import ROOT, Assignment, Group, Membership, Project, Role, User
from nimbus.identity.roles import assignments


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The filters of a list."""

    user_id: str | None = None
    group_id: str | None = None
    role_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool = False  # only what is inherited to projects
    effective: bool = False  # expanded by groups, inheritance and implication
    subtree: bool = False  # the projects below project_id too
    within: str | None = None  # only on this domain and its projects


@dataclasses.dataclass(frozen=True)
class Found:
    """One role of one actor on one target, and the grant it results from."""

    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    role_id: str
    inherited: bool = False
    group_id: str | None = None  # whose member the user is
    prior_role_id: str | None = None  # that implies the role
    granted_role_id: str | None = None  # from which it follows, where it was not granted itself
    origin: tuple[str, str] | None = None  # the target it is inherited from


def find(tx: db.Tx, wanted: Wanted) -> list[Found]:
    """The assignments that match.

    Raises Invalid on filters that exclude each other, NotFound on a user or project that does not exist.
    """
    _check(wanted)
    if wanted.effective:
        for model, noun, row_id in ((User, 'user', wanted.user_id), (Project, 'project', wanted.project_id)):
            if row_id:
                lists.one(tx, model, noun, row_id)
    places = _places(tx, wanted)
    found = [
        Found(row.actor_type, row.actor_id, row.target_type, row.target_id, row.role_id, row.inherited)
        for row in tx.rows(sa.select(Assignment).where(*_conditions(tx, wanted, places)).order_by(Assignment.seq))
    ]
    if wanted.effective:
        found = [one for grant in found for one in _by_groups(tx, wanted, grant)]
        found = [one for grant in found for one in _by_trees(tx, wanted, grant, places)]
        found = _by_implication(tx, found)
    if wanted.role_id:
        found = [one for one in found if one.role_id == wanted.role_id]
    if wanted.within:
        found = _in_domain(tx, found, wanted.within)
    return list(dict.fromkeys(found))


def _check(wanted: Wanted) -> None:
    if wanted.effective and wanted.group_id:
        raise errors.Invalid('Combining effective and group filter will always result in an empty list.')
    if wanted.effective and wanted.inherited and wanted.domain_id:
        raise errors.Invalid('Combining effective, domain and inherited filters will always result in an empty list.')
    if wanted.project_id and wanted.domain_id:
        raise errors.Invalid('Specify a domain or project, not both')
    if wanted.system and wanted.project_id:
        raise errors.Invalid('Specify system or project, not both')
    if wanted.system and wanted.domain_id:
        raise errors.Invalid('Specify system or domain, not both')
    if wanted.user_id and wanted.group_id:
        raise errors.Invalid('Specify a user or group, not both')
    if wanted.subtree and not wanted.project_id:
        raise errors.Invalid('scope.project.id must be specified if include_subtree is also specified')


def _places(tx: db.Tx, wanted: Wanted) -> list[str]:
    """The ids of the projects that the list is about."""
    if not wanted.project_id:
        return []
    below: list[str] = []
    if wanted.subtree:
        layer = [wanted.project_id]
        while layer and len(below) < 100_000:
            layer = tx.column(sa.select(Project.id).where(Project.parent_id.in_(layer)))
            below += layer
    return [wanted.project_id, *below]


def _conditions(tx: db.Tx, wanted: Wanted, places: list[str]) -> list[Any]:
    """The SQL conditions of the grants from which the answer is made."""
    where: list[Any] = []
    if wanted.user_id:
        groups = assignments.groups_of(tx, wanted.user_id) if wanted.effective else []
        where.append(assignments.held_by(wanted.user_id, groups))
    if wanted.group_id:
        where += [Assignment.actor_type == 'group', Assignment.actor_id == wanted.group_id]
    if places:
        above = [row.id for row in assignments.ancestors(tx, places[0])] if wanted.effective else []
        where.append(sa.or_(Assignment.target_id.in_(places), _inherited_from(above)))
    if wanted.domain_id:
        where += [Assignment.target_type == 'domain', Assignment.target_id == wanted.domain_id]
    if wanted.system:
        where.append(Assignment.target_type == 'system')
    if wanted.inherited:
        where.append(Assignment.inherited.is_(True))
    if wanted.role_id and not wanted.effective:
        where.append(Assignment.role_id == wanted.role_id)
    return where


def _inherited_from(targets: list[str]) -> Any:
    return sa.and_(Assignment.target_id.in_(targets), Assignment.inherited.is_(True))


def _by_groups(tx: db.Tx, wanted: Wanted, grant: Found) -> list[Found]:
    """A group's grant as its members'."""
    if grant.actor_type == 'user':
        return [grant]
    members = sa.select(Membership.user_id).where(Membership.group_id == grant.actor_id)
    if wanted.user_id:
        members = members.where(Membership.user_id == wanted.user_id)
    return [
        dataclasses.replace(grant, actor_type='user', actor_id=user_id, group_id=grant.actor_id)
        for user_id in tx.column(members)
    ]


def _by_trees(tx: db.Tx, wanted: Wanted, grant: Found, places: list[str]) -> list[Found]:
    """An inherited grant as one on each project below its target."""
    if not grant.inherited:
        return [grant] if not places or grant.target_id in places else []
    if wanted.domain_id or wanted.system:
        return []
    if grant.target_type == 'domain':
        below = tx.column(sa.select(Project.id).where(Project.domain_id == grant.target_id))
    else:
        below, layer = [], [grant.target_id]
        while layer := tx.column(sa.select(Project.id).where(Project.parent_id.in_(layer))):
            below += layer
    origin = (grant.target_type, grant.target_id)
    return [
        dataclasses.replace(grant, target_type='project', target_id=project_id, origin=origin)
        for project_id in below
        if not places or project_id in places
    ]


def _by_implication(tx: db.Tx, found: Iterable[Found]) -> list[Found]:
    """The roles and all that they imply, without domain-specific ones."""
    rules = assignments.implications(tx)
    hidden = set(tx.column(sa.select(Role.id).where(Role.domain_id != ROOT)))
    result = []
    for grant in found:
        every = assignments.closure([grant.role_id], rules)
        for role_id in every:
            if role_id in hidden:
                continue
            if role_id == grant.role_id:
                result.append(grant)
                continue
            prior = next(one for one in every if role_id in rules.get(one, ()))
            result.append(
                dataclasses.replace(grant, role_id=role_id, prior_role_id=prior, granted_role_id=grant.role_id)
            )
    return result


def _in_domain(tx: db.Tx, found: list[Found], domain_id: str) -> list[Found]:
    targets = [one.target_id for one in found]
    inside = {domain_id, *tx.column(
        sa.select(Project.id).where(Project.id.in_(targets), Project.domain_id == domain_id)
    )}  # fmt: skip
    return [one for one in found if one.target_id in inside]


def names(tx: db.Tx, found: list[Found]) -> dict[str, dict[str, Any]]:
    """The id, name and domain (id, name) of every user, group, project, domain and role that is found, by id."""
    known: dict[str, dict[str, Any]] = {}
    actors = [one.actor_id for one in found]
    wanted = (
        (User, actors),
        (Group, actors),
        (Project, [one.target_id for one in found]),
        (Role, [one.role_id for one in found]),
    )
    home = tables.Alias(Project)
    for model, row_ids in wanted:
        query = (
            sa.select(model.id, model.name, home.id.label('home_id'), home.name.label('home_name'))
            .outerjoin(home, home.id == model.domain_id)
            .where(model.id.in_(set(row_ids)))
        )
        for row in tx.rows(query):
            known[row.id] = {'id': row.id, 'name': row.name}
            if row.home_id:
                known[row.id]['domain'] = {'id': row.home_id, 'name': row.home_name}
    return known
