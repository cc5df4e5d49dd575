"""Who a token speaks for: its claims joined with what the database says today."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import db, errors
from nimbus.identity import assignments
from nimbus.identity.models import ApplicationCredential, Project, User
from nimbus.identity.payload import Claims

# Built once: making a statement costs more than running it, and a login runs these every time.
_users, _places = User.__table__, Project.__table__
_home = _places.alias('home')
_OF_HOME = (_home.c.name.label('domain_name'), _home.c.enabled.label('domain_enabled'))
_USER = (
    sa.select(_users, *_OF_HOME)
    .join_from(_users, _home, _home.c.id == _users.c.domain_id)
    .where(_users.c.id == sa.bindparam('user_id'))
)
_PLACE = (
    sa.select(_places, *_OF_HOME)
    .join_from(_places, _home, _home.c.id == _places.c.domain_id, isouter=True)
    .where(_places.c.id == sa.bindparam('place_id'))
)


@dataclasses.dataclass(frozen=True)
class Place:
    """A domain, or a project with its domain."""

    id: str
    name: str
    domain_id: str | None = None
    domain_name: str | None = None
    is_domain: bool = False


@dataclasses.dataclass(frozen=True)
class Subject:
    """A token's user, scope and roles."""

    claims: Claims
    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str
    password_expires_at: datetime.datetime | None
    project: Place | None = None
    domain: Place | None = None
    roles: tuple[tuple[str, str], ...] = ()  # (id, name)
    credential: Any = None  # the application credential's id, name and unrestricted
    group_ids: tuple[str, ...] = ()

    @property
    def system(self) -> bool:
        """Whether the token is scoped to the system."""
        return self.claims.scope == 'system'

    def keys(self) -> list[tuple[str, str]]:
        """What a revocation may name that this subject hangs on."""
        claims = self.claims
        found = [
            ('audit', claims.audit_ids[0]),
            ('chain', claims.audit_ids[-1]),
            ('user', self.user_id),
            ('domain', self.user_domain_id),
            ('credential', claims.application_credential_id),
        ]
        for place in (self.project, self.domain):
            if place:
                kind = 'project' if place is self.project else 'domain'
                found += [(kind, place.id), ('domain', place.domain_id or place.id)]
        return found + [('group', group_id) for group_id in self.group_ids]


def refusal() -> errors.Unauthenticated:
    """The one answer to whoever is not let in: it does not tell why."""
    return errors.Unauthenticated('The request you have made requires authentication.')


def describe(tx: db.Tx, claims: Claims) -> Subject:
    """The subject of the claims.  Raises Unauthenticated when its user or scope is gone, disabled or without a role."""
    user = tx.execute(_USER, {'user_id': claims.user_id}).first()
    if user is None or not user.enabled or not user.domain_enabled:
        raise refusal()
    groups = assignments.groups_of(tx, user.id)
    known = {
        'claims': claims,
        'user_id': user.id,
        'user_name': user.name,
        'user_domain_id': user.domain_id,
        'user_domain_name': user.domain_name,
        'password_expires_at': user.password_expires_at,
        'group_ids': tuple(groups),
    }
    if claims.scope == 'unscoped':
        return Subject(**known)
    row = place = None
    if claims.scope != 'system':
        row, place = _place(tx, claims)
        known['domain' if claims.scope == 'domain' else 'project'] = place
    roles = assignments.effective(tx, user.id, groups, claims.scope, row)
    if claims.application_credential_id:
        credential = _credential(tx, claims)
        lent = {role.id for role in assignments.implied(tx, list(credential.role_ids))}
        roles = [role for role in roles if role.id in lent]
        known['credential'] = credential
    if not roles:
        raise refusal()
    return Subject(**known, roles=tuple((role.id, role.name) for role in roles))


def _place(tx: db.Tx, claims: Claims) -> tuple[Any, Place]:
    row = tx.execute(_PLACE, {'place_id': claims.scope_id}).first()
    if row is None or not row.enabled or row.domain_enabled is False or (claims.scope == 'domain') > row.is_domain:
        raise refusal()
    if row.is_domain:
        return row, Place(row.id, row.name, is_domain=True)
    return row, Place(row.id, row.name, row.domain_id, row.domain_name)


def _credential(tx: db.Tx, claims: Claims) -> Any:
    row = tx.row(sa.select(ApplicationCredential).where(ApplicationCredential.id == claims.application_credential_id))
    if row is None:
        raise refusal()
    return row
