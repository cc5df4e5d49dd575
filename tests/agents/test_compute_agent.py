"""A compute agent over the bus: errands, fences, healing, and what becomes of strangers."""

import dataclasses
import os
import pathlib
import time

import pytest
import sqlalchemy as sa

from nimbus.common import context, errors, ids, jobs
from nimbus.common.agents import services
from nimbus.common.clock import Clock
from nimbus.common.messaging import rpc
from nimbus.compute import states
from nimbus.compute.agent.disks.imagecache import ImageCache
from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.fake.driver import FakeDriver, FakeSettings
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.compute.agent.manager import Agent, Settings
from nimbus.compute.desk import ComputeDeskServer
from nimbus.compute.guest import Guest
from nimbus.compute.models import Server
from nimbus.compute.rpc import Compute, ComputeDesk
from nimbus.compute.servers import servers
from nimbus.scheduler import claims, hosts
from nimbus.scheduler.request_spec import Request
from tests.conftest import MEMBER

JOB = ids.dashed()


class Rig:
    """One fake host, its agent, and the desk, on a bus of their own."""

    def __init__(self, database, tmp_path, **settings):
        self.db, self.path, self.settings = database, str(tmp_path), settings
        self.bus = rpc.transport(f'inproc:///{ids.plain()}')
        self.desk = rpc.serve(self.bus, ComputeDeskServer(database), 'c1')
        self.host = FakeHost.named(ids.plain())
        self.listener = None
        self.start()
        self.client = rpc.Client(self.bus, Compute).on('h1')

    def start(self):
        """The agent is up, as after a restart of its process."""
        driver = FakeDriver(FakeSettings(self.host.name))
        desk = rpc.Client(self.bus, ComputeDesk)
        images = ImageCache(self.path, lambda image_id: ())
        self.agent = Agent('h1', driver, images, desk, self.path, Settings(heal_interval=3600, **self.settings))
        self.agent.start()
        self.listener = rpc.serve(self.bus, self.agent, 'h1')

    def kill(self):
        """The agent is gone; its guests are not."""
        self.agent.stop()
        self.listener.stop()
        self.listener.wait()

    def close(self):
        self.kill()
        self.desk.stop()
        self.desk.wait()

    def job(self, server_id, heading=jobs.FORWARD):
        with self.db.write() as tx:
            job_id = jobs.start(tx, MEMBER, 'build_server', server_id)
            tx.update(jobs.Job, jobs.Job.id == job_id, heading=heading)
        return job_id

    def answer(self, job_id, key):
        """The agent's report, waited for."""
        for _ in range(200):
            with self.db.read() as tx:
                found = tx.row(sa.select(jobs.Answer).where(jobs.Answer.job_id == job_id, jobs.Answer.key == key))
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f'no report came for {key}')

    def server(self, server_id, vm_state=states.ACTIVE, host='h1', **more):
        """A server's row that some workflow left behind."""
        now = Clock().now()
        row = {c.name: None for c in Server.__table__.columns if c.name != 'seq'}
        row |= dict(id=server_id, project_id=MEMBER.project_id, user_id='u', name='s', hostname='s', launch_index=0)
        row |= dict(reservation_id='r', vm_state=vm_state, power_state=1, progress=0, locked=False, generation=0)
        row |= dict(host=host, hints={}, flavor_id='1', flavor={'vcpus': 1, 'ram': 64, 'disk': 1}, networks=[])
        row |= dict(security_groups=[], personality=[], config_drive=False, disk_config='MANUAL', properties={})
        row |= dict(created_at=now, launched_at=now, **more)
        with self.db.write() as tx:
            tx.insert(Server, **row)

    def state(self, server_id):
        with self.db.read() as tx:
            return servers.row_of(tx, server_id).vm_state


@pytest.fixture
def rig(database, tmp_path):
    made = Rig(database, tmp_path)
    yield made
    made.close()
    FakeHost.forget()


def guest(server_id, **more) -> dict:
    values = dict(id=server_id, name='instance-1', display_name='s', project_id='p', user_id='u')
    return dataclasses.asdict(Guest(**values, vcpus=1, memory_mb=64, root_gb=1, **more))


def settled(check):
    for _ in range(200):
        if check():
            return True
        time.sleep(0.02)
    return False


def test_a_spawned_guest_runs_and_is_reported(rig):
    job = rig.job('s1')
    assert rig.client.spawn(job, 'k', 1, guest('s1')) == 'accepted'
    assert rig.answer(job, 'k').result == {'power': 'running'}
    assert rig.host.all()['s1'].state == 'running'


