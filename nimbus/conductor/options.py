"""Options of the conductor."""

from oslo_config import cfg

OPTIONS = {
    'conductor': [
        cfg.IntOpt('workers', default=8, min=1, help='Jobs a conductor pushes along at a time.'),
        cfg.FloatOpt(
            'still',
            default=8.0,
            min=1.0,
            help="Seconds another conductor's beat must be seen standing still before its jobs are taken over.",
        ),
        cfg.FloatOpt('job_minutes', default=30.0, min=0.1, help='Minutes after which a job that is not done unwinds.'),
    ],
}
