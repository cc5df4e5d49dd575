"""Address scopes: their rows; no part of an address range is twice in the pools of one."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, standard_attributes
from nimbus.network.models import AddressScope, Sharing, SubnetPool

KIND = 'address_scope'


def show(tx: db.Tx, ctx: Context, scope_id: str) -> Any:
    """The scope: the asker's own or one that is shared with their project.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, AddressScope, scope_id, seen=lambda: access.seen(ctx, AddressScope))
    if row is None:
        raise errors.NotFound(f'Address scope {scope_id} could not be found.', type='AddressScopeNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the scopes the asker may see."""
    scope = standard_attributes.scope(ctx, AddressScope, access.seen(ctx, AddressScope))
    return standard_attributes.lists(tx, AddressScope, scope, page, access.by_shared(ctx, AddressScope))


def create(
    tx: db.Tx, ctx: Context, *, project_id: str, name: str = '', ip_version: int = 4, shared: bool = False
) -> str:
    """A scope stands; returns its id."""
    stamp = standard_attributes.stamp(ctx, project_id)
    tx.insert(AddressScope, name=name, ip_version=ip_version, description='', **stamp)
    if shared:
        access.give(tx, KIND, show(tx, ctx, stamp['id']))
    return stamp['id']


def update(tx: db.Tx, ctx: Context, scope_id: str, *, shared: bool | None = None, **values: Any) -> None:
    """The scope has the values.  Raises NotFound, Invalid where it is shared and would be no more."""
    row = show(tx, ctx, scope_id)
    if shared is False and access.EVERYONE in access.projects(tx, scope_id, access.SHARED):
        raise errors.Invalid(
            f"Unable to update address scope {scope_id} : Shared address scope can't be unshared.",
            type='AddressScopeUpdateError',
        )
    standard_attributes.touch(tx, AddressScope, scope_id, **values)
    if shared:
        access.give(tx, KIND, row)


def delete(tx: db.Tx, ctx: Context, scope_id: str) -> None:
    """The scope is gone.  Raises NotFound, Conflict while a pool is in it."""
    show(tx, ctx, scope_id)
    # Whoever puts a pool into it meanwhile waits here, and then finds no scope.
    standard_attributes.touch(tx, AddressScope, scope_id)
    if tx.row(sa.select(SubnetPool.id).where(SubnetPool.address_scope_id == scope_id).limit(1)) is not None:
        raise errors.Conflict(
            f'Unable to complete operation on address scope {scope_id}. There are one or more subnet pools in use on '
            'the address scope.',
            type='AddressScopeInUse',
        )
    tx.delete(AddressScope, AddressScope.id == scope_id)
    access.take(tx, KIND, scope_id, Sharing.object_type == KIND)
