"""Options of the scheduler."""

from oslo_config import cfg

OPTIONS = {
    'scheduler': [
        cfg.ListOpt(
            'enabled_filters',
            default=[
                'RetryFilter',
                'AvailabilityZoneFilter',
                'ComputeFilter',
                'ImagePropertiesFilter',
                'ComputeCapabilitiesFilter',
                'CoreFilter',
                'RamFilter',
                'DiskFilter',
                'ServerGroupAntiAffinityFilter',
                'ServerGroupAffinityFilter',
            ],
            help='Filters that every host must pass, in this order; each is an entry point of '
            'nimbus.scheduler.filters. An unknown name stops the scheduler from starting.',
        ),
        cfg.ListOpt(
            'enabled_weighers',
            default=['RAMWeigher', 'ServerGroupSoftAffinityWeigher', 'ServerGroupSoftAntiAffinityWeigher'],
            help='Weighers whose sum orders the hosts that passed; each is an entry point of '
            'nimbus.scheduler.weighers.',
        ),
        cfg.IntOpt('max_attempts', default=3, min=1, help='Hosts that are tried for a server before its build fails.'),
    ],
}
