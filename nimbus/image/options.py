"""Options of the image service."""

from oslo_config import cfg, types

DISK_FORMATS = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop', 'gpt', 'luks']
CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed']
IMPORT_METHODS = ['glance-direct', 'web-download', 'copy-image']

OPTIONS = {
    'image': [
        cfg.ListOpt(
            'stores',
            default=[],
            help='Stores of images that users see and name, each NAME:KIND, such as fast:file,far:s3; empty means one '
            'store without a name. Kinds are file, s3 and http, for what lies at web servers.',
        ),
        cfg.StrOpt('default_store', default='', help='The store of what names none; empty means the first of stores.'),
        cfg.DictOpt('store_paths', default={}, help="The folder of each store of files; else one beside 'images'."),
        cfg.DictOpt('store_descriptions', default={}, help='What users are told of each store.'),
        cfg.DictOpt(
            'store_weights',
            default={},
            help='An image in several stores is read from the one with the highest number; 0 where none is said.',
        ),
        cfg.DictOpt('s3_urls', default={}, help='The endpoint of each store that speaks S3, such as http://rgw:7480.'),
        cfg.DictOpt('s3_buckets', default={}, help='The bucket of each store that speaks S3; it must be there.'),
        cfg.DictOpt('s3_access_keys', default={}, secret=True, help='The access key of each store that speaks S3.'),
        cfg.DictOpt('s3_secret_keys', default={}, secret=True, help='The secret key of each store that speaks S3.'),
        cfg.StrOpt('store_path', default='', help="Where image files lie; empty means 'images' under state_path."),
        cfg.ListOpt('disk_formats', default=DISK_FORMATS, help='Disk formats an image may have.'),
        cfg.ListOpt('container_formats', default=CONTAINER_FORMATS, help='Container formats an image may have.'),
        cfg.IntOpt('size_cap', default=1 << 40, min=1, help='Bytes an image file may have at most.'),
        cfg.IntOpt(
            'virtual_size_cap',
            default=16 << 40,
            min=1,
            help='Bytes the disk inside an image may have at most, however small its file.',
        ),
        cfg.IntOpt(
            'keep_deleted',
            default=0,
            min=0,
            help='Seconds that an image which a user deleted stays in the store, for an operator to restore it; '
            '0 removes it at once.',
        ),
        cfg.StrOpt(
            'certificates_path',
            default='',
            help='Where the certificates lie that signatures of images are checked by, each as UUID.pem; '
            "empty means 'certificates' under state_path.",
        ),
        cfg.IntOpt('property_quota', default=128, help='Properties an image may have; -1 for any number.'),
        cfg.IntOpt('tag_quota', default=128, help='Tags an image may have; -1 for any number.'),
        cfg.IntOpt('member_quota', default=128, help='Members an image may have; -1 for any number.'),
        cfg.IntOpt('quota_count_total', default=-1, help='Images a project may have; -1 for any number.'),
        cfg.IntOpt('quota_size_total', default=-1, help='MiB of image files a project may have; -1 for any.'),
        cfg.IntOpt('quota_stage_total', default=-1, help='MiB of staged files a project may have; -1 for any.'),
        cfg.IntOpt('quota_count_uploading', default=-1, help='Uploads a project may have under way; -1 for any.'),
        cfg.ListOpt(
            'import_methods',
            default=IMPORT_METHODS,
            item_type=types.String(choices=IMPORT_METHODS),
            help='Ways in which an image may be imported.',
        ),
        cfg.IntOpt('import_tasks', default=2, min=1, help='Imports that a process works on at once.'),
        cfg.ListOpt(
            'download_schemes',
            default=['http', 'https'],
            item_type=types.String(choices=['http', 'https']),
            help='Schemes of the URIs that images may be downloaded from.',
        ),
        cfg.ListOpt(
            'download_ports',
            default=[80, 443],
            item_type=types.Port(),
            help='Ports of the servers that images may be downloaded from.',
        ),
        cfg.ListOpt(
            'download_hosts',
            default=[],
            help='The only hosts that images may be downloaded from; empty means any with a public address.',
        ),
        cfg.ListOpt('download_refused_hosts', default=[], help='Hosts that no image may be downloaded from.'),
        cfg.ListOpt(
            'download_networks',
            default=[],
            help='Networks (CIDR) that images may be downloaded from though they are not public, as that of a mirror; '
            'addresses that are private, of this host, of its links or multicast are refused otherwise.',
        ),
        cfg.IntOpt('download_redirects', default=5, min=0, help='Redirects that a download follows, each checked.'),
        cfg.IntOpt('download_seconds', default=21600, min=1, help='Seconds that a download may take.'),
        cfg.IntOpt('download_pause', default=60, min=1, help='Seconds that a download may stand still.'),
    ]
}
