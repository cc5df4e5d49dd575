"""Default rules: what operators have every new security group begin with; a project's default group may have others."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import standard_attributes
from nimbus.network.models import AddressGroup, DefaultRule, Group
from nimbus.network.security_groups import rules

PARENT = 'PARENT'  # as a remote group: the very group that has the rule
RULE = ('direction', 'ethertype', 'protocol', 'port_range_min', 'port_range_max', 'remote_ip_prefix', 'remote_group_id',
        'remote_address_group_id')  # fmt: skip
FIRST_ID = '00000000-0000-4000-8000-{:012}'  # the same in every cloud, so that racers make them once
# What groups begin with until an operator says otherwise.
FIRST: tuple[dict[str, Any], ...] = (
    *({'direction': 'egress', 'ethertype': one, 'used_in_non_default_sg': True} for one in ('IPv4', 'IPv6')),
    *(
        {'direction': 'ingress', 'ethertype': one, 'remote_group_id': PARENT, 'used_in_non_default_sg': False}
        for one in ('IPv4', 'IPv6')
    ),
)


def settle(tx: db.Tx, ctx: Context) -> None:
    """The first default rules stand, if there were never any; one that is deleted leaves a mark that there were."""
    if is_settled(tx):
        return
    for number, given in enumerate(FIRST):
        told = f'Legacy default SG rule for {given["direction"]} traffic'
        row = {**dict.fromkeys(RULE), 'description': told, 'used_in_default_sg': True, 'gone': False, **given}
        stamp = standard_attributes.stamp(ctx, '') | {'id': FIRST_ID.format(number), 'project_id': ''}
        tx.ensure(DefaultRule, **row, **stamp)


def is_settled(tx: db.Tx) -> bool:
    """Whether there ever were default rules."""
    return tx.row(sa.select(DefaultRule.id).limit(1)) is not None


def show(tx: db.Tx, rule_id: str) -> Any:
    """The default rule, which every project may see.  Raises NotFound."""
    row = tx.row(sa.select(DefaultRule).where(DefaultRule.id == rule_id, DefaultRule.gone.is_(False)))
    if row is None:
        raise errors.NotFound(
            f'Default Security Group rule {rule_id} does not exist', type='DefaultSecurityGroupRuleNotFound'
        )
    return row


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """One page of the default rules."""
    return standard_attributes.lists(tx, DefaultRule, [DefaultRule.gone.is_(False)], page)


def create(tx: db.Tx, ctx: Context, values: dict[str, Any]) -> str:
    """New groups begin with the rule too; returns its id.

    Raises Invalid on values that do not go together, Conflict where such groups begin with it already.
    """
    settle(tx, ctx)
    values = rules.normal(values)
    if not _there(tx, values, PARENT):
        raise _absent(values)
    mark = rules.fingerprint(values)
    for other in tx.rows(sa.select(DefaultRule).where(DefaultRule.gone.is_(False))):
        both = any(values[use] and getattr(other, use) for use in ('used_in_default_sg', 'used_in_non_default_sg'))
        if both and rules.fingerprint(other._mapping) == mark:
            raise errors.Conflict(
                f'Default Security group rule already exists. Rule id is {other.id}.',
                type='DefaultSecurityGroupRuleExists',
            )
    stamp = standard_attributes.stamp(ctx, '') | {'project_id': ''}
    tx.insert(DefaultRule, gone=False, **{k: v for k, v in values.items() if k != 'project_id'}, **stamp)
    return str(stamp['id'])


def _absent(values: dict[str, Any]) -> errors.NotFound:
    if values['remote_group_id']:
        return errors.NotFound(
            f'Security group {values["remote_group_id"]} does not exist', type='SecurityGroupNotFound'
        )
    return errors.NotFound(
        f'Address group {values["remote_address_group_id"]} could not be found.', type='AddressGroupNotFound'
    )


def delete(tx: db.Tx, rule_id: str) -> None:
    """New groups do not begin with the rule any more.  Raises NotFound."""
    show(tx, rule_id)
    tx.update(DefaultRule, DefaultRule.id == rule_id, gone=True)


def of_group(tx: db.Tx, ctx: Context, group_id: str, *, default: bool) -> list[dict[str, Any]]:
    """The rules with which a new group begins, or a project's default group."""
    use = DefaultRule.used_in_default_sg if default else DefaultRule.used_in_non_default_sg
    settle(tx, ctx)
    rows = tx.rows(sa.select(DefaultRule).where(use.is_(True), DefaultRule.gone.is_(False)).order_by(DefaultRule.seq))
    given = [{name: getattr(row, name) for name in RULE} for row in rows]
    given = [one | {'remote_group_id': group_id} if one['remote_group_id'] == PARENT else one for one in given]
    return [one for one in given if _there(tx, one, group_id)]


def _there(tx: db.Tx, rule: dict[str, Any], group_id: str) -> bool:
    """Whether what the rule names is there, as a group may have gone since an operator named it."""
    group, ranges = rule['remote_group_id'], rule['remote_address_group_id']
    if group not in (None, group_id):
        return tx.row(sa.select(Group.id).where(Group.id == group)) is not None
    return ranges is None or tx.row(sa.select(AddressGroup.id).where(AddressGroup.id == ranges)) is not None
