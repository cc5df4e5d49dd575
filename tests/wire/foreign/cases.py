"""A body that each route takes when all in it is one's own: where the fields that name things are put in turn."""

import copy
from typing import Any

from nimbus.api.compute.proxies.routes import GONE, GONE_ACTION
from tests.wire.foreign import bodies, fields, holdings, images, imported, steered, stored
from tests.wire.foreign.bodies import Body, Things

_SUBPORTS = tuple(f'sub_ports[].{name}' for name in ('port_id', 'segmentation_type', 'segmentation_id'))
# What is in bodies whose shape no route tells: what the handler reads.
READ_BY_HANDLERS = {
    **imported.READ_BY_HANDLERS,
    'network PUT /v2.0/routers/{id}/add_router_interface': ('subnet_id', 'port_id'),
    'network PUT /v2.0/routers/{id}/remove_router_interface': ('subnet_id', 'port_id'),
    'network PUT /v2.0/routers/{id}/add_extraroutes': ('router.routes',),
    'network PUT /v2.0/routers/{id}/remove_extraroutes': ('router.routes',),
    'network PUT /v2.0/subnetpools/{id}/add_prefixes': ('prefixes',),
    'network PUT /v2.0/address-groups/{id}/add_addresses': ('addresses',),
    'network PUT /v2.0/address-groups/{id}/remove_addresses': ('addresses',),
    'network PUT /v2.0/subnetpools/{id}/remove_prefixes': ('prefixes',),
    'network PUT /v2.0/subnetpools/{id}/onboard_network_subnets': ('network_id',),
    'network POST /v2.0/agents/{id}/l3-routers': ('router_id',),
    'network PUT /v2.0/trunks/{id}/add_subports': _SUBPORTS,
    'network PUT /v2.0/trunks/{id}/remove_subports': ('sub_ports[].port_id',),
    'network POST /v2.0/agents/{id}/dhcp-networks': ('network_id',),
    'network PUT /v2.0/ports/{id}/bindings/{host}/activate': (),
    'network PUT /v2.0/agents/{id}': ('agent.admin_state_up', 'agent.description'),
    'network PUT /v2.0/quotas/{project_id}': ('quota.project_id', 'quota.tenant_id', 'quota.force'),
    'network PUT /v2.0/{kind}/{id}/tags': ('tags',),
    'network POST /v2.0/{kind}/{id}/tags': ('tags',),
    **images.READ,
    'volume PUT /v3/types/{id}/extra_specs/{key}': (),
    'compute PUT /v2.1/flavors/{id}/os-extra_specs/{key}': (),
    'identity POST /v3/OS-OAUTH1/request_token': (),
    'identity POST /v3/OS-OAUTH1/access_token': (),
    'compute POST /v2.1/os-baremetal-nodes': (),
    f'compute POST /v2.1/servers/{{id}}/action {GONE_ACTION.action}': (),
    **{f'compute {route.method} /v2.1{route.path}': () for route in GONE if route.method in fields.WRITES},
}  # fmt: skip
# What is inside of attributes that the network service takes whole.
INSIDE = {
    'port.fixed_ips': ('port.fixed_ips[].subnet_id', 'port.fixed_ips[].ip_address'),
    'port.security_groups': ('port.security_groups[]',),
    'router.external_gateway_info': (
        'router.external_gateway_info.network_id',
        'router.external_gateway_info.qos_policy_id',
    ),
    'trunk.sub_ports': tuple(f'trunk.{name}' for name in _SUBPORTS),
    'OS-SCH-HNT:scheduler_hints': ('OS-SCH-HNT:scheduler_hints.same_host', 'OS-SCH-HNT:scheduler_hints.different_host'),
}
IN_BULK = tuple(
    """
    networks subnets subnetpools address_scopes address_groups ports security_groups security_group_rules
    default_security_group_rules routers floatingips rbac_policies trunks
    """.split()
)
RAW = (  # forms and assertions, which only an identity provider or a consumer can make
    'identity POST /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth',
    'identity POST /v3/auth/OS-FEDERATION/websso/{protocol_id}',
    'identity POST /v3/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso',
    'identity POST /v3/OS-OAUTH2/token',
    'identity PUT /v3/OS-OAUTH2/token',
    'identity PATCH /v3/OS-OAUTH2/token',
)


