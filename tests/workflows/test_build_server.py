"""A new server: where it goes, what it says on the way, and what becomes of it when something is in the way."""

import pytest
import sqlalchemy as sa

from nimbus.common import errors, jobs
from nimbus.common.agents import services
from nimbus.common.jobs import Run
from nimbus.compute import states
from nimbus.compute.agent.disks.inspection import BadImage
from nimbus.compute.agent.driver import Refused
from nimbus.compute.servers import deletion, power, servers
from nimbus.conductor.workflows import WORKFLOWS
from nimbus.network.hosts import port_reports
from nimbus.network.ports import ports
from nimbus.scheduler import claims
from tests.domain.network import cloud as nouns
from tests.workflows import harness
from tests.workflows.cloud import Cloud
from tests.workflows.scenarios import boot, deleted, given_volume_and_port

STEPS = WORKFLOWS['build_server'].steps


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=4)
    yield made
    made.close()


def refuse(cloud, *names, why='the disk is broken'):
    for name in names:
        cloud.host(name).fail('spawn', Refused(why), times=9)


def test_every_task_state_is_seen_on_the_way(cloud):
    seen = []

    def watch(do):
        def watched(run: Run):
            try:
                return do(run)
            finally:
                seen.append(cloud.row(run.subject).task_state)

        return watched

    recipe = WORKFLOWS['build_server']
    for index in range(len(STEPS)):
        recipe = harness.variant(recipe, index, watch)
    cloud.workflows['build_server'] = recipe
    cloud.server()
    assert list(dict.fromkeys(seen)) == ['scheduling', 'networking', 'block_device_mapping', 'spawning']


def test_the_host_is_known_before_the_guest_is_ordered(cloud):
    hosts = []

    def watch(do):
        def watched(run: Run):
            hosts.append(cloud.row(run.subject).host)
            return do(run)

        return watched

    cloud.workflows['build_server'] = harness.variant(WORKFLOWS['build_server'], 4, watch)
    server = cloud.server()
    assert hosts[0] == cloud.row(server).host


def test_the_trail_and_the_steps_are_kept_for_why(cloud):
    server = cloud.server()
    job = cloud.job(server, 'build_server')
    assert job.notes['trail']['taken'] == cloud.row(server).host
    with cloud.db.read() as tx:
        told = [(row.step, row.outcome) for row in jobs.steps(tx, job.id)]
    assert told == [(step.name, 'ok') for step in STEPS] + [('mark_active', 'ok')]


def test_a_host_that_refuses_is_passed_over(cloud):
    refuse(cloud, 'h1', 'h2')
    given = given_volume_and_port(cloud)
    server = boot(cloud, given)
    cloud.settle()
    assert cloud.row(server).vm_state == states.ACTIVE
    assert cloud.row(server).host in ('h3', 'h4')
    cloud.check()


def test_three_hosts_are_tried_and_each_ones_reason_is_told(cloud):
    refuse(cloud, 'h1', 'h2', 'h3', 'h4')
    server = cloud.boot()
    cloud.settle()
    row = cloud.row(server)
    assert row.vm_state == states.ERROR and row.fault['code'] == 500
    assert row.fault['message'] == (
        'No valid host was found. The hosts that were chosen refused the server: the disk is broken'
    )
    assert row.fault['details'].startswith(
        'No valid host was found. 3 hosts refused the server (h1: the disk is broken'
    )
    assert sum(cloud.host(name).calls['spawn'] for name in cloud.agents) == 3
    cloud.check()


def test_a_forced_host_that_refuses_is_the_only_one_tried(cloud):
    refuse(cloud, 'h2')
    server = cloud.boot(zone='nova', forced_host='h2')
    cloud.settle()
    fault = cloud.row(server).fault
    assert 'RetryFilter removed 1 (h2 refused the server before, or may still run its guest)' in fault['details']
    assert 'Host h2 refused the server: the disk is broken' in fault['details']
    assert fault['message'].endswith('The hosts that were chosen refused the server: the disk is broken')
    assert [name for name in cloud.agents if cloud.host(name).calls['spawn']] == ['h2']


