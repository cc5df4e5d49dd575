"""Domains: the containers of projects, users, groups and domain-specific roles."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.federation import providers
from nimbus.identity.ldap import domain_configs
from nimbus.identity.models import ROOT, Group, Project, Role, User
from nimbus.identity.people import groups, projects, shadow_users, users
from nimbus.identity.roles import roles


def show(tx: db.Tx, domain_id: str) -> Any:
    """The domain's row.  Raises NotFound."""
    return lists.domain(tx, domain_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of domains."""
    # An index finds rows without a domain of their own; `is_domain` alone would be compared with every project.
    return lists.some(tx, Project, [Project.domain_id == ROOT, Project.is_domain.is_(True)], page)


def create(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new domain exists; returns its id.  Raises Conflict on a taken name."""
    given = values.pop('explicit_domain_id', None)
    return projects.create(tx, {**values, 'is_domain': True, **({'id': given} if given else {})}, extra)


def update(tx: db.Tx, domain_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The domain has the values; disabling it refuses every token of its users and projects."""
    show(tx, domain_id)
    projects.update(tx, domain_id, values, extra)


def delete(tx: db.Tx, domain_id: str) -> None:
    """The domain and all that belongs to it are gone.  Raises NotFound, Forbidden while it is enabled."""
    row = show(tx, domain_id)
    lists.mutable(row, 'domain', 'delete')
    if row.enabled:
        raise errors.Forbidden('Cannot delete a domain that is enabled, please disable it first.')
    domain_configs.delete(tx, domain_id)
    shadow_users.forget(tx, domain_id)
    providers.forget_domain(tx, domain_id)
    for model, forget in ((User, users.forget), (Group, groups.forget), (Role, roles.forget)):
        for row_id in tx.column(sa.select(model.id).where(model.domain_id == domain_id)):
            forget(tx, row_id)
    for project_id in tx.column(sa.select(Project.id).where(Project.domain_id == domain_id)):
        projects.forget(tx, project_id)
    projects.forget(tx, domain_id)
    revocations.revoke(tx, 'domain', domain_id)
