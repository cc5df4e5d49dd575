"""Scopes of tokens: resolves the scope in a login request, and lists the scopes that a user may request."""

import collections
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.models import ROOT, Assignment, Project
from nimbus.identity.roles import assignments
from nimbus.identity.tokens.subjects import refusal

Scope = tuple[str, str]  # one of payload.SCOPES or TRUST, and the id
UNSCOPED: Scope = ('unscoped', '')
_rows = Project.__table__
_BY_NAME = sa.select(_rows.c.id).where(
    _rows.c.name == sa.bindparam('name'), _rows.c.domain_id == sa.bindparam('domain_id')
)
_DOMAIN_BY_ID = db.Fixed(sa.select(_rows.c.id).where(_rows.c.id == sa.bindparam('id'), _rows.c.is_domain.is_(True)))
TRUST = 'OS-TRUST:trust'
KINDS = ('project', 'domain', 'system', TRUST)


def asked(tx: db.Tx, scope: Any) -> Scope | None:
    """The scope in a login request, None when it has none.

    Raises Invalid when it names two or none, Unauthenticated when the project or domain does not exist.
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
    kind, given = named[0], scope[named[0]]
    if kind == TRUST:
        if not isinstance(given, dict) or not isinstance(given.get('id'), str):
            raise missing('trust_id', 'trust')
        return TRUST, given['id']
    if kind == 'system':
        if not isinstance(given, dict) or given.get('all') is not True:
            raise refusal()
        return 'system', ''
    found = domain_id(tx, given) if kind == 'domain' else _project_id(tx, given)
    if found is None:
        raise refusal()
    return kind, found


def missing(attribute: str, target: str) -> errors.Invalid:
    """The error for a body without a required attribute."""
    return errors.Invalid(
        f'Expecting to find {attribute} in {target}. The server could not comply with the request since it is either '
        'malformed or otherwise incorrect. The client is assumed to be in error.'
    )


def domain_id(tx: db.Tx, given: dict[str, Any]) -> str | None:
    """The id of the domain that is named by id or by name, None when there is none.  Raises Invalid on neither."""
    if given.get('id'):
        return tx.scalar(_DOMAIN_BY_ID, {'id': given['id']})
    if given.get('name'):
        return tx.execute(_BY_NAME, {'name': given['name'], 'domain_id': ROOT}).scalar()
    raise missing('id or name', 'domain')


def home_id(tx: db.Tx, given: dict[str, Any]) -> str | None:
    """The id of the domain in which a name is looked up; an id in the request is taken as it is."""
    return given.get('id') or domain_id(tx, given)


def _project_id(tx: db.Tx, given: dict[str, Any]) -> str | None:
    if given.get('id'):
        return given['id']
    if not given.get('name'):
        raise missing('id or name', 'project')
    if not given.get('domain'):
        raise missing('domain', 'project')
    home = home_id(tx, given['domain'])
    return tx.execute(_BY_NAME, {'name': given['name'], 'domain_id': home}).scalar() if home else None


# Built once: making a statement costs more than running it.
_home = _rows.alias('home')
_CHILDREN = sa.select(_rows.c.id).where(_rows.c.parent_id.in_(sa.bindparam('parents', expanding=True)))
_ANY = sa.select(_rows).outerjoin(_home, _home.c.id == _rows.c.domain_id).order_by(_rows.c.seq)
_IS_OPEN = sa.and_(_rows.c.enabled.is_(True), sa.or_(_home.c.id.is_(None), _home.c.enabled.is_(True)))
_AMONG = _rows.c.id.in_(sa.bindparam('places', expanding=True))
_AMONG_OR_IN = sa.or_(_AMONG, _rows.c.domain_id.in_(sa.bindparam('domains', expanding=True)))
# By whether there are domains, as an empty list of them would keep a database from using its indexes, and by whether
# disabled projects are included.
_PROJECTS = {
    (among is _AMONG_OR_IN, disabled): _ANY.where(among if disabled else sa.and_(among, _IS_OPEN))
    for among in (_AMONG, _AMONG_OR_IN)
    for disabled in (False, True)
}
_DOMAINS = sa.select(_rows).where(_AMONG, _rows.c.is_domain.is_(True), _rows.c.enabled.is_(True)).order_by(_rows.c.seq)
_grants = Assignment.__table__
_HELD = (
    sa.select(_grants.c.target_type, _grants.c.target_id, _grants.c.inherited)
    .where(
        _grants.c.actor_id.in_(sa.bindparam('actors', expanding=True)),
        _grants.c.actor_type.in_(('user', 'group')),
        sa.or_(_grants.c.actor_type == 'group', _grants.c.actor_id == sa.bindparam('user_id')),
    )
    .distinct()
)


def projects_of(tx: db.Tx, user_id: str, more: Iterable[str] = (), disabled: bool = False) -> list[Any]:
    """The projects that the user has a role on, granted or inherited, also through groups.

    `disabled` includes disabled ones; `more` are the ids of further groups that count as the user's.
    """
    held = _held(tx, user_id, more)
    direct, layer, domains = held['project', False], held['project', True], held['domain', True]
    for _ in range(assignments.MAX_DEPTH):
        if not layer:
            break
        layer = set(tx.column(_CHILDREN, {'parents': list(layer)})) - direct
        direct |= layer
    values = {'places': list(direct), **({'domains': list(domains)} if domains else {})}
    return list(tx.rows(_PROJECTS[bool(domains), disabled], values))


def domains_of(tx: db.Tx, user_id: str, more: Iterable[str] = ()) -> list[Any]:
    """The enabled domains that the user, or one of the groups `more`, has a role on."""
    return list(tx.rows(_DOMAINS, {'places': list(_held(tx, user_id, more)['domain', False])}))


def system_of(tx: db.Tx, user_id: str, more: Iterable[str] = ()) -> bool:
    """Whether the user, or one of the groups `more`, has a role on the system."""
    return bool(_held(tx, user_id, more)['system', False])


def _held(tx: db.Tx, user_id: str, more: Iterable[str]) -> dict[tuple[str, bool], set[str]]:
    """The ids of targets with a role for the user, by their kind and whether it is on what is below them."""
    found: dict[tuple[str, bool], set[str]] = collections.defaultdict(set)
    values = {'actors': [user_id, *assignments.groups_of(tx, user_id), *more], 'user_id': user_id}
    for kind, target_id, inherited in tx.execute(_HELD, values):
        found[kind, inherited].add(target_id)
    return found
