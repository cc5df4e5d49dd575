"""How much of compute a project may hold."""

from nimbus.common.quotas import Quotas

DEFAULTS = {
    'instances': 10,
    'cores': 20,
    'ram': 51200,  # MiB
    'metadata_items': 128,  # of one server
    'injected_files': 5,  # of one server
    'injected_file_content_bytes': 10240,
    'injected_file_path_bytes': 255,
    'key_pairs': 100,  # of one user
    'server_groups': 10,
    'server_group_members': 10,  # of one group
}
QUOTAS = Quotas('compute', DEFAULTS)
