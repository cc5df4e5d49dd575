"""Options that every daemon shares."""

from oslo_config import cfg, types

OPTIONS = {
    'DEFAULT': [
        cfg.StrOpt(
            'host',
            default='',
            help="Name of this host on the bus and in the service lists; empty means the machine's own host name.",
        ),
        cfg.StrOpt('state_path', default='/var/lib/nimbus', help='Where daemons keep what must survive a restart.'),
        cfg.StrOpt(
            'bus',
            default='inproc:///nimbus',
            secret=True,
            help='The message bus: inproc:///NAME within one process, rabbit://USER:PASSWORD@HOST:5672/VHOST '
            'between daemons.',
        ),
        cfg.StrOpt('region', default='RegionOne', help='Name of the region that the catalog shows.'),
        cfg.IntOpt(
            'service_down_time',
            default=30,
            min=1,
            help='Seconds without a report after which an agent counts as down.',
        ),
        cfg.IntOpt('report_interval', default=10, min=1, help="Seconds between an agent's reports."),
    ],
    'database': [
        cfg.StrOpt(
            'url',
            default='',
            secret=True,
            help='SQLAlchemy URL of the one database; empty means nimbus.db under state_path.',
        ),
        cfg.IntOpt('pool_size', default=10, min=1, help='Connections a process keeps open at most.'),
    ],
    'log': [
        cfg.StrOpt('file', default='-', help='A path, - for standard error, or syslog.'),
        cfg.StrOpt('level', default='INFO', help='The least severe level that is logged.'),
        cfg.BoolOpt('debug', default=False, help='Log at DEBUG, every option at start among it, secrets masked.'),
        cfg.IntOpt('rotate_mb', default=10, min=1, help='MiB after which a log file is rotated.'),
        cfg.IntOpt('keep', default=10, min=1, help='Rotated log files kept.'),
        cfg.StrOpt(
            'context_format',
            default='',
            deprecated_opts=[cfg.DeprecatedOpt('logging_context_format_string', group='DEFAULT')],
            help='Format of a line, in the terms of Python with request_id and instance; empty means the usual one.',
        ),
        cfg.StrOpt(
            'default_format',
            default='',
            deprecated_opts=[cfg.DeprecatedOpt('logging_default_format_string', group='DEFAULT')],
            help='Format of a line that belongs to no request; empty means that of every line.',
        ),
        cfg.StrOpt(
            'facility',
            default='local0',
            choices=[f'local{n}' for n in range(8)] + ['daemon', 'user'],
            deprecated_opts=[cfg.DeprecatedOpt('syslog_log_facility', group='DEFAULT')],
            help='Facility that syslog files the lines under.',
        ),
    ],
    'notifications': [
        cfg.ListOpt(
            'driver',
            default=[],
            item_type=types.String(choices=['messaging', 'messagingv2', 'log', 'noop']),
            help='Where notifications are published: messagingv2 or messaging (over the message bus), log, or several; '
            'empty and noop mean nowhere. The same on every host that has the database.',
        ),
        cfg.ListOpt('topics', default=['notifications'], help='Topics that notifications are published under.'),
        cfg.StrOpt(
            'transport_url',
            default='',
            secret=True,
            help='The message bus that notifications go to; empty means the one that daemons speak over.',
        ),
        cfg.IntOpt(
            'keep',
            default=100000,
            min=100,
            help='About so many notifications wait while the message bus is away; then the oldest are dropped.',
        ),
    ],
    'service_user': [
        cfg.StrOpt('auth_url', default='', help='Identity endpoint for agents; empty means the one of this host.'),
        cfg.StrOpt('username', default='nimbus', help='The user agents log in as.'),
        cfg.StrOpt('password', default='', secret=True, help='Its password.'),
        cfg.StrOpt('project', default='service', help='Its project.'),
    ],
    'metadata': [
        cfg.StrOpt('url', default='', help='Metadata API for guests of this host; empty means the one of this host.'),
        cfg.StrOpt(
            'shared_secret',
            default='',
            secret=True,
            help='Signs which server a metadata request comes from; the same on API and network hosts.',
        ),
    ],
}
