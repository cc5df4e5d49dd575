"""Check extra specs and image properties: those that nimbus does not support are refused.

A rule is a pattern of names and which of their values are supported: those listed, or every one.  A name that a rule
lists without values is refused whatever it says.  Names that no rule has are an operator's own and mean nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from nimbus.common import errors, numbers
from nimbus.compute.guest import MOST_SERIAL_PORTS, NICS, SCREENS, SCSI, SOUNDS, USB, WATCHDOGS

Rule = tuple[str, tuple[str, ...] | None]  # the values that are supported; None: every one
EVERY = None
NO, EITHER = ('false',), ('true', 'false')  # however they are spelt
NEVER: tuple[str, ...] = ()
FLAGS = {
    **dict.fromkeys(('1', 't', 'true', 'on', 'y', 'yes'), 'true'),
    **dict.fromkeys(('0', 'f', 'false', 'off', 'n', 'no'), 'false'),
}
SECURE = ('disabled', 'optional', 'required')
TRAITS = ('required', 'forbidden')
DISK_BUSES = ('virtio', 'scsi', 'sata', 'ide')
CDROM_BUSES = ('scsi', 'sata', 'ide')
PORTS = tuple(map(str, range(MOST_SERIAL_PORTS + 1)))

FLAVOR: tuple[Rule, ...] = (
    (r'(aggregate_instance_extra_specs|capabilities):.+', EVERY),  # the scheduler compares them with the hosts' facts
    (r'hw:cpu_(max_)?(sockets|cores|threads)', EVERY),  # guest.topology looks at them
    (r'hw:cpu_policy', ('shared',)),
    (r'hw:mem_page_size', ('small', 'any')),
    (r'hw:pci_numa_affinity_policy', ('legacy',)),
    (r'hw:serial_port_count', PORTS),
    (r'hw:watchdog_action', ('disabled', *WATCHDOGS)),
    (r'hw:sound_model', SOUNDS),
    (r'hw:usb_model', USB),
    (r'hw:redirected_usb_ports', ('0',)),
    (r'hw:(boot_menu|pmu|vif_multiqueue_enabled|virtio_packed_ring)|(hw:)?hide_hypervisor_id', EITHER),
    (r'hw:(cpu_realtime|locked_memory|mem_encryption|ephemeral_encryption)', NO),
    (r'hw_rng:allowed', EITHER),
    (r'hw_rng:rate_(bytes|period)', EVERY),
    (r'hw_video:ram_max_mb', EVERY),  # a bound on what images ask for
    (r'group_policy', NEVER),
    (r'os:secure_boot', SECURE),
    (r'quota:cpu_(shares|period|quota)', EVERY),  # the bounds of numbers are in wish_checks
    (r'quota:disk_(read|write|total)_(bytes|iops)_sec', EVERY),
    (r'quota:vif_(inbound|outbound)_(average|peak|burst)', EVERY),
    (r'quota:(cpu|memory|disk_io|vif)_(limit|reservation)', ('0',)),
    (r'quota:(cpu|memory|disk_io|vif)_shares_level', ('normal',)),
    (r'trait:.+', TRAITS),  # the scheduler's TraitsFilter looks at them
    (r'resources:(VCPU|MEMORY_MB|DISK_GB)', EVERY),  # instead of what the flavor says, checked by amounts
    (r'trait[\w-]+:.+', NEVER),
    (r'(accel|hw|hw_rng|hw_video|os|pci_passthrough|quota|vmware):.+', NEVER),
    (r'resources[\w-]*:.+', NEVER),
)
IMAGE: tuple[Rule, ...] = (
    # The scheduler compares these with the hosts' facts.
    (r'(hw_)?architecture|(hw_)?vm_mode|img_hv_type|hypervisor_type', EVERY),
    (r'img_hv_requested_version|hypervisor_version_requires', NEVER),
    # These make the guest.
    (r'hw_machine_type', EVERY),
    (r'hw_cpu_(max_)?(sockets|cores|threads)', EVERY),
    (r'hw_disk_bus', DISK_BUSES),
    (r'hw_cdrom_bus', CDROM_BUSES),
    (r'hw_vif_model', NICS),
    (r'hw_(boot_menu|qemu_guest_agent|time_hpet|pmu|vif_multiqueue_enabled|virtio_packed_ring)', EITHER),
    (r'img_hide_hypervisor_id', EITHER),
    (r'hw_input_bus', ('usb', 'virtio')),
    (r'hw_scsi_model', SCSI),
    (r'hw_serial_port_count', PORTS),
    (r'hw_sound_model', SOUNDS),
    (r'hw_usb_model', USB),
    (r'hw_video_ram', EVERY),  # the flavor bounds it
    (r'hw_watchdog_action', ('disabled', *WATCHDOGS)),
    (r'hw_video_model', SCREENS),
    (r'img_config_drive', ('optional', 'mandatory')),
    # These ask for what every guest has anyway.
    (r'hw_emulation_architecture', ('x86_64',)),
    (r'hw_cpu_policy', ('shared',)),
    (r'hw_firmware_type', ('bios', 'uefi')),
    (r'hw_mem_page_size', ('small', 'any')),
    (r'hw_pci_numa_affinity_policy', ('legacy',)),
    (r'hw_pointer_model', ('usbtablet',)),
    (r'hw_redirected_usb_ports', ('0',)),
    (r'hw_rng_model', ('virtio',)),
    (r'os_secure_boot', SECURE),
    (r'(img_)?root_device_name', ('/dev/vda', 'vda')),
    (r'hw_(firmware_stateless|ipxe_boot|locked_memory|mem_encryption)', NO),
    (r'hw_ephemeral_encryption|ipxe_boot|img_linked_clone|vmware_linked_clone', NO),
    (r'trait:.+', TRAITS),
    # These speak of other hypervisors, of how the bytes are stored, or of operations that are absent themselves.
    (r'(hw_)?auto_disk_config|hw_device_id|hw_disk_type|hw_rescue_(bus|device)|xenapi_\w+', EVERY),
    (r'(img_)?(bdm_v2|bittorrent|cache_in_nova|owner_id)|img_(compression_level|use_agent|version)', EVERY),
    (r'img_signature\w*|os_(admin_user|distro|require_quiesce|skip_agent_\w+|type|version)', EVERY),
    (r'kernel_id|ramdisk_id|os_command_line', EVERY),  # lookups finds them, wish_checks compares them
    (r'vmware_(disktype|image_version|ostype)', EVERY),
    (r'(img_)?(block_device_mapping|mappings)|traits_required', NEVER),
    (r'hw_[\w.]+|vmware_adaptertype', NEVER),
)


def check_flavor(specs: Mapping[str, Any]) -> None:
    """Nothing, when all that a flavor's extra specs ask for is supported.  Raises Invalid, naming the first."""
    _check('extra spec', 'flavor', specs, FLAVOR)
    for name, value in sorted(specs.items()):
        if name.startswith('resources:') and numbers.read(str(value)) not in range(2**31):
            raise errors.Invalid(f'The extra spec {name}={value} of the flavor is to be a whole number of at least 0.')


