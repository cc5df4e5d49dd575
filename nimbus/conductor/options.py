"""Options of the conductor."""

from oslo_config import cfg

OPTIONS = {
    'conductor': [
        cfg.IntOpt('workers', default=8, min=1, help='Jobs that one conductor works on at the same time.'),
        cfg.FloatOpt(
            'still',
            default=8.0,
            min=4.0,
            help="Seconds without a beat of its lease after which another conductor's job is taken over; "
            'at least twice the two seconds between beats.',
        ),
        cfg.IntOpt(
            'keep_days',
            default=30,
            min=0,
            help='Days after which deleted servers and images, and the jobs of what is gone, leave the database; '
            '0 keeps them for ever.',
        ),
        cfg.IntOpt('audit_interval', default=60, min=1, help='Seconds between comparisons of counters with rows.'),
    ],
}
