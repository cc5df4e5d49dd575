"""What is counted follows what there is."""

import datetime

import pytest

from nimbus.compute import power
from nimbus.conductor.audit import Audit
from nimbus.scheduler import claims, hosts
from nimbus.scheduler.models import Claim, Host
from nimbus.scheduler.request import Request
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def orphan(cloud, server_id):
    """A claim as a late worker may leave it."""
    with cloud.db.write() as tx:
        claims.take(tx, server_id, hosts.named(tx, 'h1').id, Request(1, 512, 1))
        tx.update(Claim, Claim.server_id == server_id, created_at=datetime.datetime(2020, 1, 1))


def test_a_claim_of_a_server_that_failed_or_is_gone_is_given_back(cloud):
    alive, dead = cloud.server(), cloud.server()
    cloud.ask(power.delete, dead)
    cloud.settle()
    orphan(cloud, dead)
    with cloud.db.write() as tx:
        tx.update(Claim, Claim.server_id == alive, created_at=datetime.datetime(2020, 1, 1))
        tx.update(Host, Host.host == 'h2', used_vcpus=17)
    mended = Audit(cloud.db).audit()
    assert len(mended) == 2 and dead in mended[0] and 'h2' in mended[1]
    assert Audit(cloud.db).audit() == []
    cloud.check()