def test_without_a_valid_host_the_fault_names_the_filters(cloud):
    with cloud.db.write() as tx:
        tx.update(services.Service, services.Service.binary == 'nova-compute', disabled=True)
    server = cloud.boot()
    cloud.settle()
    assert cloud.row(server).fault['details'] == (
        'No valid host was found. 4 hosts: ComputeFilter removed 4 (h1 is disabled).'
    )
    assert cloud.row(server).fault['message'] == (
        'No valid host was found. No host is in service that takes the server.'
    )


def test_what_no_host_would_take_is_not_tried_elsewhere(cloud):
    for name in cloud.agents:
        cloud.host(name).fail('spawn', BadImage('The image is no image.'), times=9)
    server = cloud.boot()
    cloud.settle()
    assert cloud.row(server).fault['message'] == 'The image is no image.'
    assert sum(cloud.host(name).calls['spawn'] for name in cloud.agents) == 1


def test_a_host_that_hands_out_no_address_is_passed_over(cloud):
    with cloud.db.write() as tx:
        for name in ('h3', 'h4'):
            nouns.agent(tx, name)
    given = given_volume_and_port(cloud)
    server = boot(cloud, given)
    cloud.settle()
    assert cloud.row(server).vm_state == states.ACTIVE, cloud.row(server).fault
    assert cloud.row(server).host in ('h3', 'h4') and cloud.job(server, 'build_server').notes['refusals']
    assert not any(cloud.host(name).calls['spawn'] for name in ('h1', 'h2'))
    cloud.check()


def test_a_server_that_gets_no_address_on_any_host_says_of_which_network(cloud):
    with cloud.db.write() as tx:
        nouns.agent(tx, 'elsewhere')
    server = cloud.boot()
    cloud.settle()
    row = cloud.row(server)
    assert row.vm_state == states.ERROR and row.fault['message'] == (
        'No valid host was found. The hosts that were chosen refused the server: '
        f'No DHCP server there hands out addresses of network {cloud.network}.'
    )
    assert row.fault['details'].count('The guest would get no address: no DHCP server on h') == 3
    cloud.check()


def test_a_host_that_cannot_wire_a_port_is_passed_over(cloud, monkeypatch):
    server = cloud.boot()
    with monkeypatch.context() as patch:
        patch.setattr(cloud, 'wire', lambda: None)
        cloud.clock.advance(5)
        cloud.runner.run_due()
        host = cloud.row(server).host
        with cloud.db.write() as tx:
            port = ports.of_server(tx, server)[0].id
            port_reports.settle(tx, port_reports.Report(host, 99, [], {port: 'The bridge br-int is gone.'}))
        cloud.clock.advance(5)
        cloud.runner.run_due()
    cloud.settle()
    assert cloud.row(server).vm_state == states.ACTIVE and cloud.row(server).host != host
    refusals = cloud.job(server, 'build_server').notes['refusals']
    assert refusals == {host: f'Host {host} cannot wire the ports: The bridge br-int is gone.'}
    cloud.check()


def test_a_host_that_never_wires_is_not_waited_for_for_ever(cloud, monkeypatch):
    server = cloud.boot()
    monkeypatch.setattr(cloud, 'wire', lambda: None)
    cloud.settle(most=200)
    assert 'did not wire the ports within 5 minutes' in cloud.row(server).fault['details']
    told = "The server's host did not connect its ports to their networks within 5 minutes."
    assert cloud.row(server).fault['message'] == told


def test_an_agent_that_died_while_it_built_fails_the_server_and_cleans_up_when_it_is_back(cloud):
    gone = {}

    def vanish(do):
        def vanished(run: Run):
            if run.host in cloud.agents:
                gone[run.host] = cloud.agents[run.host]
                made = cloud.host(run.host)
                gone[run.host].driver.spawn(_guest(cloud, run), None, lambda _: None)
                del cloud.agents[run.host]
                with cloud.db.write() as tx:
                    tx.update(services.Service, services.Service.host == run.host, forced_down=True)
                assert run.subject in made.all()
            return do(run)

        return vanished

    cloud.workflows['build_server'] = harness.variant(WORKFLOWS['build_server'], 4, vanish)
    server = cloud.boot()
    cloud.settle()
    host, agent = gone.popitem()
    fault = cloud.row(server).fault
    assert cloud.row(server).vm_state == 'error'
    assert (fault['message'], fault['details']) == ("The server's host is down.", f'Host {host} is down.')
    assert cloud.job(server, 'build_server').notes['abandoned'] == [host]
    assert server in cloud.host(host).all()
    agent.healer.heal()
    assert server not in cloud.host(host).all()


