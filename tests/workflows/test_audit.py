"""What is counted follows what there is."""

import datetime

import pytest

from nimbus.common.messaging import outbox
from nimbus.compute import quotas as compute_quotas
from nimbus.compute.servers import deletion, servers
from nimbus.conductor.recount import Audit
from nimbus.image.quotas import ImageQuotas
from nimbus.network import quotas as network_limits
from nimbus.scheduler import claims, hosts
from nimbus.scheduler.models import Claim, Host
from nimbus.scheduler.request_spec import Request
from nimbus.volume import quotas as volume_quotas
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    Audit(made.db).audit()  # its image was written by hand, past the quota
    yield made
    made.close()


def orphan(cloud, server_id):
    """A claim as a late worker may leave it."""
    with cloud.db.write() as tx:
        claims.take(tx, server_id, hosts.named(tx, 'h1').id, Request(1, 512, 1))
        tx.update(Claim, Claim.server_id == server_id, created_at=datetime.datetime(2020, 1, 1))


def test_a_claim_of_a_server_that_failed_or_is_gone_is_given_back(cloud):
    alive, dead = cloud.server(), cloud.server()
    cloud.ask(deletion.delete, dead)
    cloud.settle()
    orphan(cloud, dead)
    with cloud.db.write() as tx:
        tx.update(Claim, Claim.server_id == alive, created_at=datetime.datetime(2020, 1, 1))
        tx.update(Host, Host.host == 'h2', used_vcpus=17)
    mended = Audit(cloud.db).audit()
    assert len(mended) == 2 and dead in mended[0] and 'h2' in mended[1]
    assert Audit(cloud.db).audit() == []
    cloud.check()


def test_a_quota_s_counter_that_drifted_says_what_there_is_again(cloud, caplog):
    alive = cloud.server()
    with cloud.db.read() as tx:
        project = servers.row_of(tx, alive).project_id
    assert Audit(cloud.db).audit() == []
    with cloud.db.write() as tx:
        compute_quotas.QUOTAS.hold(tx, project, instances=2)
        compute_quotas.QUOTAS.hold(tx, 'nobody', cores=3)
        network_limits.QUOTAS.hold(tx, project, security_group_rule=5)
        volume_quotas.VolumeQuotas().hold(tx, project, 7)
        ImageQuotas().hold(tx, project, image_count_total=1)
    told = Audit(cloud.db).audit()
    assert [sum(word in line for line in told) for word in ('instances', 'cores', 'rule', 'gigabytes', 'image_')] == [
        1
    ] * 5
    assert 'there are 1: it says 1 now' in next(line for line in told if 'instances' in line)
    assert all(line in caplog.text for line in told)
    assert Audit(cloud.db).audit() == []
    with cloud.db.read() as tx:
        assert compute_quotas.QUOTAS.show(tx, project)['instances'].used == 1


def test_what_waits_to_be_told_is_forgotten_when_nobody_is_told_any_more(cloud):
    cloud.db.teller = 'h1'
    with cloud.db.write() as tx:
        outbox.post(tx, None, 'compute', 'compute.instance.create.end', dict)
    Audit(cloud.db).audit()
    with cloud.db.read() as tx:
        assert len(outbox.waiting(tx, 10)) == 1
    cloud.db.teller = None
    Audit(cloud.db).audit()
    with cloud.db.read() as tx:
        assert outbox.waiting(tx, 10) == []
