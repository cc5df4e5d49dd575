"""An order to a hypervisor that is away is given again, and the server waits rather than fails."""

import pytest

from nimbus.common import errors
from nimbus.compute import states
from nimbus.compute.servers import deletion, power
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


class Away:
    """A driver whose verb finds its hypervisor away for a while."""

    def __init__(self, driver, verb, times):
        self.left, self.tried, self._do = times, 0, getattr(driver, verb)
        setattr(driver, verb, self)

    def __call__(self, *args):
        self.tried += 1
        if self.left > 0:
            self.left -= 1
            raise errors.Unavailable(
                "The hypervisor of the server's host is away.",
                inside='libvirt at qemu:///system is away: it was restarted.',
            )
        return self._do(*args)


def driver_of(cloud, server):
    return cloud.agents[cloud.row(server).host].driver


@pytest.mark.parametrize(
    ('verb', 'ask', 'state'),
    [('stop', power.stop, states.STOPPED), ('destroy', deletion.delete, states.DELETED)],
)
def test_an_order_is_given_again_until_the_hypervisor_is_back(cloud, verb, ask, state):
    server = cloud.server()
    away = Away(driver_of(cloud, server), verb, 3)
    cloud.ask(ask, server)
    cloud.settle()
    assert away.tried == 4 and cloud.row(server).vm_state == state and cloud.row(server).fault is None
    cloud.check()


def test_a_hypervisor_that_stays_away_ends_the_job_with_the_cause(cloud):
    server = cloud.server()
    Away(driver_of(cloud, server), 'stop', 10_000)
    cloud.ask(power.stop, server)
    cloud.settle(most=1000)
    row = cloud.row(server)
    assert row.vm_state == states.ACTIVE and row.task_state is None
    assert 'libvirt at qemu:///system is away' in row.fault['details']
    assert row.fault['message'] == "The hypervisor of the server's host is away."
