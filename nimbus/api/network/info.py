"""What the API tells of itself: versions, its resources, and the extensions that are real here."""

from typing import Any

from nimbus.api.kit.routes import Call, Route
from nimbus.common import errors

# alias: (name, what it adds, since when Neutron has it)
EXTENSIONS = {
    'agent': ('agent', 'The agent management extension.', '2013-02-03T10:00:00-00:00'),
    'allowed-address-pairs': ('Allowed Address Pairs', 'Provides allowed address pairs', '2013-07-23T10:00:00-00:00'),
    'availability_zone': ('Availability Zone', 'The availability zone extension.', '2015-01-01T10:00:00-00:00'),
    'binding': (
        'Port Binding',
        'Expose port bindings of a virtual port to external application',
        '2014-02-03T10:00:00-00:00',
    ),
    'dhcp_agent_scheduler': (
        'DHCP Agent Scheduler',
        'Schedule networks among dhcp agents',
        '2013-02-07T10:00:00-00:00',
    ),
    'external-net': (
        'Neutron external network',
        'Adds external network attribute to network resource.',
        '2013-01-14T10:00:00-00:00',
    ),
    'extra_dhcp_opt': (
        'Neutron Extra DHCP options',
        'Extra options configuration for DHCP. For example PXE boot options to DHCP clients can be specified (e.g. '
        'tftp-server, server-ip-address, bootfile-name)',
        '2013-03-17T12:00:00-00:00',
    ),
    'extraroute': ('Neutron Extra Route', 'Extra routes configuration for L3 router', '2013-02-01T10:00:00-00:00'),
    'ip-substring-filtering': (
        'IP address substring filtering',
        'Provides IP address substring filtering when listing ports',
        '2017-11-28T09:00:00-00:00',
    ),
    'l3_agent_scheduler': ('L3 Agent Scheduler', 'Schedule routers among l3 agents', '2013-02-07T10:00:00-00:00'),
    'net-mtu': ('Network MTU', 'Provides MTU attribute for a network resource.', '2015-03-25T10:00:00-00:00'),
    'net-mtu-writable': (
        'Network MTU (writable)',
        'Provides a writable MTU attribute for a network resource.',
        '2017-07-12T00:00:00-00:00',
    ),
    'network-ip-availability': (
        'Network IP Availability',
        'Provides IP availability data for each network and subnet.',
        '2015-09-24T00:00:00-00:00',
    ),
    'pagination': (
        'Pagination support',
        'Extension that indicates that pagination is enabled.',
        '2016-06-12T00:00:00-00:00',
    ),
    'port-security': ('Port Security', 'Provides port security', '2012-07-23T10:00:00-00:00'),
    'project-id': (
        'project_id field enabled',
        'Extension that indicates that project_id field is enabled.',
        '2016-09-09T09:09:09-09:09',
    ),
    'provider': (
        'Provider Network',
        'Expose mapping of virtual networks to physical networks',
        '2012-09-07T10:00:00-00:00',
    ),
    'quota-check-limit': (
        'Quota engine limit check',
        'A new limit can be compared with what is used before it is set.',
        '2021-09-08T16:00:00-00:00',
    ),
    'quota-check-limit-default': (
        'Quota engine limit check by default',
        'A new limit is compared with what is used before it is set, unless the request forces it.',
        '2024-08-21T16:00:00-00:00',
    ),
    'quota_details': (
        'Quota details management support',
        'Expose functions for quotas usage statistics per project',
        '2017-02-10T10:00:00-00:00',
    ),
    'quotas': (
        'Quota management support',
        'Expose functions for quotas management per project',
        '2012-07-29T10:00:00-00:00',
    ),
    'revision-if-match': (
        'If-Match constraints based on revision_number',
        'Extension indicating that If-Match based on revision_number is supported.',
        '2016-12-11T00:00:00-00:00',
    ),
    'router': (
        'Neutron L3 Router',
        'Router abstraction for basic L3 forwarding between L2 Neutron networks and access to external networks via '
        'a NAT gateway.',
        '2012-07-20T10:00:00-00:00',
    ),
    'security-group': ('security-group', 'The security groups extension.', '2012-10-05T10:00:00-00:00'),
    'security-groups-normalized-cidr': (
        'Normalized CIDR field for security group rules',
        'Add new field with normalized remote_ip_prefix cidr in SG rule',
        '2020-07-28T10:00:00-00:00',
    ),
    'service-type': (
        'Neutron Service Type Management',
        'API for retrieving service providers for Neutron advanced services',
        '2013-01-20T00:00:00-00:00',
    ),
    'sorting': ('Sorting support', 'Extension that indicates that sorting is enabled.', '2016-06-12T00:00:00-00:00'),
    'standard-attr-description': (
        'standard-attr-description',
        'Extension to add descriptions to standard attributes',
        '2016-02-10T10:00:00-00:00',
    ),
    'standard-attr-revisions': (
        'Resource revision numbers',
        'This extension will display the revision number of neutron resources.',
        '2016-04-11T10:00:00-00:00',
    ),
    'standard-attr-tag': (
        'Tag support for resources with standard attribute: network, port, router, security_group, subnet',
        'Enables to set tag on resources with standard attribute.',
        '2017-01-01T00:00:00-00:00',
    ),
    'standard-attr-timestamp': (
        'Resource timestamps',
        'Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes.',
        '2016-09-12T10:00:00-00:00',
    ),
}
COLLECTIONS = ('networks', 'subnets', 'ports', 'routers', 'security-groups', 'security-group-rules', 'agents', 'quotas',
               'extensions', 'availability_zones', 'network-ip-availabilities', 'service-providers')  # fmt: skip


def _extension(alias: str) -> dict[str, Any]:
    name, description, updated = EXTENSIONS[alias]
    return {'alias': alias, 'name': name, 'description': description, 'updated': updated, 'links': []}


def extensions(call: Call) -> Any:
    """GET of all extensions."""
    return {'extensions': [_extension(alias) for alias in EXTENSIONS]}


def extension(call: Call, alias: str) -> Any:
    """GET of one extension."""
    if alias not in EXTENSIONS:
        raise errors.NotFound(f'Extension with alias {alias} does not exist', type='ExtensionNotFound')
    return {'extension': _extension(alias)}


def providers(call: Call) -> Any:
    """GET of service providers: there are none to choose from."""
    return {'service_providers': []}


def versions(call: Call) -> Any:
    """GET /: the one version."""
    link = {'rel': 'self', 'href': f'{call.host_url}/v2.0/'}
    return {'versions': [{'id': 'v2.0', 'status': 'CURRENT', 'links': [link]}]}


def root(call: Call) -> Any:
    """GET /v2.0/: the collections."""
    shapes = [
        {
            'name': name[:-1],
            'collection': name,
            'links': [{'rel': 'self', 'href': f'{call.host_url}/v2.0/{name}'}],
        }
        for name in COLLECTIONS
    ]
    return {'resources': shapes}


ROUTES = (
    Route('GET', '/extensions', extensions, None, open=True),
    Route('GET', '/extensions/{alias}', extension, None, open=True),
    Route('GET', '/service-providers', providers, 'get_service_provider'),
    Route('GET', '/', root, None, open=True),
)
VERSIONS = (Route('GET', '/', versions, None, open=True),)
