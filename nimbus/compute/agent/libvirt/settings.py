"""The settings of a host's libvirt driver."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class LibvirtSettings:
    """An operator's settings of a host's guests."""

    instances_path: str
    uri: str = 'qemu:///system'
    virt_type: str = 'kvm'  # 'qemu' emulates; libvirt's offering kvm does not prove that it works
    machine_type: str = 'pc'
    cpu_mode: str | None = None  # None: 'host-model' with kvm, 'maximum' with qemu
    tb_cache_mb: int = 32  # an emulated guest's translation cache
    num_pcie_ports: int = 16  # for hot plug on q35
    console_bytes: int = 1024**2  # kept of each guest's console
    min_free_mb: int = 256  # a guest is refused when its disks would begin with less
    use_cow_images: bool = True  # False: a root disk is a whole copy of its image
    preallocate_images: str = 'none'  # 'space': disks have all their space from the beginning
    detach_timeout: int = 60
    vnc_listen: str = '127.0.0.1'  # serial consoles listen there too
    server_proxyclient_address: str | None = None  # None: vnc_listen, or host_ip where that is a wildcard
    serial_console: bool = False  # whether the serial port of a guest listens on a port of the host
    serial_port_range: str = '10000:20000'
    host_ip: str = '127.0.0.1'
    hostname: str | None = None  # None: as libvirt has it
    host: str = 'localhost'  # the name by which the cloud knows this host
    live_migration_inbound_addr: str | None = None  # None: host_ip
    live_migration_with_native_tls: bool = False
    live_migration_uri: str = 'qemu+tcp://%s/system'
    live_migration_bandwidth: int = 0  # MiB a second; 0: all there is
    live_migration_completion_timeout: int = 800  # seconds for each GiB; 0: none
    live_migration_timeout_action: str = 'abort'  # or force_complete
    live_migration_permit_post_copy: bool = False
    live_migration_permit_auto_converge: bool = False
    migration_certificates: str = '/etc/pki/qemu'
