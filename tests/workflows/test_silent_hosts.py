"""A host that no longer reports is not waited for by the server that was to be built there."""

import datetime

import pytest

from nimbus.common.agents import services
from nimbus.common.jobs import Run
from nimbus.conductor.workflows import WORKFLOWS
from tests.workflows import harness
from tests.workflows.cloud import Cloud

STEPS = WORKFLOWS['build_server'].steps


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=4)
    yield made
    made.close()


def _silence(cloud, monkeypatch, *hosts):
    """None of the hosts wires or reports any more, once it was chosen."""

    def falling_silent(run: Run):
        if run.host in hosts or not hosts:
            monkeypatch.setattr(cloud, 'wire', lambda: None)
            with cloud.db.write() as tx:
                tx.update(services.Service, services.Service.host == run.host, forced_down=True)
        else:
            monkeypatch.undo()

    def variant(do):
        def wrapped(run: Run):
            falling_silent(run)
            return do(run)

        return wrapped

    index = [step.name for step in STEPS].index('wait_for_wires')
    cloud.workflows['build_server'] = harness.variant(WORKFLOWS['build_server'], index, variant)


def test_a_host_that_falls_silent_before_it_wires_is_left_for_another(cloud, monkeypatch):
    first = cloud.row(cloud.server()).host
    _silence(cloud, monkeypatch, first)
    servers = [cloud.boot() for _ in range(3)]
    began = cloud.clock.now()
    cloud.settle(most=200)
    assert cloud.clock.now() - began < datetime.timedelta(minutes=1)
    for server in servers:
        assert cloud.row(server).vm_state == 'active' and cloud.row(server).host != first


def test_hosts_that_all_fall_silent_fail_the_server_soon_with_a_sentence(cloud, monkeypatch):
    _silence(cloud, monkeypatch)
    server = cloud.boot()
    began = cloud.clock.now()
    cloud.settle(most=200)
    assert cloud.clock.now() - began < datetime.timedelta(minutes=1)
    assert cloud.row(server).vm_state == 'error'
    assert cloud.row(server).fault['message'] == (
        "No valid host was found. The hosts that were chosen refused the server: The server's host is down."
    )
    assert not cloud.held()['claims']
