"""The description of a guest that the control plane sends to a compute host: devices, disks, image, network.

Each turns into plain JSON with `dataclasses.asdict`, a guest with `to_dict`, and comes back with `from_dict`.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Self

from nimbus.common import errors

NICS = ('virtio', 'e1000', 'e1000e', 'rtl8139', 'pcnet', 'ne2k_pci', 'vmxnet3')  # models of cards
SCREENS = ('vga', 'virtio', 'cirrus', 'bochs', 'none')
BUSES = ('virtio', 'scsi', 'sata', 'ide')
SCSI = ('virtio-scsi', 'lsilogic', 'lsisas1068', 'lsisas1078', 'vmpvscsi')  # models of controllers
USB = ('qemu-xhci', 'nec-xhci', 'none')
SOUNDS = ('sb16', 'es1370', 'ac97', 'ich6', 'ich9', 'usb')
WATCHDOGS = ('none', 'pause', 'poweroff', 'reset')  # what one does when its guest hangs
MOST_SERIAL_PORTS = 4  # of a PC
FORMATS = ('raw', 'qcow2', 'iso', 'vdi', 'vhd', 'vhdx', 'vmdk')  # of images
VNC, SERIAL = 'vnc', 'serial'  # consoles
SHAPE = ('sockets', 'cores', 'threads')
Counts = tuple[int, ...]  # in the order of SHAPE; 0 where nothing is asked for


@dataclasses.dataclass(frozen=True)
class Nic:
    """A network port as the guest's host sees it."""

    port_id: str
    mac: str
    bridge: str  # the bridge its tap joins: 'qbr' + 11 characters (hybrid plug) or 'br-int'
    tap: str  # 'tap' + the first 11 characters of the port's id
    mtu: int
    model: str = 'virtio'
    queues: int = 1  # in each direction, of a virtio card
    packed: bool = False  # whether these are packed rings
    limits: dict[str, int] = dataclasses.field(default_factory=dict)  # 'inbound_average' … -> KiB (a second)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that an agent of the version before understands, where it can do what is asked."""
        found = dataclasses.asdict(self)
        return {name: value for name, value in found.items() if (name, value) not in PLAIN_CARD}


# What agents of before do not know, and need not be told of.
PLAIN_CARD = (('queues', 1), ('packed', False), ('limits', {}))


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume as a hypervisor reaches it."""

    id: str  # also the disk's serial in the guest (virtio cuts it to 20 characters)
    attachment_id: str
    device: str  # 'vdb'
    driver_volume_type: str  # 'file' so far; 'iscsi' and 'rbd' come with their drivers
    data: dict[str, Any]  # for 'file': {'path': absolute path, 'format': 'raw' or 'qcow2'}
    size_gb: int
    boot: bool = False  # the guest's root disk
    bus: str = 'virtio'
    cdrom: bool = False  # the guest reads it as a CD

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that an agent of the version before understands, where it can do what is asked."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value or name != 'cdrom'}


@dataclasses.dataclass(frozen=True)
class Blank:
    """An empty disk that the host makes and formats, and that goes with the guest."""

    name: str  # 'local': the flavor's ephemeral disk; 'eph0', 'eph1' …: those asked for one by one; 'swap'
    size_mb: int
    format: str  # 'swap', or a file system that mkfs knows
    device: str = ''  # 'vdb'; empty: the host chooses
    bus: str = ''  # empty: as the image says of all disks

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that an agent of the version before understands, where it can do what is asked."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value or name != 'bus'}


@dataclasses.dataclass(frozen=True)
class Image:
    """The image a root disk is made from."""

    id: str
    disk_format: str  # as declared and verified: 'qcow2', 'raw', 'iso', ...
    size: int  # bytes
    hash_algo: str  # 'sha512'
    hash_value: str
    min_disk_gb: int = 0
    properties: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Rescue:
    """What a guest is started from to be repaired.

    Without a device its disk is the first and the root disk the second, and there are no others; with one it is added
    to all the disks that the guest has.
    """

    image: Image
    device: str = ''  # 'disk' or 'cdrom'
    bus: str = ''

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The Rescue whose `dataclasses.asdict` is `values`."""
        return cls(**{**values, 'image': Image(**values['image'])})


