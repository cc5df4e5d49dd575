"""Projects, as trees within a domain."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models import (
    ApplicationCredential,
    Assignment,
    Credential,
    Limit,
    Project,
    ProjectEndpoint,
    ProjectEndpointGroup,
    ProjectTag,
    Trust,
    User,
)
from nimbus.identity.models_oauth import AccessToken, RequestToken
from nimbus.identity.roles import assignments, trusts


def show(tx: db.Tx, project_id: str) -> Any:
    """The project's row, or a domain's that acts as one.  Raises NotFound."""
    return lists.one(tx, Project, 'project', project_id)


def find(tx: db.Tx, page: listing.Page, tags: dict[str, list[str]] | None = None) -> list[Any]:
    """A page of projects; `tags` are Keystone's four tag filters by name."""
    where = [_tagged(name, wanted) for name, wanted in (tags or {}).items()]
    return lists.some(tx, Project, where, page)


def _tagged(name: str, wanted: list[str]) -> Any:
    """The SQL conditions of `tags`, `tags-any`, `not-tags` and `not-tags-any`."""
    any_of = sa.select(ProjectTag.project_id).where(ProjectTag.name.in_(wanted))
    all_of = any_of.group_by(ProjectTag.project_id).having(sa.func.count() == len(set(wanted)))
    found = Project.id.in_(any_of if name.endswith('any') else all_of)
    return sa.not_(found) if name.startswith('not') else found


def create(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any], within: str | None = None) -> str:
    """A new project exists, or, with `is_domain`, a new domain; returns its id.

    A parent outside of the domain `within` counts as not found: the asker may not know of other domains.

    Raises Conflict on a taken name, Invalid on a parent or domain that is not allowed or does not exist.
    """
    is_domain = values.get('is_domain', False)
    if is_domain and (values.get('parent_id') or values.get('domain_id')):
        raise errors.Invalid('only root projects are allowed to act as domains.')
    domain_id, parent_id = ('', None) if is_domain else _place(tx, values, within)
    project_id = values.get('id') or ids.plain()
    lists.add(
        tx,
        Project,
        _taken(values['name'], project_id, is_domain),
        id=project_id,
        name=values['name'],
        domain_id=domain_id,
        parent_id=parent_id,
        is_domain=is_domain,
        enabled=values.get('enabled', True),
        description=values.get('description') or '',
        extra=extra,
        options=lists.merged({}, values.get('options')),
        created_at=clock.Clock().now(),
    )
    set_tags(tx, project_id, values.get('tags', []))
    return project_id


def _place(tx: db.Tx, values: dict[str, Any], within: str | None) -> tuple[str, str]:
    """The domain and the parent of a new project; each is derived from the other where it is not given."""
    parent_id, domain_id = values.get('parent_id'), values.get('domain_id')
    try:
        if domain_id:
            lists.domain(tx, domain_id)
        parent = show(tx, parent_id) if parent_id else lists.domain(tx, domain_id or '')
    except errors.NotFound as why:
        raise errors.Invalid(why.sentence) from why
    home = parent.id if parent.is_domain else parent.domain_id
    if within not in (None, home):
        raise errors.Invalid(f'Could not find project: {parent.id}.')
    if domain_id and home != domain_id:
        raise errors.Invalid(
            f'Cannot create project, since it specifies its domain_id {domain_id}, but specifies a parent in a '
            f'different domain ({home}).'
        )
    for row in [parent, *assignments.ancestors(tx, parent.id)]:
        if not row.enabled:
            raise errors.Invalid(f'cannot create a project in a branch containing a disabled project: {row.id}')
    return home, parent.id


def _taken(name: str, project_id: str, is_domain: bool) -> str:
    if is_domain:
        detail = f'it is not permitted to have two projects acting as domains with the same name: {name}'
    else:
        detail = (
            'it is not permitted to have two projects with either the same name or same id in the same domain: '
            f'name is {name}, project id {project_id}'
        )
    return f'Conflict occurred attempting to store project - {detail}.'


