"""What is asked of running guests over HTTP, with an agent on the bus."""

import dataclasses
import types

import pytest
import sqlalchemy as sa

from nimbus.api.compute import app
from nimbus.common import ids
from nimbus.common.jobs import Job
from nimbus.common.messaging import rpc
from nimbus.compute import states
from nimbus.compute.agent.fake.driver import FakeDriver, FakeSettings
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.compute.agent.manager import Agent
from nimbus.compute.guest import Guest
from nimbus.compute.models import Server
from nimbus.compute.servers import guests
from tests.compute_world import add_image, put_in, running
from tests.conftest import ADMIN, STRANGER
from tests.wire.client import Client


@pytest.fixture
def cloud(parts, world, tmp_path):
    """The API, and a server whose guest runs on a host with an agent."""
    bus = rpc.transport(f'inproc:///{ids.plain()}')
    shared = dataclasses.replace(parts, bus=bus)
    driver = FakeDriver(FakeSettings(ids.plain()))
    listener = rpc.serve(bus, Agent('h1', driver, None, types.SimpleNamespace(done=None), str(tmp_path)), 'h1')

    def server(**more):
        row = running(parts.db, world, **more)
        with parts.db.read() as tx:
            driver.spawn(Guest.from_dict(guests.describe(tx, row.id)), '/base/i', lambda percent: None)
        return row

    yield types.SimpleNamespace(api=Client(app.make(shared), prefix='/v2.1'), driver=driver, server=server, db=parts.db)
    listener.stop()
    listener.wait()
    FakeHost.forget()


def act(cloud, row, body, **more):
    return cloud.api('POST', f'/servers/{row.id}/action', body, **{'version': 'compute 2.17', **more})


def newest(cloud, row):
    return cloud.api('GET', f'/servers/{row.id}/os-instance-actions').json['instanceActions'][0]


def test_a_password_is_changed_by_the_guest_s_agent_and_kept_nowhere(cloud):
    row = cloud.server()
    answer = act(cloud, row, {'changePassword': {'adminPass': 'hunter2'}})
    assert (answer.status, answer.data) == (202, b'')
    assert 'the password of root is changed' in cloud.driver.console(row.id, None)
    assert (newest(cloud, row)['action'], newest(cloud, row)['message']) == ('changePassword', None)
    with cloud.db.read() as tx:
        assert not [job for job in tx.rows(sa.select(Job)) if 'hunter2' in str(tuple(job))]


def test_the_image_says_whose_password_it_is_and_whether_there_is_an_agent(cloud):
    with cloud.db.write() as tx:
        windows = add_image(tx, ids.dashed(), properties={'os_type': 'windows'})
        named = add_image(tx, ids.dashed(), properties={'os_admin_user': 'boss', 'os_type': 'windows'})
        without = add_image(tx, ids.dashed(), properties={'hw_qemu_guest_agent': 'no'})
    for image, user in ((windows, 'Administrator'), (named, 'boss')):
        row = cloud.server(image_id=image)
        assert act(cloud, row, {'changePassword': {'adminPass': 'x'}}).status == 202
        assert f'the password of {user} is changed' in cloud.driver.console(row.id, None)
    row = cloud.server(image_id=without)
    answer = act(cloud, row, {'changePassword': {'adminPass': 'x'}})
    told = 'Guest agent is not enabled for the instance'
    assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)
    assert newest(cloud, row)['message'] == 'Error'


def test_a_guest_that_does_not_do_it_is_a_conflict(cloud):
    row = cloud.server()
    cloud.driver.stop(row.id, 0)
    for body in ({'changePassword': {'adminPass': 'x'}}, {'trigger_crash_dump': None}):
        answer = act(cloud, row, body)
        assert answer.status == 409 and row.id in answer.json['conflictingRequest']['message']
        assert newest(cloud, row)['message'] == 'Error'


