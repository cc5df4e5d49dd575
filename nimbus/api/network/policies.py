"""Policy rules of the Networking API, with Neutron's names and secure defaults.

The target of a rule has the owner's `project_id`, `network:project_id` for
resources of a network, `network:shared`, `network:external`, for a port
whether its owner is the network service itself (`network_device`), for a
security group's rule `security_group:project_id`, and for an RBAC policy
whether it shares with every project (`wildcard`).
"""

from oslo_policy import policy

from nimbus.api.kit.policy import of_projects

ADMIN = 'rule:context_is_admin'
SERVICE = 'rule:service_api'
READER = 'role:reader and project_id:%(project_id)s'
MEMBER = 'role:member and project_id:%(project_id)s'
MANAGER = 'role:manager and project_id:%(project_id)s'
NET_READER = 'role:reader and rule:network_owner'
NET_MEMBER = 'role:member and rule:network_owner'
NET_MANAGER = 'role:manager and rule:network_owner'


def _or(*checks: str) -> str:
    return ' or '.join(f'({check})' for check in checks)


ADMIN_READER, ADMIN_MEMBER, ADMIN_MANAGER = _or(ADMIN, READER), _or(ADMIN, MEMBER), _or(ADMIN, MANAGER)
ADMIN_SERVICE = _or(ADMIN, SERVICE)
ADMIN_OWNER_READER = _or(ADMIN, READER, 'rule:ext_parent_owner')
ADMIN_OWNER_MEMBER = _or(ADMIN, MEMBER, 'rule:ext_parent_owner')
ON_NETWORK = _or(ADMIN, SERVICE, NET_MEMBER)
ON_NETWORK_OR_SHARED = _or(ADMIN, SERVICE, NET_MEMBER, 'rule:shared')

