"""Every endpoint of the Networking API."""

from nimbus.api.network import (
    agents,
    floatingips,
    info,
    ip_availability,
    networks,
    ports,
    quotas,
    routers,
    security_groups,
    subnets,
    tags,
)

ROUTES = (
    *networks.NETWORKS.routes('/networks'),
    *subnets.SUBNETS.routes('/subnets'),
    *ports.PORTS.routes('/ports'),
    *security_groups.GROUPS.routes('/security-groups'),
    *security_groups.RULES.routes('/security-group-rules'),
    *routers.ROUTERS.routes('/routers'),
    *routers.INTERFACES,
    *floatingips.ROUTES,
    *agents.ROUTES,
    *quotas.ROUTES,
    *ip_availability.ROUTES,
    *info.ROUTES,
    *tags.ROUTES,
)
