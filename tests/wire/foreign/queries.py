"""Every name in a query that can name something, found by asking: what a handler looks up, and what a list shows."""

import collections
from collections.abc import Iterator
from typing import Any

from nimbus.api.compute.proxies import images
from nimbus.api.compute.servers import queries
from nimbus.api.kit import routes
from nimbus.api.volume import filters
from nimbus.api.volume.backups import backups as backup_api
from nimbus.api.volume.snapshots import snapshots as snapshot_api
from nimbus.volume import messages
from nimbus.volume.backups import search as backup_search
from nimbus.volume.volumes import search as volume_search
from nimbus.volume.volumes import snapshot_search, transfers
from tests.wire.foreign import bodies, names
from tests.wire.foreign.asking import SERVICES, endpoints, path
from tests.wire.foreign.fields import Endpoint
from tests.wire.foreign.world import ADMIN, World

_SERVERS, _VOLUMES = queries.FILTERS, (*filters.OPEN, *filters.NEVER, *volume_search.PLAIN, 'host', 'project_id')
_BACKUPS = (*backup_api.OPEN, *backup_search.PLAIN, 'project_id')
_SNAPSHOTS = (*snapshot_api.OPEN, *snapshot_search.PLAIN, 'project_id')
_LISTS = """
networks subnets subnetpools address-scopes ports security-groups security-group-rules address-groups rbac-policies
default-security-group-rules routers routers/{id}/conntrack_helpers floatingips floatingips/{id}/port_forwardings
qos/policies qos/rule-types trunks security-groups-default-statefulness ports/{id}/bindings
"""
_LISTS += ' '.join(f'qos/policies/{{id}}/{kind}_rules' for kind in bodies.QOS)
_IMAGES = (*images.FILTERS, 'status', 'server', 'changes-since')
# What handlers read that walk through the whole query; those that walk through it to refuse what they do not know, and
# look the rest up by name, read nothing more.
WALKED: dict[str, tuple[str, ...]] = {
    'compute GET /v2.1/servers': _SERVERS,
    'compute GET /v2.1/servers/detail': _SERVERS,
    'volume GET /v3/volumes': _VOLUMES,
    'volume GET /v3/volumes/detail': _VOLUMES,
    'volume GET /v3/volumes/summary': _VOLUMES,
    **{
        f'volume GET /v3/{path}{detail}': transfers.FILTERS
        for path in ('os-volume-transfer', 'volume-transfers')
        for detail in ('', '/detail')
    },
    'volume GET /v3/messages': messages.PLAIN,
    'volume GET /v3/snapshots': _SNAPSHOTS,
    'volume GET /v3/snapshots/detail': _SNAPSHOTS,
    'volume GET /v3/backups': _BACKUPS,
    'volume GET /v3/backups/detail': _BACKUPS,
    'compute GET /v2.1/images': _IMAGES,
    'compute GET /v2.1/images/detail': _IMAGES,
    'image GET /v2/images': ('id', 'name', 'owner', 'visibility', 'member_status'),
    'image GET /v2/metadefs/namespaces': ('visibility', 'resource_types'),
    'network GET /v2.0/agents': ('host', 'id', 'availability_zone'),
    'network GET /v2.0/networks/{id}/dhcp-agents': ('host', 'id'),
    'network GET /v2.0/routers/{id}/l3-agents': ('host', 'id'),
    **dict.fromkeys(
        (
            'image GET /v2/tasks',
            'compute GET /v2.1/servers/{id}/os-instance-actions',
            'compute GET /v2.1/servers/{id}/os-volume_attachments',
            'compute GET /v2.1/flavors',
            'compute GET /v2.1/flavors/detail',
            'compute GET /v2.1/os-keypairs',
            'compute GET /v2.1/os-keypairs/{name}',
            'compute GET /v2.1/os-quota-sets/{project_id}',
            'compute GET /v2.1/os-quota-sets/{project_id}/detail',
            'compute GET /v2.1/limits',
            'compute GET /v2.1/os-hypervisors',
            'compute GET /v2.1/os-hypervisors/detail',
            'compute GET /v2.1/os-hypervisors/{id}',
            'compute GET /v2.1/os-services',
            'compute GET /v2.1/os-server-groups',
            'compute GET /v2.1/os-migrations',
            'compute GET /v2.1/os-simple-tenant-usage',
            'compute GET /v2.1/os-simple-tenant-usage/{project_id}',
            'compute GET /v2.1/os-console-auth-tokens/{id}',
            'network GET /v2.0/availability_zones',
            *(f'network GET /v2.0/{path}' for path in _LISTS.split()),
            'placement GET /resource_providers',
            'placement GET /usages',
            'placement GET /traits',
            'placement GET /allocation_candidates',
        ),
        (),
    ),
}
# What each collection's rows are: what its marker and its ids name.
ROWS = {
    **names.SEGMENTS,
    'access_rules': 'access_rule',
    'bindings': 'host',
    'application_credentials': 'application_credential',
    'consumers': 'consumer',
    'credentials': 'credential',
    'endpoint_groups': 'endpoint_group',
    'endpoints': 'endpoint',
    'groups': 'group',
    'identity_providers': 'idp',
    'limits': 'limit',
    'mappings': 'mapping',
    'network-ip-availabilities': 'network',
    'os-migrations': 'server',  # a migration has no other tenant's to be compared with: others see their project's
    'os-simple-tenant-usage': 'server',
    'os-volume_attachments': 'volume',
    'policies': 'policy',
    'projects': 'project',
    'protocols': 'protocol',
    'regions': 'region',
    'registered_limits': 'registered_limit',
    'roles': 'role',
    'service_providers': 'sp',
    'services': 'service',
    'summary': 'volume',
    'trusts': 'trust',
    'users': 'user',
    'dhcp-agents': 'agent',
    **{f'{kind}_rules': f'{kind}_rule' for kind in bodies.QOS},
    'l3-agents': 'agent',
}
KINDS = {
    'conntrack_helpers': 'conntrack_helper',
    'fixed_ips': 'subnet',
    'group.id': 'group',
    'network_name': 'network_name',
    'port_forwardings': 'port_forwarding',
    'qos_network_policy_id': 'qos_policy',
    'resource_providers': 'provider',
    'resource_uuid': 'volume',
    'role.id': 'role',
    'rules': 'bandwidth_limit_rule',
    'scope.domain.id': 'domain',
    'scope.project.id': 'project',
    'subnets': 'subnet',
    'security_group_rules': 'security_group_rule',
    'server': 'server',
    'user.id': 'user',
    'image_ref': 'image',
    'ipv4_address_scope': 'address_scope',
    'ipv6_address_scope': 'address_scope',
    'ip_address': 'address',
    'kernel_id': 'image',
    'mac_address': 'mac',
    'ramdisk_id': 'image',
    'in_tree': 'provider',
    'member_of': 'aggregate',
    'source_compute': 'host',
}
PLAIN = names.PLAIN | frozenset(
    """
consumes_quota event_id message_level request_id resource resource_type
consumer_type group_policy required root_required same_subtree
* access_ip_v4 access_ip_v6 all_projects all_tenants associated auto_disk_config availability_zone_hints
availability_zones binding:vif_details binding:vif_type changed_since changes-before changes-since created_at deleted
detail detailed effective end external_gateway_info fields glance_metadata hidden include_names include_subtree ip ip6
launch_index launched_at limit locked locked_by member_status migration_type minDisk minRam normalized_cidr not-tags
not-tags-any offset page_reverse parents_as_ids parents_as_list password_expires_at port_details power_state progress
reservation_id resources revision_number root_device_name scope.OS-INHERIT:inherited_to scope.system service_type
service_types since soft_deleted sort sort_dir sort_key start stateful subtree_as_ids subtree_as_list tags-any
belongs_to_default_sg dns_assignment trunk_details vif_details vif_type
resource_type resource_types
target_tenant task_state terminated_at updated_at usage vm_state with_count with_servers
""".split()
)
ABSENT = tuple(names.ABSENT)


