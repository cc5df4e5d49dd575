"""The definitions that a new cloud has: what servers, images and volumes may wish for here, and what it means.

Names of namespaces, types and properties are those that OpenStack's clients know.
"""

from typing import Any

TYPES = (
    'OS::Glance::Image',
    'OS::Nova::Flavor',
    'OS::Nova::Server',
    'OS::Nova::Aggregate',
    'OS::Cinder::Volume',
    'OS::Cinder::Snapshot',
)
Property = dict[str, Any]


def _property(title: str, about: str, kind: str = 'string', **more: Any) -> Property:
    return {'title': title, 'description': about, 'type': kind, **more}


def _one_of(title: str, about: str, *enum: str) -> Property:
    return _property(title, about, enum=list(enum))


def _flag(title: str, about: str) -> Property:
    return _property(title, about, 'boolean')


def _number(title: str, about: str, minimum: int = 1) -> Property:
    return _property(title, about, 'integer', minimum=minimum)


def _types(**prefixes: str) -> list[dict[str, str]]:
    """The types of resources that a namespace is for, each with the prefix of its properties; images bring volumes."""
    found = []
    for name, prefix in prefixes.items():
        more = {'prefix': prefix} if prefix else {}
        if name == 'image':
            found.append({'name': 'OS::Glance::Image', **more})
            found.append({'name': 'OS::Cinder::Volume', 'properties_target': 'image', **more})
        else:
            found.append({'name': f'OS::Nova::{name.capitalize()}', **more})
    return found


def _space(name: str, title: str, about: str, types: list[dict[str, str]], **properties: Property) -> dict[str, Any]:
    return {
        'namespace': f'OS::{name}',
        'display_name': title,
        'description': about,
        'visibility': 'public',
        'protected': True,
        'resource_type_associations': types,
        'properties': properties,
    }


TOPOLOGY = {
    f'cpu_{limit}{part}': _number(
        f'{"Most" if limit else "Number of"} {part}',
        f'{"The most" if limit else "How many"} {part} that a server may have for its virtual CPUs.',
    )
    for limit in ('', 'max_')
    for part in ('sockets', 'cores', 'threads')
}