@dataclasses.dataclass(frozen=True)
class Guest:
    """Everything a host must know to run one server."""

    id: str  # the server's UUID; the guest's UUID too
    name: str  # 'instance-%08x'; the domain's name
    display_name: str
    project_id: str
    user_id: str
    vcpus: int
    memory_mb: int
    root_gb: int  # 0: as large as the image
    blanks: tuple[Blank, ...] = ()
    image: Image | None = None  # None: boots from the volume marked boot
    nics: tuple[Nic, ...] = ()
    volumes: tuple[Volume, ...] = ()
    extra_specs: dict[str, str] = dataclasses.field(default_factory=dict)
    config_drive: dict[str, str] | None = None  # path on the drive -> base64 content; None: no drive
    generation: int = 0  # a lower one than the highest seen for this guest is refused by the agent
    # What the image says of a guest whose root is a volume made from it.
    root_properties: dict[str, str] = dataclasses.field(default_factory=dict)
    kernel: Image | None = None  # of an image that has its own beside it
    ramdisk: Image | None = None
    files: dict[str, str] = dataclasses.field(default_factory=dict)  # 'kernel', 'ramdisk' -> where its host has them

    @property
    def properties(self) -> dict[str, str]:
        """What the image that the guest boots from says of it, wherever the root disk is."""
        return self.image.properties if self.image else self.root_properties

    def wishes(self, name: str, default: bool = False) -> bool:
        """What the flavor or the image says under the name, `default` when neither says anything."""
        return is_true(self.extra_specs.get(name) or self.properties.get(name) or default)

    def said(self, name: str, prefix: str = 'hw') -> str:
        """What the flavor (`hw:name`), or else the image (`hw_name`), says; empty where neither says anything."""
        return str(self.extra_specs.get(f'{prefix}:{name}') or self.properties.get(f'{prefix}_{name}') or '').strip()

    def choice(self, name: str, models: tuple[str, ...]) -> str:
        """Which of the models the image asks for; the first where it asks for none, or for one that is not done."""
        given = self.properties.get(name, '')
        return given if given in models else models[0]

    @property
    def topology(self) -> Counts:
        """Sockets, cores and threads of the guest's processors."""
        try:
            return topology(self.vcpus, self.extra_specs, self.properties)
        except errors.Invalid:
            return self.vcpus, 1, 1  # a guest from before these were checked must still start

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that an agent of the version before understands."""
        found = dataclasses.asdict(self)
        found |= {name: [one.to_dict() for one in getattr(self, name)] for name in ('nics', 'blanks', 'volumes')}
        newer = ('root_properties', 'kernel', 'ramdisk', 'files')
        return {name: value for name, value in found.items() if value or name not in newer}

    @property
    def local_gb(self) -> int:
        """GiB of its host's own disk that the guest may fill."""
        return self.root_gb + -(-sum(blank.size_mb for blank in self.blanks) // 1024)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The guest whose `dataclasses.asdict` is `values`."""
        images = {name: values.get(name) for name in ('image', 'kernel', 'ramdisk')}
        return cls(
            **{
                **values,
                **{name: Image(**image) if image else None for name, image in images.items()},
                'blanks': tuple(Blank(**blank) for blank in values.get('blanks', ())),
                'nics': tuple(Nic(**nic) for nic in values.get('nics', ())),
                'volumes': tuple(Volume(**volume) for volume in values.get('volumes', ())),
            }
        )


def is_true(value: Any) -> bool:
    """Whether a wish that is either true or false is true."""
    return str(value).strip().lower() in ('1', 't', 'true', 'on', 'y', 'yes')


def traits_of(arch: str) -> list[str]:
    """What the drivers can, by placement's names."""
    found = ['NODE', 'DEVICE_TAGGING', 'NET_ATTACH_INTERFACE', 'NET_ATTACH_INTERFACE_WITH_TAG', 'VOLUME_ATTACH']
    found += ['VOLUME_ATTACH_WITH_TAG', 'FIRMWARE_BIOS', f'ARCH_{arch}']
    kinds = (('IMAGE_TYPE', FORMATS), ('NET_VIF_MODEL', NICS), ('GRAPHICS_MODEL', SCREENS), ('STORAGE_BUS', BUSES))
    found += [f'{kind}_{name}' for kind, names in kinds for name in names]
    return sorted([f'HW_ARCH_{arch}'.upper(), *(f'COMPUTE_{name}'.upper() for name in found)])


@dataclasses.dataclass(frozen=True)
class ConsoleAddress:
    """Where a guest's console is reached from other hosts."""

    host: str
    port: int


@dataclasses.dataclass(frozen=True)
class HostFacts:
    """What a compute host has, before reserves and overcommit."""

    hypervisor_hostname: str
    hypervisor_type: str  # 'QEMU', 'KVM' or 'fake'
    hypervisor_version: int  # 7002000 for 7.2.0
    vcpus: int
    memory_mb: int
    disk_gb: int
    disk_free_gb: int
    memory_used_mb: int  # by everything on the host
    host_ip: str
    arch: str = 'x86_64'
    cpu_info: dict[str, Any] = dataclasses.field(default_factory=dict)
    uptime: str = ''
    traits: list[str] = dataclasses.field(default_factory=list)  # what its driver can, by placement's names


@dataclasses.dataclass(frozen=True)
class Processor:
    """What one virtual processor did."""

    id: int
    time: int  # nanoseconds


@dataclasses.dataclass(frozen=True)
class DiskUse:
    """What went through one disk."""

    device: str  # 'vda'
    read_requests: int
    read_bytes: int
    write_requests: int
    write_bytes: int
    errors_count: int


@dataclasses.dataclass(frozen=True)
class NicUse:
    """What went through one network card."""

    device: str  # the tap's name
    mac_address: str
    rx_octets: int
    rx_packets: int
    rx_errors: int
    rx_drop: int
    tx_octets: int
    tx_packets: int
    tx_errors: int
    tx_drop: int


@dataclasses.dataclass(frozen=True)
class Diagnostics:
    """What a guest does now, as its hypervisor counts it."""

    state: str  # running, paused, shutdown or crashed
    driver: str  # 'libvirt'
    hypervisor: str  # 'kvm'
    memory_kb: int  # that it may have
    used_kb: int  # that it has
    processors: tuple[Processor, ...] = ()
    disks: tuple[DiskUse, ...] = ()
    nics: tuple[NicUse, ...] = ()
    memory: dict[str, int] = dataclasses.field(default_factory=dict)  # what the balloon tells, in KiB


def topology(vcpus: int, specs: Mapping[str, Any], properties: Mapping[str, Any]) -> Counts:
    """Sockets, cores and threads that make up the processors as flavor and image ask, or come nearest to it.

    An image may lower its flavor's bounds, and what it asks for goes before the flavor's.  Raises Invalid.
    """
    bounds, image_bounds = _counts(specs, 'hw:cpu_max_'), _counts(properties, 'hw_cpu_max_')
    if _exceeds(image_bounds, bounds):
        raise errors.Invalid(
            f'The image allows more processor {_text(image_bounds)} than the flavor, which allows {_text(bounds)}.'
        )
    most = tuple(mine or theirs or vcpus for mine, theirs in zip(image_bounds, bounds, strict=True))
    flavor, image = _counts(specs, 'hw:cpu_'), _counts(properties, 'hw_cpu_')
    if _exceeds(image, most):
        raise errors.Invalid(f'The image asks for processor {_text(image)}; at most {_text(most)} are allowed.')
    wanted = image if any(image) else (0, 0, 0) if _exceeds(flavor, most) else flavor
    possible = [
        (sockets, cores, vcpus // sockets // cores)
        for sockets in range(1, min(vcpus, most[0]) + 1)
        for cores in range(1, min(vcpus // sockets, most[1]) + 1)
        if vcpus % (sockets * cores) == 0 and vcpus // sockets // cores <= most[2]
    ]
    if not possible:
        raise errors.Invalid(f'{vcpus} vCPUs cannot be made of at most {_text(most)}.')

    def merit(one: Counts) -> tuple[int, ...]:
        met = sum(has == wish for has, wish in zip(one, wanted, strict=True))
        return met, one[0] * one[1], one[0]

    return max(possible, key=merit)


def _counts(wishes: Mapping[str, Any], prefix: str) -> Counts:
    for part in SHAPE:
        if not re.fullmatch(r'[0-9]{1,9}', str(wishes.get(prefix + part, 0))):
            raise errors.Invalid(f'{prefix}{part}={wishes[prefix + part]} is not a whole number.')
    return tuple(int(wishes.get(prefix + part, 0)) for part in SHAPE)


def _exceeds(wanted: Counts, most: Counts) -> bool:
    return any(bound and wish > bound for wish, bound in zip(wanted, most, strict=True))


def _text(counts: Counts) -> str:
    return ', '.join(f'{part} {count}' for part, count in zip(SHAPE, counts, strict=True) if count)
