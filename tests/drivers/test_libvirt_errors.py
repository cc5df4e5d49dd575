"""A libvirt that is away, and one that refuses, are told in the house's kinds."""

import re
import types

import libvirt
import pytest

from nimbus.common import errors
from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt import libvirt_errors
from nimbus.compute.agent.libvirt.driver import LibvirtDriver, LibvirtSettings
from nimbus.compute.guest import Volume

GUEST = '11111111-1111-4111-8111-111111111111'


@pytest.fixture
def driver(tmp_path):
    """A driver whose libvirtd is not there any more."""
    (tmp_path / GUEST).mkdir()
    return LibvirtDriver(LibvirtSettings(str(tmp_path), uri=f'qemu:///system?socket={tmp_path}/nobody'))


def volume():
    return Volume(id='v', device='/dev/vdb', connection={'driver_volume_type': 'file', 'data': {}})


@pytest.mark.parametrize(
    'ask',
    [
        lambda driver: driver.stop(GUEST, 1),
        lambda driver: driver.destroy(GUEST),
        lambda driver: driver.attached(GUEST),
        lambda driver: driver.state(GUEST),
    ],
)
def test_an_order_while_libvirt_is_away_is_unavailable_and_says_where(driver, ask):
    with pytest.raises(errors.Unavailable, match='^The hypervisor of the server.s host is away.$') as caught:
        ask(driver)
    assert re.match('libvirt at qemu:///system.* is away: .*nobody', caught.value.inside)


def test_a_guest_s_disk_is_not_taken_away_while_libvirt_is(driver, tmp_path):
    with pytest.raises(errors.Unavailable):
        driver.destroy(GUEST)
    assert (tmp_path / GUEST).exists()


def raised(code, domain, text='something'):
    """An error as libvirt's binding makes it."""
    made = libvirt.libvirtError(text)
    made.args = (text,)  # the binding takes the text of libvirt's own last error
    made.err = (code, domain, text, 2, None, None, None, -1, -1)
    return made


class Verbs:
    settings = types.SimpleNamespace(uri='qemu:///system')

    def __init__(self, why):
        self.why = why

    @libvirt_errors.in_kinds
    def stop(self, guest_id):
        raise self.why


def test_a_connection_that_breaks_in_the_middle_is_unavailable():
    broken = raised(libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_FROM_RPC, 'End of file while reading data')
    with pytest.raises(errors.Unavailable) as caught:
        Verbs(broken).stop(GUEST)
    assert 'End of file while reading data' in caught.value.inside


def test_what_libvirt_refuses_is_told_with_the_guest_and_the_verb():
    with pytest.raises(errors.NimbusError, match=f'^The hypervisor did not stop guest {GUEST}.$') as caught:
        Verbs(raised(libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_FROM_QEMU)).stop(GUEST)
    assert caught.value.inside == f'libvirt did not stop guest {GUEST}: something.'
    assert caught.type is errors.NimbusError


def test_a_boot_that_libvirt_refuses_may_go_to_another_host_and_one_it_is_away_for_waits():
    refused = raised(libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_QEMU)
    gone = raised(libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_RPC)
    assert isinstance(libvirt_errors.refusal(GUEST, 'u', refused), Refused)
    assert isinstance(libvirt_errors.refusal(GUEST, 'u', gone), errors.Unavailable)


def test_a_qemu_that_was_killed_while_it_started_is_told_to_the_user():
    text = 'internal error: process exited while connecting to monitor: /var/lib/x: secret'
    killed = raised(libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_QEMU, text)
    told = libvirt_errors.refusal(GUEST, 'u', killed)
    assert told.sentence == f'QEMU was killed or ended while it started guest {GUEST}.'
    assert 'secret' in told.inside


def lost(text):
    """What libvirt says when the other end of a connection is gone, whichever that is."""
    why = libvirt.libvirtError(text)
    why.err = (libvirt.VIR_ERR_RPC, libvirt.VIR_FROM_RPC, text)
    return why


class Leaving:
    """A running guest whose move ends with the host that it goes to."""

    def isActive(self):
        return 1

    def jobInfo(self):
        return [libvirt.VIR_DOMAIN_JOB_NONE]

    def jobStats(self):
        return {}

    def XMLDesc(self, flags=0):
        raise lost('client socket is closed')


def moving():
    return types.SimpleNamespace(id=GUEST, memory_mb=64, local_gb=1)


def test_a_move_whose_target_went_away_is_refused_and_not_asked_for_again(driver, monkeypatch):
    monkeypatch.setattr(driver, '_find', lambda guest_id: Leaving())
    with pytest.raises(Refused, match=f'^Guest {GUEST} could not be moved.$') as caught:
        driver.live_move(moving(), 'move', {'address': '192.0.2.1'}, lambda figures: None)
    assert 'client socket is closed' in caught.value.inside


def test_a_move_whose_own_libvirt_went_away_may_be_asked_for_again(driver, monkeypatch):
    there = iter([Leaving()])
    found = driver._find
    monkeypatch.setattr(driver, '_find', lambda guest_id: next(there, None) or found(guest_id))
    with pytest.raises(errors.Unavailable, match="^The hypervisor of the server's host is away.$"):
        driver.live_move(moving(), 'move', {'address': '192.0.2.1'}, lambda figures: None)
