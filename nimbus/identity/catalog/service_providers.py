"""Service providers: other clouds where the users of this one may log in."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models_federation import ServiceProvider


def show(tx: db.Tx, service_provider_id: str) -> Any:
    """The service provider's row.  Raises NotFound."""
    return lists.one(tx, ServiceProvider, 'Service Provider', service_provider_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of service providers."""
    return lists.some(tx, ServiceProvider, [], page)


def enabled(tx: db.Tx) -> list[dict[str, str]]:
    """The service providers that every token shows."""
    query = sa.select(ServiceProvider).where(ServiceProvider.enabled.is_(True)).order_by(ServiceProvider.seq)
    return [{'auth_url': row.auth_url, 'id': row.id, 'sp_url': row.sp_url} for row in tx.rows(query)]


def create(tx: db.Tx, service_provider_id: str, values: dict[str, Any], prefix: str) -> None:
    """A new service provider exists, with the default relay state prefix unless another is given.

    Raises Conflict on a taken id.
    """
    lists.check_id('a service provider', service_provider_id)
    lists.add(
        tx,
        ServiceProvider,
        'Conflict occurred attempting to store service_provider - Duplicate entry found with ID '
        f'{service_provider_id}.',
        id=service_provider_id,
        enabled=values.get('enabled', False),
        description=values.get('description'),
        auth_url=values['auth_url'],
        sp_url=values['sp_url'],
        relay_state_prefix=_prefix(values, prefix),
    )
    revocations.refresh(tx, 'catalog')


def _prefix(values: dict[str, Any], default: str) -> str:
    given = values.get('relay_state_prefix')
    return default if given is None else given


def update(tx: db.Tx, service_provider_id: str, values: dict[str, Any], prefix: str) -> None:
    """The service provider has the values, and the default prefix where its own is set to null.  Raises NotFound."""
    show(tx, service_provider_id)
    if 'relay_state_prefix' in values:
        values = {**values, 'relay_state_prefix': _prefix(values, prefix)}
    tx.update(ServiceProvider, ServiceProvider.id == service_provider_id, **values)
    revocations.refresh(tx, 'catalog')


def delete(tx: db.Tx, service_provider_id: str) -> None:
    """The service provider is gone.  Raises NotFound."""
    show(tx, service_provider_id)
    tx.delete(ServiceProvider, ServiceProvider.id == service_provider_id)
    revocations.refresh(tx, 'catalog')
