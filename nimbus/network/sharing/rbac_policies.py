"""RBAC policies: each shares one noun with a project or with every one, and stays while that project needs it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, holders, quotas, standard_attributes
from nimbus.network.access import EVERYONE, EXTERNAL, SHARED
from nimbus.network.models import (
    AddressGroup,
    AddressScope,
    Group,
    Member,
    Network,
    Port,
    Router,
    Rule,
    Sharing,
    Subnet,
    SubnetPool,
)
from nimbus.network.models_traffic import QosPolicy
from nimbus.network.qos import policies

Projects = Callable[[db.Tx, str], set[str]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of noun that can be shared: its table, and the projects that use one in each way it may be shared."""

    model: Any
    users: dict[str, Projects]


def _on_network(tx: db.Tx, network_id: str) -> set[str]:
    return set(tx.column(sa.select(Port.project_id).where(Port.network_id == network_id).distinct()))


def _led_out(tx: db.Tx, network_id: str) -> set[str]:
    routers = sa.select(Port.holder_id).where(Port.network_id == network_id, Port.holder == holders.GATEWAY)
    return set(tx.column(sa.select(Router.project_id).where(Router.id.in_(routers)).distinct()))


def _in_group(tx: db.Tx, group_id: str) -> set[str]:
    query = sa.select(Port.project_id).join(Member, Member.port_id == Port.id).where(Member.group_id == group_id)
    return set(tx.column(query.distinct()))


def _named(tx: db.Tx, group_id: str) -> set[str]:
    return set(tx.column(sa.select(Rule.project_id).where(Rule.remote_address_group_id == group_id).distinct()))


def _in_pool(tx: db.Tx, pool_id: str) -> set[str]:
    return set(tx.column(sa.select(Subnet.project_id).where(Subnet.subnetpool_id == pool_id).distinct()))


def _in_scope(tx: db.Tx, scope_id: str) -> set[str]:
    return set(tx.column(sa.select(SubnetPool.project_id).where(SubnetPool.address_scope_id == scope_id).distinct()))


KINDS = {
    'qos_policy': Kind(QosPolicy, {SHARED: policies.users}),
    'network': Kind(Network, {SHARED: _on_network, EXTERNAL: _led_out}),
    'security_group': Kind(Group, {SHARED: _in_group}),
    'address_group': Kind(AddressGroup, {SHARED: _named}),
    'subnetpool': Kind(SubnetPool, {SHARED: _in_pool}),
    'address_scope': Kind(AddressScope, {SHARED: _in_scope}),
}


def show(tx: db.Tx, ctx: Context, policy_id: str) -> Any:
    """The policy.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Sharing, policy_id)
    if row is None:
        raise errors.NotFound(f'RBAC policy of type unknown with ID {policy_id} not found', type='RbacPolicyNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the policies the asker may see."""
    return standard_attributes.lists(tx, Sharing, standard_attributes.scope(ctx, Sharing), page)


def create(
    tx: db.Tx, ctx: Context, *, project_id: str, object_type: str, object_id: str, action: str, target_project: str
) -> str:
    """The noun is shared; returns the policy's id.

    Raises Invalid on an action that the kind does not have and on what is not the asker's, Conflict where it is
    shared so already, OverQuota.
    """
    kind = KINDS[object_type]
    if action not in kind.users:
        raise errors.Invalid(
            f"Invalid action '{action}' for object type '{object_type}'. Valid actions: {', '.join(kind.users)}",
            type='InvalidActionForType',
        )
    noun = _own(tx, ctx, object_type, object_id)
    if object_type == 'subnetpool' and noun.address_scope_id:
        _refuse_scopeless(tx, noun, target_project)
    quotas.take(tx, project_id, rbac_policy=1)
    try:
        with tx.trial():
            made = access.insert(tx, object_type, object_id, action, target_project, project_id)
    except sa.exc.IntegrityError:
        raise _twice() from None
    standard_attributes.touch(tx, kind.model, object_id)
    return made


