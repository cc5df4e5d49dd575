"""The values that cross from the control plane to a hypervisor: a guest and what it is made of.

Each turns into plain JSON with `dataclasses.asdict` and comes back with `from_dict`.
"""

import dataclasses
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class Nic:
    """A network port as the guest's host sees it."""

    port_id: str
    mac: str
    bridge: str  # the bridge its tap joins: 'qbr' + 11 characters (hybrid plug) or 'br-int'
    tap: str  # 'tap' + the first 11 characters of the port's id
    mtu: int
    model: str = 'virtio'


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


@dataclasses.dataclass(frozen=True)
class Blank:
    """An empty disk that the host makes and formats, and that goes with the guest."""

    name: str  # 'local': the flavor's ephemeral disk; 'eph0', 'eph1' …: those asked for one by one; 'swap'
    size_mb: int
    format: str  # 'swap', or a file system that mkfs knows
    device: str = ''  # 'vdb'; empty: the host chooses


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

    @property
    def local_gb(self) -> int:
        """GiB of its host's own disk that the guest may fill."""
        return self.root_gb + -(-sum(blank.size_mb for blank in self.blanks) // 1024)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The guest whose `dataclasses.asdict` is `values`."""
        image = values.get('image')
        return cls(
            **{
                **values,
                'image': Image(**image) if image else None,
                'blanks': tuple(Blank(**blank) for blank in values.get('blanks', ())),
                'nics': tuple(Nic(**nic) for nic in values.get('nics', ())),
                'volumes': tuple(Volume(**volume) for volume in values.get('volumes', ())),
            }
        )


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
