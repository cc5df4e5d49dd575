"""Check what flavor and image wish of a guest against each other, and the numbers they give against their bounds.

Each wish is one that `guest_properties` knows to be supported by itself.
"""

from collections.abc import Mapping
from typing import Any

from nimbus.common import errors, numbers
from nimbus.compute.guest import is_true

Wishes = Mapping[str, Any]
GIVEN_TWICE = ('pmu', 'vif_multiqueue_enabled', 'virtio_packed_ring', 'hide_hypervisor_id', 'sound_model', 'usb_model')
WORDS = ('sound_model', 'usb_model')  # the others are true or false
ANY_RATE = (0, 10**15)  # what QEMU can count
CARD = (1, 2**31 - 1)
# What libvirt takes; 0 asks for nothing, and any negative quota for no limit.
BOUNDS = {
    'quota:cpu_shares': (2, 262144),
    'quota:cpu_period': (1000, 1000000),
    'quota:cpu_quota': (1000, 17592186044415),
    **{f'quota:disk_{way}_{what}_sec': ANY_RATE for way in ('total', 'read', 'write') for what in ('bytes', 'iops')},
    **{f'quota:vif_{way}_{what}': CARD for way in ('inbound', 'outbound') for what in ('average', 'peak', 'burst')},
    'hw_rng:rate_bytes': ANY_RATE,
    'hw_rng:rate_period': (0, 2**31 - 1),
    'hw_video:ram_max_mb': (0, 2**31 - 1),
}


def check(specs: Wishes, properties: Wishes) -> None:
    """Nothing, when a guest can be all that its flavor and its image wish for at once.  Raises Invalid."""
    for name, bounds in BOUNDS.items():
        _within('extra spec', 'flavor', specs, name, bounds)
    _check_disks(specs)
    _check_cards(specs)
    for name in GIVEN_TWICE:
        _agree(specs, properties, name)
    _check_serial_ports(specs, properties)
    _check_video_memory(specs, properties)
    _check_usb(specs, properties)
    _check_start(specs, properties)


def _within(what: str, owner: str, wishes: Wishes, name: str, bounds: tuple[int, int]) -> int:
    """The number given under the name, 0 where none is.  Raises Invalid."""
    if wishes.get(name) in (None, ''):
        return 0
    found, (least, most) = numbers.read(str(wishes[name])), bounds
    free = found == 0 or (name.endswith('cpu_quota') and found is not None and found < 0)
    if found is None or not (free or least <= found <= most):
        raise errors.Invalid(
            f'The {what} {name}={str(wishes[name])[:40]} of the {owner} is not supported: '
            f'it may be a whole number from {least} to {most}, or 0.'
        )
    return found


def _check_disks(specs: Wishes) -> None:
    for what in ('bytes', 'iops'):
        total, read, write = (_number(specs, f'quota:disk_{way}_{what}_sec') for way in ('total', 'read', 'write'))
        if total and (read or write):
            raise errors.Invalid(
                f'The extra specs of the flavor limit disks by quota:disk_total_{what}_sec and by '
                f'{what} read or written at once: only one of the two is possible.'
            )


def _check_cards(specs: Wishes) -> None:
    for way in ('inbound', 'outbound'):
        average, peak, burst = (_number(specs, f'quota:vif_{way}_{what}') for what in ('average', 'peak', 'burst'))
        if (peak or burst) and not average:
            raise errors.Invalid(
                f'The extra specs quota:vif_{way}_peak and quota:vif_{way}_burst of the flavor need '
                f'quota:vif_{way}_average beside them.'
            )


def _agree(specs: Wishes, properties: Wishes, name: str) -> None:
    image_name = f'img_{name}' if name == 'hide_hypervisor_id' else f'hw_{name}'
    given, wished = specs.get(f'hw:{name}'), properties.get(image_name)
    if given in (None, '') or wished in (None, ''):
        return
    differ = given != wished if name in WORDS else is_true(given) != is_true(wished)
    if differ:
        raise errors.Invalid(
            f'The flavor has the extra spec hw:{name}={given} and the image the property '
            f'{image_name}={wished}: they contradict each other.'
        )


def _check_serial_ports(specs: Wishes, properties: Wishes) -> None:
    allowed, wished = _number(specs, 'hw:serial_port_count'), _number(properties, 'hw_serial_port_count')
    if allowed and wished > allowed:
        raise errors.Invalid(f'The image asks for {wished} serial ports, and its flavor has {allowed}.')


def _check_video_memory(specs: Wishes, properties: Wishes) -> None:
    wished = _within('property', 'image', properties, 'hw_video_ram', (0, 2**31 - 1))
    allowed = _number(specs, 'hw_video:ram_max_mb')
    if wished > allowed:
        raise errors.Invalid(
            f'The property hw_video_ram={wished} of the image is not supported: the flavor allows {allowed} MiB '
            'of video memory (hw_video:ram_max_mb).'
        )


def _check_usb(specs: Wishes, properties: Wishes) -> None:
    if 'none' not in (specs.get('hw:usb_model'), properties.get('hw_usb_model')):
        return
    needs = {name: properties.get(name) for name in ('hw_input_bus', 'hw_pointer_model', 'hw_sound_model')}
    needs['hw:sound_model'] = specs.get('hw:sound_model')
    for name, value in needs.items():
        if str(value).startswith('usb'):
            raise errors.Invalid(f'A guest without USB (usb_model none) cannot have {name}={value}.')


def _check_start(specs: Wishes, properties: Wishes) -> None:
    flavor, image = specs.get('os:secure_boot'), properties.get('os_secure_boot')
    if flavor and image and flavor != image:
        raise errors.Invalid(
            f'The flavor has the extra spec os:secure_boot={flavor} and the image the property '
            f'os_secure_boot={image}: they contradict each other.'
        )
    what = (
        'extra spec os:secure_boot=required of the flavor'
        if flavor
        else 'property os_secure_boot=required of the image'
    )
    machine = str(properties.get('hw_machine_type') or 'q35')
    if 'required' in (flavor, image) and (properties.get('hw_firmware_type') != 'uefi' or 'q35' not in machine):
        raise errors.Invalid(f'The {what} needs an image with hw_firmware_type=uefi and hw_machine_type=q35.')
    has_kernel = properties.get('kernel_id') not in (None, '', 'nokernel')
    for name in ('ramdisk_id', 'os_command_line'):
        if properties.get(name) and not has_kernel:
            raise errors.Invalid(f'The property {name} of the image is not supported without a kernel_id beside it.')


def _number(wishes: Wishes, name: str) -> int:
    return numbers.read(str(wishes.get(name, ''))) or 0
