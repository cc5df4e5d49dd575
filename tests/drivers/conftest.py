"""The hosts that the compute tests share; the machines, drivers and wishes that the network tests do;
the files that those of backups do."""

import os
import shutil

import pytest

from nimbus.volume.agent.backups.folder import FolderStore
from nimbus.volume.agent.backups.keeper import CHUNK, Keeper
from nimbus.volume.agent.file.driver import FileDriver
from tests.drivers.backup_disks import GIB, new, scribble
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


@pytest.fixture
def folder(tmp_path):
    return FolderStore(str(tmp_path / 'backups'))


@pytest.fixture
def disks(tmp_path):
    return FileDriver(str(tmp_path / 'volumes'), 'raw')


@pytest.fixture
def kept(disks, folder):
    """A keeper of real files, and a volume of 1 GiB that has something at three places."""
    volume = new()
    disks.create(volume, 1)
    for number, at in enumerate((0, 5 * CHUNK + 4096, GIB - 512)):
        scribble(disks, volume, at, bytes([65 + number]) * 512)
    return Keeper(disks, folder), volume
