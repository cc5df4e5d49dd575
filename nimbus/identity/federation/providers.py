"""Identity providers: external services whose assertions are trusted for federated logins."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.federation import federated_users
from nimbus.identity.models import Project
from nimbus.identity.models_federation import IdentityProvider, Protocol, RemoteId
from nimbus.identity.people import projects


def show(tx: db.Tx, provider_id: str) -> Any:
    """The identity provider's row.  Raises NotFound."""
    return lists.one(tx, IdentityProvider, 'Identity Provider', provider_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of identity providers."""
    return lists.some(tx, IdentityProvider, [], page)


def remote_ids_of(tx: db.Tx, provider_ids: Iterable[str]) -> dict[str, list[str]]:
    """The remote ids of each of the identity providers, in their order."""
    found: dict[str, list[str]] = {provider_id: [] for provider_id in provider_ids}
    query = sa.select(RemoteId.identity_provider_id, RemoteId.remote_id).order_by(RemoteId.remote_id)
    for row in tx.rows(query.where(RemoteId.identity_provider_id.in_(found))):
        found[row.identity_provider_id].append(row.remote_id)
    return found


def create(tx: db.Tx, provider_id: str, values: dict[str, Any]) -> None:
    """A new identity provider exists, with a new domain of its own unless one is given.

    Raises Conflict on a taken id or remote id, NotFound on no such domain, Invalid on an id that is too long.
    """
    lists.check_id('an identity provider', provider_id)
    domain_id = values.get('domain_id')
    if domain_id:
        _check_domain(tx, domain_id)
    else:
        domain_id = _make_domain(tx, provider_id)
    lists.add(
        tx,
        IdentityProvider,
        _taken(f'Duplicate entry: {provider_id}'),
        id=provider_id,
        domain_id=domain_id,
        enabled=values.get('enabled', False),
        description=values.get('description'),
        authorization_ttl=values.get('authorization_ttl'),
    )
    _set_remote_ids(tx, provider_id, values.get('remote_ids') or [])


def _check_domain(tx: db.Tx, domain_id: str) -> None:
    if not tx.scalar(sa.select(Project.is_domain).where(Project.id == domain_id)):
        raise errors.NotFound(f'Could not find domain: {domain_id}.')


def _make_domain(tx: db.Tx, provider_id: str) -> str:
    domain_id = ids.plain()
    description = f'Auto generated federated domain for Identity Provider: {provider_id}'
    return projects.create(tx, {'id': domain_id, 'name': domain_id, 'description': description, 'is_domain': True}, {})


def _taken(detail: str) -> str:
    return f'Conflict occurred attempting to store identity_provider - {detail}.'


def _set_remote_ids(tx: db.Tx, provider_id: str, remote_ids: list[str]) -> None:
    tx.delete(RemoteId, RemoteId.identity_provider_id == provider_id)
    for remote_id in remote_ids:
        taken = _taken(f'Duplicate remote ID: {remote_id}')
        lists.add(tx, RemoteId, taken, identity_provider_id=provider_id, remote_id=remote_id)


def update(tx: db.Tx, provider_id: str, values: dict[str, Any]) -> None:
    """The identity provider has the values; disabling it revokes its tokens.  Raises NotFound and Conflict."""
    show(tx, provider_id)
    changes = {name: values[name] for name in ('enabled', 'description', 'authorization_ttl') if name in values}
    lists.change(tx, IdentityProvider, '', provider_id, **changes)
    if 'remote_ids' in values:
        _set_remote_ids(tx, provider_id, values['remote_ids'] or [])
    if values.get('enabled') is False:
        revocations.revoke(tx, 'provider', provider_id)
    if 'authorization_ttl' in values:
        revocations.refresh(tx, 'all')  # many users may have group memberships by it


def delete(tx: db.Tx, provider_id: str) -> None:
    """The identity provider, its protocols and the users known by it only are deleted.  Raises NotFound."""
    show(tx, provider_id)
    forget(tx, provider_id)


def forget(tx: db.Tx, provider_id: str) -> None:
    """Every row of the identity provider is deleted."""
    federated_users.forget(tx, provider_id)
    tx.delete(Protocol, Protocol.identity_provider_id == provider_id)
    tx.delete(RemoteId, RemoteId.identity_provider_id == provider_id)
    tx.delete(IdentityProvider, IdentityProvider.id == provider_id)
    revocations.revoke(tx, 'provider', provider_id)


def forget_domain(tx: db.Tx, domain_id: str) -> None:
    """Every row of the identity providers whose users are in the domain is deleted."""
    for provider_id in tx.column(sa.select(IdentityProvider.id).where(IdentityProvider.domain_id == domain_id)):
        forget(tx, provider_id)
