"""What becomes of paused and suspended servers whose guests change by themselves."""

import dataclasses

import pytest

from nimbus.compute import states
from nimbus.compute.servers import deletion, power, suspension
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def held_still(cloud, verb):
    server = cloud.server()
    cloud.ask(verb, server)
    cloud.settle()
    return server, cloud.host(cloud.row(server).host)


def test_a_paused_guest_that_died_leaves_its_server_off(cloud):
    server, host = held_still(cloud, suspension.pause)
    host.crash(server)
    cloud.settle()
    assert (cloud.row(server).vm_state, cloud.row(server).power_state) == (states.STOPPED, states.CRASHED)
    cloud.ask(power.start, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.ACTIVE
    cloud.check()


def test_a_paused_guest_that_somebody_lets_run_is_paused_again(cloud):
    server, host = held_still(cloud, suspension.pause)
    host.put(server, dataclasses.replace(host.find(server), state='running'))
    cloud.settle()
    assert host.find(server).state == 'paused' and cloud.row(server).vm_state == states.PAUSED


def test_a_suspended_server_is_rebooted_hard_and_has_a_new_memory(cloud):
    server, host = held_still(cloud, suspension.suspend)
    cloud.settle()
    assert cloud.row(server).vm_state == states.SUSPENDED
    cloud.ask(power.reboot, server, hard=True)
    cloud.settle()
    assert cloud.row(server).vm_state == states.ACTIVE and not host.find(server).saved
    cloud.check()


def test_a_deletion_breaks_into_it(cloud):
    server, host = held_still(cloud, suspension.suspend)
    cloud.ask(suspension.resume, server)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED and host.find(server) is None
    cloud.check()
