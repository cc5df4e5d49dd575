"""Options of the scheduler."""

from typing import Any

from oslo_config import cfg


def _also(*names: str) -> dict[str, Any]:
    """The names in the field's own group, for a configuration that is brought along."""
    return {'deprecated_opts': [cfg.DeprecatedOpt(name, group='filter_scheduler') for name in names]}


def _weight(name: str, default: float, what: str) -> cfg.FloatOpt:
    """The multiplier of a weigher; the property of that name of an aggregate goes before it on the hosts there."""
    text = f'{what} An aggregate may have a property of this name for its hosts, the lowest of several counts.'
    return cfg.FloatOpt(name, default=default, help=text, **_also(name))


OPTIONS = {
    'scheduler': [
        cfg.StrOpt(
            'driver',
            default='filter_scheduler',
            help='What places servers, an entry point of nimbus.scheduler.drivers.',
        ),
        cfg.ListOpt(
            'available_filters',
            default=[],
            help='Filters that may be enabled; none named means every one that is installed. One that is enabled and '
            'not available stops the scheduler from starting.',
            **_also('available_filters'),
        ),
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
                'TraitsFilter',
                'ServerGroupAntiAffinityFilter',
                'ServerGroupAffinityFilter',
                'DifferentHostFilter',
                'SameHostFilter',
                'SimpleCIDRAffinityFilter',
            ],
            help='Filters that every host must pass, in this order; each is an entry point of '
            'nimbus.scheduler.filters. An unknown name stops the scheduler from starting. APIs read it too: they '
            'refuse hints that no enabled filter looks at.',
            **_also('enabled_filters'),
        ),
        cfg.ListOpt(
            'enabled_weighers',
            default=[
                'RAMWeigher',
                'ServerGroupSoftAffinityWeigher',
                'ServerGroupSoftAntiAffinityWeigher',
                'BuildFailureWeigher',
            ],
            help='Weighers whose sum orders the hosts that passed; each is an entry point of '
            'nimbus.scheduler.weighers. What each says is brought to 0 to 1 and multiplied.',
        ),
        cfg.IntOpt('max_attempts', default=3, min=1, help='Hosts that are tried for a server before its build fails.'),
        cfg.IntOpt(
            'host_subset_size',
            default=1,
            min=1,
            help='One of so many best hosts is taken at random; more than 1 keeps schedulers from meeting at one host.',
            **_also('host_subset_size'),
        ),
        cfg.IntOpt(
            'max_io_ops_per_host',
            default=8,
            min=0,
            help='Servers of a host that may be built, rebuilt, resized, rescued, unshelved or imaged at once; read by '
            'IoOpsFilter.',
            **_also('max_io_ops_per_host'),
        ),
        cfg.IntOpt(
            'max_instances_per_host',
            default=50,
            min=1,
            help='Servers that a host may have; read by NumInstancesFilter.',
            **_also('max_instances_per_host'),
        ),
        cfg.ListOpt(
            'isolated_images',
            default=[],
            help='Ids of images that may run on the isolated hosts alone; read by IsolatedHostsFilter.',
            **_also('isolated_images'),
        ),
        cfg.ListOpt(
            'isolated_hosts',
            default=[],
            help='Hosts for the isolated images; read by IsolatedHostsFilter.',
            **_also('isolated_hosts'),
        ),
        cfg.BoolOpt(
            'restrict_isolated_hosts_to_isolated_images',
            default=True,
            help='Whether other images are kept off the isolated hosts; read by IsolatedHostsFilter.',
            **_also('restrict_isolated_hosts_to_isolated_images'),
        ),
        cfg.StrOpt(
            'aggregate_image_properties_isolation_namespace',
            default='',
            help='What the properties of aggregates that AggregateImagePropertiesIsolation looks at begin with; empty '
            'means that it looks at all.',
            **_also('aggregate_image_properties_isolation_namespace'),
        ),
        cfg.StrOpt(
            'aggregate_image_properties_isolation_separator',
            default='.',
            help='What stands between that beginning and the rest of the name.',
            **_also('aggregate_image_properties_isolation_separator'),
        ),
        _weight('ram_weight_multiplier', 1.0, 'How much free memory counts; negative fills hosts up.'),
        _weight('cpu_weight_multiplier', 1.0, 'How much free virtual CPUs count; negative fills hosts up.'),
        _weight('disk_weight_multiplier', 1.0, 'How much free disk counts; negative fills hosts up.'),
        _weight('io_ops_weight_multiplier', -1.0, 'How much servers at work on disks count; negative avoids them.'),
        _weight('build_failure_weight_multiplier', 1e6, 'How far builds that failed since the last success count.'),
        _weight(
            'soft_affinity_weight_multiplier',
            1000.0,
            'How much servers of the same group count for soft-affinity; 1 weighs them like memory.',
        ),
        _weight(
            'soft_anti_affinity_weight_multiplier',
            1000.0,
            'How much servers of the same group count for soft-anti-affinity; 1 weighs them like memory.',
        ),
    ],
    'metrics': [
        cfg.FloatOpt('weight_multiplier', default=1.0, help='How much the metrics of MetricsWeigher count.'),
        cfg.ListOpt(
            'weight_setting',
            default=[],
            help='Metrics that MetricsWeigher adds up, as NAME=FACTOR; which there are is said by [compute] '
            'compute_monitors.',
        ),
        cfg.FloatOpt('weight_of_unavailable', default=-10000.0, help='What a host weighs that lacks one of them.'),
    ],
}


def settings(conf: Any = None) -> dict[str, Any]:
    """What the options say, by name, as filters and weighers get it; those of [metrics] are metrics_NAME."""
    found = {}
    for group, opts in OPTIONS.items():
        for opt in opts:
            name = opt.dest if group == 'scheduler' else f'{group}_{opt.dest}'
            found[name] = opt.default if conf is None else getattr(getattr(conf, group), opt.dest)
    return found
