"""Where servers of a group are placed, whoever else is placed at the same moment."""

import threading

import pytest

from nimbus.compute import states
from nimbus.compute.servers import deletion, groups
from nimbus.scheduler import claims
from nimbus.scheduler.manager import SchedulerServer
from tests.conftest import MEMBER
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=3)
    yield made
    made.close()


def group(cloud: Cloud, policy: str, most: int | None = None) -> dict:
    return {'group': cloud.ask(groups.create, 'g', policy, most).id}


def hosts(cloud: Cloud, *made: str) -> list[str]:
    return [cloud.row(server).host for server in made]


def test_servers_with_affinity_stand_on_one_host(cloud):
    hints = group(cloud, 'affinity')
    assert len(set(hosts(cloud, *(cloud.server(hints=hints) for _ in range(3))))) == 1


def test_servers_with_anti_affinity_stand_apart_and_one_too_many_fails_saying_so(cloud):
    hints = group(cloud, 'anti-affinity')
    assert sorted(hosts(cloud, *(cloud.server(hints=hints) for _ in range(3)))) == ['h1', 'h2', 'h3']
    fourth = cloud.boot(hints=hints)
    cloud.settle()
    row = cloud.row(fourth)
    assert row.vm_state == states.ERROR
    assert 'a host apart from the other servers of its group' in row.fault['message']
    cloud.check()


def test_a_rule_lets_so_many_share_a_host(cloud):
    hints = group(cloud, 'anti-affinity', 2)
    made = [cloud.server(hints=hints) for _ in range(6)]
    assert sorted(hosts(cloud, *made)) == ['h1', 'h1', 'h2', 'h2', 'h3', 'h3']
    failed = cloud.boot(hints=hints)
    cloud.settle()
    assert cloud.row(failed).vm_state == states.ERROR


def test_a_soft_policy_is_followed_as_long_as_it_can_be(cloud):
    hints = group(cloud, 'soft-anti-affinity')
    made = [cloud.server(hints=hints) for _ in range(4)]
    assert len(set(hosts(cloud, *made[:3]))) == 3 and cloud.row(made[3]).host
    hints = group(cloud, 'soft-affinity')
    assert len(set(hosts(cloud, *(cloud.server(hints=hints) for _ in range(3))))) == 1


def test_a_server_that_left_makes_room(cloud):
    hints = group(cloud, 'anti-affinity')
    made = [cloud.server(hints=hints) for _ in range(3)]
    freed = cloud.row(made[1]).host
    cloud.ask(deletion.delete, made[1])
    cloud.settle()
    assert hosts(cloud, cloud.server(hints=hints)) == [freed]


@pytest.mark.parametrize(('policy', 'apart'), [('anti-affinity', 3), ('affinity', 1)])
def test_schedulers_that_place_at_one_moment_keep_the_policy(cloud, policy, apart):
    hints = group(cloud, policy)
    made = [cloud.boot(hints=hints) for _ in range(3)]
    schedulers = [SchedulerServer(cloud.db, down_time=3600) for _ in made]
    start, failed = threading.Barrier(len(made)), []

    def place(scheduler: SchedulerServer, server: str) -> None:
        rule = {'id': hints['group'], 'policy': policy, 'most': 1}
        start.wait()
        try:
            scheduler.place(MEMBER, server, {'vcpus': 1, 'memory_mb': 512, 'disk_gb': 1, 'group': rule})
        except Exception as why:
            failed.append(why)

    threads = [threading.Thread(target=place, args=pair) for pair in zip(schedulers, made, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with cloud.db.read() as tx:
        placed = claims.hosts_of(tx, made)
    assert not failed and len(placed) == apart and sum(placed.values()) == 3