def update(tx: db.Tx, project_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The project has the values.  Raises NotFound, Conflict, Invalid and Forbidden."""
    row = show(tx, project_id)
    lists.mutable(row, 'domain' if row.is_domain else 'project', 'update', values.get('options'))
    _check_update(tx, row, values)
    changes = {name: values[name] for name in ('name', 'enabled') if name in values}
    if 'description' in values:
        changes['description'] = values['description'] or ''
    if 'options' in values:
        changes['options'] = lists.merged(row.options, values['options'])
    taken = _taken(values.get('name', row.name), project_id, row.is_domain)
    lists.change(tx, Project, taken, project_id, **changes, extra={**row.extra, **extra})
    if 'tags' in values:
        set_tags(tx, project_id, values['tags'])
    verb = revocations.revoke if values.get('enabled', True) is False else revocations.refresh
    verb(tx, 'project', project_id)
    if row.is_domain:
        verb(tx, 'domain', project_id)


def _check_update(tx: db.Tx, row: Any, values: dict[str, Any]) -> None:
    if 'parent_id' in values and values['parent_id'] != row.parent_id:
        raise errors.Forbidden('Update of `parent_id` is not allowed.')
    if 'is_domain' in values and values['is_domain'] != row.is_domain:
        raise errors.Invalid('Update of `is_domain` is not allowed.')
    if 'domain_id' in values and (values['domain_id'] or '') != row.domain_id:
        raise errors.Invalid('Cannot change Domain ID')
    if row.is_domain or 'enabled' not in values:
        return
    if values['enabled'] and not all(above.enabled for above in assignments.ancestors(tx, row.id)):
        raise errors.Forbidden(f'Cannot enable project {row.id} since it has disabled parents')
    if not values['enabled'] and any(below.enabled for below in subtree(tx, row.id)):
        raise errors.Forbidden(f'Cannot disable project {row.id} since its subtree contains enabled projects.')


def subtree(tx: db.Tx, project_id: str) -> list[Any]:
    """The projects below a project, nearest first."""
    found: list[Any] = []
    layer = [project_id]
    for _ in range(assignments.MAX_DEPTH):
        rows = tx.rows(sa.select(Project).where(Project.parent_id.in_(layer)).order_by(Project.seq))
        found += rows
        layer = [row.id for row in rows]
        if not layer:
            break
    return found


def delete(tx: db.Tx, project_id: str) -> None:
    """The project, its tags and the roles on it are gone, and its tokens are refused.  Raises NotFound, Forbidden."""
    row = show(tx, project_id)
    lists.mutable(row, 'project', 'delete')
    if row.is_domain and row.enabled:
        raise errors.Forbidden(
            f'cannot delete an enabled project acting as a domain. Please disable the project {project_id} first.'
        )
    if tx.scalar(sa.select(Project.seq).where(Project.parent_id == project_id).limit(1)):
        raise errors.Forbidden(
            f'Cannot delete the project {project_id} since it is not a leaf in the hierarchy. Use the cascade option '
            'if you want to delete a whole subtree.'
        )
    forget(tx, project_id)


def forget(tx: db.Tx, project_id: str) -> None:
    """Every row of the project is deleted, without regard to its children."""
    assignments.forget(tx, Assignment.target_id == project_id)
    tx.delete(ProjectTag, ProjectTag.project_id == project_id)
    for model in (ApplicationCredential, Credential, Limit, ProjectEndpoint, ProjectEndpointGroup):
        tx.delete(model, model.project_id == project_id)
    tx.delete(Limit, Limit.domain_id == project_id)
    tx.delete(RequestToken, RequestToken.project_id == project_id)
    tx.delete(AccessToken, AccessToken.project_id == project_id)
    trusts.forget(tx, Trust.project_id == project_id)
    tx.update(User, User.default_project_id == project_id, default_project_id=None)
    tx.delete(Project, Project.id == project_id)
    revocations.revoke(tx, 'project', project_id)


def tags_of(tx: db.Tx, project_ids: list[str]) -> dict[str, list[str]]:
    """The tags of each project."""
    found: dict[str, list[str]] = {project_id: [] for project_id in project_ids}
    query = sa.select(ProjectTag.project_id, ProjectTag.name).where(ProjectTag.project_id.in_(project_ids))
    for row in tx.rows(query.order_by(ProjectTag.seq)):
        found[row.project_id].append(row.name)
    return found


def set_tags(tx: db.Tx, project_id: str, tags: list[str]) -> None:
    """The project has exactly these tags."""
    tx.delete(ProjectTag, ProjectTag.project_id == project_id)
    for name in tags:
        lists.add_once(tx, ProjectTag, project_id=project_id, name=name)
