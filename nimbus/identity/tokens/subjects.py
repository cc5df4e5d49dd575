"""The subject of a token: its user, scope and roles, from its claims and the current state of the database."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.models import AccessRule, ApplicationCredential, Project, User
from nimbus.identity.models_federation import IdentityProvider, Protocol
from nimbus.identity.models_oauth import AccessToken
from nimbus.identity.people import activity
from nimbus.identity.roles import assignments, delegation
from nimbus.identity.tokens.payload import Claims

# Built once: making a statement costs more than running it, and a login runs these every time.
_users, _places = User.__table__, Project.__table__
_home = _places.alias('home')
_OF_HOME = (_home.c.name.label('domain_name'), _home.c.enabled.label('domain_enabled'))
_JUDGED = ('enabled', 'options', 'last_active_at', 'created_at')  # by `activity`
_USER = (
    sa.select(*(_users.c[n] for n in ('id', 'name', 'domain_id', 'password_expires_at', *_JUDGED)), *_OF_HOME)
    .join_from(_users, _home, _home.c.id == _users.c.domain_id)
    .where(_users.c.id == sa.bindparam('user_id'))
)
_PLACE = (
    sa.select(*(_places.c[n] for n in ('id', 'name', 'domain_id', 'parent_id', 'is_domain', 'enabled')), *_OF_HOME)
    .join_from(_places, _home, _home.c.id == _places.c.domain_id, isouter=True)
    .where(_places.c.id == sa.bindparam('place_id'))
)
_lent = ApplicationCredential.__table__
_CREDENTIAL = db.Fixed(sa.select(_lent).where(_lent.c.id == sa.bindparam('id')))


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
    rules: tuple[Any, ...] | None = None  # the access rules of the credential: only such requests may be made
    trust: Any = None  # the trust's row
    behind: tuple[
        tuple[str, str], ...
    ] = ()  # further subjects a revocation may name: the trustors of a chain of trusts
    access_token: Any = None  # the row of the OAuth 1 access token
    until: datetime.datetime | None = None  # when a group membership that it may depend on ends: then it is read again

    @property
    def system(self) -> bool:
        """Whether the token is scoped to the system."""
        return self.claims.scope == 'system'

    def keys(self) -> list[tuple[str, str]]:
        """The subjects whose revocation invalidates this token."""
        claims = self.claims
        found = [
            ('audit', claims.audit_ids[0]),
            ('chain', claims.audit_ids[-1]),
            ('user', self.user_id),
            ('domain', self.user_domain_id),
            ('credential', claims.application_credential_id),
        ]
        if claims.identity_provider_id:
            found += [
                ('provider', claims.identity_provider_id),
                ('protocol', f'{claims.identity_provider_id}/{claims.protocol_id}'),
            ]
        for place in (self.project, self.domain):
            if place:
                kind = 'project' if place is self.project else 'domain'
                found += [(kind, place.id), ('domain', place.domain_id or place.id)]
        return [*found, *self.behind, *(('group', group_id) for group_id in self.group_ids)]


def refusal(why: str = '') -> errors.Unauthenticated:
    """The one answer to a caller who is not let in; the reason is for the operator's log alone."""
    return errors.Unauthenticated('The request you have made requires authentication.', inside=why)


def describe(
    tx: db.Tx, claims: Claims, enabled: activity.Judge = activity.is_set, now: datetime.datetime | None = None
) -> Subject:
    """The subject of the claims, with the groups of that moment; `enabled` decides which users are enabled.

    Raises Unauthenticated when its user or scope is deleted, disabled or without a role, Forbidden when a trust is no
    longer valid.
    """
    user = _user(tx, claims.user_id, enabled)
    if user is None:
        raise refusal(f'User {claims.user_id} or the domain of the user is gone or disabled.')
    if claims.trust_id:
        return _trusted(tx, claims, user, enabled, now)
    joined = assignments.memberships_of(tx, user.id, now)
    groups = list(dict.fromkeys((*joined, *claims.group_ids)))
    known = {'claims': claims, **_shown(user), 'group_ids': tuple(groups), 'until': _earliest(joined)}
    if claims.identity_provider_id:
        _check_provider(tx, claims)
    if claims.scope == 'unscoped':
        return Subject(**known)
    row = place = None
    if claims.scope != 'system':
        row, place = _place(tx, claims)
        known['domain' if claims.scope == 'domain' else 'project'] = place
    roles = assignments.effective(tx, user.id, groups, claims.scope, row)
    if claims.access_token_id:
        known['access_token'] = access = _access_token(tx, claims)
        known['behind'] = (('access_token', access.id), ('consumer', access.consumer_id))
        given = {role.id for role in assignments.implied(tx, access.role_ids)}
        roles = [role for role in roles if role.id in given]
    if claims.application_credential_id:
        credential = _credential(tx, claims)
        lent = {role.id for role in assignments.implied(tx, list(credential.role_ids))}
        roles = [role for role in roles if role.id in lent]
        known['credential'] = credential
        known['rules'] = _rules(tx, credential)
    if not roles:
        raise refusal(f'User {user.id} has no role on {claims.scope} {claims.scope_id or ""}'.rstrip() + '.')
    return Subject(**known, roles=tuple((role.id, role.name) for role in roles))


