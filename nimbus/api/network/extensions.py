"""The extensions of the Networking API: one is listed only where the routes serve all that it needs."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from nimbus.api.kit.routes import Route
from nimbus.api.network.qos import extensions as qos


@dataclasses.dataclass(frozen=True)
class Extension:
    """One extension, with Neutron's alias, name and description."""

    alias: str
    name: str
    description: str
    updated: str  # since when Neutron has it
    needs: tuple[str, ...]  # routes, as 'GET /agents', and attributes, as 'UPDATE network.mtu'

    def shown(self) -> dict[str, Any]:
        """The extension on the wire."""
        return {
            'alias': self.alias,
            'name': self.name,
            'description': self.description,
            'updated': self.updated,
            'links': [],
        }


def served(routes: Iterable[Route]) -> dict[str, Extension]:
    """The extensions of which the routes serve all, by alias."""
    there = set()
    for route in routes:
        there.add(f'{route.method} {route.path}')
        for name, field in route.noun.fields if route.noun else ():
            there.update(f'{verb.upper()} {route.noun.one}.{name}' for verb in field.on)  # type: ignore[union-attr]
    return {extension.alias: extension for extension in EXTENSIONS if there.issuperset(extension.needs)}


EXTENSIONS = (
    Extension(
        'agent',
        'agent',
        'The agent management extension.',
        '2013-02-03T10:00:00-00:00',
        ('GET /agents', 'GET /agents/{id}', 'PUT /agents/{id}', 'DELETE /agents/{id}'),
    ),
    Extension(
        'allowed-address-pairs',
        'Allowed Address Pairs',
        'Provides allowed address pairs',
        '2013-07-23T10:00:00-00:00',
        ('CREATE port.allowed_address_pairs', 'UPDATE port.allowed_address_pairs'),
    ),
    Extension(
        'availability_zone',
        'Availability Zone',
        'The availability zone extension.',
        '2015-01-01T10:00:00-00:00',
        ('GET /availability_zones',),
    ),
    Extension(
        'binding',
        'Port Binding',
        'Expose port bindings of a virtual port to external application',
        '2014-02-03T10:00:00-00:00',
        ('UPDATE port.binding:host_id', 'READ port.binding:vif_type', 'UPDATE port.binding:profile'),
    ),
    Extension(
        'dhcp_agent_scheduler',
        'DHCP Agent Scheduler',
        'Schedule networks among dhcp agents',
        '2013-02-07T10:00:00-00:00',
        (
            'GET /agents/{id}/dhcp-networks',
            'POST /agents/{id}/dhcp-networks',
            'DELETE /agents/{id}/dhcp-networks/{network_id}',
            'GET /networks/{id}/dhcp-agents',
        ),
    ),
    Extension(
        'expose-l3-conntrack-helper',
        'Expose CT target rules for conntrack helper',
        'Routers show the conntrack helpers that they have.',
        '2019-04-04T10:00:00-00:00',
        ('READ router.conntrack_helpers',),
    ),
    Extension(
        'expose-port-forwarding-in-fip',
        'Expose Floating IP port forwardings',
        'Floating IPs show what they forward.',
        '2018-06-28T16:00:00-00:00',
        ('READ floatingip.port_forwardings',),
    ),
    Extension(
        'ext-gw-mode',
        'Neutron L3 Configurable external gateway mode',
        'Extension of the router abstraction for specifying whether SNAT should occur on the external gateway',
        '2013-03-28T10:00:00-00:00',
        ('UPDATE router.external_gateway_info',),
    ),
    Extension(
        'external-net',
        'Neutron external network',
        'Adds external network attribute to network resource.',
        '2013-01-14T10:00:00-00:00',
        ('UPDATE network.router:external',),
    ),
    Extension(
        'extra_dhcp_opt',
        'Neutron Extra DHCP options',
        'Extra options of DHCP for a port, as what to boot and where from',
        '2013-03-17T12:00:00-00:00',
        ('UPDATE port.extra_dhcp_opts',),
    ),
    Extension(
        'extraroute',
        'Neutron Extra Route',
        'Extra routes configuration for L3 router',
        '2013-02-01T10:00:00-00:00',
        ('UPDATE router.routes',),
    ),
    Extension(
        'extraroute-atomic',
        'Atomically add/remove extra routes',
        'Edit extra routes of a router on server side by atomically adding/removing extra routes',
        '2019-07-10T00:00:00+00:00',
        ('PUT /routers/{id}/add_extraroutes', 'PUT /routers/{id}/remove_extraroutes'),
    ),
    Extension(
        'fip-port-details',
        'Floating IP Port Details Extension',
        'Add port_details attribute to Floating IP resource',
        '2018-04-09T10:00:00-00:00',
        ('READ floatingip.port_details',),
    ),
    Extension(
        'floating-ip-port-forwarding',
        'Floating IP Port Forwarding',
        'Forward single ports of a floating IP to ports of fixed addresses',
        '2018-01-19T10:00:00-00:00',
        ('POST /floatingips/{id}/port_forwardings', 'PUT /floatingips/{id}/port_forwardings/{port_forwarding_id}'),
    ),
    Extension(
        'floating-ip-port-forwarding-description',
        'Floating IP Port Forwarding new attribute description',
        'Port forwardings have descriptions.',
        '2019-11-01T10:00:00-00:00',
        ('UPDATE port_forwarding.description',),
    ),
    Extension(
        'floating-ip-port-forwarding-detail',
        'Floating IP port forwarding detail',
        'What floating IPs show of their forwardings has ids and the ports inside.',
        '2022-05-06T10:00:00-00:00',
        ('READ floatingip.port_forwardings',),
    ),
    Extension(
        'floating-ip-port-forwarding-port-ranges',
        'Floating IP Port Forwarding support port ranges',
        'Ranges of ports are forwarded as one.',
        '2020-07-01T10:00:00-00:00',
        ('UPDATE port_forwarding.external_port_range', 'UPDATE port_forwarding.internal_port_range'),
    ),
    Extension(
        'floatingip-pools',
        'Floating IP Pools Extension',
        'Provides a floating IP pools API.',
        '2018-03-21T10:00:00-00:00',
        ('GET /floatingip_pools', 'POST /floatingips'),
    ),
    Extension(
        'ip-substring-filtering',
        'IP address substring filtering',
        'Provides IP address substring filtering when listing ports',
        '2017-11-28T09:00:00-00:00',
        ('GET /ports',),
    ),
    Extension(
        'l3-conntrack-helper',
        'L3 Conntrack helper',
        'Routers follow protocols that open further connections.',
        '2019-04-04T10:00:00-00:00',
        ('POST /routers/{id}/conntrack_helpers', 'PUT /routers/{id}/conntrack_helpers/{conntrack_helper_id}'),
    ),
    Extension(
        'l3_agent_scheduler',
        'L3 Agent Scheduler',
        'Schedule routers among l3 agents',
        '2013-02-07T10:00:00-00:00',
        (
            'GET /agents/{id}/l3-routers',
            'POST /agents/{id}/l3-routers',
            'DELETE /agents/{id}/l3-routers/{router_id}',
            'GET /routers/{id}/l3-agents',
        ),
    ),
    Extension(
        'net-mtu',
        'Network MTU',
        'Provides MTU attribute for a network resource.',
        '2015-03-25T10:00:00-00:00',
        ('READ network.mtu',),
    ),
    Extension(
        'net-mtu-writable',
        'Network MTU (writable)',
        'Provides a writable MTU attribute for a network resource.',
        '2017-07-12T00:00:00-00:00',
        ('UPDATE network.mtu',),
    ),
    Extension(
        'network-ip-availability',
        'Network IP Availability',
        'Provides IP availability data for each network and subnet.',
        '2015-09-24T00:00:00-00:00',
        ('GET /network-ip-availabilities', 'GET /network-ip-availabilities/{network_id}'),
    ),
    Extension(
        'pagination',
        'Pagination support',
        'Extension that indicates that pagination is enabled.',
        '2016-06-12T00:00:00-00:00',
        ('GET /networks',),
    ),
    Extension(
        'port-security',
        'Port Security',
        'Provides port security',
        '2012-07-23T10:00:00-00:00',
        ('UPDATE network.port_security_enabled', 'UPDATE port.port_security_enabled'),
    ),
    Extension(
        'project-id',
        'project_id field enabled',
        'Extension that indicates that project_id field is enabled.',
        '2016-09-09T09:09:09-09:09',
        ('READ network.project_id',),
    ),
    Extension(
        'provider',
        'Provider Network',
        'Expose mapping of virtual networks to physical networks',
        '2012-09-07T10:00:00-00:00',
        ('CREATE network.provider:network_type', 'READ network.provider:segmentation_id'),
    ),
    *(Extension(*row) for row in qos.ROWS),
    Extension(
        'quota-check-limit',
        'Quota engine limit check',
        'A new limit can be compared with what is used before it is set.',
        '2021-09-08T16:00:00-00:00',
        ('PUT /quotas/{project_id}',),
    ),
    Extension(
        'quota-check-limit-default',
        'Quota engine limit check by default',
        'A new limit is compared with what is used before it is set, unless the request forces it.',
        '2024-08-21T16:00:00-00:00',
        ('PUT /quotas/{project_id}',),
    ),
    Extension(
        'quota_details',
        'Quota details management support',
        'Expose functions for quotas usage statistics per project',
        '2017-02-10T10:00:00-00:00',
        ('GET /quotas/{project_id}/details',),
    ),
    Extension(
        'quotas',
        'Quota management support',
        'Expose functions for quotas management per project',
        '2012-07-29T10:00:00-00:00',
        ('GET /quotas', 'GET /quotas/{project_id}', 'PUT /quotas/{project_id}', 'DELETE /quotas/{project_id}'),
    ),
    Extension(
        'revision-if-match',
        'If-Match constraints based on revision_number',
        'Extension indicating that If-Match based on revision_number is supported.',
        '2016-12-11T00:00:00-00:00',
        ('READ network.revision_number',),
    ),
    Extension(
        'router',
        'Neutron L3 Router',
        'Routers between subnets, their gateways to external networks, and floating IPs.',
        '2012-07-20T10:00:00-00:00',
        (
            'POST /routers',
            'PUT /routers/{id}/add_router_interface',
            'PUT /routers/{id}/remove_router_interface',
            'UPDATE router.external_gateway_info',
            'POST /floatingips',
        ),
    ),
    Extension(
        'security-group',
        'security-group',
        'The security groups extension.',
        '2012-10-05T10:00:00-00:00',
        ('POST /security-groups', 'POST /security-group-rules', 'UPDATE port.security_groups'),
    ),
    Extension(
        'security-groups-normalized-cidr',
        'Normalized CIDR field for security group rules',
        'Add new field with normalized remote_ip_prefix cidr in SG rule',
        '2020-07-28T10:00:00-00:00',
        ('READ security_group_rule.normalized_cidr',),
    ),
    Extension(
        'service-type',
        'Neutron Service Type Management',
        'API for retrieving service providers for Neutron advanced services',
        '2013-01-20T00:00:00-00:00',
        ('GET /service-providers',),
    ),
    Extension(
        'sorting',
        'Sorting support',
        'Extension that indicates that sorting is enabled.',
        '2016-06-12T00:00:00-00:00',
        ('GET /networks',),
    ),
    Extension(
        'standard-attr-description',
        'standard-attr-description',
        'Extension to add descriptions to standard attributes',
        '2016-02-10T10:00:00-00:00',
        ('UPDATE network.description',),
    ),
    Extension(
        'standard-attr-revisions',
        'Resource revision numbers',
        'This extension will display the revision number of neutron resources.',
        '2016-04-11T10:00:00-00:00',
        ('READ network.revision_number',),
    ),
    Extension(
        'standard-attr-tag',
        'Tag support for resources with standard attribute: '
        'floatingip, network, policy, port, router, security_group, subnet',
        'Enables to set tag on resources with standard attribute.',
        '2017-01-01T00:00:00-00:00',
        ('PUT /{kind}/{id}/tags', 'PUT /{kind}/{id}/tags/{tag}'),
    ),
    Extension(
        'standard-attr-timestamp',
        'Resource timestamps',
        'Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes.',
        '2016-09-12T10:00:00-00:00',
        ('READ network.created_at', 'READ network.updated_at'),
    ),
    Extension(
        'tag-creation',
        'Tag creation extension',
        'Allow to create multiple tags for a resource',
        '2024-07-23T10:00:00-00:00',
        ('POST /{kind}/{id}/tags',),
    ),
)
