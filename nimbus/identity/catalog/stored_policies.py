"""Stored policy documents, and their associations with endpoints, services and regions."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists
from nimbus.identity.catalog import catalog
from nimbus.identity.models import Endpoint, Policy, Region
from nimbus.identity.models import PolicyAssociation as Link

Target = dict[str, str]  # endpoint_id, or service_id, or service_id and region_id


def show(tx: db.Tx, policy_id: str) -> Any:
    """The policy's row.  Raises NotFound."""
    return lists.one(tx, Policy, 'policy', policy_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of policies."""
    return lists.some(tx, Policy, [], page)


def create(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new policy exists; returns its id."""
    policy_id = ids.plain()
    tx.insert(Policy, id=policy_id, type=values['type'], blob=values['blob'], extra=extra)
    return policy_id


def update(tx: db.Tx, policy_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The policy has the values.  Raises NotFound."""
    row = show(tx, policy_id)
    tx.update(Policy, Policy.id == policy_id, **values, extra={**row.extra, **extra})


def delete(tx: db.Tx, policy_id: str) -> None:
    """The policy and its associations are deleted.  Raises NotFound."""
    show(tx, policy_id)
    tx.delete(Link, Link.policy_id == policy_id)
    tx.delete(Policy, Policy.id == policy_id)


def _check(tx: db.Tx, policy_id: str, target: Target) -> dict[str, str]:
    """The target as columns of a row.  Raises NotFound when the policy or a part of the target does not exist."""
    show(tx, policy_id)
    for noun in ('endpoint', 'service', 'region'):
        if f'{noun}_id' in target:
            catalog.show(tx, noun, target[f'{noun}_id'])
    return {name: target.get(name, '') for name in ('endpoint_id', 'service_id', 'region_id')}


def associate(tx: db.Tx, policy_id: str, target: Target) -> None:
    """The policy, and no other, is associated with the target.  Raises NotFound."""
    where = _check(tx, policy_id, target)
    if not tx.update(Link, *(getattr(Link, name) == value for name, value in where.items()), policy_id=policy_id):
        lists.add_once(tx, Link, policy_id=policy_id, **where)


def check(tx: db.Tx, policy_id: str, target: Target) -> None:
    """Nothing, when the policy is associated with the target.  Raises NotFound."""
    if _policy_of(tx, _check(tx, policy_id, target)) != policy_id:
        raise errors.NotFound('Could not find policy association.')


def dissociate(tx: db.Tx, policy_id: str, target: Target) -> None:
    """The policy is not associated with the target any more.  Raises NotFound."""
    where = _check(tx, policy_id, target)
    tx.delete(Link, Link.policy_id == policy_id, *(getattr(Link, name) == value for name, value in where.items()))


def _policy_of(tx: db.Tx, where: dict[str, str]) -> str | None:
    query = sa.select(Link.policy_id).where(*(getattr(Link, name) == value for name, value in where.items()))
    return tx.scalar(query)


def of_endpoint(tx: db.Tx, endpoint_id: str) -> Any:
    """The policy of the endpoint: its own, else that of its service in the nearest region above, else the service's.

    Raises NotFound.
    """
    row = catalog.show(tx, 'endpoint', endpoint_id)
    found = _policy_of(tx, {'endpoint_id': endpoint_id, 'service_id': '', 'region_id': ''})
    region_id = row.region_id
    while found is None and region_id:
        found = _policy_of(tx, {'endpoint_id': '', 'service_id': row.service_id, 'region_id': region_id})
        region_id = tx.scalar(sa.select(Region.parent_region_id).where(Region.id == region_id))
    if found is None:
        found = _policy_of(tx, {'endpoint_id': '', 'service_id': row.service_id, 'region_id': ''})
    if found is None:
        raise errors.NotFound(f'No policy is associated with endpoint {endpoint_id}.')
    return show(tx, found)


def endpoints_of(tx: db.Tx, policy_id: str) -> list[Any]:
    """The endpoints that the policy's associations cover, even if another policy takes precedence.  Raises NotFound."""
    show(tx, policy_id)
    where = []
    for link in tx.rows(sa.select(Link).where(Link.policy_id == policy_id)):
        if link.endpoint_id:
            where.append(Endpoint.id == link.endpoint_id)
        elif link.region_id:
            regions = catalog.regions_below(tx, link.region_id)
            where.append(sa.and_(Endpoint.service_id == link.service_id, Endpoint.region_id.in_(regions)))
        else:
            where.append(Endpoint.service_id == link.service_id)
    if not where:
        return []
    return list(tx.rows(sa.select(Endpoint).where(sa.or_(*where)).order_by(Endpoint.seq)))
