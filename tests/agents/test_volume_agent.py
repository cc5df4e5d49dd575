"""A volume agent over the bus: errands, fences, images that lie, and what a new process finds."""

import hashlib
import threading
import time
import uuid

import pytest

from nimbus.common import errors, ids, jobs
from nimbus.common.agents import services
from nimbus.common.messaging import rpc
from nimbus.volume import hosts
from nimbus.volume.agent.fake.driver import FakeDriver
from nimbus.volume.agent.manager import Agent
from nimbus.volume.desk import VolumeDeskServer
from nimbus.volume.rpc import Volume, VolumeDesk
from tests.conftest import MEMBER

BYTES = b'nimbus' * 1000


class Rig:
    """One agent with a pretended store, and the desk, on a bus of their own."""

    def __init__(self, database, path):
        self.db = database
        self.bus = rpc.transport(f'inproc:///{ids.plain()}')
        self.desk = rpc.serve(self.bus, VolumeDeskServer(database), 'c1')
        self.disks = {}
        self.driver = FakeDriver(self.disks)
        self.agent = Agent(
            self.driver, rpc.Client(self.bus, VolumeDesk), 'h1', str(path), lambda image: iter([BYTES]), lambda *_: None
        )
        self.agent.start()
        self.listener = rpc.serve(self.bus, self.agent, 'h1')
        self.client = rpc.Client(self.bus, Volume).on('h1')

    def close(self):
        self.agent.stop()
        for server in (self.listener, self.desk):
            server.stop()
            server.wait()

    def job(self):
        with self.db.write() as tx:
            return jobs.start(tx, MEMBER, 'create_volume', ids.dashed())

    def answer(self, job_id):
        """The report on the errand `k` of the job, once it is there."""
        for _ in range(100):
            with self.db.read() as tx:
                row = tx.row(jobs.ANSWER, {'job': job_id, 'errand': 'k'})
            if row is not None:
                return row
            time.sleep(0.05)
        raise AssertionError('no report came')


@pytest.fixture
def rig(database, tmp_path):
    made = Rig(database, tmp_path)
    yield made
    made.close()


def image(**more):
    told = {'image_id': ids.dashed(), 'disk_format': 'raw', 'os_hash_algo': 'sha512'}
    return {**told, 'os_hash_value': hashlib.sha512(BYTES).hexdigest(), **more}


def test_a_disk_is_made_grown_opened_and_removed(rig):
    volume = str(uuid.uuid4())
    for verb, words, size in (('create', (1, None), 1), ('extend', (2,), 2), ('delete', (), None)):
        job = rig.job()
        getattr(rig.client, verb)(job, 'k', volume, 1, *words)
        assert rig.answer(job).ok
        assert rig.driver.volumes().get(volume) == size
        if size:
            assert rig.client.connect(volume, 1, {'host': 'h1'})['driver_volume_type'] == 'file'
    with pytest.raises(errors.NotFound):
        rig.client.connect(volume, 1, {'host': 'h1'})
    rig.client.disconnect(volume, 1, {'host': 'h1'})


def test_an_image_whose_bytes_are_others_becomes_no_disk(rig):
    good, bad = str(uuid.uuid4()), str(uuid.uuid4())
    for volume, told, ok in ((good, image(), True), (bad, image(os_hash_value='0' * 128), False)):
        job = rig.job()
        rig.client.create(job, 'k', volume, 1, 1, told)
        answer = rig.answer(job)
        assert bool(answer.ok) is ok
    assert (answer.kind, 'do not match its hash' in answer.error) == ('Invalid', True)
    assert set(rig.driver.volumes()) == {good}


def test_an_order_from_a_late_worker_is_refused(rig):
    volume, job = str(uuid.uuid4()), rig.job()
    rig.client.create(job, 'k', volume, 5, 1, None)
    rig.answer(job)
    with pytest.raises(errors.Stale):
        rig.client.delete(rig.job(), 'k', volume, 4)
    assert volume in rig.driver.volumes()


def test_the_cloud_hears_of_the_host(rig):
    for _ in range(100):
        with rig.db.read() as tx:
            rows = services.find(tx, 'volume', binary=hosts.BINARY)
        if rows:
            break
        time.sleep(0.05)
    assert (rows[0].host, rows[0].facts['backend'], rows[0].facts['total_gb']) == ('h1', 'fake', 1000.0)


def test_a_disk_of_no_volume_is_left_alone(rig):
    rig.driver.create(str(uuid.uuid4()), 1)
    rig.agent.compare()
    assert len(rig.driver.volumes()) == 1


def test_an_agent_that_starts_before_its_desk_compares_once_that_listens(tmp_path, caplog):
    bus, asked = rpc.transport(f'inproc:///{ids.plain()}'), threading.Event()

    class Desk(VolumeDesk):
        topic = 'desk-volume'

        def done(self, context, job_id, key, ok, result=None, error=None, kind=None):
            pass

        def alive(self, context, host, binary, facts, started):
            return 'id'

        def volumes(self, context, host):
            asked.set()
            return {'lost': 1}

        def snapshots(self, context, host):
            return {}

        def backups(self, context, host):
            return []

        def backing_up(self, context, backup_id, percent, objects):
            pass

    desk = rpc.Client(bus, VolumeDesk, timeouts=rpc.Timeouts(0.05))
    agent = Agent(FakeDriver({}), desk, 'h1', str(tmp_path), lambda image: iter([BYTES]), lambda *_: None)
    agent.start()
    while 'is not known yet' not in caplog.text:
        time.sleep(0.01)
    listener = rpc.serve(bus, Desk(), 'c1')
    assert asked.wait(10)
    agent.stop()
    listener.stop()
    listener.wait()
    assert 'Volume lost should have a disk here and has none' in caplog.text
