"""Options of compute hosts."""

from typing import Any

from oslo_config import cfg

OPTIONS: dict[str, list[Any]] = {
    'compute': [
        cfg.StrOpt(
            'driver', default='libvirt', help='The hypervisor driver, an entry point of nimbus.compute.drivers.'
        ),
        cfg.StrOpt('instances_path', default='', help="Where guests' disks stand; empty means state_path/instances."),
        cfg.IntOpt('reserved_host_cpus', default=0, min=0, help='CPUs of each host that no server may claim.'),
        cfg.IntOpt('reserved_host_memory_mb', default=512, min=0, help='MiB of each host that no server may claim.'),
        cfg.IntOpt('reserved_host_disk_gb', default=0, min=0, help='GiB of each host that no server may claim.'),
        cfg.FloatOpt(
            'cpu_allocation_ratio', default=4.0, min=0.1, help='Virtual CPUs that may be claimed for each CPU.'
        ),
        cfg.FloatOpt('ram_allocation_ratio', default=1.0, min=0.1, help='How far memory may be overcommitted.'),
        cfg.FloatOpt('disk_allocation_ratio', default=1.0, min=0.1, help='How far disk may be overcommitted.'),
        cfg.BoolOpt(
            'resume_guests_state_on_host_boot',
            default=False,
            help='Whether guests that ran are started again when the agent finds them off at its start; else their '
            'servers become SHUTOFF.',
        ),
        cfg.IntOpt(
            'heal_interval', default=60, min=1, help='Seconds between comparisons of what should run with what runs.'
        ),
        cfg.IntOpt(
            'shutdown_timeout',
            default=60,
            min=0,
            help='Seconds a guest has to shut down by itself before it is switched off.',
        ),
        cfg.IntOpt(
            'reclaim_instance_interval',
            default=0,
            min=0,
            help='Seconds in which a deleted server is kept, shut off, and may be restored; 0 deletes at once. To be '
            'the same for every API and conductor.',
        ),
        cfg.BoolOpt(
            'allow_resize_to_same_host',
            default=False,
            help='Whether a server may be resized on the host where it stands, which a cloud of one host needs; read '
            'by conductors.',
        ),
        cfg.IntOpt(
            'resize_confirm_window',
            default=0,
            min=0,
            help='Seconds after which a resize that nobody decided about is confirmed; 0 waits for ever.',
        ),
        cfg.IntOpt(
            'shelved_offload_time',
            default=0,
            min=-1,
            help='Seconds for which a shelved server stays on its host, so that it is back soon; -1 for ever, 0 not at '
            'all. To be the same for every API and conductor.',
        ),
        cfg.ListOpt(
            'compute_monitors',
            default=[],
            help='What each host measures for MetricsWeigher: cpu.virt_driver for cpu.frequency, cpu.percent and '
            'cpu.WHAT.time and cpu.WHAT.percent of user, kernel, idle and iowait.',
            deprecated_opts=[cfg.DeprecatedOpt('compute_monitors', group='DEFAULT')],
        ),
        cfg.BoolOpt('force_config_drive', default=False, help='Whether every server gets a config drive.'),
        cfg.IntOpt(
            'image_cache_age',
            default=86400,
            min=600,
            help='Seconds after which a base image that no guest of the host stands on is removed.',
        ),
        cfg.IntOpt(
            'evacuated_disk_age',
            default=604800,
            min=0,
            help='Seconds for which a host that comes back keeps the disks that evacuated servers left on it, in the '
            'folder evacuated beside those of its guests.',
        ),
        cfg.IntOpt('quota_instances', default=10, help='Servers a project may have; -1 for any number.'),
        cfg.IntOpt('quota_cores', default=20, help='Virtual CPUs that its servers may have; -1 for any number.'),
        cfg.IntOpt('quota_ram', default=51200, help='MiB of memory that its servers may have; -1 for any.'),
        cfg.IntOpt('quota_metadata_items', default=128, help='Metadata items of one server; -1 for any number.'),
        cfg.IntOpt('quota_injected_files', default=5, help='Injected files of one server; -1 for any number.'),
        cfg.IntOpt('quota_injected_file_content_bytes', default=10240, help='Bytes of an injected file; -1 for any.'),
        cfg.IntOpt('quota_injected_file_path_bytes', default=255, help="Bytes of an injected file's path; -1 for any."),
        cfg.IntOpt('quota_key_pairs', default=100, help='Key pairs a user may have; -1 for any number.'),
        cfg.IntOpt('quota_server_groups', default=10, help='Server groups a project may have; -1 for any number.'),
        cfg.IntOpt('quota_server_group_members', default=10, help='Servers of one group; -1 for any number.'),
    ],
    'fake': [
        cfg.FloatOpt(
            'least_seconds',
            default=0.0,
            min=0,
            max=3600,
            help='Seconds that each change of a pretended guest or volume takes at least; read by the drivers `fake` '
            'alone.',
        ),
    ],
    'libvirt': [
        cfg.StrOpt(
            'uri',
            default='qemu:///system',
            help='Which libvirt: qemu:///system through libvirtd, qemu:///embed?root=DIR within the process.',
        ),
        cfg.StrOpt(
            'virt_type',
            choices=['kvm', 'qemu'],
            help='What runs guests: kvm uses the processor, qemu emulates one. Unset means kvm where /dev/kvm can be '
            'used and the processor shows VMX or SVM, else qemu; kvm without /dev/kvm is refused at the start.',
        ),
        cfg.StrOpt('machine_type', default='pc', help='Machine type of guests whose image names none.'),
        cfg.StrOpt('cpu_mode', help='CPU mode of guests; unset means host-model with kvm and maximum with qemu.'),
        cfg.IntOpt('tb_cache_mb', default=32, min=1, help="MiB of an emulated guest's translation cache."),
        cfg.IntOpt('num_pcie_ports', default=16, min=0, max=28, help='Ports for hot plug on q35 machines.'),
        cfg.IntOpt('console_bytes', default=1 << 20, min=4096, help="Bytes kept of each guest's console."),
        cfg.IntOpt('min_free_mb', default=256, min=0, help='MiB of free disk without which no guest is made.'),
        cfg.BoolOpt(
            'use_cow_images',
            default=True,
            help="Whether a new guest's root disk is an overlay of its image's base; else it is a whole raw copy.",
        ),
        cfg.StrOpt(
            'preallocate_images',
            default='none',
            choices=['none', 'space'],
            help='space: the disks of new guests have all their space from the beginning, where the file system can.',
        ),
        cfg.IntOpt('detach_timeout', default=60, min=1, help='Seconds a guest has to let go of a volume.'),
        cfg.StrOpt('vnc_listen', default='127.0.0.1', help="Where guests' VNC and serial consoles listen."),
        cfg.StrOpt(
            'server_proxyclient_address',
            help='Address under which nimbus-console reaches consoles of this host; unset means vnc_listen, or host_ip '
            'where that is 0.0.0.0 or ::.',
        ),
        cfg.BoolOpt(
            'serial_console',
            default=False,
            help="Whether guests' serial consoles can be opened; in force for a guest from its next start.",
        ),
        cfg.StrOpt(
            'serial_port_range',
            default='10000:20000',
            regex=r'^\d{1,5}:\d{1,5}$',
            help='First and last TCP port for serial consoles, of which each guest that runs takes one.',
        ),
        cfg.StrOpt(
            'host_ip',
            help='Address under which other hosts reach this one; unset means the one by which it reaches the broker, '
            '127.0.0.1 without a broker.',
        ),
        cfg.StrOpt(
            'live_migration_inbound_addr',
            help='Address of this host at which others fetch the disks of guests that leave it and to which they send '
            'running guests; unset means host_ip.',
        ),
        cfg.BoolOpt(
            'live_migration_with_native_tls',
            default=False,
            help='Whether what hosts send each other of guests is encrypted and both sides show certificates; to be '
            'the same on every host.',
        ),
        cfg.StrOpt(
            'live_migration_uri',
            default='qemu+tcp://%s/system',
            help="The libvirt of this host as others reach it to send it running guests; %s is this host's address.",
        ),
        cfg.IntOpt(
            'live_migration_bandwidth',
            default=0,
            min=0,
            help='MiB a second that a running guest which leaves this host may take of the network; 0 is no limit.',
        ),
        cfg.IntOpt(
            'live_migration_completion_timeout',
            default=800,
            min=0,
            help='Seconds for each GiB of a running guest, memory and disks, within which it must have moved; 0 is no '
            'limit.',
        ),
        cfg.StrOpt(
            'live_migration_timeout_action',
            default='abort',
            choices=['abort', 'force_complete'],
            help='What then becomes of the move: it is broken off, or the guest is paused, or finished by post-copy.',
        ),
        cfg.BoolOpt(
            'live_migration_permit_post_copy',
            default=False,
            help='Whether a guest whose move is forced runs on the other host at once and fetches its memory from '
            'there; it is lost if the network is meanwhile.',
        ),
        cfg.BoolOpt(
            'live_migration_permit_auto_converge',
            default=False,
            help='Whether a guest is slowed down that changes its memory faster than it can be sent.',
        ),
        cfg.StrOpt(
            'migration_certificates',
            default='/etc/pki/qemu',
            help='Folder of the certificates for that, named as QEMU names them.',
        ),
    ],
}
