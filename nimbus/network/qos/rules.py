"""Rules of QoS policies: how many bits or packets a second may pass which way, and which mark packets carry."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.network import standard_attributes
from nimbus.network.models_traffic import QosPolicy, QosRule
from nimbus.network.qos import bindings

BANDWIDTH, DSCP, PACKETS = 'bandwidth_limit', 'dscp_marking', 'packet_rate_limit'
LEAST_BANDWIDTH, LEAST_PACKETS = 'minimum_bandwidth', 'minimum_packet_rate'
# Each kind with what it is called on the wire: the amount, and what comes with it.
KINDS = {
    BANDWIDTH: ('max_kbps', 'max_burst_kbps'),
    DSCP: ('dscp_mark',),
    PACKETS: ('max_kpps', 'max_burst_kpps'),
    LEAST_BANDWIDTH: ('min_kbps',),
    LEAST_PACKETS: ('min_kpps',),
}


@dataclasses.dataclass(frozen=True)
class Values:
    """What a rule says."""

    amount: int
    direction: str = ''
    burst: int = 0


def show(tx: db.Tx, policy: Any, kind: str, rule_id: str) -> Any:
    """The policy's rule of that kind.  Raises NotFound."""
    own = (QosRule.id == rule_id, QosRule.policy_id == policy.id, QosRule.kind == kind)
    row = tx.row(sa.select(QosRule).where(*own))
    if row is None:
        raise missing(rule_id, policy.id)
    return row


def missing(rule_id: str, policy_id: str) -> errors.NotFound:
    """Neutron's answer for a rule that is not there."""
    return errors.NotFound(f'QoS rule {rule_id} for policy {policy_id} could not be found.', type='QosRuleNotFound')


def policy_of(tx: db.Tx, kind: str, rule_id: str) -> str:
    """The id of the policy that has the rule.  Raises NotFound."""
    found = tx.scalar(sa.select(QosRule.policy_id).where(QosRule.id == rule_id, QosRule.kind == kind))
    if found is None:
        raise missing(rule_id, 'unknown')
    return str(found)


def find(tx: db.Tx, policy: Any, kind: str, page: listing.Page) -> list[Any]:
    """One page of the policy's rules of that kind."""
    own = [QosRule.policy_id == policy.id, QosRule.kind == kind]
    return standard_attributes.lists(tx, QosRule, own, page)


def create(tx: db.Tx, policy: Any, kind: str, values: Values) -> str:
    """The policy has the rule, which holds for all that name the policy; returns its id.

    Raises Conflict where it has such a rule already, or one that says the opposite, and where a port could not hold it.
    """
    _lock(tx, policy)
    _refuse_twice(tx, policy, kind, values)
    _refuse_opposite(tx, policy, kind, values)
    bindings.refuse_rule(tx, policy.id, kind)
    rule_id = ids.dashed()
    tx.insert(QosRule, id=rule_id, policy_id=policy.id, kind=kind, **dataclasses.asdict(values))
    _tell(tx, policy)
    return rule_id


def update(tx: db.Tx, policy: Any, row: Any, values: Values) -> None:
    """The rule says so.  Raises Conflict as `create` does."""
    _lock(tx, policy)
    _refuse_twice(tx, policy, row.kind, values, row.id)
    _refuse_opposite(tx, policy, row.kind, values)
    tx.update(QosRule, QosRule.id == row.id, **dataclasses.asdict(values))
    _tell(tx, policy)


def delete(tx: db.Tx, policy: Any, row: Any) -> None:
    """The policy has the rule no more."""
    if tx.delete(QosRule, QosRule.id == row.id):
        _tell(tx, policy)


def _lock(tx: db.Tx, policy: Any) -> None:
    """Racers on the policy, and whoever would name it now, wait for each other."""
    tx.update(QosPolicy, QosPolicy.id == policy.id, name=QosPolicy.name)


def _refuse_twice(tx: db.Tx, policy: Any, kind: str, values: Values, but: str = '') -> None:
    same = (QosRule.policy_id == policy.id, QosRule.kind == kind, QosRule.direction == values.direction)
    there = tx.scalar(sa.select(QosRule.id).where(*same, QosRule.id != but))
    if there is not None:
        raise errors.Conflict(
            f'Rule {kind} conflicts with rule {there} which already exists in QoS Policy {policy.id}.',
            type='QoSRulesConflict',
        )


def _refuse_opposite(tx: db.Tx, policy: Any, kind: str, values: Values) -> None:
    """Nothing, when no more is promised than what passes.  Raises Conflict."""
    pairs = {BANDWIDTH: LEAST_BANDWIDTH, LEAST_BANDWIDTH: BANDWIDTH, PACKETS: LEAST_PACKETS, LEAST_PACKETS: PACKETS}
    other = pairs.get(kind)
    same = (QosRule.policy_id == policy.id, QosRule.kind == other, QosRule.direction.in_((values.direction, 'any')))
    for row in tx.rows(sa.select(QosRule).where(*same)) if other else ():
        most, least = (values.amount, row.amount) if kind in (BANDWIDTH, PACKETS) else (row.amount, values.amount)
        if least > most:
            raise errors.Conflict(
                f'Unable to add the rule with value {values.amount} to the policy {policy.id} as the existing rule of '
                f'type {row.kind} restricts the bandwidth to {row.amount}.',
                type='QoSRuleParameterConflict',
            )


def _tell(tx: db.Tx, policy: Any) -> None:
    """The hosts of all that names the policy know."""
    standard_attributes.touch(tx, QosPolicy, policy.id)
    bindings.tell(tx, policy.id)
