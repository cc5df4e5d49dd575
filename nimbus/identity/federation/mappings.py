"""Mappings: rules that map assertions to users, groups and projects."""

from typing import Any

from nimbus.common.database import db, listing
from nimbus.identity import lists
from nimbus.identity.federation import mapping_schemas, rules
from nimbus.identity.models_federation import FederationMapping


def show(tx: db.Tx, mapping_id: str) -> Any:
    """The mapping's row.  Raises NotFound."""
    return lists.one(tx, FederationMapping, 'mapping', mapping_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of mappings."""
    return lists.some(tx, FederationMapping, [], page)


def _checked(given: dict[str, Any], version: str) -> dict[str, Any]:
    values = mapping_schemas.checked(given, version)
    rules.check(values['rules'])
    return values


def create(tx: db.Tx, mapping_id: str, given: dict[str, Any], version: str = mapping_schemas.OLDEST) -> None:
    """A new mapping exists, of the given schema version where it sets none itself.

    Raises Conflict on a taken id, Invalid on rules that are not valid.
    """
    lists.check_id('a mapping', mapping_id)
    values = _checked(given, version)
    taken = f'Conflict occurred attempting to store mapping - Duplicate entry found with ID {mapping_id}.'
    lists.add(tx, FederationMapping, taken, id=mapping_id, **values)


def update(tx: db.Tx, mapping_id: str, given: dict[str, Any], version: str = mapping_schemas.OLDEST) -> None:
    """The mapping has these rules; tokens of earlier logins stay valid.  Raises NotFound and Invalid."""
    values = _checked(given, version)
    show(tx, mapping_id)
    tx.update(FederationMapping, FederationMapping.id == mapping_id, **values)


def delete(tx: db.Tx, mapping_id: str) -> None:
    """The mapping is deleted, and logins by a protocol that names it are refused.  Raises NotFound."""
    show(tx, mapping_id)
    tx.delete(FederationMapping, FederationMapping.id == mapping_id)