def _earliest(joined: dict[str, datetime.datetime | None]) -> datetime.datetime | None:
    return min((ends for ends in joined.values() if ends), default=None)


def _check_provider(tx: db.Tx, claims: Claims) -> None:
    """Raises Unauthenticated when the identity provider or protocol of a login is deleted or disabled."""
    query = (
        sa.select(IdentityProvider.enabled)
        .join(Protocol, Protocol.identity_provider_id == IdentityProvider.id)
        .where(IdentityProvider.id == claims.identity_provider_id, Protocol.id == claims.protocol_id)
    )
    if not tx.scalar(query):
        raise refusal(
            f'Identity provider {claims.identity_provider_id} or its protocol {claims.protocol_id} is gone or disabled.'
        )


def _user(tx: db.Tx, user_id: str, enabled: activity.Judge) -> Any:
    """The row of the user and of the user's domain, None when either is deleted or disabled."""
    user = tx.execute(_USER, {'user_id': user_id}).first()
    return user if user is not None and enabled(user) and user.domain_enabled else None


def _shown(user: Any) -> dict[str, Any]:
    return {
        'user_id': user.id,
        'user_name': user.name,
        'user_domain_id': user.domain_id,
        'user_domain_name': user.domain_name,
        'password_expires_at': user.password_expires_at,
    }


def _trusted(
    tx: db.Tx, claims: Claims, trustee: Any, enabled: activity.Judge, now: datetime.datetime | None
) -> Subject:
    """The subject of a trust-scoped token: its roles are those delegated that the first trustor still has."""
    chain = delegation.of(tx, claims.trust_id)
    if not chain:
        raise refusal(f'Trust {claims.trust_id} is gone or has expired.')
    trust, root = chain[0], chain[-1]
    if trust.trustee_user_id != trustee.id:
        raise errors.Forbidden('User is not a trustee.')
    lenders = {link.trustor_user_id: _user(tx, link.trustor_user_id, enabled) for link in chain}
    agents = {link.trustee_user_id: _user(tx, link.trustee_user_id, enabled) for link in chain}
    if None in lenders.values():
        raise errors.Forbidden('Trustor is disabled.')
    if None in agents.values():
        raise errors.Forbidden('One of the trust agents is disabled or deleted')
    people = lenders | agents
    joined = assignments.memberships_of(tx, root.trustor_user_id, now)
    groups = list(joined)
    known = {
        'claims': claims,
        **_shown(people[trust.trustor_user_id] if trust.impersonation else trustee),
        'trust': trust,
        'group_ids': tuple(groups),
        'until': _earliest(joined),
        'behind': (
            *(('trust', link.id) for link in chain),
            *(('user', user_id) for user_id in people),
            *(('domain', user.domain_id) for user in people.values()),
        ),
    }
    if claims.scope == 'unscoped':
        return Subject(**known)
    row, place = _place(tx, claims)
    lent = assignments.implied(tx, list(trust.role_ids))
    held = {role.id for role in assignments.effective(tx, root.trustor_user_id, groups, 'project', row)}
    if not lent or not {role.id for role in lent} <= held:
        raise errors.Forbidden('Trustee has no delegated roles.')
    return Subject(**known, project=place, roles=tuple((role.id, role.name) for role in lent))


def _place(tx: db.Tx, claims: Claims) -> tuple[Any, Place]:
    row = tx.execute(_PLACE, {'place_id': claims.scope_id}).first()
    if row is None or not row.enabled or row.domain_enabled is False or (claims.scope == 'domain') > row.is_domain:
        raise refusal(f'The {claims.scope} {claims.scope_id} or its domain is gone or disabled.')
    if row.is_domain:
        return row, Place(row.id, row.name, is_domain=True)
    return row, Place(row.id, row.name, row.domain_id, row.domain_name)


def _credential(tx: db.Tx, claims: Claims) -> Any:
    row = tx.row(_CREDENTIAL, {'id': claims.application_credential_id})
    if row is None:
        raise refusal(f'Application credential {claims.application_credential_id} is gone.')
    return row


def _access_token(tx: db.Tx, claims: Claims) -> Any:
    row = tx.row(sa.select(AccessToken).where(AccessToken.id == claims.access_token_id))
    if row is None or row.user_id != claims.user_id or claims.scope != 'project' or row.project_id != claims.scope_id:
        raise refusal(f'OAuth access token {claims.access_token_id} is gone, or for another user or project.')
    return row


def _rules(tx: db.Tx, credential: Any) -> tuple[Any, ...] | None:
    """The rows of the credential's access rules, None when it has none."""
    if not credential.access_rules:
        return None
    return tuple(tx.rows(sa.select(AccessRule).where(AccessRule.id.in_(credential.access_rules))))