def _guest(cloud, run):
    from nimbus.compute.guest import Guest
    from nimbus.compute.servers import guests

    with cloud.db.read() as tx:
        return Guest.from_dict(guests.describe(tx, run.subject))


@pytest.mark.parametrize('index', range(len(STEPS)), ids=lambda index: STEPS[index].name)
def test_a_delete_while_building_cancels_and_unwinds(cloud, index):
    given = given_volume_and_port(cloud)

    def delete(do):
        def deleting(run: Run):
            found = do(run)
            if cloud.row(run.subject).task_state != 'deleting':
                cloud.ask(deletion.delete, run.subject)
            return found

        return deleting

    cloud.workflows['build_server'] = harness.variant(WORKFLOWS['build_server'], index, delete)
    server = boot(cloud, given)
    cloud.settle()
    deleted(cloud, given, server)
    assert cloud.job(server, 'build_server').heading == jobs.UNDONE
    assert cloud.row(server).fault is None
    cloud.check()


def test_a_server_that_was_never_placed_is_deleted(cloud):
    with cloud.db.write() as tx:
        tx.update(services.Service, services.Service.binary == 'nova-compute', disabled=True)
    server = cloud.boot()
    cloud.settle()
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED
    cloud.check()


def test_a_server_on_a_dead_host_goes_and_its_guest_when_the_host_is_back(cloud):
    server = cloud.server()
    host = cloud.row(server).host
    agent = cloud.agents.pop(host)
    with cloud.db.write() as tx:
        tx.update(services.Service, services.Service.host == host, forced_down=True)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED
    with cloud.db.read() as tx:
        assert claims.of(tx, server) is None
    assert server in cloud.host(host).all()
    agent.healer.heal()
    assert server not in cloud.host(host).all()


def test_a_volume_that_cannot_be_made_fails_the_server(cloud):
    cloud.volume_agent.driver.create = _broken
    devices = [{'source': 'blank', 'destination': 'volume', 'size': 1, 'delete_on_termination': False}]
    server = cloud.boot(devices=devices)
    cloud.settle()
    assert 'could not be made: no disk' in cloud.row(server).fault['message']
    assert not cloud.held()['claims']


def _broken(*_):
    raise errors.Invalid('no disk')


def test_a_server_boots_from_a_volume_made_from_its_image(cloud):
    root = {'source': 'image', 'destination': 'volume', 'image_id': _image(cloud), 'boot_index': 0, 'size': 1}
    server = cloud.server(image_id=None, devices=[{**root, 'delete_on_termination': True}])
    with cloud.db.read() as tx:
        assert servers.spec(tx, server)['bdms'][0]['volume_id']
        assert claims.of(tx, server).disk_gb == 0
    assert list(cloud.host(cloud.row(server).host).all()[server].volumes.values()) == ['vda']
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.held()['volumes'] == []


def _image(cloud):
    from tests.workflows.cloud import IMAGE

    return IMAGE


def test_two_jobs_of_a_server_run_in_the_order_they_were_asked_for(cloud):
    server = cloud.server()
    cloud.ask(power.stop, server)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    with cloud.db.read() as tx:
        ends = tx.column(sa.select(jobs.JobStep.step).where(jobs.JobStep.subject == server).order_by(jobs.JobStep.seq))
    assert [step for step in ends if step in ('mark_active', 'power_off', 'forget')] in (
        ['mark_active', 'forget'],  # the delete was asked for before the shutdown began, which it cancelled
        ['mark_active', 'power_off', 'forget'],
    )
    assert cloud.row(server).vm_state == states.DELETED
