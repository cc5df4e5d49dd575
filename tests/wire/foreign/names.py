"""What each name in a request can name.  A name that is in neither table fails the test that walks the routes."""

from tests.wire.foreign.fields import Endpoint, last

# Names that name a thing wherever they stand, and what it is.
KINDS = {
    'access': 'ec2',
    'access_rules': 'access_rule',
    'address_scope_id': 'address_scope',
    'remote_address_group_id': 'address_group',
    'aggregate': 'aggregate',
    'attachment_id': 'attachment',
    'availability_zone': 'zone',
    'backup_id': 'backup',
    'binding:host_id': 'host',
    'compute_host': 'host',
    'default_project_id': 'project',
    'device_id': 'server',
    'different_host': 'server',
    'domain': 'domain',
    'domain_id': 'domain',
    'endpoint_id': 'endpoint',
    'flavor': 'flavor',
    'floating_network_id': 'external network',
    'flavorRef': 'flavor',
    'host': 'host',
    'host_name': 'host',
    'hypervisor_hostname': 'host',
    'hypervisor_hostname_pattern': 'host',
    'idp_id': 'idp',
    'image': 'image',
    'imageRef': 'image',
    'image_id': 'image',
    'instance_uuid': 'server',
    'internal_port_id': 'port',
    'instance_id': 'server',
    'key_name': 'keypair',
    'mapping_id': 'mapping',
    'member': 'project',
    'member_id': 'project',
    'net_id': 'network',
    'network': 'network',
    'networkId': 'network',
    'network_id': 'network',
    'node': 'host',
    'owner': 'project',
    'object_id': 'network',
    'parent_group_id': 'security_group',
    'parent_id': 'project',
    'parent_region_id': 'region',
    'policy_id': 'policy',
    'port': 'port',
    'port_id': 'port',
    'project_id': 'project',
    'qos_policy_id': 'qos_policy',
    'protocol_id': 'protocol',
    'redelegated_trust_id': 'trust',
    'region': 'region',
    'region_id': 'region',
    'remote_group_id': 'security_group',
    'rescue_image_ref': 'image',
    'role_id': 'role',
    'router_id': 'router',
    'same_host': 'server',
    'security_group_id': 'security_group',
    'security_groups': 'security_group',
    'serverId': 'server',
    'server_id': 'server',
    'server_uuid': 'server',
    'service_id': 'service',
    'snapshot_id': 'snapshot',
    'source_volid': 'volume',
    'subnet_id': 'subnet',
    'subnetpool_id': 'subnetpool',
    'tenant': 'project',
    'tenant_id': 'project',
    'trust_id': 'trust',
    'trustee_user_id': 'user',
    'trustor_user_id': 'user',
    'user': 'user',
    'user_id': 'user',
    'volumeId': 'volume',
    'volume_id': 'volume',
    'volume_type': 'volume_type',
    'volume_uuid': 'volume',
    'zone': 'zone',
}
# The same for names that mean one thing here and another there.
EXACT = {
    'backup.volume_id': 'backed volume',
    'backup.snapshot_id': 'backed snapshot',
    'restore.volume_id': 'refilled volume',
    'POST /v2/images id': 'image',
    'POST /v2/tasks input.image_properties.id': 'image',
    'POST /v3/regions region.id': 'region',
    'POST /v3/domains domain.explicit_domain_id': 'domain',
    'PUT /servers/{id}/os-volume_attachments/{volume_id} volumeAttachment.id': 'attachment',
    'POST /os-security-group-rules security_group_rule.group_id': 'security_group',
    'addSecurityGroup.name': 'free group',
    'removeSecurityGroup.name': 'security_group',
    'addProjectAccess.project': 'project',
    'removeProjectAccess.project': 'project',
    'os-retype.new_type': 'volume_type',
    'POST /v3/workers/cleanup resource_id': 'volume',
    'server.security_groups[].name': 'security_group',
    'server.networks[].uuid': 'network',
    'server.block_device_mapping_v2[].uuid': 'volume',
    'application_credential.access_rules[].id': 'access_rule',
    'application_credential.roles[].id': 'domain_role',
    'application_credential.roles[].name': 'domain_role_name',
    'trust.roles[].id': 'domain_role',
    'trust.roles[].name': 'domain_role_name',
    'roles[].id': 'domain_role',
    'roles[].name': 'domain_role_name',
    'auth.identity.application_credential.id': 'application_credential',
    'auth.identity.application_credential.name': 'application_credential_name',
    'auth.identity.application_credential.user.id': 'user',
    'auth.identity.application_credential.user.name': 'user_name',
    'auth.identity.application_credential.user.domain.id': 'domain',
    'auth.identity.application_credential.user.domain.name': 'domain_name',
    'auth.identity.password.user.id': 'user',
    'auth.identity.password.user.name': 'user_name',
    'auth.identity.password.user.domain.id': 'domain',
    'auth.identity.password.user.domain.name': 'domain_name',
    'auth.identity.totp.user.id': 'user',
    'auth.identity.totp.user.name': 'user_name',
    'auth.identity.totp.user.domain.id': 'domain',
    'auth.identity.totp.user.domain.name': 'domain_name',
    'auth.identity.token.id': 'token',
    'auth.scope.OS-TRUST:trust.id': 'trust',
    'auth.scope.domain.id': 'domain',
    'auth.scope.domain.name': 'domain_name',
    'auth.scope.project.id': 'project',
    'auth.scope.project.name': 'project_name',
    'auth.scope.project.domain.id': 'domain',
    'auth.scope.project.domain.name': 'domain_name',
    'auth.scope.service_provider.id': 'sp',
    **{f'{name}:scheduler_hints.group{items}': 'server_group' for name in ('os', 'OS-SCH-HNT') for items in ('', '[]')},
    'port.fixed_ips[].ip_address': 'address',
    'interfaceAttachment.port_id': 'free port',
    'POST /v2.0/agents/{id}/dhcp-networks network_id': 'free network',
    'PUT /v2.0/trunks/{id}/remove_subports sub_ports[].port_id': 'subport',
    'removeFixedIp.address': 'server address',
    'cache[].id': 'image',
    'addFloatingIp.address': 'floating address',
    'addFloatingIp.fixed_address': 'server address',
    'removeFloatingIp.address': 'server floating address',
    'POST /os-floating-ips pool': 'external network',
    'interfaceAttachment.fixed_ips[].ip_address': 'address',
    'port.mac_address': 'mac',
    'router.external_gateway_info.network_id': 'external network',
    'PUT /v2.0/routers/{id}/add_router_interface subnet_id': 'free subnet',
    'PUT /v2.0/routers/{id}/add_router_interface port_id': 'free port',
    'PUT /v2.0/routers/{id}/remove_router_interface subnet_id': 'interface subnet',
    'PUT /v2.0/routers/{id}/remove_router_interface port_id': 'interface port',
    'PUT /servers/{id}/os-volume_attachments/{volume_id} volumeAttachment.volumeId': 'server volume',
    'region.parent_region_id': 'region',
}
# Names that stand for things elsewhere and not here.
NO_NAMES = {
    'objects[].name': 'what a definition is called',
    'resource_type_associations[].name': 'a word for a type of resources',
    'tags[].name': 'a word',
    'conntrack_helper.port': 'a number of TCP or UDP',
    'conntrack_helpers[].port': 'a number of TCP or UDP',
    'events[].name': 'one of a fixed set of events',
    'rbac_policy.target_tenant': 'whom a project shares its own with is its to say',
    'service_id': 'the number of a daemon',
    'credential.host': 'the host that a request was signed for',
    'credentials.host': 'the host that a request was signed for',
    'ec2Credentials.host': 'the host that a request was signed for',
}
# Where one field can name things of several kinds: the further ones, and the body's other values that say so.
ALSO: dict[str, dict[str, dict[str, str]]] = {
    'port.device_id': {'router': {'device_owner': 'network:router_interface'}},
    'server.block_device_mapping_v2[].uuid': {'image': {}, 'snapshot': {}},
    'server.security_groups[].name': {'security_group_name': {}},
    'addSecurityGroup.name': {'security_group_name': {}},
    'removeSecurityGroup.name': {'security_group_name': {}},
}
# What stands between braces in a path, where the name alone does not say it: by the segment before.
SEGMENTS = {
    'OS-EC2': 'ec2',
    'access_tokens': 'request_token',
    'address-groups': 'address_group',
    'auto-allocated-topology': 'project',
    'address-scopes': 'address_scope',
    'default-security-group-rules': 'default_rule',
    'agents': 'agent',
    'allocations': 'server',
    'attachments': 'attachment',
    'authorize': 'request_token',
    'backups': 'backup',
    'conntrack_helpers': 'conntrack_helper',
    'domains': 'domain',
    'floatingips': 'floatingip',
    'flavors': 'flavor',
    'images': 'image',
    'namespaces': 'metadef_namespace',
    'networks': 'network',
    'os-aggregates': 'aggregate',
    'os-floating-ips': 'floatingip',
    'os-networks': 'network',
    'os-tenant-networks': 'network',
    'os-snapshots': 'snapshot',
    'os-volume-transfer': 'transfer',
    'os-volumes': 'volume',
    'os-console-auth-tokens': 'console_token',
    'os-hosts': 'host',
    'os-hypervisors': 'hypervisor',
    'os-instance-actions': 'request',
    'os-keypairs': 'keypair',
    'os-quota-sets': 'project',
    'os-security-group-rules': 'security_group_rule',
    'os-security-groups': 'security_group',
    'os-server-groups': 'server_group',
    'os-services': 'compute_service',
    'port_forwardings': 'port_forwarding',
    'ports': 'port',
    'rbac-policies': 'rbac_policy',
    'resource_providers': 'provider',
    'routers': 'router',
    'security-group-rules': 'security_group_rule',
    'security-groups': 'security_group',
    'servers': 'server',
    'snapshots': 'snapshot',
    'subnetpools': 'subnetpool',
    'subnets': 'subnet',
    'trunks': 'trunk',
    'security-groups-default-statefulness': 'statefulness',
    'tasks': 'image_task',
    'types': 'volume_type',
    'volume-transfers': 'transfer',
    'default-types': 'project',
    'messages': 'message',
    'qos-specs': 'qos_spec',
    'volumes': 'volume',
}
ABSENT = {
    'consistencygroup_id': 'there are no groups of volumes',
    'group_id': 'there are no groups of volumes',
    'trusted_image_certificates': 'there are no certificates of images',
    'class_name': 'there is one class of quotas',
}
# Names that name nothing: values, words of a fixed set, and what a new thing is to be called.
PLAIN = frozenset(
    """
OS-DCF:diskConfig OS-FLV-EXT-DATA:ephemeral OS-SCH-HNT:scheduler_hints accessIPv4 accessIPv6 adminPass admin_state_up
all allocation_pools allow_redelegation allowed_address_pairs attach_status auth_url authorization_ttl
backup_gigabytes backup_type backups binary binding:profile binding:vnic_type blob body_hash boot_index bootable
build_near_host_ip cidr config config_drive confirmResize connection_info connector container_format contents cores
default_limit delete_on_termination description destination_type device device_name device_owner device_type direction
disabled_reason disk disk_bus disk_format display_description display_name distributed dns_nameservers enable_dhcp
enable_snat enabled ethertype evacuate expires_at external_fixed_ips extra_dhcp_opts extra_specs fixed_ip
fixed_ip_address fixed_ips floating_ip_address floating_ips force forceDelete forced_down from_port gateway_ip gigabytes
groups
guest_format ha headers host_routes hostname ignore_change_password_upon_first_use ignore_lockout_failure_attempts
ignore_password_expiry ignore_user_inactivity image_name immutable injectNetworkInfo impersonation
injected_file_content_bytes
injected_file_path_bytes injected_files instances interface ip_protocol ip_version ipv6_address_mode ipv6_ra_mode
is_default is_domain is_public key key_pairs length lock lock_password locked_reason maintenance_mode mapping max_count
max_server_per_host meta metadata metadata_items method methods migrate migration_status min_count min_disk min_ram
mode
mountpoint mtu multi_factor_auth_enabled multi_factor_auth_rules multiattach new_size no_device oauth1
onSharedStorage original_password os-complete os-flavor-access:is_public os-getRDPConsole os-start os-stop
os-volume-type-access:is_public os_hidden progress container incremental backup_service backup_url
params passcode password path pause per_volume_gigabytes policies policy port_range_max port_range_min
pinned_availability_zone resource_provider_generation traits
port_security_enabled preserve_ephemeral protected protocol provider:network_type provider:physical_network
provider:segmentation_id public_key query ram readonly redelegation_count relay_state_prefix remaining_uses
remote_id_attribute remote_ids remote_ip_prefix resource_limit resource_name restore resume return_reservation_id
revertResize rotation router:external routes rxtx_factor secret security_group_rules server_group_members
server_groups service shared shelve shelveOffload signature size snapshots source_type sp_url state stateful status
suspend swap tag tags to_port token trigger_crash_dump type unique_id unlock unpause unrescue unrestricted unshelve
url user_data vcpus verb virtual_name visibility volume_size volumes
action addresses default_prefixlen default_quota max_prefixlen min_prefixlen object_type prefixes prefixlen
dns_domain dns_name
service_types availability_zone_hints use_default_subnetpool used_in_default_sg used_in_non_default_sg
""".split()
)
# Those of metadata definitions.
PLAIN |= frozenset('default enum items minimum namespace operators prefix properties properties_target title'.split())
PLAIN |= frozenset(('required',))
# Those of imports of images.
PLAIN |= frozenset(('checksum', 'os_hash_algo', 'os_hash_value'))
PLAIN |= frozenset(('all_stores', 'all_stores_must_succeed', 'import_from', 'import_from_format', 'uri'))
# Those of what moves servers.
PLAIN |= frozenset(('block_migration', 'disk_over_commit', 'force_complete'))
# Those of what steers traffic.
PLAIN |= frozenset(
    """
dscp_mark external_port external_port_range helper internal_ip_address internal_port internal_port_range
segmentation_id segmentation_type sub_ports
profile vnic_type
max_burst_kbps max_burst_kpps max_kbps max_kpps min_kbps min_kpps
""".split()
)