def check_image(properties: Mapping[str, Any]) -> None:
    """Nothing, when all that an image's properties ask for is supported.  Raises Invalid, naming the first."""
    _check('property', 'image', {name: value for name, value in properties.items() if not _is_empty(value)}, IMAGE)


def check_device(is_own_root: bool, is_volume: bool, disk_bus: str | None, device_type: str | None) -> None:
    """Nothing, when a disk that is asked for one by one can be of the bus and type.  Raises Invalid."""
    if device_type not in (None, '', 'disk', *(('cdrom',) if is_volume else ())):
        may = 'disk, or of a volume cdrom' if device_type == 'cdrom' else 'disk or cdrom'
        raise errors.Invalid(f'The device_type {device_type} of a disk is not supported: it may be {may}.')
    if device_type == 'cdrom' and disk_bus not in (None, '', *CDROM_BUSES):
        raise errors.Invalid(f'The disk_bus {disk_bus} of a CD is not supported: it may be {" or ".join(CDROM_BUSES)}.')
    if disk_bus and is_own_root:
        raise errors.Invalid(
            f"The disk_bus {disk_bus} of the image's own disk is not supported: its hw_disk_bus says that."
        )
    if disk_bus and disk_bus not in DISK_BUSES:
        raise errors.Invalid(f'The disk_bus {disk_bus} is not supported: it may be {" or ".join(DISK_BUSES)}.')


def _check(what: str, owner: str, asked: Mapping[str, Any], rules: tuple[Rule, ...]) -> None:
    for name, value in sorted(asked.items()):
        done = next((values for pattern, values in rules if re.fullmatch(pattern, name)), EVERY)
        if done is EVERY or _spelt(value, done) in done:
            continue
        why = f'{name} may be {" or ".join(done)}' if done else 'this cloud has no such feature'
        raise errors.Invalid(f'The {what} {name}={value} of the {owner} is not supported: {why}.')


def _spelt(value: Any, done: tuple[str, ...]) -> str:
    text = str(value).strip().lower()
    return FLAGS.get(text, text) if set(done) <= {'true', 'false'} else text


def _is_empty(value: Any) -> bool:
    return value in (None, '', '[]', [], {})
