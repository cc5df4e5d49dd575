"""What a token may be scoped to: finding the scope a login asks for, and listing what a user could ask for."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import db, errors
from nimbus.identity import assignments
from nimbus.identity.models import ROOT, Assignment, Project
from nimbus.identity.subjects import refusal

Scope = tuple[str, str]  # one of payload.SCOPES or TRUST, and the id
UNSCOPED: Scope = ('unscoped', '')
_rows = Project.__table__
_BY_NAME = sa.select(_rows.c.id).where(
    _rows.c.name == sa.bindparam('name'), _rows.c.domain_id == sa.bindparam('domain_id')
)
_DOMAIN_BY_ID = sa.select(_rows.c.id).where(_rows.c.id == sa.bindparam('id'), _rows.c.is_domain.is_(True))
TRUST = 'OS-TRUST:trust'
KINDS = ('project', 'domain', 'system', TRUST)


def asked(tx: db.Tx, scope: Any) -> Scope | None:
    """The scope a request spells out, None when it has none.

    Raises Invalid when it names two or none, Unauthenticated when there is no such project or domain.
    """
    if scope is None:
        return None
    if scope == 'unscoped' or isinstance(scope, dict) and 'unscoped' in scope:
        return UNSCOPED
    named = [
        kind for kind in KINDS if isinstance(scope, dict) and (scope.get(kind) or kind == 'system' and kind in scope)
    ]
    if len(named) > 1:
        raise errors.Invalid(f'Scoping to both {named[1]} and {named[0]} is not allowed')
    if not named:
        raise missing('project, domain, system or OS-TRUST:trust', 'scope')
    kind, told = named[0], scope[named[0]]
    if kind == TRUST:
        if not isinstance(told, dict) or not isinstance(told.get('id'), str):
            raise missing('trust_id', 'trust')
        return TRUST, told['id']
    if kind == 'system':
        if not isinstance(told, dict) or told.get('all') is not True:
            raise refusal()
        return 'system', ''
    found = domain_id(tx, told) if kind == 'domain' else _project_id(tx, told)
    if found is None:
        raise refusal()
    return kind, found


def missing(attribute: str, target: str) -> errors.Invalid:
    """The answer to a body that lacks something."""
    return errors.Invalid(
        f'Expecting to find {attribute} in {target}. The server could not comply with the request since it is either '
        'malformed or otherwise incorrect. The client is assumed to be in error.'
    )


def domain_id(tx: db.Tx, told: dict[str, Any]) -> str | None:
    """The id of the domain that is named by id or by name, None when there is none.  Raises Invalid on neither."""
    if told.get('id'):
        return tx.execute(_DOMAIN_BY_ID, {'id': told['id']}).scalar()
    if told.get('name'):
        return tx.execute(_BY_NAME, {'name': told['name'], 'domain_id': ROOT}).scalar()
    raise missing('id or name', 'domain')


def home_id(tx: db.Tx, told: dict[str, Any]) -> str | None:
    """The id of the domain in which something is looked for; one that is told need not be looked up itself."""
    return told.get('id') or domain_id(tx, told)


def _project_id(tx: db.Tx, told: dict[str, Any]) -> str | None:
    if told.get('id'):
        return told['id']
    if not told.get('name'):
        raise missing('id or name', 'project')
    if not told.get('domain'):
        raise missing('domain', 'project')
    home = home_id(tx, told['domain'])
    return tx.execute(_BY_NAME, {'name': told['name'], 'domain_id': home}).scalar() if home else None


def projects_of(tx: db.Tx, user_id: str, disabled: bool = False) -> list[Any]:
    """The projects that the user has a role on, granted or inherited, also through groups; with the `disabled` ones."""
    direct, inherited = _targets(tx, user_id, 'project')
    _, domains = _targets(tx, user_id, 'domain')
    layer = inherited
    for _ in range(assignments.MAX_DEPTH):
        if not layer:
            break
        layer = set(tx.column(sa.select(Project.id).where(Project.parent_id.in_(layer)))) - direct
        direct |= layer
    where = [Project.id.in_(direct)]
    if domains:
        where.append(Project.domain_id.in_(domains))
    home = sa.orm.aliased(Project)
    query = sa.select(Project).outerjoin(home, home.id == Project.domain_id).where(sa.or_(*where))
    if not disabled:
        query = query.where(Project.enabled.is_(True), sa.or_(home.id.is_(None), home.enabled.is_(True)))
    return list(tx.rows(query.order_by(Project.seq)))


def domains_of(tx: db.Tx, user_id: str) -> list[Any]:
    """The enabled domains that the user has a role on."""
    direct, _ = _targets(tx, user_id, 'domain')
    query = sa.select(Project).where(Project.id.in_(direct), Project.is_domain.is_(True), Project.enabled.is_(True))
    return list(tx.rows(query.order_by(Project.seq)))


def system_of(tx: db.Tx, user_id: str) -> bool:
    """Whether the user has a role on the system."""
    return bool(_targets(tx, user_id, 'system')[0])


def _targets(tx: db.Tx, user_id: str, kind: str) -> tuple[set[str], set[str]]:
    """The ids of targets of a kind with a role for the user: on themselves, and on what is below them."""
    held = assignments.held_by(user_id, assignments.groups_of(tx, user_id))
    query = sa.select(Assignment.target_id, Assignment.inherited).where(Assignment.target_type == kind, held)
    found: tuple[set[str], set[str]] = (set(), set())
    for row in tx.rows(query.distinct()):
        found[row.inherited].add(row.target_id)
    return found
