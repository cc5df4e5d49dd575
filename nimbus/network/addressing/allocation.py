"""Find a new subnet its range: the one that is asked for, or a free one of a pool."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network.addressing import prefixes, subnet_pools
from nimbus.network.models import Subnet, SubnetPool

UNIT = {4: 32, 6: 64}  # the length of the prefixes that a pool's quota counts


def place(tx: db.Tx, ctx: Context, network: Any, values: dict[str, Any], project_id: str) -> dict[str, Any]:
    """The values of a new subnet with its range, out of the pool that they name where they name one.

    Raises Invalid, NotFound, OverQuota.
    """
    values = dict(values)
    prefixlen, use_default = values.pop('prefixlen', None), values.pop('use_default_subnetpool', False)
    if values.get('cidr') and prefixlen is not None:
        raise bad('cidr and prefixlen must not be supplied together')
    pool_id = _pool_id(tx, ctx, values, use_default)
    if not pool_id and not values.get('cidr'):
        raise bad('a subnetpool must be specified in the absence of a cidr')
    if pool_id and not values.get('cidr') and values.get('allocation_pools') is not None:
        raise bad('allocation_pools allowed only for specific subnet requests.')
    pool = subnet_pools.lock(tx, ctx, pool_id) if pool_id else None
    if pool is not None:
        if pool.ip_version != values['ip_version']:
            raise bad(f'Cannot allocate IPv{values["ip_version"]} subnet from IPv{pool.ip_version} subnet pool')
        values['cidr'] = _allocate(tx, pool, values, prefixlen, project_id)
    values['subnetpool_id'] = pool_id
    _check_network(tx, network, pool, values['ip_version'])
    return values


def bad(why: str) -> errors.Invalid:
    """Neutron's answer to a subnet's values that do not go together."""
    return errors.Invalid(f'Bad subnets request: {why.rstrip(".")}.', type='BadRequest')


def _pool_id(tx: db.Tx, ctx: Context, values: dict[str, Any], use_default: bool) -> str | None:
    named: str | None = values.pop('subnetpool_id', None)
    if not use_default:
        return named
    if named:
        raise bad('subnetpool_id and use_default_subnetpool cannot both be specified')
    cidr = values.get('cidr')
    version = ipaddress.ip_network(cidr, strict=False).version if cidr else values['ip_version']
    pool = subnet_pools.default(tx, ctx, version)
    if pool is None:
        raise bad(f'No default subnetpool found for IPv{version}')
    found: str = pool.id
    return found


def _allocate(tx: db.Tx, pool: Any, values: dict[str, Any], prefixlen: int | None, project_id: str) -> str:
    """A range of the pool, which no subnet of it has.  Raises Invalid where there is none so, OverQuota."""
    wanted = None
    length = pool.default_prefixlen if prefixlen is None else prefixlen
    if values.get('cidr'):
        wanted = ipaddress.ip_network(values['cidr'], strict=False)
        length = wanted.prefixlen
    _check_length(pool, length)
    if wanted is None and values.get('gateway_ip'):
        wanted = ipaddress.ip_network(f'{values["gateway_ip"]}/{length}', strict=False)
    there = subnet_pools.allocated(tx, pool.id)
    _check_quota(pool, there, length, project_id)
    free = prefixes.without(prefixes.nets(pool.prefixes), prefixes.nets(subnet.cidr for subnet in there))
    for net in prefixes.smallest_first(free):
        if wanted is None and net.prefixlen <= length:
            return str(next(net.subnets(new_prefix=length)))
        if wanted is not None and net.version == wanted.version and wanted.subnet_of(net):
            return str(wanted)
    why = (
        f'Insufficient prefix space to allocate subnet size /{length}'
        if wanted is None
        else 'Cannot allocate requested subnet from the available set of prefixes'
    )
    raise errors.Invalid(f'Failed to allocate subnet: {why}.', type='SubnetAllocationError')


def _check_length(pool: Any, length: int) -> None:
    for wrong, word, name, bound in (
        (length > pool.max_prefixlen, 'maximum', 'Max', pool.max_prefixlen),
        (length < pool.min_prefixlen, 'minimum', 'Min', pool.min_prefixlen),
    ):
        if wrong:
            raise errors.Invalid(
                f'Unable to allocate subnet with prefix length {length}, {word} allowed prefix is {bound}.',
                type=f'{name}PrefixSubnetAllocationError',
            )


def _check_quota(pool: Any, there: list[Any], length: int, project_id: str) -> None:
    """Nothing, when the project may have so much more of the pool.  Raises OverQuota."""
    if not pool.default_quota:
        return
    unit = UNIT[pool.ip_version]
    mine = [ipaddress.ip_network(subnet.cidr).prefixlen for subnet in there if subnet.project_id == project_id]
    if sum(2.0 ** (unit - one) for one in [*mine, length]) > pool.default_quota:
        raise errors.OverQuota(
            'Per-project subnet pool prefix quota exceeded.', type='SubnetPoolQuotaExceeded', status=409
        )


def _check_network(tx: db.Tx, network: Any, pool: Any, ip_version: int) -> None:
    """Nothing, when the network's other subnets of the version are of the same pool or scope.  Raises Invalid."""
    there = (
        sa.select(Subnet.subnetpool_id, SubnetPool.address_scope_id)
        .outerjoin(SubnetPool, SubnetPool.id == Subnet.subnetpool_id)
        .where(Subnet.network_id == network.id, Subnet.ip_version == ip_version)
    )
    rows = tx.rows(there)
    scope = next((row.address_scope_id for row in rows if row.address_scope_id), None)
    if scope and pool is not None and pool.address_scope_id != scope:
        raise subnet_pools.scope_affinity()
    mine = pool.id if pool is not None else None
    if (not scope or pool is None) and any(row.subnetpool_id != mine for row in rows):
        raise errors.Invalid(
            'Subnets hosted on the same network must be allocated from the same subnet pool.',
            type='NetworkSubnetPoolAffinityError',
        )


SCOPES = db.Gathering(
    sa.select(Subnet.network_id, SubnetPool.ip_version, SubnetPool.address_scope_id)
    .join(SubnetPool, SubnetPool.id == Subnet.subnetpool_id)
    .where(SubnetPool.address_scope_id.is_not(None)),
    Subnet.network_id,
)


def scopes_of(tx: db.Tx, network_ids: Sequence[str]) -> dict[tuple[str, int], str]:
    """The address scope that each network is in, by the network and the IP version."""
    return {(row[0], row[1]): row[2] for row in SCOPES.rows(tx, network_ids)}
