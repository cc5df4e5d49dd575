"""Validate a flavor's extra specs: known names, and values of the type of each."""

import re
from collections.abc import Callable

from nimbus.common import errors, numbers

Check = Callable[[str], str | None]  # what is wrong with a value, None when nothing is

CPUS = r'\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*'
GROUP = r'([a-zA-Z0-9_-]{1,64})?'


def flag(value: str) -> str | None:
    """The value is true or false."""
    return None if value.strip().lower() in _FLAGS else 'it is neither true nor false'


_FLAGS = ('1', 't', 'true', 'on', 'y', 'yes', '0', 'f', 'false', 'off', 'n', 'no')


def whole(least: int | None = None, most: int | None = None) -> Check:
    """The value is a whole number within the bounds."""

    def check(value: str) -> str | None:
        number = numbers.read(value)
        if number is None:
            return 'it is not a whole number'
        if least is not None and number < least:
            return f'it is less than {least}'
        return f'it is more than {most}' if most is not None and number > most else None

    return check


def one_of(*words: str) -> Check:
    """The value is one of the words."""
    return lambda value: None if value in words else f'it is not one of {", ".join(words)}'


def like(pattern: str) -> Check:
    """The value matches the pattern."""
    return lambda value: None if re.fullmatch(pattern, value) else 'it is not written as it must be'


def text(_value: str) -> str | None:
    """Any value will do."""
    return None


SPECS: tuple[tuple[str, Check], ...] = (
    (r'accel:device_profile', text),
    (r'aggregate_instance_extra_specs:.+', text),
    (r'capabilities:\w+(:\w+)*', text),
    (r'hw:(cpu_realtime|hide_hypervisor_id|locked_memory|boot_menu|vif_multiqueue_enabled)', flag),
    (r'hw:(mem_encryption|pmu|virtio_packed_ring|ephemeral_encryption)', flag),
    (r'hw:(cpu_realtime_mask|cpu_dedicated_mask|numa_cpus\.\d+)', like(CPUS)),
    (r'hw:cpu_policy', one_of('dedicated', 'shared', 'mixed')),
    (r'hw:cpu_thread_policy', one_of('prefer', 'isolate', 'require')),
    (r'hw:emulator_threads_policy', one_of('isolate', 'share')),
    (r'hw:mem_page_size', like(r'(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)')),
    (r'hw:(numa_nodes|numa_mem\.\d+|cpu_(max_)?(sockets|cores|threads))', whole(1)),
    (r'hw:pci_numa_affinity_policy', one_of('required', 'preferred', 'legacy', 'socket')),
    (r'hw:mem_encryption_model', one_of('amd-sev', 'amd-sev-es', 'amd-sev-snp', 'intel-tdx')),
    (r'hw:pmem', like(r'[a-zA-Z0-9_]+(,[a-zA-Z0-9_]+)*,?')),
    (r'hw:serial_port_count', whole(0)),
    (r'hw:tpm_model', one_of('tpm-tis', 'tpm-crb')),
    (r'hw:tpm_version', one_of('1.2', '2.0')),
    (r'hw:tpm_secret_security', one_of('user', 'host', 'deployment')),
    (r'hw:watchdog_action', one_of('none', 'pause', 'poweroff', 'reset', 'disabled')),
    (r'hw:viommu_model', one_of('intel', 'smmuv3', 'virtio', 'auto')),
    (r'hw:(sound_model|usb_model|ephemeral_encryption_format)', text),
    (r'hw:redirected_usb_ports', whole(0, 15)),
    (r'hw_rng:allowed', flag),
    (r'hw_rng:(rate_bytes|rate_period)', whole(0)),
    (r'hw_video:ram_max_mb', whole(0)),
    (r'hide_hypervisor_id', flag),
    (r'group_policy', one_of('isolate', 'none')),
    (r'os:secure_boot', one_of('disabled', 'required')),
    (r'pci_passthrough:alias', like(r'[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*')),
    (r'quota:(cpu_shares|cpu_period)', whole(0)),
    (r'quota:cpu_quota', whole()),
    (r'quota:(cpu|memory|disk_io|vif)_(limit|shares_share)', whole(0)),
    (r'quota:(cpu|memory|disk_io|vif)_reservation', whole()),
    (r'quota:(cpu|memory|disk_io|vif)_shares_level', one_of('custom', 'high', 'normal', 'low')),
    (r'quota:disk_(read|write|total)_(bytes|iops)_sec', whole(0)),
    (r'quota:vif_(inbound|outbound)_(average|peak|burst)', whole(0)),
    (rf'resources{GROUP}:[A-Z0-9_]+', whole()),
    (rf'trait{GROUP}:[A-Z0-9_]+', one_of('required', 'forbidden')),
    (r'vmware:(hw_version|storage_policy)', text),
)
# A name in one of these namespaces that is not listed above is a mistake; any other namespace is the operator's own.
NAMESPACES = re.compile(
    r'(accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|vmware'
    rf'|resources{GROUP}|trait{GROUP}):.*'
)


def check(specs: dict[str, str]) -> None:
    """Nothing, when every extra spec is a known one with a valid value, or in a namespace of the operator's own.

    Raises Invalid.
    """
    for name, value in specs.items():
        known = next((rule for pattern, rule in SPECS if re.fullmatch(pattern, name)), None)
        if known is None and NAMESPACES.fullmatch(name):
            raise errors.Invalid(f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec.")
        if known is not None and (wrong := known(value)):
            raise errors.Invalid(f"Validation failed; the value '{value}' of extra spec '{name}' is refused: {wrong}.")
