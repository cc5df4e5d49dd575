"""The hosts that the compute tests share; the machines, drivers and wishes that the network tests do."""

import os
import shutil

import pytest

from tests.drivers.compute_rigs import FakeRig, LibvirtRig
from tests.drivers.netcloud import Wishes
from tests.drivers.netlab import FakeLab, PrivateHost, RealLab, sh


@pytest.fixture(scope='module')
def machine():
    """A private host with its own Open vSwitch."""
    if os.geteuid() or not shutil.which('ovs-vswitchd'):
        pytest.skip('needs root and Open vSwitch')
    with PrivateHost() as made:
        yield made


@pytest.fixture
def outside(machine):
    """The private host has a bridge to the world outside, and an address there, 172.24.4.1."""
    database = f'--db={machine.ovsdb}'
    sh('ovs-vsctl', database, 'add-br', 'br-ex', '--', 'set', 'bridge', 'br-ex', 'datapath_type=netdev')
    sh('ip', 'addr', 'add', '172.24.4.1/24', 'dev', 'br-ex')
    sh('ip', 'link', 'set', 'br-ex', 'up')
    yield
    sh('ovs-vsctl', database, 'del-br', 'br-ex')


@pytest.fixture
def lab(machine):
    """One test's part of the private host."""
    made = RealLab(machine)
    yield made
    made.close()


@pytest.fixture(params=['fake', pytest.param('real', marks=pytest.mark.real)])
def either(request):
    """The pretended host, then the private one."""
    if request.param == 'real' and 'outside' in request.fixturenames:
        request.getfixturevalue('outside')
    made = FakeLab() if request.param == 'fake' else RealLab(request.getfixturevalue('machine'))
    yield made
    made.close()


@pytest.fixture
def wishes():
    """Nothing is wished for yet."""
    return Wishes()


@pytest.fixture
def driver(lab):
    """An open driver of the test's host."""
    made = lab.driver()
    made.open()
    yield made
    made.close()


@pytest.fixture(
    scope='module',
    params=[FakeRig, pytest.param(LibvirtRig, marks=pytest.mark.real)],
    ids=lambda rig: rig.name,
)
def rig(request):
    """A hypervisor: the fake one, then QEMU."""
    made = request.param.lent()
    yield made
    made.close()


@pytest.fixture
def spawn(rig):
    """Spawns a guest that is gone after the test."""
    made = []

    def call(bootable=False, **changes):
        guest, base = (rig.bootable if bootable else rig.guest)(**changes)
        made.append(guest)
        rig.driver.spawn(guest, base, lambda percent: None)
        return guest

    yield call
    for guest in made:
        rig.driver.destroy(guest.id)