def _own(tx: db.Tx, ctx: Context, object_type: str, object_id: str) -> Any:
    """The noun, of which the asker may say who uses it.  Raises Invalid where it is not theirs."""
    kind = KINDS[object_type]
    seen = access.seen(ctx, kind.model, *kind.users)
    row = standard_attributes.find(tx, ctx, kind.model, object_id, seen=seen)
    if row is None:
        raise _refused(f'{object_type.replace("_", " ").capitalize()} {object_id} could not be found.')
    if row.project_id != ctx.project_id and not ctx.is_admin:
        raise _refused('Only admins can manipulate policies on objects they do not own.')
    return row


def _refused(why: str) -> errors.Invalid:
    return errors.Invalid(f'Invalid input for operation: {why}', type='InvalidInput')


def _refuse_scopeless(tx: db.Tx, pool: Any, target_project: str) -> None:
    """Nothing, when the target may use the pool's address scope too.  Raises Invalid."""
    if not {EVERYONE, target_project} & access.projects(tx, pool.address_scope_id, SHARED):
        raise _refused(
            f"Failed to create RBAC policy on object {pool.id} because target project doesn't have access to "
            'associated address scope.'
        )


def _twice() -> errors.Conflict:
    return errors.Conflict('An RBAC policy already exists with those values.', type='DuplicateRbacPolicy')


def update(tx: db.Tx, ctx: Context, policy_id: str, *, target_project: str | None = None) -> None:
    """The noun is shared with the other project instead.  Raises NotFound, Conflict while the first one uses it."""
    row = show(tx, ctx, policy_id)
    noun = _own(tx, ctx, row.object_type, row.object_id)
    if target_project in (None, row.target_project):
        return
    _lock(tx, row)
    if target_project != EVERYONE:
        _refuse_loss(tx, noun, row, {str(target_project)})
    try:
        with tx.trial():
            tx.update(Sharing, Sharing.id == policy_id, target_project=target_project)
    except sa.exc.IntegrityError:
        raise _twice() from None
    access.mark(tx, row.object_type, row.object_id)


def delete(tx: db.Tx, ctx: Context, policy_id: str) -> None:
    """The noun is not shared so any more.  Raises NotFound, Conflict while a project uses what it shares."""
    row = show(tx, ctx, policy_id)
    noun = tx.row(sa.select(KINDS[row.object_type].model).where(KINDS[row.object_type].model.id == row.object_id))
    if noun is not None:
        _lock(tx, row)
        _refuse_loss(tx, noun, row, set())
    access.take(tx, row.object_type, row.object_id, Sharing.id == policy_id)


def _lock(tx: db.Tx, row: Any) -> None:
    """Whoever begins to use the noun meanwhile waits here."""
    standard_attributes.touch(tx, KINDS[row.object_type].model, row.object_id)


def _refuse_loss(tx: db.Tx, noun: Any, row: Any, instead: set[str]) -> None:
    """Nothing, unless a project uses the noun by this policy alone.  Raises Conflict."""
    users = KINDS[row.object_type].users[row.action](tx, row.object_id)
    others = access.projects(tx, row.object_id, row.action) - {row.target_project} | instead
    if EVERYONE in others:
        return
    if row.target_project == EVERYONE:
        if row.action == EXTERNAL and noun.is_default:
            raise _in_use(row, 'Default external networks must be shared to everyone.')
        left = users - others - {noun.project_id, ''}
    else:
        left = users & {row.target_project} - {noun.project_id} - instead
    if left:
        raise _in_use(row, f'project_id={", ".join(sorted(left)) if row.target_project != EVERYONE else EVERYONE}')


def _in_use(row: Any, details: str) -> errors.Conflict:
    return errors.Conflict(
        f'RBAC policy on object {row.object_id} cannot be removed because other objects depend on it.\n'
        f'Details: {details}',
        type='RbacPolicyInUse',
    )
