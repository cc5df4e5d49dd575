"""What guests are started by: a kernel of their own, UEFI, and UEFI that starts only what is signed."""

# ruff: noqa: F811 - fixtures are imported by their names

import dataclasses
import subprocess

import pytest

from nimbus.compute.agent.driver import RUNNING, Refused
from nimbus.compute.agent.libvirt.wishes import firmware

from .compute_rigs import LibvirtRig, build_guest_image, image_of, wait_for
from .test_libvirt_driver import definition, folder_of, rig, run_inside  # noqa: F401 - fixtures

pytestmark = pytest.mark.real
has_uefi = pytest.mark.skipif(not firmware.known(), reason='the package ovmf is not installed')
WORDS = 'root=auto console=ttyS0 loglevel=4 mitigations=off no_timer_check nimbus.own=yes'


@pytest.fixture(scope='module')
def kernel(tmp_path_factory):
    """The kernel and the ramdisk that are in the guest image, each as an image of its own."""
    folder = tmp_path_factory.mktemp('kernel')
    subprocess.run(['qemu-img', 'convert', '-O', 'raw', build_guest_image(), folder / 'raw'], check=True)
    for name in ('vmlinuz', 'initrd.gz'):
        subprocess.run(['mcopy', '-i', f'{folder}/raw@@1M', f'::{name}', folder / name], check=True)
    return folder / 'vmlinuz', folder / 'initrd.gz'


@pytest.fixture
def started(rig, spawn, kernel):
    """Makes a guest that starts with its own kernel, as its image wishes."""

    def make(**properties):
        image = dataclasses.replace(image_of(build_guest_image()), properties=properties)
        files = dict(zip(('kernel', 'ramdisk'), map(str, kernel), strict=True))
        own = {'kernel': image_of(kernel[0], 'aki'), 'ramdisk': image_of(kernel[1], 'ari')}
        return spawn(bootable=True, image=image, files=files, **own)

    return make


@pytest.fixture
def other():
    """Another host."""
    made = LibvirtRig.lent('other')
    yield made
    made.close()


def test_a_guest_starts_with_its_own_kernel_and_the_words_for_it(rig, started):
    guest = started(os_command_line=WORDS)
    rig.booted(guest)
    assert 'nimbus.own=yes' in run_inside(rig, guest, 'cat /proc/cmdline')
    rig.driver.stop(guest.id, 0)
    rig.driver.start(dataclasses.replace(guest, files={}))  # as it is told of when it is not made
    assert rig.driver.state(guest.id) == RUNNING


def test_a_guest_whose_kernel_says_nothing_is_told_its_root_and_consoles(rig, started):
    assert definition(rig, started()).findtext('./os/cmdline') == 'root=/dev/vda console=tty0 console=ttyS0'


@pytest.mark.long
@has_uefi
def test_the_variables_of_a_guests_firmware_stay_its_own_wherever_it_goes(rig, other, started):
    guest = started(os_command_line=WORDS, hw_firmware_type='uefi')
    wait_for(lambda: 'ready: ' in rig.driver.console(guest.id, None), 120, 'the end of booting')
    assert run_inside(rig, guest, '[ -d /sys/firmware/efi ] && echo yes').strip() == 'yes'
    rig.driver.stop(guest.id, 0)
    variables = folder_of(rig, guest) / 'disk.nvram'
    kept = variables.read_bytes()
    rig.driver.resize(dataclasses.replace(guest, root_gb=1), 'move-1')
    rig.driver.unresize(guest.id, 'move-1')
    assert variables.read_bytes() == kept
    offer = rig.driver.send(guest.id, 'move-2')
    other.driver.receive(guest, 'move-2', offer)
    rig.driver.withhold(guest.id)
    arrived = folder_of(other, guest)
    assert (arrived / 'disk.nvram').read_bytes() == kept and (arrived / 'disk.ramdisk').exists()
    rig.driver.destroy(guest.id)
    assert not variables.parent.exists() and (arrived / 'disk.nvram').exists()


@pytest.mark.long
@has_uefi
def test_secure_boot_starts_nothing_that_is_not_signed(rig, started):
    guest = started(os_command_line=WORDS, hw_firmware_type='uefi', hw_machine_type='q35', os_secure_boot='required')
    root = definition(rig, guest)
    assert root.find('./os/loader').get('secure') == 'yes' and root.find('./features/smm').get('state') == 'on'
    refused = ('Security Violation', 'Access Denied')
    wait_for(lambda: any(word in rig.driver.console(guest.id, None) for word in refused), 90, 'the refusal')


@has_uefi
def test_a_machine_that_has_no_secure_boot_is_refused_in_a_sentence(rig, started):
    with pytest.raises(Refused, match='This host has no UEFI with secure boot for guest .*, whose machine type is pc'):
        started(hw_firmware_type='uefi', os_secure_boot='required')
