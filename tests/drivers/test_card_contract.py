"""Network cards that come to a guest and go, with every hypervisor driver."""

import contextlib
import dataclasses
import subprocess
import uuid
from xml.etree import ElementTree as ET

import pytest

from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.guest import Nic

from .compute_rigs import on_qemu, wait_for


@pytest.fixture
def nic(rig):
    """A network card whose bridge is there."""
    bridge = f'qbr{uuid.uuid4().hex[:11]}'
    with contextlib.ExitStack() as undo:
        if rig.real:
            subprocess.run(['ip', 'link', 'add', bridge, 'type', 'bridge'], check=True)
            undo.callback(subprocess.run, ['ip', 'link', 'del', bridge], check=True)
        yield Nic(str(uuid.uuid4()), 'fa:16:3e:00:10:01', bridge, 'tap' + bridge[3:], 1400)


def test_a_card_comes_to_a_running_guest_and_stays_over_a_start(rig, spawn, nic):
    guest = spawn()
    for _ in range(2):
        rig.driver.plug(guest.id, nic)
        assert rig.driver.plugged(guest.id) == {nic.mac}
    if rig.real:
        card = ET.fromstring(rig.driver._find(guest.id).XMLDesc()).find('./devices/interface')
        assert card.find('target').get('dev') == nic.tap and card.find('source').get('bridge') == nic.bridge


def test_a_card_comes_to_a_guest_that_is_off_and_goes(rig, spawn, nic):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    rig.driver.plug(guest.id, nic)
    assert rig.driver.plugged(guest.id) == {nic.mac}
    for _ in range(2):
        rig.driver.unplug(guest.id, nic)
        assert rig.driver.plugged(guest.id) == set()


def test_a_guest_that_is_gone_has_no_cards(rig, nic):
    stranger = str(uuid.uuid4())
    with pytest.raises(Missing):
        rig.driver.plug(stranger, nic)
    with pytest.raises(Missing):
        rig.driver.plugged(stranger)
    rig.driver.unplug(stranger, nic)


def test_a_running_guest_that_answers_lets_go_of_its_card(rig, spawn, nic):
    guest = spawn(bootable=rig.real)
    rig.booted(guest)
    rig.driver.plug(guest.id, nic)
    rig.driver.unplug(guest.id, nic)
    assert rig.driver.plugged(guest.id) == set()


@on_qemu
def test_a_card_that_goes_after_that_was_given_up_comes_back(rig, spawn, nic, caplog, monkeypatch):
    import libvirt

    guest = spawn()
    rig.driver.plug(guest.id, nic)
    monkeypatch.setattr(rig.driver, 'settings', dataclasses.replace(rig.settings, detach_timeout=1))
    with pytest.raises(Refused, match='did not let go of the network card'):
        rig.driver.unplug(guest.id, nic)  # firmware never answers
    domain = rig.driver._find(guest.id)
    assert nic.mac in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), 'the next start has it'
    domain.reset()  # the machine grants the old request now
    wait_for(lambda: f'let go of network card {nic.mac}' in caplog.text, 20, 'the card')
    assert rig.driver.plugged(guest.id) == {nic.mac}


@on_qemu
def test_a_card_without_its_bridge_is_refused_and_not_half_there(rig, spawn, nic):
    import libvirt

    guest = spawn()
    lost = Nic(nic.port_id, 'fa:16:3e:00:10:02', 'qbrnone', 'tapnone', 1400)
    with pytest.raises(Refused, match='did not take the network card'):
        rig.driver.plug(guest.id, lost)
    assert rig.driver.plugged(guest.id) == set()
    assert lost.mac not in rig.driver._find(guest.id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