class Noted(dict[str, Any]):
    """A query that remembers what was looked for in it."""

    def __init__(self, told: dict[str, Any], seen: set[str]) -> None:
        super().__init__(told)
        self._seen = seen

    def get(self, name: str, default: Any = None) -> Any:
        self._seen.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._seen.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> Any:
        self._seen.add(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        self._seen.add('*')
        return super().__iter__()

    def items(self) -> Any:
        self._seen.add('*')
        return super().items()


def looked_up(world: World, monkeypatch: Any) -> dict[str, set[str]]:
    """By endpoint, the names that its handler looks for in a query, and those that its rows show."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    at: list[str] = []
    real = routes.Call.__init__

    def noting(self: Any, *told: Any) -> None:
        real(self, *told)
        self.query = Noted(self.query, found[at[-1]])

    monkeypatch.setattr(routes.Call, '__init__', noting)
    for service in SERVICES:
        for endpoint in listing(world, service):
            at.append(endpoint.key)
            for version in endpoint.versions:
                more = endpoint.headers(version) if version else {}
                world(ADMIN, service, 'GET', path(endpoint, world.mine), **more)
    monkeypatch.undo()
    return found


def listing(world: World, service: str) -> Iterator[Endpoint]:
    """Every endpoint that a query can be put to."""
    for endpoint in endpoints(world, service):
        if endpoint.route.method == 'GET' and not endpoint.route.open:
            yield endpoint


# What one thing consists of, where it comes in pages.
IN_PAGES = {'/os-simple-tenant-usage/{project_id}': 'server'}


def rows_of(endpoint: Endpoint) -> str | None:
    """What the rows of a list are; None where an endpoint shows one thing."""
    if endpoint.route.path == '/qos/policies':
        return 'qos_policy'
    told = (endpoint.mount + endpoint.route.path).removesuffix('/detail').rpartition('/')[2]
    return IN_PAGES.get(endpoint.route.path) if told.startswith('{') else ROWS.get(told)


def kind_of(endpoint: Endpoint, name: str) -> str | None:
    """What a name in the endpoint's query names."""
    name = name.partition('__')[0].removesuffix('~')
    kind = rows_of(endpoint)
    if name in ('marker', 'id', 'uuid'):
        return kind
    if name == 'name':
        return f'{kind}_name' if kind in NAMED_TOO else None
    return KINDS.get(name) or names.KINDS.get(name)


OF_WORDS = (
    '/qos/rule-types',
    '/v2/metadefs/namespaces/{namespace}/tags',
)  # lists whose rows are words of a fixed set: their marker names nothing
NAMED_TOO = ('user', 'project', 'domain', 'group', 'domain_role', 'security_group')


def known(endpoint: Endpoint, name: str) -> bool:
    """Whether a table says what a name that a handler looks up means."""
    bare = name.partition('__')[0].removesuffix('~')
    if bare in ('marker', 'id', 'uuid'):
        return rows_of(endpoint) is not None or endpoint.route.path in OF_WORDS
    return bare in PLAIN or bare in ABSENT or bare == 'name' or kind_of(endpoint, name) is not None
