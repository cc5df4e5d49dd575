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
        cfg.FloatOpt('cpu_allocation_ratio', default=4.0, min=0.1, help='Virtual CPUs that a CPU may be claimed as.'),
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
            help='Seconds a guest has to shut down by itself before it is cut off.',
        ),
        cfg.BoolOpt('force_config_drive', default=False, help='Whether every server gets a config drive.'),
    ],
}
