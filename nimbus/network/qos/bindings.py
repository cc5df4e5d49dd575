"""What QoS policies hold for: a port has its own, or its network's if a guest is behind it."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import generations, holders
from nimbus.network.models import FloatingIp, Network, Port, Router, Service
from nimbus.network.models_traffic import QosPolicy, QosRule
from nimbus.network.qos import policies

HELD = ('bandwidth_limit', 'dscp_marking', 'packet_rate_limit')


def checked(tx: db.Tx, ctx: Context, policy_id: str | None, port_id: str = '') -> str | None:
    """The policy's id, where the asker may use it and a host can hold its rules.  Raises NotFound, Conflict."""
    if policy_id is None:
        return None
    policy = policies.show(tx, ctx, policy_id)
    # Whoever deletes the policy or gives it a rule meanwhile waits for this.
    if not tx.update(QosPolicy, QosPolicy.id == policy.id, name=QosPolicy.name):
        raise errors.NotFound(f'QoS policy {policy_id} could not be found.', type='QosPolicyNotFound')
    beyond = sa.select(QosRule.kind).where(QosRule.policy_id == policy.id, QosRule.kind.not_in(HELD))
    if (kind := tx.scalar(beyond.limit(1))) is not None:
        raise _not_held(kind, port_id)
    return str(policy.id)


def _not_held(kind: str, subject_id: str) -> errors.Conflict:
    named = f' by port {subject_id}' if subject_id else ''
    return errors.Conflict(f'Rule {kind} is not supported{named}.', type='QosRuleNotSupported')


def refuse_removal(tx: db.Tx, ctx: Context, policy_id: str | None) -> None:
    """Nothing, when the asker may take the policy away: one that they see.  Raises Forbidden."""
    if policy_id is None:
        return
    try:
        policies.show(tx, ctx, policy_id)
    except errors.NotFound as why:
        raise errors.Forbidden(
            f'Failed to remove provided policy {policy_id} because you are not authorized.',
            type='PolicyRemoveAuthorizationError',
        ) from why


def refuse_rule(tx: db.Tx, policy_id: str, kind: str) -> None:
    """Nothing, when all that names the policy can hold a rule of that kind.  Raises Conflict."""
    if kind in HELD:
        return
    for model in policies.USERS.values():
        used = tx.scalar(sa.select(model.id).where(model.qos_policy_id == policy_id).limit(1))
        if used is not None:
            raise _not_held(kind, used)


def default(tx: db.Tx, project_id: str) -> str | None:
    """The policy that the project's networks begin with."""
    return tx.scalar(sa.select(QosPolicy.id).where(QosPolicy.default_of == project_id))


def of_networks(tx: db.Tx, network_ids: Iterable[str]) -> dict[str, str | None]:
    """The policy of each network."""
    wanted = sorted(set(network_ids))
    query = sa.select(Network.id, Network.qos_policy_id).where(Network.id.in_(wanted))
    return {network_id: policy_id for network_id, policy_id in tx.rows(query)} if wanted else {}


def tell(tx: db.Tx, policy_id: str) -> None:
    """The hosts of the ports that the policy holds for look at them again."""
    of_network = sa.select(Network.id).where(Network.qos_policy_id == policy_id)
    tell_ports(tx, sa.or_(Port.qos_policy_id == policy_id, Port.network_id.in_(of_network)))
    led = sa.select(FloatingIp.router_id).where(
        sa.or_(FloatingIp.qos_policy_id == policy_id, FloatingIp.floating_network_id.in_(of_network))
    )
    tell_routers(tx, sa.or_(Service.subject_id.in_(led), Service.subject_id.in_(_routers(policy_id))))


def _routers(policy_id: str) -> Any:
    return sa.select(Router.id).where(Router.qos_policy_id == policy_id)


def tell_routers(tx: db.Tx, which: Any) -> None:
    """The hosts of those routers look at them again."""
    for router_id, host in tx.rows(sa.select(Service.subject_id, Service.host).where(Service.kind == 'router', which)):
        generations.bump(tx, [host], (generations.ROUTER, router_id))


def tell_ports(tx: db.Tx, which: Any) -> None:
    """The hosts of those ports that have guests look at them again."""
    by_host: dict[str, list[str]] = {}
    for port_id, host in tx.rows(sa.select(Port.id, Port.host).where(which, Port.host != '', ~holders.IS_OWN)):
        by_host.setdefault(host, []).append(port_id)
    for host, port_ids in by_host.items():
        generations.bump(tx, [host], *((generations.PORT, port_id) for port_id in port_ids))


def tell_network(tx: db.Tx, network_id: str) -> None:
    """The hosts of the network's ports, and of what leads to it from floating IPs, look at them again."""
    tell_ports(tx, Port.network_id == network_id)
    led = sa.select(FloatingIp.router_id).where(FloatingIp.floating_network_id == network_id)
    tell_routers(tx, Service.subject_id.in_(led))
