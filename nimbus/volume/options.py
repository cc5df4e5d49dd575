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
    ],
    'backup': [
        cfg.StrOpt(
            'driver',
            default='folder',
            choices=['folder', 's3', ''],
            help='Where backups of volumes are kept; empty means that this host keeps none. Pretended volumes have '
            'pretended backups.',
        ),
        cfg.StrOpt('path', default='', help="The folder of backups; empty means 'backups' under state_path."),
        cfg.BoolOpt(
            'shared',
            default=False,
            help='Whether the folder is the same one on every host with volumes, by a network file system.',
        ),
        cfg.StrOpt('s3_endpoint', default='', help="The URL of the S3 service; empty means Amazon's own."),
        cfg.StrOpt('s3_region', default='us-east-1', help='The region of the S3 service.'),
        cfg.StrOpt('s3_bucket', default='', help='The bucket of backups, which must be there.'),
        cfg.StrOpt('s3_key_id', default='', help='The id of the key that the S3 service knows.'),
        cfg.StrOpt('s3_secret', default='', secret=True, help='The secret of that key.'),
    ],
}
