"""What hosts are told of QoS, and when."""

import pytest

from nimbus.network.agent.driver import Cap, Router
from nimbus.network.hosts import desired_state
from nimbus.network.networks import networks
from nimbus.network.ports import port_changes
from nimbus.network.qos import policies, rules
from nimbus.network.routers import floating_ips
from tests.conftest import MEMBER
from tests.domain.network import cloud
from tests.domain.network.test_outside import Scene


@pytest.fixture
def tx(database):
    with database.write() as opened:
        yield opened


def policy(tx, *told):
    """A policy with those rules: kind, amount and direction."""
    policy_id = policies.create(tx, MEMBER, project_id=MEMBER.project_id, name='x', description='')
    row = policies.show(tx, MEMBER, policy_id)
    for kind, amount, direction in told:
        rules.create(tx, row, kind, rules.Values(amount, direction))
    return row


def port_of(tx, scene):
    found = desired_state.whole(tx, 'h1', 1)['ports'][scene.port.id]
    return found['bandwidth'], found['packets'], found['dscp']


def caps(*told):
    return [{'direction': direction, 'rate': rate, 'burst': 0} for direction, rate in told]


def test_a_port_has_its_own_policy_or_its_networks(tx):
    scene = Scene(tx)
    assert port_of(tx, scene) == ([], [], None)
    net = policy(tx, ('bandwidth_limit', 5, 'egress'), ('dscp_marking', 26, ''))
    own = policy(tx, ('packet_rate_limit', 7, 'ingress'), ('bandwidth_limit', 0, 'egress'))
    networks.update(tx, MEMBER, scene.inside.id, qos_policy_id=net.id)
    assert port_of(tx, scene) == (caps(('egress', 5)), [], 26)
    port_changes.update(tx, MEMBER, scene.port.id, {'qos_policy_id': own.id})
    assert port_of(tx, scene) == ([], caps(('ingress', 7)), None)


def test_a_change_of_a_policy_reaches_the_hosts_of_all_that_have_it(tx):
    scene = Scene(tx)
    one = policy(tx, ('bandwidth_limit', 5, 'egress'))
    networks.update(tx, MEMBER, scene.inside.id, qos_policy_id=one.id)
    floating_ips.update(tx, MEMBER, scene.floating, qos_policy_id=one.id)
    before = cloud.generation(tx, 'h1')
    (rule,) = policies.rules_of(tx, [one.id])[one.id]
    rules.update(tx, one, rule, rules.Values(6, 'egress'))
    told = desired_state.whole(tx, 'h1', 1)
    assert cloud.generation(tx, 'h1') > before
    assert told['ports'][scene.port.id]['bandwidth'] == caps(('egress', 6))
    router = Router.from_dict(told['routers'][scene.router])
    assert router.floating[0].bandwidth == (Cap('egress', 6),)