def test_an_errand_is_answered_within_a_second_however_long_it_takes(rig):
    rig.host.delay('spawn', 1.5)
    job = rig.job('s1')
    began = time.monotonic()
    assert rig.client.spawn(job, 'k', 1, guest('s1')) == 'accepted'
    assert rig.client.spawn(job, 'k', 1, guest('s1')) == 'busy'
    assert time.monotonic() - began < 1
    assert rig.answer(job, 'k').ok


def test_an_errand_that_the_host_holds_is_busy_until_it_is_let_go(rig):
    let_go = rig.host.hold('spawn')
    job = rig.job('s1')
    assert rig.client.spawn(job, 'k', 1, guest('s1')) == 'accepted'
    assert rig.client.spawn(job, 'k', 1, guest('s1')) == 'busy'
    assert not rig.host.all()
    let_go.set()
    assert rig.answer(job, 'k').ok


def test_a_refusal_is_reported_by_its_kind(rig):
    job = rig.job('s1')
    rig.client.spawn(job, 'k', 1, {**guest('s1'), 'memory_mb': 10**9})
    answer = rig.answer(job, 'k')
    assert (answer.ok, answer.kind) == (False, 'Refused') and 'memory' in answer.error
    assert not rig.host.all()


def test_an_order_from_a_late_worker_changes_nothing_even_after_a_restart(rig):
    job = rig.job('s1')
    rig.client.destroy(job, 'k', 7, 's1')
    rig.answer(job, 'k')
    rig.kill()
    rig.start()
    with pytest.raises(errors.Stale):
        rig.client.spawn(job, 'late', 6, guest('s1'))
    assert not rig.host.all()


def test_power_volumes_and_console_work(rig):
    job = rig.job('s1')
    rig.client.spawn(job, 'a', 1, guest('s1'))
    rig.answer(job, 'a')
    volume = dict(id='v1', attachment_id='a1', device='vdb', driver_volume_type='file', data={}, size_gb=1)
    rig.client.attach(job, 'b', 1, 's1', volume)
    assert rig.answer(job, 'b').result == {'device': 'vdb'}
    rig.client.detach(job, 'c', 1, 's1', volume)
    rig.client.detach(job, 'gone', 1, 's9', volume)
    assert rig.answer(job, 'c').ok and rig.answer(job, 'gone').ok
    rig.client.power_off(job, 'd', 1, 's1', 5)
    assert rig.answer(job, 'd').result == {'power': 'shutdown'}
    rig.client.power_on(job, 'e', 1, guest('s1'))
    assert rig.answer(job, 'e').result == {'power': 'running'}
    rig.client.reboot(job, 'f', 1, guest('s1'), True, 5)
    assert rig.answer(job, 'f').result == {'power': 'running'}
    assert 'login' in rig.client.console('s1', None)
    with pytest.raises(errors.NotFound, match='^Instance s9 has no console.$'):
        rig.client.console('s9', 10)


def test_a_delete_does_not_wait_for_a_guest_that_is_still_being_made(rig):
    rig.host.delay('spawn', 0.5)
    job = rig.job('s1')
    rig.client.spawn(job, 'a', 1, guest('s1'))
    assert settled(lambda: rig.agent.busy('s1'))
    rig.client.destroy(job, 'b', 2, 's1')
    assert rig.answer(job, 'a').ok is False and rig.answer(job, 'b').ok
    assert not rig.host.all()


def test_the_host_becomes_known_with_what_may_be_claimed(database, tmp_path):
    rig = Rig(database, tmp_path, reserved={'memory_mb': 1000}, ratios={'vcpus': 2.0})

    def known():
        with database.read() as tx:
            return [(row.host, row.reserved_memory_mb, row.vcpus_ratio) for row in hosts.list(tx)]

    assert settled(lambda: known() == [('h1', 1000, 2.0)])
    with database.read() as tx:
        assert services.find(tx, 'compute')[0].binary == 'nova-compute'
    rig.close()


def test_a_guest_that_went_down_by_itself_makes_its_server_shutoff(rig):
    rig.client.spawn(rig.job('s1', jobs.DONE), 'a', 1, guest('s1'))
    rig.server('s1')
    assert settled(lambda: 's1' in rig.host.all() and not rig.agent.busy('s1'))
    rig.host.crash('s1')
    assert settled(lambda: rig.state('s1') == states.STOPPED)


def test_a_server_that_a_job_works_on_does_not_follow_its_guest(rig):
    rig.server('s1')
    rig.job('s1')
    rig.agent.desk.changed('h1', 's1', 'shutdown')
    rig.agent.healer.heal()
    assert rig.state('s1') == states.ACTIVE


def test_a_server_without_its_guest_is_shutoff_after_a_heal(rig):
    rig.server('s1')
    rig.agent.healer.heal()
    assert rig.state('s1') == states.STOPPED


