"""Federation protocols of identity providers, each with the mapping that its assertions are evaluated by."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists, revocations
from nimbus.identity.federation import federated_users, mappings, providers
from nimbus.identity.models_federation import IdentityProvider, Protocol


def _where(provider_id: str, protocol_id: str) -> tuple[Any, Any]:
    return Protocol.identity_provider_id == provider_id, Protocol.id == protocol_id


def show(tx: db.Tx, provider_id: str, protocol_id: str) -> Any:
    """The protocol's row.  Raises NotFound."""
    row = tx.row(sa.select(Protocol).where(*_where(provider_id, protocol_id)))
    if row is None:
        raise errors.NotFound(f'Could not find federated protocol {protocol_id} for Identity Provider: {provider_id}.')
    return row


def find(tx: db.Tx, provider_id: str) -> list[Any]:
    """The protocols of the identity provider; none where there is no such provider."""
    query = sa.select(Protocol).where(Protocol.identity_provider_id == provider_id).order_by(Protocol.seq)
    return list(tx.rows(query))


def create(tx: db.Tx, provider_id: str, protocol_id: str, values: dict[str, Any]) -> None:
    """The identity provider has one more protocol.  Raises NotFound, Invalid without the mapping, Conflict."""
    lists.check_id('a protocol', protocol_id)
    _check_mapping(tx, values['mapping_id'])
    providers.show(tx, provider_id)
    lists.add(
        tx,
        Protocol,
        f'Conflict occurred attempting to store federation_protocol - Duplicate entry found with ID {protocol_id}.',
        id=protocol_id,
        identity_provider_id=provider_id,
        mapping_id=values['mapping_id'],
        remote_id_attribute=values.get('remote_id_attribute'),
    )


def _check_mapping(tx: db.Tx, mapping_id: str) -> None:
    try:
        mappings.show(tx, mapping_id)
    except errors.NotFound as why:
        raise errors.Invalid(f'Invalid mapping id: {mapping_id}') from why


def update(tx: db.Tx, provider_id: str, protocol_id: str, values: dict[str, Any]) -> None:
    """The protocol has the values.  Raises NotFound, and Invalid without the mapping."""
    _check_mapping(tx, values['mapping_id'])
    show(tx, provider_id, protocol_id)
    tx.update(Protocol, *_where(provider_id, protocol_id), **values)


def delete(tx: db.Tx, provider_id: str, protocol_id: str) -> None:
    """The protocol and the users known by it only are deleted; tokens of its logins are revoked.  Raises NotFound."""
    show(tx, provider_id, protocol_id)
    federated_users.forget(tx, provider_id, protocol_id)
    tx.delete(Protocol, *_where(provider_id, protocol_id))
    revocations.revoke(tx, 'protocol', f'{provider_id}/{protocol_id}')


def called(tx: db.Tx, protocol_id: str) -> list[Any]:
    """The protocols with that id of all enabled identity providers."""
    query = (
        sa.select(Protocol)
        .join(IdentityProvider, IdentityProvider.id == Protocol.identity_provider_id)
        .where(Protocol.id == protocol_id, IdentityProvider.enabled.is_(True))
    )
    return list(tx.rows(query.order_by(Protocol.seq)))
