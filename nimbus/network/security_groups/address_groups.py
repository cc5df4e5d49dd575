"""Address groups: sets of ranges that rules of security groups name, and hosts filter by as they are now."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, generations, quotas, standard_attributes
from nimbus.network.models import AddressGroup, Rule

KIND = 'address_group'


def show(tx: db.Tx, ctx: Context, group_id: str) -> Any:
    """The group: the asker's own or one that is shared with their project.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, AddressGroup, group_id, seen=lambda: access.seen(ctx, AddressGroup))
    if row is None:
        raise errors.NotFound(f'Address group {group_id} could not be found.', type='AddressGroupNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the groups the asker may see."""
    scope = standard_attributes.scope(ctx, AddressGroup, access.seen(ctx, AddressGroup))
    return standard_attributes.lists(tx, AddressGroup, scope, page)


def create(
    tx: db.Tx, ctx: Context, *, project_id: str, addresses: Sequence[str] = (), name: str = '', description: str = ''
) -> str:
    """A group stands; returns its id.  Raises OverQuota."""
    stamp = standard_attributes.stamp(ctx, project_id)
    quotas.take(tx, stamp['project_id'], address_group=1)
    ranges = list(dict.fromkeys(addresses))
    tx.insert(AddressGroup, name=name, description=description, addresses=ranges, **stamp)
    return stamp['id']


def update(tx: db.Tx, ctx: Context, group_id: str, **values: Any) -> None:
    """The group has the values.  Raises NotFound."""
    show(tx, ctx, group_id)
    standard_attributes.touch(tx, AddressGroup, group_id, **values)


def add(tx: db.Tx, ctx: Context, group_id: str, addresses: Sequence[str]) -> None:
    """The group has these ranges too, and every host that filters by it is nudged.  Raises NotFound, Invalid."""
    row = _lock(tx, ctx, group_id)
    there = [one for one in addresses if one in row.addresses]
    if there:
        raise errors.Invalid(
            f'Addresses {there} already exist in the address group {group_id}.', type='AddressesAlreadyExist'
        )
    _put(tx, group_id, [*row.addresses, *addresses])


def remove(tx: db.Tx, ctx: Context, group_id: str, addresses: Sequence[str]) -> None:
    """The group has none of these ranges, and every host that filters by it is nudged.  Raises NotFound."""
    row = _lock(tx, ctx, group_id)
    absent = [one for one in addresses if one not in row.addresses]
    if absent:
        raise errors.NotFound(
            f'Addresses {absent} not found in the address group {group_id}.', type='AddressesNotFound'
        )
    _put(tx, group_id, [one for one in row.addresses if one not in addresses])


def _lock(tx: db.Tx, ctx: Context, group_id: str) -> Any:
    """The group, which nobody else changes before the transaction ends."""
    tx.update(AddressGroup, AddressGroup.id == group_id, name=AddressGroup.name)
    return show(tx, ctx, group_id)


def _put(tx: db.Tx, group_id: str, addresses: Sequence[str]) -> None:
    standard_attributes.touch(tx, AddressGroup, group_id, addresses=list(dict.fromkeys(addresses)))
    generations.bump(tx, generations.of_addressed(tx, group_id), (generations.MEMBERS, group_id))


def delete(tx: db.Tx, ctx: Context, group_id: str) -> None:
    """The group is gone.  Raises NotFound, Conflict while a rule names it."""
    row = _lock(tx, ctx, group_id)
    if tx.row(sa.select(Rule.id).where(Rule.remote_address_group_id == group_id).limit(1)) is not None:
        raise errors.Conflict(
            f'Address group {group_id} is in use on one or more security group rules.', type='AddressGroupInUse'
        )
    tx.delete(AddressGroup, AddressGroup.id == group_id)
    quotas.give_back(tx, row.project_id, address_group=1)
    access.take(tx, KIND, group_id)