TERMS = {
    'owner': 'project_id:%(project_id)s',
    'admin_or_owner': 'rule:context_is_admin or rule:owner',
    'network_owner': 'project_id:%(network:project_id)s',
    'sg_owner': 'project_id:%(security_group:project_id)s',
    'ext_parent_owner': 'project_id:%(ext_parent:project_id)s',
    'shared': 'True:%(network:shared)s',
    'external': 'True:%(network:external)s',
    'network_device': 'True:%(network_device)s',
    'wildcard': 'True:%(wildcard)s',
    'admin_only': 'rule:context_is_admin',
    'restrict_wildcard': '(not rule:wildcard) or rule:admin_only',
}
NETWORK = {
    'create_network': ADMIN_MEMBER,
    'create_network:shared': ADMIN,
    'create_network:router:external': ADMIN,
    'create_network:is_default': ADMIN,
    'create_network:port_security_enabled': ADMIN_MEMBER,
    'create_network:provider:network_type': ADMIN,
    'create_network:provider:physical_network': ADMIN,
    'create_network:provider:segmentation_id': ADMIN,
    'get_network': _or(ADMIN, READER, SERVICE, 'rule:shared', 'rule:external'),
    'get_network:provider:network_type': ADMIN,
    'get_network:provider:physical_network': ADMIN,
    'get_network:provider:segmentation_id': ADMIN,
    'update_network': ADMIN_MEMBER,
    'update_network:shared': ADMIN,
    'update_network:router:external': ADMIN,
    'update_network:is_default': ADMIN,
    'update_network:port_security_enabled': ADMIN_MEMBER,
    'delete_network': ADMIN_MEMBER,
}
SUBNET = {
    'create_subnet': _or(ADMIN, NET_MEMBER),
    'get_subnet': _or(ADMIN, READER, NET_READER, SERVICE, 'rule:shared'),
    'update_subnet': _or(ADMIN, MEMBER, NET_MEMBER),
    'delete_subnet': _or(ADMIN, MEMBER, NET_MEMBER),
}
PORT = {
    'create_port': ON_NETWORK_OR_SHARED,
    'create_port:device_id': _or(ADMIN, MEMBER, SERVICE),
    'create_port:device_owner': _or('not rule:network_device', ADMIN, SERVICE, NET_MEMBER),
    'create_port:mac_address': ON_NETWORK,
    'create_port:fixed_ips': ON_NETWORK_OR_SHARED,
    'create_port:fixed_ips:ip_address': ON_NETWORK,
    'create_port:fixed_ips:subnet_id': ON_NETWORK_OR_SHARED,
    'create_port:port_security_enabled': ON_NETWORK,
    'create_port:binding:host_id': ADMIN_SERVICE,
    'create_port:binding:profile': SERVICE,
    'create_port:binding:vnic_type': _or(ADMIN, MEMBER, SERVICE),
    'create_port:allowed_address_pairs': ON_NETWORK,
    'get_port': _or(ADMIN, SERVICE, NET_READER, READER),
    'get_port:binding:vif_type': ADMIN_SERVICE,
    'get_port:binding:vif_details': ADMIN_SERVICE,
    'get_port:binding:host_id': ADMIN_SERVICE,
    'get_port:binding:profile': ADMIN_SERVICE,
    'update_port': _or(ADMIN, SERVICE, MEMBER),
    'update_port:device_id': _or(ADMIN, MEMBER, SERVICE),
    'update_port:device_owner': _or('not rule:network_device', ADMIN, SERVICE, NET_MEMBER),
    'update_port:mac_address': _or(ADMIN, SERVICE, NET_MANAGER),
    'update_port:fixed_ips': ON_NETWORK,
    'update_port:fixed_ips:ip_address': ON_NETWORK,
    'update_port:fixed_ips:subnet_id': ON_NETWORK_OR_SHARED,
    'update_port:port_security_enabled': ON_NETWORK,
    'update_port:binding:host_id': ADMIN_SERVICE,
    'update_port:binding:profile': SERVICE,
    'update_port:binding:vnic_type': _or(ADMIN, SERVICE, MEMBER),
    'update_port:allowed_address_pairs': ON_NETWORK,
    'delete_port': _or(ADMIN, SERVICE, NET_MEMBER, MEMBER),
    'get_port_binding': ADMIN_SERVICE,
    'create_port_binding': SERVICE,
    'update_port_binding': SERVICE,
    'delete_port_binding': SERVICE,
    'activate': SERVICE,
}
TRUNK = {
    'create_trunk': ADMIN_MEMBER,
    'get_trunk': ADMIN_READER,
    'update_trunk': ADMIN_MEMBER,
    'delete_trunk': ADMIN_MEMBER,
    'get_subports': ADMIN_READER,
    'add_subports': ADMIN_MEMBER,
    'remove_subports': ADMIN_MEMBER,
}
GROUP = {
    'create_security_group': ADMIN_MEMBER,
    'get_security_group': ADMIN_READER,
    'update_security_group': ADMIN_MEMBER,
    'delete_security_group': ADMIN_MEMBER,
    'create_security_group_rule': _or(ADMIN, 'role:member and rule:sg_owner'),
    'get_security_group_rule': _or(ADMIN, 'role:reader and rule:sg_owner'),
    'delete_security_group_rule': _or(ADMIN, 'role:member and rule:sg_owner'),
}
RANGES = {
    'create_address_group': ADMIN_MEMBER,
    'get_address_group': _or(ADMIN, READER, 'rule:shared'),
    'update_address_group': ADMIN_MEMBER,
    'delete_address_group': ADMIN_MEMBER,
    'add_addresses': ADMIN_MEMBER,
    'remove_addresses': ADMIN_MEMBER,
    'create_default_security_group_rule': ADMIN,
    'get_default_security_group_rule': 'role:reader',
    'delete_default_security_group_rule': ADMIN,
    'create_security_groups_default_statefulness': ADMIN_MANAGER,
    'get_security_groups_default_statefulness': ADMIN_READER,
    'update_security_groups_default_statefulness': ADMIN_MANAGER,
    'delete_security_groups_default_statefulness': ADMIN_MANAGER,
}
ROUTER = {
    'create_router': ADMIN_MEMBER,
    'create_router:distributed': ADMIN,
    'create_router:ha': ADMIN,
    'create_router:external_gateway_info': ADMIN_MEMBER,
    'create_router:external_gateway_info:network_id': ADMIN_MEMBER,
    'create_router:external_gateway_info:enable_snat': ADMIN,
    'create_router:external_gateway_info:external_fixed_ips': ADMIN,
    'get_router': ADMIN_READER,
    'get_router:distributed': ADMIN,
    'get_router:ha': ADMIN,
    'update_router': ADMIN_MEMBER,
    'update_router:distributed': ADMIN,
    'update_router:ha': ADMIN,
    'update_router:external_gateway_info': ADMIN_MEMBER,
    'update_router:external_gateway_info:network_id': ADMIN_MEMBER,
    'update_router:external_gateway_info:enable_snat': ADMIN,
    'update_router:external_gateway_info:external_fixed_ips': ADMIN,
    'delete_router': ADMIN_MEMBER,
    'add_router_interface': ADMIN_MEMBER,
    'remove_router_interface': ADMIN_MEMBER,
    'add_extraroutes': ADMIN_MEMBER,
    'remove_extraroutes': ADMIN_MEMBER,
}
FLOATING_IP = {
    'create_floatingip': ADMIN_MEMBER,
    'create_floatingip:floating_ip_address': ADMIN_MANAGER,
    'get_floatingip': ADMIN_READER,
    'update_floatingip': ADMIN_MEMBER,
    'delete_floatingip': ADMIN_MEMBER,
    'get_floatingip_pool': ADMIN_READER,
}
POOLS = {
    'create_subnetpool': ADMIN_MEMBER,
    'create_subnetpool:shared': ADMIN,
    'create_subnetpool:is_default': ADMIN,
    'get_subnetpool': _or(ADMIN, READER, 'rule:shared'),
    'update_subnetpool': ADMIN_MEMBER,
    'update_subnetpool:is_default': ADMIN,
    'delete_subnetpool': ADMIN_MEMBER,
    'add_prefixes': ADMIN_MEMBER,
    'remove_prefixes': ADMIN_MEMBER,
    'onboard_network_subnets': ADMIN_MEMBER,
    'create_address_scope': ADMIN_MEMBER,
    'create_address_scope:shared': ADMIN,
    'get_address_scope': _or(ADMIN, READER, 'rule:shared'),
    'update_address_scope': ADMIN_MEMBER,
    'update_address_scope:shared': ADMIN,
    'delete_address_scope': ADMIN_MEMBER,
}
SHARING = {
    'create_rbac_policy': ADMIN_MEMBER,
    'create_rbac_policy:target_tenant': _or(ADMIN, 'not rule:wildcard'),
    'get_rbac_policy': ADMIN_READER,
    'update_rbac_policy': ADMIN_MEMBER,
    'update_rbac_policy:target_tenant': _or(ADMIN, 'not rule:wildcard'),
    'delete_rbac_policy': ADMIN_MEMBER,
}
BELOW = {
    f'{verb}_{noun}': ADMIN_OWNER_READER if verb == 'get' else ADMIN_OWNER_MEMBER
    for noun in ('floatingip_port_forwarding', 'router_conntrack_helper')
    for verb in ('create', 'get', 'update', 'delete')
}
_KINDS = ('bandwidth_limit', 'dscp_marking', 'minimum_bandwidth', 'minimum_packet_rate')
RULES_OF_QOS = {'policy': (*_KINDS, 'packet_rate_limit'), 'alias': _KINDS}  # each kind below its policy, and alone
QOS = {
    **{f'{verb}_policy': ADMIN_READER if verb == 'get' else ADMIN for verb in ('create', 'get', 'update', 'delete')},
    **{
        f'{verb}_{where}_{kind}_rule': 'role:reader' if verb == 'get' else ADMIN
        for where, kinds in RULES_OF_QOS.items()
        for kind in kinds
        for verb in ('create', 'get', 'update', 'delete')
        if where != 'alias' or verb != 'create'
    },
    'get_rule_type': ADMIN,
}
TAGS = {
    f'{verb}_{noun}:tags': ADMIN_READER if verb == 'get' else ADMIN_MEMBER
    for noun in ('network', 'subnet', 'subnetpool', 'port', 'router', 'floatingip', 'policy', 'security_group', 'trunk')
    for verb in ('get', 'update', 'delete')
}
CLOUD = {
    'get_agent': ADMIN,
    'update_agent': ADMIN,
    'delete_agent': ADMIN,
    'get_dhcp-networks': ADMIN,
    'create_dhcp-network': ADMIN,
    'delete_dhcp-network': ADMIN,
    'get_dhcp-agents': ADMIN,
    'get_l3-routers': ADMIN,
    'get_l3-agents': ADMIN,
    'create_l3-router': ADMIN,
    'delete_l3-router': ADMIN,
    'get_availability_zone': 'role:reader',
    'get_network_ip_availability': ADMIN,
    'get_quota': _or(ADMIN, MANAGER),
    'update_quota': ADMIN,
    'delete_quota': ADMIN,
    'get_service_provider': 'role:reader',
    'get_auto_allocated_topology': ADMIN_READER,
    'delete_auto_allocated_topology': ADMIN_MEMBER,
}
PARTS = (NETWORK, SUBNET, PORT, TRUNK, GROUP, RANGES, ROUTER, FLOATING_IP, BELOW, QOS, POOLS, SHARING, TAGS, CLOUD)
RULES = (
    *(policy.RuleDefault(name, check) for name, check in TERMS.items()),
    *(
        of_projects(name, check)
        for part in (
            NETWORK,
            SUBNET,
            PORT,
            TRUNK,
            GROUP,
            RANGES,
            ROUTER,
            FLOATING_IP,
            BELOW,
            QOS,
            POOLS,
            SHARING,
            TAGS,
            CLOUD,
        )
        for name, check in part.items()
    ),
)
