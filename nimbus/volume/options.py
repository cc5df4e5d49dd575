"""Options of the volume service."""

from oslo_config import cfg

OPTIONS = {
    'volume': [
        cfg.StrOpt('driver', default='file', help='How volumes are kept: file, or fake for tests.'),
        cfg.StrOpt('path', default='', help="Where volume files lie; empty means 'volumes' under state_path."),
        cfg.StrOpt('format', default='raw', choices=['raw', 'qcow2'], help='How volume files are written.'),
        cfg.FloatOpt(
            'over_subscription',
            default=20.0,
            min=1.0,
            help='How far the space of a host may be overcommitted; volume files take only the space that was written.',
        ),
        cfg.StrOpt('zone', default='nova', help='Availability zone of volumes that ask for none.'),
        cfg.IntOpt('quota_volumes', default=10, help='Volumes a project may have; -1 for any number.'),
        cfg.IntOpt('quota_gigabytes', default=1000, help='GiB of volumes a project may have; -1 for any.'),
        cfg.IntOpt('quota_per_volume_gigabytes', default=-1, help='GiB one volume may have; -1 for any.'),
        cfg.IntOpt('quota_snapshots', default=10, help='Snapshots a project may have; -1 for any number.'),
        cfg.IntOpt('quota_backups', default=10, help='Backups a project may have; -1 for any number.'),
        cfg.IntOpt('quota_backup_gigabytes', default=1000, help='GiB of backups a project may have; -1 for any.'),
        cfg.IntOpt('quota_groups', default=10, help='Groups of volumes a project may have; -1 for any number.'),
    ]
}
