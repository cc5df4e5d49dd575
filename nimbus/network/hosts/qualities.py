"""What QoS policies make of the ports of a host's guests: limits each way, and the mark of packets."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network.models_traffic import QosRule

LIMITS = {'bandwidth_limit': 'bandwidth', 'packet_rate_limit': 'packets'}


def of(tx: db.Tx, named: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """The part of each port's value that its policy makes; `named` is the policy of each."""
    wanted = sorted(set(filter(None, named.values())))
    rules: dict[str, list[Any]] = {}
    query = sa.select(QosRule).where(QosRule.policy_id.in_(wanted)).order_by(QosRule.seq)
    for row in tx.rows(query) if wanted else ():
        rules.setdefault(row.policy_id, []).append(row)
    return {port_id: _quality(rules.get(policy_id or '', ())) for port_id, policy_id in named.items()}


def _quality(rules: Any) -> dict[str, Any]:
    found: dict[str, Any] = {'bandwidth': [], 'packets': [], 'dscp': None}
    for rule in rules:
        if rule.kind == 'dscp_marking':
            found['dscp'] = rule.amount
        elif rule.kind in LIMITS and rule.amount:  # a limit of nothing is none, as with Open vSwitch
            limit = {'direction': rule.direction, 'rate': rule.amount, 'burst': rule.burst}
            found[LIMITS[rule.kind]].append(limit)
    return found