SPACES: tuple[dict[str, Any], ...] = (
    _space(
        'Compute::VirtCPUTopology',
        'Topology of virtual CPUs',
        'How the virtual CPUs of a server are laid out in sockets, cores and threads.',
        _types(image='hw_', flavor='hw:'),
        **TOPOLOGY,
    ),
    _space(
        'Compute::LibvirtImage',
        'Virtual hardware',
        'The models of virtual devices that a server is given when it boots from the image.',
        _types(image=''),
        hw_disk_bus=_one_of('Disk bus', 'How disks are connected.', 'virtio', 'scsi', 'sata', 'ide'),
        hw_cdrom_bus=_one_of('CD-ROM bus', 'How CD-ROM drives are connected.', 'scsi', 'sata', 'ide'),
        hw_machine_type=_property('Machine type', 'The machine that QEMU emulates, such as pc or q35.'),
        hw_vif_model=_one_of(
            'Network card',
            'The model of network cards.',
            *('virtio', 'e1000', 'e1000e', 'rtl8139', 'pcnet', 'ne2k_pci', 'vmxnet3'),
        ),
        hw_video_model=_one_of('Video card', 'The model of the card.', 'vga', 'virtio', 'cirrus', 'bochs', 'none'),
        hw_qemu_guest_agent=_flag('Guest agent', 'Whether the guest runs QEMU’s agent, which can set its password.'),
        hw_boot_menu=_flag('Boot menu', 'Whether the firmware offers a menu when the server boots.'),
        hw_time_hpet=_flag('HPET', 'Whether the guest has a high precision event timer.'),
    ),
    _space(
        'Compute::BootMenu',
        'Boot menu',
        'Whether servers of the flavor show the menu of their firmware.',
        _types(flavor=''),
        **{'hw:boot_menu': _flag('Boot menu', 'Whether the firmware offers a menu when the server boots.')},
    ),
    _space(
        'Compute::RandomNumberGenerator',
        'Random numbers',
        'A device by which guests read random numbers of their host.',
        _types(flavor='hw_rng:'),
        allowed=_flag('Allowed', 'Whether servers of the flavor have the device.'),
    ),
    _space(
        'Compute::InstanceConfigData',
        'Configuration drive',
        'Whether servers from the image are told their metadata by a drive too.',
        _types(image=''),
        img_config_drive=_one_of(
            'Configuration drive', 'Whether the image cannot do without.', 'mandatory', 'optional'
        ),
    ),
    _space(
        'Compute::Hypervisor',
        'Hypervisor',
        'Which hosts the image can run on.',
        _types(image=''),
        hw_architecture=_property('Architecture', 'The CPU architecture of the image, such as x86_64 or aarch64.'),
        img_hv_type=_one_of('Hypervisor', 'The hypervisor that the image is made for.', 'kvm', 'qemu'),
        hw_vm_mode=_one_of('Mode', 'How the guest is virtualized.', 'hvm', 'xen', 'uml', 'exe'),
    ),
    _space(
        'Compute::HostCapabilities',
        'Capabilities of hosts',
        'What a host must have for servers of the flavor.',
        _types(flavor='capabilities:', aggregate='aggregate_instance_extra_specs:'),
        **{
            'cpu_info:vendor': _property('CPU vendor', 'Who made the CPU of the host.'),
            'cpu_info:model': _property('CPU model', 'The model of the CPU of the host.'),
            'cpu_info:arch': _property('Architecture', 'The CPU architecture of the host.'),
            'cpu_info:features': _property('CPU features', 'What the CPU of the host can do.'),
        },
    ),
    _space(
        'Compute::Resources',
        'Resources',
        'What servers of the flavor claim of a host instead of what the flavor has.',
        _types(flavor='resources:'),
        VCPU=_number('Virtual CPUs', 'How many virtual CPUs are claimed.', 0),
        MEMORY_MB=_number('Memory', 'How many MiB of memory are claimed.', 0),
        DISK_GB=_number('Disk', 'How many GiB of local disk are claimed.', 0),
    ),
    _space(
        'OperatingSystem',
        'Operating system',
        'What is in the image.',
        _types(image=''),
        os_distro=_property('Distribution', 'The name of the distribution in lower case, such as debian.'),
        os_version=_property('Version', 'Its version, as its distributor writes it.'),
        os_admin_user=_property('First user', 'The name of the user who may log in first.'),
        os_require_quiesce=_flag('Quiesce', 'Whether its file systems are frozen while a snapshot is taken.'),
    ),
    _space(
        'Glance::CommonImageProperties',
        'Properties of images',
        'Where an image comes from.',
        _types(image=''),
        instance_uuid=_property('Server', 'The id of the server that the image is a snapshot of.'),
        kernel_id=_property('Kernel', 'The id of an image that is the kernel of this one.'),
        ramdisk_id=_property('Ramdisk', 'The id of an image that is the ramdisk of this one.'),
        architecture=_property('Architecture', 'The CPU architecture of the image.'),
    ),
    _space(
        'Glance::Signatures',
        'Signatures of images',
        'What the bytes of the image are checked by when they come in; all four are needed.',
        _types(image=''),
        img_signature=_property('Signature', 'The signature of the bytes, in base64.'),
        img_signature_certificate_uuid=_property('Certificate', 'The id of the certificate that checks it.'),
        img_signature_hash_method=_one_of('Hash', 'What was signed.', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'),
        img_signature_key_type=_one_of(
            'Key type',
            'The kind of key that signed.',
            *('RSA-PSS', 'DSA', 'ECC_SECP384R1', 'ECC_SECP521R1'),
            *('ECC_SECT409K1', 'ECC_SECT409R1', 'ECC_SECT571K1', 'ECC_SECT571R1'),
        ),
    ),
    _space(
        'Compute::ServerMetadata',
        'Metadata of servers',
        'Words that people agree on, by which servers are told apart.',
        _types(server=''),
        role=_property('Role', 'What the server does for its project.'),
        environment=_one_of('Environment', 'What the server is for.', 'production', 'staging', 'test'),
    ),
)