def test_an_interrupt_reaches_the_guest_since_a_version(cloud):
    row = cloud.server()
    assert act(cloud, row, {'trigger_crash_dump': None}, version='compute 2.16').status in (400, 404)
    assert act(cloud, row, {'trigger_crash_dump': {}}).status == 400
    assert act(cloud, row, {'trigger_crash_dump': None}).status == 202
    assert 'an interrupt came' in cloud.driver.console(row.id, None)
    assert newest(cloud, row)['action'] == 'trigger_crash_dump'


@pytest.mark.parametrize(
    ('body', 'fine'),
    [
        ({'changePassword': {'adminPass': 'x'}}, {states.ACTIVE}),
        ({'trigger_crash_dump': None}, {states.ACTIVE, states.PAUSED, states.RESCUED, states.RESIZED, states.ERROR}),
    ],
)
def test_in_any_other_state_it_is_a_conflict_that_names_the_state(cloud, body, fine):
    row, (action,) = cloud.server(), body
    for state in sorted(states.LIVING - fine):
        put_in(cloud.db, row.id, state)
        told = f"Cannot '{action}' instance {row.id} while it is in vm_state {state}"
        answer = act(cloud, row, body)
        assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)
    put_in(cloud.db, row.id, states.ACTIVE)
    assert act(cloud, row, body, asker=STRANGER).status == 404
    act(cloud, row, {'lock': None})
    assert act(cloud, row, body).status == 409


def test_diagnostics_are_by_the_hypervisor_s_names_and_then_by_standard_ones(cloud):
    row = cloud.server()
    path = f'/servers/{row.id}/diagnostics'
    assert cloud.api('GET', path).status == 403
    old = cloud.api('GET', path, asker=ADMIN).json
    assert (old['memory'], old['cpu0_time'], old['vda_read_req'], old['vda_errors']) == (512 << 10, 0, 0, 0)
    new = cloud.api('GET', path, asker=ADMIN, version='compute 2.48').json
    assert set(new) == {
        *('state', 'driver', 'hypervisor', 'hypervisor_os', 'uptime', 'config_drive', 'num_cpus', 'num_nics'),
        *('num_disks', 'cpu_details', 'disk_details', 'nic_details', 'memory_details'),
    }
    assert (new['state'], new['config_drive'], new['num_cpus'], new['num_disks']) == ('running', False, 1, 1)
    assert new['cpu_details'] == [{'id': 0, 'time': 0, 'utilisation': None}]
    assert new['memory_details'] == {'maximum': 512, 'used': 512}


def test_a_guest_that_does_not_run_has_no_diagnostics(cloud):
    row = cloud.server()
    with cloud.db.write() as tx:
        tx.update(Server, Server.id == row.id, power_state=states.SHUTDOWN)
    for version in ('compute 2.1', 'compute 2.48'):
        answer = cloud.api('GET', f'/servers/{row.id}/diagnostics', asker=ADMIN, version=version)
        assert answer.status == 409 and 'does not run' in answer.json['conflictingRequest']['message']


def test_diagnostics_of_a_guest_that_is_not_there_are_not_found(cloud):
    row = cloud.server()
    cloud.driver.destroy(row.id)
    answer = cloud.api('GET', f'/servers/{row.id}/diagnostics', asker=ADMIN)
    assert answer.status == 404 and 'h1' not in answer.data.decode()


def test_a_server_has_no_topology_of_its_host(cloud):
    row = cloud.server()
    path = f'/servers/{row.id}/topology'
    assert cloud.api('GET', path, version='compute 2.77').status == 404
    assert cloud.api('GET', path, version='compute 2.78').json == {'nodes': [], 'pagesize_kb': None}
    assert cloud.api('GET', path, version='compute 2.78', asker=STRANGER).status == 404


def test_a_body_without_a_password_changes_nothing(cloud):
    row = cloud.server()
    for body in ({'changePassword': {}}, {'changePassword': {'adminPass': 1}}, {'changePassword': None}):
        assert act(cloud, row, body).status == 400
    assert newest(cloud, row)['action'] == 'create'
