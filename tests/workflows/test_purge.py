"""What is long over leaves the database; what still is keeps its history."""

import datetime

import pytest
import sqlalchemy as sa

from nimbus.common import jobs
from nimbus.common.clock import Clock
from nimbus.compute.models import Server, ServerTag
from nimbus.compute.servers import deletion, servers
from nimbus.conductor.purge import Purge
from nimbus.image.images import images
from nimbus.image.models import Image
from nimbus.image.quotas import ImageQuotas
from nimbus.volume.volumes import volumes
from tests.compute_world import add_image
from tests.conftest import MEMBER
from tests.workflows.cloud import Cloud

DAYS = 30


class Later(Clock):
    """So many days from now."""

    def __init__(self, days: float) -> None:
        super().__init__()
        self._days = datetime.timedelta(days=days)

    def now(self) -> datetime.datetime:
        return super().now() + self._days


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def count(cloud, model, *where):
    with cloud.db.read() as tx:
        return tx.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


def deleted(cloud):
    """A server that was, with a tag."""
    made = cloud.server()
    with cloud.db.write() as tx:
        tx.insert(ServerTag, server_id=made, tag='t')
    cloud.ask(deletion.delete, made)
    cloud.settle()
    return made


def test_what_was_deleted_goes_with_its_jobs_when_it_is_old(cloud):
    alive, dead = cloud.server(), deleted(cloud)
    disk, lost = cloud.volume(), cloud.volume()
    cloud.ask(volumes.delete, lost)
    cloud.settle()
    with cloud.db.write() as tx:
        add_image(tx, 'i' * 36)
        images.delete(tx, images.show(tx, MEMBER, 'i' * 36), ImageQuotas())
    cloud.server()  # the newest job stays in any case
    assert Purge(cloud.db, DAYS, Later(DAYS - 1)).purge() == {'servers': 0, 'images': 0, 'messages': 0, 'jobs': 0}
    assert Purge(cloud.db, DAYS, Later(DAYS + 1)).purge() == {'servers': 1, 'images': 1, 'messages': 0, 'jobs': 4}
    for subject, left in ((alive, 1), (disk, 1), (dead, 0), (lost, 0)):
        assert count(cloud, jobs.Job, jobs.Job.subject == subject) == left
        assert bool(count(cloud, jobs.JobStep, jobs.JobStep.subject == subject)) == bool(left)
    assert count(cloud, Server) == 2 and count(cloud, ServerTag) == 0
    assert count(cloud, Image, Image.id == 'i' * 36) == 0
    cloud.check()
    with cloud.db.read() as tx:
        assert servers.row_of(tx, alive).vm_state == 'active'


def test_no_number_of_a_job_comes_a_second_time(cloud):
    deleted(cloud)
    with cloud.db.read() as tx:
        last = tx.scalar(sa.select(sa.func.max(jobs.Job.seq)))
    Purge(cloud.db, DAYS, Later(DAYS + 1)).purge()
    cloud.server()
    with cloud.db.read() as tx:
        assert tx.scalar(sa.select(sa.func.max(jobs.Job.seq))) == last + 1


def test_a_job_that_is_under_way_or_stuck_is_never_forgotten(cloud):
    stuck, waiting = cloud.server(), cloud.boot()
    with cloud.db.write() as tx:
        tx.update(jobs.Job, jobs.Job.subject == stuck, heading=jobs.STUCK)
        tx.delete(Server, Server.id.in_([waiting, stuck]))
    assert Purge(cloud.db, DAYS, Later(400)).purge()['jobs'] == 0
    assert count(cloud, jobs.Job, jobs.Job.subject.in_([waiting, stuck])) == 2


def test_however_many_there_are_all_of_them_go(cloud, monkeypatch):
    monkeypatch.setattr('nimbus.conductor.purge.BATCH', 2)
    for _ in range(5):
        deleted(cloud)
    cloud.server()
    assert Purge(cloud.db, DAYS, Later(DAYS + 1)).purge() == {'servers': 5, 'images': 0, 'messages': 0, 'jobs': 10}
    assert count(cloud, jobs.Job) == count(cloud, Server) == 1


def test_a_job_that_has_ended_keeps_no_answers(cloud):
    deleted(cloud)
    assert count(cloud, jobs.Job) == 2
    assert count(cloud, jobs.Answer) == 0


def test_without_days_everything_is_kept(cloud):
    purge = Purge(cloud.db, 0)
    purge.start()
    assert purge._thread is None
    purge.stop()