def test_a_guest_that_should_be_off_is_shut_down(rig):
    job = rig.job('s1', jobs.DONE)
    rig.client.spawn(job, 'a', 1, guest('s1'))
    rig.server('s1', states.STOPPED)
    assert settled(lambda: 's1' in rig.host.all() and not rig.agent.busy('s1'))
    rig.agent.healer.heal()
    assert rig.host.all()['s1'].state == 'shutdown'


def test_guests_are_started_again_at_start_where_the_option_says_so(database, tmp_path):
    rig = Rig(database, tmp_path, resume=True)
    rig.client.spawn(rig.job('s1', jobs.DONE), 'a', 1, guest('s1'))
    assert settled(lambda: 's1' in rig.host.all() and not rig.agent.busy('s1'))
    rig.kill()
    rig.host.crash('s1')
    rig.server('s1')
    rig.start()
    assert settled(lambda: rig.host.all()['s1'].state == 'running')
    assert rig.state('s1') == states.ACTIVE
    rig.close()


def test_a_guest_whose_ports_are_not_wired_yet_is_started_a_little_later(database, tmp_path):
    rig = Rig(database, tmp_path, resume=True)
    rig.client.spawn(rig.job('s1', jobs.DONE), 'a', 1, guest('s1'))
    assert settled(lambda: 's1' in rig.host.all() and not rig.agent.busy('s1'))
    rig.kill()
    rig.host.crash('s1')
    rig.server('s1')
    rig.host.fail('start', Refused('There is no bridge.'), 2)
    rig.start()
    assert settled(lambda: rig.host.all()['s1'].state == 'running')
    assert rig.state('s1') == states.ACTIVE
    rig.close()


def spawned(rig, server_id):
    rig.client.spawn(rig.job(server_id, jobs.DONE), 'a', 1, guest(server_id))
    assert settled(lambda: server_id in rig.host.all() and not rig.agent.busy(server_id))


def test_a_guest_unknown_to_the_cloud_is_never_destroyed(rig, caplog):
    rig.host.put('stranger', dataclasses.replace(_any_guest(rig)))
    rig.agent.healer.heal()
    assert 'stranger' in rig.host.all()
    assert 'Guest stranger does not belong on this host' in caplog.text


def _any_guest(rig):
    spawned(rig, 's0')
    return rig.host.all()['s0']


def test_a_guest_of_a_deleted_server_is_destroyed_once_its_claim_is_gone(rig):
    spawned(rig, 's1')
    assert settled(lambda: _known(rig))
    with rig.db.write() as tx:
        claims.take(tx, 's1', hosts.named(tx, 'h1').id, Request(1, 64, 1))
    rig.server('s1', states.DELETED, deleted_at=Clock().now())
    rig.agent.healer.heal()
    assert 's1' in rig.host.all()
    with rig.db.write() as tx:
        claims.release(tx, 's1')
    rig.agent.healer.heal()
    assert 's1' not in rig.host.all()


def _known(rig):
    with rig.db.read() as tx:
        return len(hosts.list(tx)) == 1


def test_a_guest_of_a_server_that_lives_elsewhere_is_left_alone(rig):
    spawned(rig, 's1')
    rig.server('s1', host='h2')
    rig.agent.healer.heal()
    assert 's1' in rig.host.all()


def test_a_guest_given_up_while_it_was_built_is_destroyed(rig):
    spawned(rig, 's1')
    rig.server('s1', states.ERROR, host=None)
    with rig.db.write() as tx:
        tx.update(jobs.Job, jobs.Job.subject == 's1', notes={'abandoned': ['h1']})
    rig.agent.healer.heal()
    assert 's1' not in rig.host.all()


def test_what_goes_on_is_not_asked_of_a_foreign_desk(database):
    with pytest.raises(errors.Invalid, match='nova-compute'):
        ComputeDeskServer(database).alive(context.internal(), 'h1', 'nova-other', {}, True)


def test_what_nobody_needs_any_more_is_gone_and_nothing_else(rig):
    alive, dead, base = ids.dashed(), ids.dashed(), rig.agent.images.base
    rig.server(alive)
    rig.server(dead, states.DELETED, deleted_at=Clock().now())
    fences = pathlib.Path(rig.path, 'fences')
    for subject in (alive, dead, 'never-heard-of'):
        rig.agent.errands.fences.pass_(subject, 9)
        os.utime(fences / subject, (0, 0))
    os.makedirs(rig.agent.images.path, exist_ok=True)
    for image, used_at in (('used', 0), ('old', 0), ('new', time.time())):
        pathlib.Path(base(image)).write_bytes(b'x')
        os.utime(base(image), (used_at, used_at))
    rig.agent.driver.bases = lambda: {base('used')}
    rig.agent.tidy()
    assert [os.path.exists(base(image)) for image in ('used', 'old', 'new')] == [True, False, True]
    assert sorted(path.name for path in fences.iterdir()) == sorted([alive, 'never-heard-of'])
