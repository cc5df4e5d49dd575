"""Options of the image service."""

from oslo_config import cfg

DISK_FORMATS = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop', 'gpt']
CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed']

OPTIONS = {
    'image': [
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
        cfg.IntOpt('property_quota', default=128, help='Properties an image may have; -1 for any number.'),
        cfg.IntOpt('tag_quota', default=128, help='Tags an image may have; -1 for any number.'),
        cfg.IntOpt('member_quota', default=128, help='Members an image may have; -1 for any number.'),
        cfg.IntOpt('quota_count_total', default=-1, help='Images a project may have; -1 for any number.'),
        cfg.IntOpt('quota_size_total', default=-1, help='MiB of image files a project may have; -1 for any.'),
        cfg.IntOpt('quota_stage_total', default=-1, help='MiB of staged files a project may have; -1 for any.'),
        cfg.IntOpt('quota_count_uploading', default=-1, help='Uploads a project may have under way; -1 for any.'),
    ]
}