# By endpoint; beside it, by field, where one needs another body than the rest.
BODIES: dict[str, Body] = {
    **steered.BODIES,
    **images.BODIES,
    **stored.BODIES,
    **holdings.BODIES,
    'placement PUT /resource_providers/{uuid}/traits': lambda t: {'traits': [], 'resource_provider_generation': 0},
    'identity POST /v3/auth/tokens': bodies.auth,
    'identity POST /v3/domains': lambda t: {'domain': {'name': 'x'}},
    'identity POST /v3/projects': lambda t: {'project': {'name': 'x', 'domain_id': t['domain']}},
    'identity PATCH /v3/projects/{project_id}': lambda t: {'project': {}},
    'identity POST /v3/users': lambda t: {'user': {'name': 'x', 'domain_id': t['domain']}},
    'identity PATCH /v3/users/{user_id}': lambda t: {'user': {}},
    'identity POST /v3/users/{user_id}/application_credentials': lambda t: {'application_credential': {'name': 'x'}},
    'identity POST /v3/credentials': lambda t: {
        'credential': {'type': 'x', 'blob': 'x', 'user_id': t['user'], 'project_id': t['project']}
    },
    'identity POST /v3/users/{user_id}/credentials/OS-EC2': lambda t: {'tenant_id': t['project']},
    'identity POST /v3/ec2tokens': bodies.signed('credentials'),
    'identity POST /v3/s3tokens': bodies.signed('credentials'),
    'identity POST /v3/OS-EP-FILTER/endpoint_groups': lambda t: {
        'endpoint_group': {'name': 'x', 'filters': {'interface': 'public'}}
    },
    'identity PATCH /v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}': lambda t: {'endpoint_group': {}},
    'identity POST /v3/registered_limits': lambda t: {
        'registered_limits': [{'service_id': t['service'], 'resource_name': 'x', 'default_limit': 1}]
    },
    'identity PATCH /v3/registered_limits/{registered_limit_id}': lambda t: {'registered_limit': {}},
    'identity POST /v3/limits': lambda t: {
        'limits': [{'service_id': t['service'], 'resource_name': 'free', 'resource_limit': 1, 'domain_id': t['domain']}]
    },
    'identity PUT /v3/OS-FEDERATION/identity_providers/{idp_id}': lambda t: {'identity_provider': {}},
    'identity PUT /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}': lambda t: {
        'protocol': {'mapping_id': t['mapping']}
    },
    'identity PATCH /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}': lambda t: {'protocol': {}},
    'identity POST /v3/OS-TRUST/trusts': bodies.trust,
    'identity PUT /v3/OS-OAUTH1/authorize/{request_token_id}': lambda t: {'roles': [{'id': t['role']}]},
    'identity POST /v3/groups': lambda t: {'group': {'name': 'x', 'domain_id': t['domain']}},
    'identity PATCH /v3/groups/{group_id}': lambda t: {'group': {}},
    'identity POST /v3/roles': lambda t: {'role': {'name': 'x'}},
    'identity PATCH /v3/roles/{role_id}': lambda t: {'role': {}},
    'identity POST /v3/auth/OS-FEDERATION/saml2': bodies.saml,
    'identity POST /v3/auth/OS-FEDERATION/saml2/ecp': bodies.saml,
    'identity POST /v3/regions': lambda t: {'region': {'id': 'x'}},
    'identity PUT /v3/regions/{region_id}': lambda t: {'region': {}},
    'identity PATCH /v3/regions/{region_id}': lambda t: {'region': {}},
    'identity POST /v3/endpoints': lambda t: {
        'endpoint': {'service_id': t['service'], 'interface': 'public', 'url': 'http://x'}
    },
    'identity PATCH /v3/endpoints/{endpoint_id}': lambda t: {'endpoint': {}},
    'compute POST /v2.1/servers': bodies.server,
    'compute POST /v2.1/servers/{id}/action rebuild': lambda t: {'rebuild': {'imageRef': t['image']}},
    'compute POST /v2.1/servers/{id}/action unshelve': lambda t: {'unshelve': {'availability_zone': t['zone']}},
    'compute POST /v2.1/servers/{id}/action evacuate': lambda t: {'evacuate': {}},
    'compute POST /v2.1/servers/{id}/action rescue': lambda t: {'rescue': {}},
    'compute POST /v2.1/servers/{id}/action addSecurityGroup': lambda t: {
        'addSecurityGroup': {'name': t['security_group']}
    },
    'compute POST /v2.1/servers/{id}/action removeSecurityGroup': lambda t: {
        'removeSecurityGroup': {'name': t['security_group']}
    },
    'compute POST /v2.1/servers/{id}/os-volume_attachments': lambda t: {'volumeAttachment': {'volumeId': t['volume']}},
    'compute PUT /v2.1/servers/{id}/os-volume_attachments/{volume_id}': lambda t: {
        'volumeAttachment': {'volumeId': t['server volume'], 'delete_on_termination': True}
    },
    'compute POST /v2.1/flavors/{id}/action addTenantAccess': lambda t: {'addTenantAccess': {'tenant': t['project']}},
    'compute POST /v2.1/flavors/{id}/action removeTenantAccess': lambda t: {
        'removeTenantAccess': {'tenant': t['project']}
    },
    'compute POST /v2.1/os-keypairs': lambda t: {'keypair': {'name': 'x', 'public_key': KEY}},
    'compute POST /v2.1/os-security-group-rules': lambda t: {
        'security_group_rule': {
            'parent_group_id': t['security_group'],
            'ip_protocol': 'tcp',
            'from_port': 9,
            'to_port': 9,
        }
    },
    'compute POST /v2.1/os-server-external-events': lambda t: {
        'events': [{'name': 'network-changed', 'server_uuid': t['server']}]
    },
    'compute POST /v2.1/os-server-groups': lambda t: {'server_group': {'name': 'x', 'policies': ['affinity']}},
    'compute POST /v2.1/servers/{id}/action resize': lambda t: {'resize': {'flavorRef': t['free flavor']}},
    'compute POST /v2.1/servers/{id}/action migrate': lambda t: {'migrate': {}},
    'compute POST /v2.1/servers/{id}/action os-migrateLive': lambda t: {
        'os-migrateLive': {'host': None, 'block_migration': 'auto'}
    },
    'compute POST /v2.1/servers/{id}/os-interface': lambda t: {'interfaceAttachment': {'net_id': t['network']}},
    'compute POST /v2.1/servers/{id}/action addFixedIp': lambda t: {'addFixedIp': {'networkId': t['network']}},
    'compute POST /v2.1/servers/{id}/action removeFixedIp': lambda t: {
        'removeFixedIp': {'address': t['server address']}
    },
    'compute POST /v2.1/servers/{id}/action addFloatingIp': lambda t: {
        'addFloatingIp': {'address': t['floating address']}
    },
    'compute POST /v2.1/servers/{id}/action removeFloatingIp': lambda t: {
        'removeFloatingIp': {'address': t['server floating address']}
    },
    'compute POST /v2.1/os-floating-ips': lambda t: {'pool': t['external network']},
    'compute POST /v2.1/os-volumes': lambda t: {'volume': {'size': 1}},
    'compute POST /v2.1/os-snapshots': lambda t: {'snapshot': {'volume_id': t['volume']}},
    'compute POST /v2.1/os-aggregates/{id}/images': lambda t: {'cache': [{'id': t['image']}]},
    'compute PUT /v2.1/os-hosts/{name}': lambda t: {'status': 'enable'},
    'compute PUT /v2.1/os-services/{id}': lambda t: {'binary': 'nova-compute', 'host': t['host']},
    'compute POST /v2.1/os-aggregates': lambda t: {'aggregate': {'name': 'x'}},
    'compute PUT /v2.1/os-aggregates/{id}': lambda t: {'aggregate': {'name': 'x'}},
    'compute POST /v2.1/os-aggregates/{id}/action add_host': lambda t: {'add_host': {'host': t['host']}},
    'compute POST /v2.1/os-aggregates/{id}/action remove_host': lambda t: {'remove_host': {'host': t['host']}},
    'network POST /v2.0/networks': lambda t: {'network': {}},
    'network POST /v2.0/subnets': bodies.subnet,
    'network POST /v2.0/ports': bodies.port,
    'network PUT /v2.0/ports/{id}': lambda t: {'port': {}},
    'network POST /v2.0/security-groups': lambda t: {'security_group': {'name': 'x'}},
    'network POST /v2.0/security-group-rules': bodies.rule,
    'network POST /v2.0/rbac-policies': bodies.sharing,
    'network POST /v2.0/subnetpools': lambda t: {'subnetpool': {'name': 'x', 'prefixes': ['10.77.0.0/16']}},
    'network PUT /v2.0/subnetpools/{id}': lambda t: {'subnetpool': {}},
    'network PUT /v2.0/subnetpools/{id}/onboard_network_subnets': lambda t: {},
    'network POST /v2.0/address-groups': lambda t: {'address_group': {'name': 'x'}},
    'network POST /v2.0/default-security-group-rules': lambda t: {
        'default_security_group_rule': {'direction': 'ingress', 'protocol': 'tcp'}
    },
    'network POST /v2.0/agents/{id}/l3-routers': lambda t: {'router_id': t['router']},
    'network POST /v2.0/address-scopes': lambda t: {'address_scope': {'ip_version': 4}},
    'network POST /v2.0/routers': lambda t: {'router': {}},
    'network PUT /v2.0/routers/{id}': lambda t: {'router': {}},
    'network POST /v2.0/floatingips': lambda t: {'floatingip': {'floating_network_id': t['external network']}},
    'network PUT /v2.0/floatingips/{id}': lambda t: {'floatingip': {}},
    'network PUT /v2.0/routers/{id}/add_router_interface': lambda t: {},
    'network PUT /v2.0/routers/{id}/remove_router_interface': lambda t: {},
    'network PUT /v2.0/quotas/{project_id}': lambda t: {'quota': {'port': 77}},
    **imported.BODIES,
    'volume POST /v3/volumes': lambda t: {'volume': {'size': 1}},
    'volume POST /v3/volumes/{id}/action os-attach': lambda t: {
        'os-attach': {'instance_uuid': t['server'], 'mountpoint': '/dev/vdz'}
    },
    'volume POST /v3/volumes/{id}/action os-detach': lambda t: {'os-detach': {}},
    'volume POST /v3/attachments': lambda t: {'attachment': {'volume_uuid': t['volume'], 'instance_uuid': t['server']}},
    'volume PUT /v3/attachments/{id}': lambda t: {'attachment': {'connector': {'host': 'x', 'initiator': 'x'}}},
    'volume PUT /v3/os-quota-sets/{project}': lambda t: {'quota_set': {'volumes': 7}},
    'volume PUT /v3/os-quota-class-sets/{name}': lambda t: {'quota_class_set': {'volumes': 7}},
    'volume PUT /v3/os-services/enable': lambda t: {'binary': 'cinder-volume', 'host': t['host']},
    'volume PUT /v3/os-services/disable': lambda t: {'binary': 'cinder-volume', 'host': t['host']},
    'volume PUT /v3/os-services/disable-log-reason': lambda t: {
        'binary': 'cinder-volume',
        'host': t['host'],
        'disabled_reason': 'x',
    },
}
BY_FIELD: dict[str, Body] = {
    **steered.BY_FIELD,
    'auth.identity.application_credential.id': bodies.lent,
    'auth.identity.application_credential.name': bodies.lent_by_name,
    'auth.identity.application_credential.user.id': bodies.lent_by_name,
    'auth.identity.application_credential.user.name': bodies.lent_by_names,
    'auth.identity.application_credential.user.domain.id': bodies.lent_by_names,
    'auth.identity.application_credential.user.domain.name': bodies.lent_by_domain_names,
    'auth.identity.password.user.name': bodies.named,
    'auth.identity.password.user.domain.id': bodies.named,
    'auth.identity.password.user.domain.name': bodies.domain_named,
    'auth.identity.totp.user.id': bodies.totp,
    'auth.identity.totp.user.name': bodies.totp_named,
    'auth.identity.totp.user.domain.id': bodies.totp_named,
    'auth.identity.totp.user.domain.name': bodies.totp_domain,
    'identity POST /v3/auth/tokens auth.identity.token.id': bodies.by_token,
    'auth.scope.OS-TRUST:trust.id': bodies.trusting,
    'auth.scope.domain.id': bodies.managing,
    'auth.scope.domain.name': bodies.managing,
    'auth.scope.project.name': bodies.in_project,
    'auth.scope.project.domain.id': bodies.in_project,
    'auth.scope.project.domain.name': bodies.in_named_project,
    'credential.access': bodies.signed('credential'),
    'ec2Credentials.access': bodies.signed('ec2Credentials'),
    'os-attach.host_name': lambda t: {'os-attach': {'mountpoint': '/dev/vdz'}},
    'user.federated[].idp_id': bodies.federated,
    'user.federated[].protocols[].protocol_id': bodies.federated,
    'trust.roles[].name': lambda t: {'trust': bodies.trust(t)['trust'] | {'roles': []}},
    'roles[].name': lambda t: {'roles': []},
    'subnet.subnetpool_id': lambda t: {
        'subnet': {'network_id': t['free network'], 'ip_version': 4, 'subnetpool_id': t['subnetpool']}
    },
    'limits[].project_id': lambda t: {
        'limits': [{'service_id': t['service'], 'resource_name': 'free', 'resource_limit': 1}]
    },
    'limits[].region_id': lambda t: {
        'limits': [{'service_id': t['service'], 'resource_name': 'r', 'resource_limit': 1, 'project_id': t['project']}]
    },
    'server.networks[].port': bodies.server_on_port,
    'interfaceAttachment.port_id': lambda t: {'interfaceAttachment': {}},
    'server.block_device_mapping[].snapshot_id': bodies.old_disk,
    'server.block_device_mapping[].volume_id': bodies.old_disk,
    'server.block_device_mapping_v2[].uuid': bodies.server_from('volume'),
    'server.block_device_mapping_v2[].volume_type': bodies.blank_disk,
}
KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqHyHyHyHyHyHyHyHyHyHyHyHyHyHyHyHyHyHyHyHyH x'
# What is asked of one thing in a path, where no field of the body names another.
IN_PATHS: dict[str, Body] = {
    **steered.IN_PATHS,
    **images.IN_PATHS,
    **stored.IN_PATHS,
    **holdings.IN_PATHS,
    'identity PATCH /v3/domains/{domain_id}': lambda t: {'domain': {'description': 'x'}},
    'identity PATCH /v3/projects/{project_id}': lambda t: {'project': {'description': 'x'}},
    'identity PATCH /v3/users/{user_id}': lambda t: {'user': {'description': 'x'}},
    'identity PATCH /v3/groups/{group_id}': lambda t: {'group': {'description': 'x'}},
    'identity PATCH /v3/roles/{role_id}': lambda t: {'role': {'description': 'x'}},
    'identity PATCH /v3/credentials/{credential_id}': lambda t: {'credential': {'blob': 'x'}},
    'identity PUT /v3/projects/{project_id}/tags': lambda t: {'tags': ['x']},
    'compute PUT /v2.1/servers/{id}': lambda t: {'server': {'name': 'x'}},
    'compute POST /v2.1/servers/{id}/action reboot': lambda t: {'reboot': {'type': 'SOFT'}},
    'compute POST /v2.1/servers/{id}/action changePassword': lambda t: {'changePassword': {'adminPass': 'x'}},
    'compute POST /v2.1/servers/{id}/action trigger_crash_dump': lambda t: {'trigger_crash_dump': None},
    'compute POST /v2.1/servers/{id}/action injectNetworkInfo': lambda t: {'injectNetworkInfo': None},
    'compute POST /v2.1/servers/{id}/action os-resetState': lambda t: {'os-resetState': {'state': 'error'}},
    'compute POST /v2.1/servers/{id}/action createImage': lambda t: {'createImage': {'name': 'x'}},
    'compute POST /v2.1/servers/{id}/action createBackup': lambda t: {
        'createBackup': {'name': 'x', 'backup_type': 'daily', 'rotation': 1}
    },
    'compute POST /v2.1/servers/{id}/action os-getConsoleOutput': lambda t: {'os-getConsoleOutput': {}},
    'compute POST /v2.1/servers/{id}/action os-getVNCConsole': lambda t: {'os-getVNCConsole': {'type': 'novnc'}},
    'compute POST /v2.1/servers/{id}/action os-getSerialConsole': lambda t: {'os-getSerialConsole': {'type': 'serial'}},
    'compute POST /v2.1/servers/{id}/action os-getSPICEConsole': lambda t: {
        'os-getSPICEConsole': {'type': 'spice-html5'}
    },
    'compute POST /v2.1/servers/{id}/remote-consoles': lambda t: {
        'remote_console': {'protocol': 'vnc', 'type': 'novnc'}
    },
    'compute POST /v2.1/servers/{id}/metadata': lambda t: {'metadata': {'k': 'v'}},
    'compute PUT /v2.1/servers/{id}/metadata': lambda t: {'metadata': {'k': 'v'}},
    'compute PUT /v2.1/servers/{id}/metadata/{key}': lambda t: {'meta': {'k': 'v'}},
    'compute POST /v2.1/images/{id}/metadata': lambda t: {'metadata': {'k': 'v'}},
    'compute PUT /v2.1/images/{id}/metadata': lambda t: {'metadata': {'k': 'v'}},
    'compute PUT /v2.1/images/{id}/metadata/{key}': lambda t: {'meta': {'k': 'v'}},
    'compute PUT /v2.1/servers/{id}/tags': lambda t: {'tags': ['x']},
    'network PUT /v2.0/networks/{id}': lambda t: {'network': {'name': 'x'}},
    'network PUT /v2.0/subnets/{id}': lambda t: {'subnet': {'name': 'x'}},
    'network PUT /v2.0/ports/{id}': lambda t: {'port': {'name': 'x'}},
    'network PUT /v2.0/subnetpools/{id}': lambda t: {'subnetpool': {'name': 'x'}},
    'network PUT /v2.0/subnetpools/{id}/add_prefixes': lambda t: {'prefixes': ['10.88.0.0/16']},
    'network PUT /v2.0/subnetpools/{id}/remove_prefixes': lambda t: {'prefixes': ['10.88.0.0/16']},
    'network PUT /v2.0/subnetpools/{id}/onboard_network_subnets': lambda t: {'network_id': t['network']},
    'network PUT /v2.0/address-groups/{id}': lambda t: {'address_group': {'name': 'x'}},
    'network PUT /v2.0/address-groups/{id}/add_addresses': lambda t: {'addresses': ['10.5.0.0/16']},
    'network PUT /v2.0/address-groups/{id}/remove_addresses': lambda t: {'addresses': ['10.0.0.0/8']},
    'network PUT /v2.0/address-scopes/{id}': lambda t: {'address_scope': {'name': 'x'}},
    'network PUT /v2.0/rbac-policies/{id}': lambda t: {'rbac_policy': {'target_tenant': 'd' * 32}},
    'network PUT /v2.0/routers/{id}': lambda t: {'router': {'name': 'x'}},
    'network PUT /v2.0/routers/{id}/add_router_interface': lambda t: {'subnet_id': t['free subnet']},
    'network PUT /v2.0/routers/{id}/add_extraroutes': lambda t: {'router': {'routes': []}},
    'network PUT /v2.0/routers/{id}/remove_extraroutes': lambda t: {'router': {'routes': []}},
    'network PUT /v2.0/floatingips/{id}': lambda t: {'floatingip': {'description': 'x'}},
    'network PUT /v2.0/routers/{id}/remove_router_interface': lambda t: {'subnet_id': t['interface subnet']},
    'network PUT /v2.0/security-groups/{id}': lambda t: {'security_group': {'name': 'x'}},
    'network PUT /v2.0/agents/{id}': lambda t: {'agent': {'description': 'x'}},
    'network PUT /v2.0/{kind}/{id}/tags': lambda t: {'tags': ['x']},
    'network POST /v2.0/{kind}/{id}/tags': lambda t: {'tags': ['x']},
}
WORDS = {'kind': 'networks', 'rule_type': 'dscp_marking', 'key': 'k', 'tag': '1', 'before': '2026-01-01 00:00:00'}
# Where a route is asked at another thing than the first of its kind: by name in the path; `=` is told as it is.
PLACES = {
    **steered.PLACES,
    **stored.PLACES,
    'identity PUT /v3/OS-FEDERATION/identity_providers/{idp_id}': {'idp_id': '=fresh'},
    'identity PUT /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}': {'protocol_id': '=fresh'},
    'identity PATCH /v3/regions/{region_id}': {'region_id': 'second region'},
    'identity PUT /v3/regions/{region_id}': {'region_id': '=RegionThree'},
    **{
        f'compute {method} /v2.1/servers/{{id}}/os-volume_attachments/{{volume_id}}': {'volume_id': 'server volume'}
        for method in ('GET', 'PUT', 'DELETE')
    },
    **{
        f'compute {method} /v2.1/servers/{{id}}/os-interface/{{port_id}}': {'port_id': 'server port'}
        for method in ('GET', 'DELETE')
    },
    'compute GET /v2.1/servers/{id}/ips/{network}': {'network': 'network_name'},
    'compute PUT /v2.1/os-services/{id}': {'id': '=enable'},
    'compute POST /v2.1/os-aggregates/{id}/action add_host': {'id': 'free aggregate'},
    'compute POST /v2.1/flavors/{id}/action addTenantAccess': {'id': 'free flavor'},
    'network PUT /v2.0/routers/{id}/remove_router_interface': {'id': 'wired router'},
    'network POST /v2.0/agents/{id}/l3-routers': {'id': 'l3 agent'},
    'network POST /v2.0/agents/{id}/dhcp-networks': {'id': 'dhcp agent'},
    'network DELETE /v2.0/agents/{id}/dhcp-networks/{network_id}': {'id': 'dhcp agent'},
    'network DELETE /v2.0/agents/{id}/l3-routers/{router_id}': {'id': 'l3 agent'},
    'compute GET /v2.1/servers/{id}/migrations': {'id': 'moving server'},
    **{
        f'compute {method} /v2.1/servers/{{id}}/migrations/{{migration_id}}{action}': {'id': 'moving server'}
        for method, action in (('GET', ''), ('DELETE', ''), ('POST', '/action force_complete'))
    },
    'volume POST /v3/volumes/{id}/action os-detach': {'id': 'server volume'},
    'compute PUT /v2.1/os-quota-class-sets/{name}': {'name': '=default'},
    'volume PUT /v3/os-quota-class-sets/{name}': {'name': '=default'},
}


def body(key: str, field: str, kind: str, things: Things) -> dict[str, Any] | None:
    """What the endpoint is asked with, before the field is put in; None where no case is told."""
    if field == 'server.block_device_mapping_v2[].uuid':
        return bodies.server_from(kind)(things)
    made = BY_FIELD.get(f'{key} {field}') or BY_FIELD.get(field) or BODIES.get(key)
    return copy.deepcopy(made(things)) if made else None


def put(told: Any, field: str, value: Any) -> Any:
    """The body with the value at the dotted name."""
    head, _, rest = field.partition('.')
    name = head.rstrip('[]')
    if head.endswith('[]'):
        items = told.setdefault(name, [])
        items = told[name] = items if isinstance(items, list) and items else [{}]
        if rest:
            put(items[0], rest, value)
        else:
            items[0] = value
    elif rest:
        told[name] = told[name] if isinstance(told.get(name), dict) else {}
        put(told[name], rest, value)
    else:
        told[name] = value
    return told


def behind(first: Any, second: Any, field: str) -> Any:
    """The first body with what the second has in the list that the dotted name goes through put behind its own."""
    lists = [first, second]
    for name in field.partition('[]')[0].split('.'):
        lists = [told[name] for told in lists]
    lists[0] += lists[1]
    return first