# Those of what is done with volumes.
PLAIN |= frozenset(
    'auth_key cluster cluster_name disabled is_up keys migration_policy no_snapshots qos_specs resource_type'.split()
)


def plain(endpoint: Endpoint, field: str) -> bool:
    """Whether the field names nothing."""
    name = last(field)
    if kind_of(endpoint, field):
        return False
    if 'quota' in field.partition('.')[0]:
        return name != 'class_name'
    own = (
        field in NO_NAMES
        or name in ('name', 'id')
        and field.count('.') == 1
        and '[' not in field
        or field in ('name', 'id')
    )
    return own or name in PLAIN


def kind_of(endpoint: Endpoint, field: str) -> str | None:
    """What the field names."""
    if field in NO_NAMES:
        return None
    path = endpoint.route.path if endpoint.service == 'compute' else endpoint.mount + endpoint.route.path
    for exact in (f'{endpoint.route.method} {path} {field}', field):
        if exact in EXACT:
            return EXACT[exact]
    if 'quota' in field.partition('.')[0] and last(field) not in ('project_id', 'tenant_id'):
        return None
    return KINDS.get(last(field))


def kind_in_path(path: str, name: str) -> str | None:
    """What a segment between braces names; None for a word of a fixed set, a tag or a key.  Raises KeyError."""
    if name in WORDS or (path.partition('/{' + name + '}')[0].rpartition('/')[2] in WORDS_AFTER):
        return None
    before = path.partition('/{' + name + '}')[0].rpartition('/')[2]
    if path.startswith('/v2.0/{kind}'):
        return 'network'
    if path.startswith('/v2.0/qos/') and name in ('id', 'rule_id'):
        return 'qos_policy' if name == 'id' else before.removeprefix('alias_').removesuffix('s')
    if name in ('prior_role_id', 'implies_role_id'):
        return 'role'
    if before in SEGMENTS:
        return SEGMENTS[before]
    return KINDS.get(name) or ID_NAMES[name]


WORDS = ('store', 'tag', 'object', 'property', 'type', 'key', 'alias', 'group', 'option', 'kind', 'before', 'rule_type')
WORDS_AFTER = ('os-quota-class-sets', 'versions', 'inventories', 'resource_classes', 'traits')
ID_NAMES = {
    f'{kind}_id': kind
    for kind in (
        'access_rule access_token application_credential consumer credential endpoint_group group limit '
        'registered_limit request_token sp migration'
    ).split()
}
