"""Subnet pools: their rows, and the checks of their ranges, bounds and address scopes."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, quotas, standard_attributes
from nimbus.network.addressing import address_scopes, prefixes
from nimbus.network.models import AddressScope, Sharing, Subnet, SubnetPool

KIND = 'subnetpool'
SMALLEST = {4: 8, 6: 64}  # the shortest prefix that a subnet of a pool may have where the pool does not say
BITS = {4: 32, 6: 128}
BOUNDS = ('min_prefixlen', 'max_prefixlen', 'default_prefixlen')


def show(tx: db.Tx, ctx: Context, pool_id: str) -> Any:
    """The pool: the asker's own or one that is shared with their project.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, SubnetPool, pool_id, seen=lambda: access.seen(ctx, SubnetPool))
    if row is None:
        raise errors.NotFound(f'Subnet pool {pool_id} could not be found.', type='SubnetPoolNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the pools the asker may see."""
    scope = standard_attributes.scope(ctx, SubnetPool, access.seen(ctx, SubnetPool))
    return standard_attributes.lists(tx, SubnetPool, scope, page, access.by_shared(ctx, SubnetPool))


def default(tx: db.Tx, ctx: Context, ip_version: int) -> Any:
    """The pool that stands for all of that IP version where none is named; None where the asker sees none."""
    query = sa.select(SubnetPool).where(SubnetPool.is_default.is_(True), SubnetPool.ip_version == ip_version)
    seen = standard_attributes.scope(ctx, SubnetPool, access.seen(ctx, SubnetPool))
    return tx.row(query.where(*seen).order_by(SubnetPool.seq).limit(1))


def lock(tx: db.Tx, ctx: Context, pool_id: str) -> Any:
    """The pool, which nobody else changes or allocates from before the transaction ends.  Raises NotFound."""
    tx.update(SubnetPool, SubnetPool.id == pool_id, ip_version=SubnetPool.ip_version)
    return show(tx, ctx, pool_id)


def allocated(tx: db.Tx, pool_id: str) -> list[Any]:
    """The subnets that were allocated from the pool."""
    return list(tx.rows(sa.select(Subnet).where(Subnet.subnetpool_id == pool_id).order_by(Subnet.seq)))


def create(tx: db.Tx, ctx: Context, *, project_id: str, shared: bool = False, **values: Any) -> str:
    """A pool stands; returns its id.  Raises Invalid, Conflict, NotFound for its scope."""
    version = _version(values['prefixes'])
    stamp = standard_attributes.stamp(ctx, project_id)
    bounds = {'min_prefixlen': SMALLEST[version], 'max_prefixlen': BITS[version]}
    values = {**bounds, **{name: value for name, value in values.items() if value is not None}, 'ip_version': version}
    values.setdefault('default_prefixlen', values['min_prefixlen'])
    values['prefixes'] = _texts(prefixes.joined(prefixes.nets(values['prefixes'])))
    _check_bounds(values)
    if values.get('is_default'):
        _refuse_second_default(tx, version)
    given = {'description': '', 'is_default': False, 'address_scope_id': None, 'default_quota': None, **values}
    if given['address_scope_id']:
        _check_scope(tx, ctx, stamp['id'], given)
    quotas.take(tx, stamp['project_id'], subnetpool=1)
    tx.insert(SubnetPool, **given, **stamp)
    if shared:
        access.give(tx, KIND, show(tx, ctx, stamp['id']))
    return stamp['id']


def _texts(nets: Sequence[Any]) -> list[str]:
    return [str(net) for net in nets]


def _version(texts: Sequence[str]) -> int:
    """The IP version of all the ranges.  Raises Invalid where there is none, or more than one."""
    versions = {ipaddress.ip_network(text, strict=False).version for text in texts}
    if not versions:
        raise errors.Invalid('Empty subnet pool prefix list.', type='EmptySubnetPoolPrefixList')
    if len(versions) > 1:
        raise errors.Invalid('Cannot mix IPv4 and IPv6 prefixes in a subnet pool.', type='PrefixVersionMismatch')
    return versions.pop()


def _check_bounds(values: dict[str, Any]) -> None:
    """Nothing, when the shortest, the usual and the longest prefix are in that order.  Raises Invalid."""
    least, most, usual = (values[name] for name in BOUNDS)
    for above, name, base_name, base in (
        (least > most, 'min_prefixlen', 'max_prefixlen', most),
        (most > BITS[values['ip_version']], 'max_prefixlen', 'ip_version_max', BITS[values['ip_version']]),
        (usual < least, 'default_prefixlen', 'min_prefixlen', least),
        (usual > most, 'default_prefixlen', 'max_prefixlen', most),
    ):
        if above:
            raise errors.Invalid(
                f'Illegal prefix bounds: {name}={values[name]}, {base_name}={base}.',
                type='IllegalSubnetPoolPrefixBounds',
            )


def _refuse_second_default(tx: db.Tx, ip_version: int) -> None:
    there = sa.select(SubnetPool.id).where(SubnetPool.is_default.is_(True), SubnetPool.ip_version == ip_version)
    if tx.row(there.limit(1)) is not None:
        raise errors.Invalid(
            'Invalid input for operation: A default subnetpool for this IP family has already been set. Only one '
            'default may exist per IP family.',
            type='InvalidInput',
        )


def _check_scope(tx: db.Tx, ctx: Context, pool_id: str, values: dict[str, Any]) -> None:
    """Nothing, when the pool may be in its scope.  Raises NotFound, Invalid, Conflict."""
    scope = address_scopes.show(tx, ctx, values['address_scope_id'])
    # Whoever puts another pool into the scope meanwhile waits here.
    tx.update(AddressScope, AddressScope.id == scope.id, ip_version=scope.ip_version)
    if scope.ip_version != values['ip_version']:
        raise errors.Invalid(
            f'Illegal subnetpool association: subnetpool {pool_id} cannot associate with address scope {scope.id} '
            f'because subnetpool ip_version is not {scope.ip_version}.',
            type='IllegalSubnetPoolIpVersionAssociationToAddressScope',
        )
    _check_affinity(tx, pool_id, values['ip_version'])
    others = sa.select(SubnetPool.prefixes).where(SubnetPool.address_scope_id == scope.id, SubnetPool.id != pool_id)
    mine = prefixes.nets(values['prefixes'])
    if any(prefixes.meet(mine, prefixes.nets(texts)) for texts in tx.column(others)):
        raise errors.Conflict(
            'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.',
            type='AddressScopePrefixConflict',
        )


def _check_affinity(tx: db.Tx, pool_id: str, ip_version: int) -> None:
    """Nothing, when the networks of the pool's subnets have none of another.  Raises Invalid."""
    networks = sa.select(Subnet.network_id).where(Subnet.subnetpool_id == pool_id)
    strange = sa.or_(Subnet.subnetpool_id.is_(None), Subnet.subnetpool_id != pool_id)
    query = sa.select(Subnet.id).where(Subnet.network_id.in_(networks), Subnet.ip_version == ip_version, strange)
    if tx.row(query.limit(1)) is not None:
        raise scope_affinity()


def scope_affinity() -> errors.Invalid:
    """Neutron's answer where a network would be in two address scopes of one IP version."""
    return errors.Invalid(
        'Subnets of the same address family hosted on the same network must all participate in the same address scope.',
        type='NetworkAddressScopeAffinityError',
    )


def update(tx: db.Tx, ctx: Context, pool_id: str, **values: Any) -> None:
    """The pool has the values.  Raises NotFound, Invalid, Conflict."""
    row = lock(tx, ctx, pool_id)
    merged = {**row._mapping, **values}
    if 'prefixes' in values:
        _version([*row.prefixes, *values['prefixes']] if values['prefixes'] else [])
        new = prefixes.nets(values['prefixes'])
        if not prefixes.within(prefixes.nets(row.prefixes), new):
            raise illegal_prefixes('Existing prefixes must be a subset of the new prefixes')
        values['prefixes'] = merged['prefixes'] = _texts(prefixes.joined(new))
    for name in BOUNDS:
        if name in values and values[name] is None:
            values[name] = merged[name] = getattr(row, name)
    _check_bounds(merged)
    if values.get('is_default') and not row.is_default:
        _refuse_second_default(tx, row.ip_version)
    if row.address_scope_id:
        _refuse_in_anothers(tx, ctx, row)
    if merged['address_scope_id']:
        _check_scope(tx, ctx, pool_id, merged)
    standard_attributes.touch(tx, SubnetPool, pool_id, **values)


def _refuse_in_anothers(tx: db.Tx, ctx: Context, row: Any) -> None:
    scope = address_scopes.show(tx, ctx, row.address_scope_id)
    if scope.project_id != ctx.project_id and not ctx.is_admin:
        raise illegal(
            f'subnetpool {row.id} cannot be updated when associated with shared address scope {row.address_scope_id}'
        )


def illegal(why: str) -> errors.Invalid:
    """Neutron's answer to a change that a pool's subnets or scope do not let be."""
    return errors.Invalid(f'Illegal subnetpool update : {why}.', type='IllegalSubnetPoolUpdate')


def illegal_prefixes(why: str) -> errors.Invalid:
    """The same of its ranges."""
    return errors.Invalid(f'Illegal update to prefixes: {why}.', type='IllegalSubnetPoolPrefixUpdate')


def delete(tx: db.Tx, ctx: Context, pool_id: str) -> None:
    """The pool is gone.  Raises NotFound, Invalid while a subnet was allocated from it."""
    row = lock(tx, ctx, pool_id)
    if allocated(tx, pool_id):
        raise errors.Invalid(
            'Unable to delete subnet pool: Subnet pool has existing allocations.', type='SubnetPoolDeleteError'
        )
    tx.delete(SubnetPool, SubnetPool.id == pool_id)
    standard_attributes.forget_tags(tx, pool_id)
    quotas.give_back(tx, row.project_id, subnetpool=1)
    access.take(tx, KIND, pool_id, Sharing.object_type == KIND)


# Changes of its ranges


def add_prefixes(tx: db.Tx, ctx: Context, pool_id: str, texts: Sequence[str]) -> list[str]:
    """The pool has these ranges too; returns all that it has.  Raises NotFound, Invalid, Conflict."""
    row = lock(tx, ctx, pool_id)
    update(tx, ctx, pool_id, prefixes=[*row.prefixes, *texts])
    return list(show(tx, ctx, pool_id).prefixes)


def remove_prefixes(tx: db.Tx, ctx: Context, pool_id: str, texts: Sequence[str]) -> list[str]:
    """The pool has none of these addresses; returns the ranges it has.  Raises NotFound, Invalid on one in use."""
    row = lock(tx, ctx, pool_id)
    gone = [net for net in prefixes.nets(texts) if net.version == row.ip_version]
    if prefixes.meet(gone, prefixes.nets(subnet.cidr for subnet in allocated(tx, pool_id))):
        raise illegal_prefixes('One or more the prefixes to be removed is in use by a subnet.')
    left = _texts(prefixes.without(prefixes.nets(row.prefixes), gone))
    standard_attributes.touch(tx, SubnetPool, pool_id, prefixes=left)
    return left


def onboard(tx: db.Tx, ctx: Context, pool_id: str, network: Any) -> list[dict[str, str]]:
    """The network's subnets of the pool's IP version are the pool's, as if they had been allocated from it.

    Raises NotFound, Forbidden for another project's network, Invalid where a range is allocated already, Conflict.
    """
    if network.project_id != ctx.project_id and not ctx.is_admin:
        raise errors.Forbidden('Not authorized.', type='NotAuthorized')
    row = lock(tx, ctx, pool_id)
    query = sa.select(Subnet).where(Subnet.network_id == network.id, Subnet.ip_version == row.ip_version)
    subnets = tx.rows(query.order_by(Subnet.seq))
    taken = prefixes.nets(subnet.cidr for subnet in allocated(tx, pool_id))
    for subnet in subnets:
        if prefixes.meet(prefixes.nets([subnet.cidr]), taken):
            raise illegal(
                f'Onboarding subnet {subnet.id}: {subnet.cidr} conflicts with allocated prefixes in subnet pool '
                f'{pool_id}'
            )
    update(tx, ctx, pool_id, prefixes=[*row.prefixes, *(subnet.cidr for subnet in subnets)])
    for subnet in subnets:
        standard_attributes.touch(tx, Subnet, subnet.id, subnetpool_id=pool_id)
    return [{'id': subnet.id, 'cidr': subnet.cidr} for subnet in subnets]
