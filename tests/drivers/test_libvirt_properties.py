"""What images and flavors wish of a guest, as libvirt and QEMU make it."""

# ruff: noqa: F811 - fixtures are imported by their names

import dataclasses
import uuid

import pytest

from nimbus.compute.agent.driver import RUNNING
from nimbus.compute.guest import NICS, SCREENS, Nic
from tests.cases import one_first

from .test_libvirt_driver import bridge, definition, rig  # noqa: F401 - fixtures

pytestmark = pytest.mark.real


def test_an_image_chooses_how_processors_are_made_and_does_without_the_agent(rig, spawn):
    wishes = {'hw_cpu_sockets': '1', 'hw_cpu_threads': '2', 'hw_qemu_guest_agent': 'no'}
    root = definition(rig, spawn(vcpus=4, image=dataclasses.replace(rig.guest()[0].image, properties=wishes)))
    made = root.find('./cpu/topology')
    assert [made.get(part) for part in ('sockets', 'cores', 'threads')] == ['1', '2', '2']
    assert root.find('./devices/channel') is None


@pytest.mark.parametrize('model', one_first(*NICS))
def test_a_card_of_every_model_that_can_be_asked_for_is_made(rig, spawn, bridge, model):
    nic = Nic(str(uuid.uuid4()), 'fa:16:3e:00:00:01', bridge, 'tap' + bridge[3:], 1500, model)
    guest = spawn(nics=(nic,))
    assert definition(rig, guest).find('./devices/interface/model').get('type') == model
    assert rig.driver.state(guest.id) == RUNNING


@pytest.mark.parametrize('model', one_first(*SCREENS))
def test_a_screen_of_every_model_that_can_be_asked_for_is_made(rig, spawn, model):
    wished = {'hw_video_model': model, 'hw_boot_menu': 'true', 'hw_time_hpet': 'yes'}
    image = dataclasses.replace(rig.guest()[0].image, properties=wished)
    guest = spawn(image=image, extra_specs={'hw_rng:allowed': 'False'})
    root = definition(rig, guest)
    assert rig.driver.state(guest.id) == RUNNING and root.find('./devices/video/model').get('type') == model
    assert root.find('./os/bootmenu').get('enable') == 'yes' and root.find('./devices/rng') is None
    assert root.find("./clock/timer[@name='hpet']").get('present') == 'yes'
