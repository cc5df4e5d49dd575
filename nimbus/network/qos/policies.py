"""QoS policies: rules under a name, of one project or shared with all; a project's networks may begin with one."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, standard_attributes
from nimbus.network.models import FloatingIp, Network, Port, Router, Sharing
from nimbus.network.models_traffic import QosPolicy, QosRule

KIND = 'qos_policy'
USERS = {'network': Network, 'port': Port, 'floatingip': FloatingIp, 'router': Router}


def show(tx: db.Tx, ctx: Context, policy_id: str) -> Any:
    """The policy: the asker's own, or a shared one.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, QosPolicy, policy_id, seen=lambda: access.seen(ctx, QosPolicy))
    if row is None:
        raise errors.NotFound(f'QoS policy {policy_id} could not be found.', type='QosPolicyNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the policies the asker may see."""
    seen = standard_attributes.scope(ctx, QosPolicy, access.seen(ctx, QosPolicy))
    return standard_attributes.lists(
        tx, QosPolicy, seen, page, {'is_default': _by_default, **access.by_shared(ctx, QosPolicy)}
    )


def _by_default(values: Sequence[bool]) -> Any:
    return sa.or_(*(QosPolicy.default_of.is_not(None) if value else QosPolicy.default_of.is_(None) for value in values))


def rules_of(tx: db.Tx, policy_ids: Sequence[str]) -> dict[str, list[Any]]:
    """The rules of each policy that has any, oldest first."""
    found: dict[str, list[Any]] = {}
    query = sa.select(QosRule).where(QosRule.policy_id.in_(list(policy_ids))).order_by(QosRule.seq)
    for row in tx.rows(query) if policy_ids else ():
        found.setdefault(row.policy_id, []).append(row)
    return found


def create(
    tx: db.Tx, ctx: Context, *, project_id: str, is_default: bool = False, shared: bool = False, **values: Any
) -> str:
    """A policy without rules stands; returns its id.  Raises Conflict where the project has a default one already."""
    stamp = standard_attributes.stamp(ctx, project_id)
    try:
        with tx.trial():
            tx.insert(QosPolicy, default_of=project_id if is_default else None, **values, **stamp)
    except sa.exc.IntegrityError:
        raise _default_exists(project_id) from None
    if shared:
        access.give(tx, KIND, show(tx, ctx, stamp['id']))
    return str(stamp['id'])


def _default_exists(project_id: str) -> errors.Conflict:
    return errors.Conflict(
        f'A default QoS policy exists for project {project_id}.', type='QoSPolicyDefaultAlreadyExists'
    )


def update(tx: db.Tx, row: Any, *, is_default: bool | None = None, shared: bool | None = None, **values: Any) -> None:
    """The policy has the values.  Raises Conflict on a second default, and where others need it shared."""
    if shared is False:
        _unshare(tx, row)
    elif shared:
        access.give(tx, KIND, row)
    if is_default is not None:
        values['default_of'] = row.project_id if is_default else None
    try:
        with tx.trial():
            standard_attributes.touch(tx, QosPolicy, row.id, **values)
    except sa.exc.IntegrityError:
        raise _default_exists(row.project_id) from None


def users(tx: db.Tx, policy_id: str) -> set[str]:
    """The projects of all that names the policy."""
    found: set[str] = set()
    for model in USERS.values():
        found |= set(tx.column(sa.select(model.project_id).where(model.qos_policy_id == policy_id).distinct()))
    return found


def _unshare(tx: db.Tx, row: Any) -> None:
    """The policy is not every project's any more.  Raises Conflict while another has it so."""
    others = access.projects(tx, row.id, access.SHARED) - {access.EVERYONE} | {row.project_id}
    if users(tx, row.id) - others:
        raise errors.Conflict(
            f'RBAC policy on object {row.id} cannot be removed because other objects depend on it.',
            type='RbacPolicyInUse',
        )
    everyone = (Sharing.action == access.SHARED, Sharing.target_project == access.EVERYONE)
    access.take(tx, KIND, row.id, *everyone)


def delete(tx: db.Tx, row: Any) -> None:
    """The policy and its rules are gone.  Raises Conflict while something names it."""
    tx.update(QosPolicy, QosPolicy.id == row.id, name=QosPolicy.name)  # whoever would name it now waits
    for kind, model in USERS.items():
        used = tx.scalar(sa.select(model.id).where(model.qos_policy_id == row.id).limit(1))
        if used is not None:
            raise errors.Conflict(f'QoS Policy {row.id} is used by {kind} {used}.', type='QosPolicyInUse')
    tx.delete(QosRule, QosRule.policy_id == row.id)
    if tx.delete(QosPolicy, QosPolicy.id == row.id):
        access.take(tx, KIND, row.id, Sharing.object_type == KIND)
        standard_attributes.forget_tags(tx, row.id)
