"""The parts of a guest's machine that its flavor and image choose: ports, screen, sound, USB, watchdog, randomness."""

from xml.etree import ElementTree as ET

from nimbus.common import numbers
from nimbus.compute.guest import MOST_SERIAL_PORTS, SCREENS, SCSI, SOUNDS, USB, WATCHDOGS, Guest, is_true


def add_controllers(devices: ET.Element, guest: Guest, buses: set[str]) -> None:
    """The devices have the controllers that disks on the buses need, and the USB controller that is wished for."""
    if 'scsi' in buses:
        ET.SubElement(devices, 'controller', type='scsi', index='0', model=guest.choice('hw_scsi_model', SCSI))
    if (usb := guest.said('usb_model')) in USB:
        ET.SubElement(devices, 'controller', type='usb', index='0', model=usb)


def add_serial_ports(devices: ET.Element, guest: Guest) -> None:
    """The devices have the serial ports beyond the first, which is the console."""
    for number in range(1, serial_ports(guest)):
        port = ET.SubElement(devices, 'serial', type='pty')
        ET.SubElement(port, 'target', type='isa-serial', port=str(number))


def serial_ports(guest: Guest) -> int:
    """How many serial ports the guest has: an image may lower what its flavor says."""
    given = guest.properties.get('hw_serial_port_count') or guest.extra_specs.get('hw:serial_port_count') or '1'
    return min(numbers.read(str(given)) or 1, MOST_SERIAL_PORTS)


def add_screen(devices: ET.Element, guest: Guest) -> None:
    """The devices have a video card, with the memory that the image wishes for."""
    model = guest.choice('hw_video_model', SCREENS)
    memory = {'vram': '16384'} if model == 'vga' else {}
    if (wished := numbers.read(str(guest.properties.get('hw_video_ram', '')))) and model != 'none':
        memory = {'vram': str(wished * 1024)}
    ET.SubElement(ET.SubElement(devices, 'video'), 'model', {'type': model, **memory})


def add_inputs(devices: ET.Element, guest: Guest) -> None:
    """The devices have a tablet, and on the virtio bus a keyboard too; a guest without USB has no tablet there."""
    if guest.properties.get('hw_input_bus') == 'virtio':
        ET.SubElement(devices, 'input', type='tablet', bus='virtio')
        ET.SubElement(devices, 'input', type='keyboard', bus='virtio')
    elif guest.said('usb_model') != 'none':
        ET.SubElement(devices, 'input', type='tablet', bus='usb')


def add_sound(devices: ET.Element, guest: Guest) -> None:
    """The devices have the sound card that is wished for; nobody hears it on the host."""
    if (model := guest.said('sound_model')) in SOUNDS:
        ET.SubElement(devices, 'sound', model=model)


def add_watchdog(devices: ET.Element, guest: Guest) -> None:
    """The devices have a watchdog that does what the image, or else the flavor, wishes when the guest hangs."""
    action = guest.properties.get('hw_watchdog_action') or guest.extra_specs.get('hw:watchdog_action')
    if action in WATCHDOGS:
        ET.SubElement(devices, 'watchdog', model='i6300esb', action=action)


def add_randomness(devices: ET.Element, guest: Guest) -> None:
    """The devices have a source of random numbers, unless the flavor forbids it, as fast as the flavor allows."""
    if not guest.wishes('hw_rng:allowed', default=True):
        return
    rng = ET.SubElement(devices, 'rng', model='virtio')
    if rate := numbers.read(str(guest.extra_specs.get('hw_rng:rate_bytes', ''))):
        period = numbers.read(str(guest.extra_specs.get('hw_rng:rate_period', '')))
        ET.SubElement(rng, 'rate', {'bytes': str(rate), **({'period': str(period)} if period else {})})
    ET.SubElement(rng, 'backend', model='random').text = '/dev/urandom'


def add_features(features: ET.Element, guest: Guest) -> None:
    """The features say whether processors count events, and whether the guest may know what it runs on."""
    hidden = (guest.extra_specs.get('hw:hide_hypervisor_id'), guest.extra_specs.get('hide_hypervisor_id'))
    if any(map(is_true, (*hidden, guest.properties.get('img_hide_hypervisor_id')))):
        ET.SubElement(ET.SubElement(features, 'kvm'), 'hidden', state='on')
    if counts := guest.said('pmu'):
        ET.SubElement(features, 'pmu', state='on' if is_true(counts) else 'off')
