"""Every endpoint of the Networking API."""

from nimbus.api.network import (
    agents,
    availabilities,
    floatingips,
    groups,
    info,
    networks,
    ports,
    quotas,
    routers,
    subnets,
    tags,
)

ROUTES = (
    *networks.NETWORKS.routes('/networks'),
    *subnets.SUBNETS.routes('/subnets'),
    *ports.PORTS.routes('/ports'),
    *groups.GROUPS.routes('/security-groups'),
    *groups.RULES.routes('/security-group-rules'),
    *routers.ROUTERS.routes('/routers'),
    *routers.INTERFACES,
    *floatingips.ROUTES,
    *agents.ROUTES,
    *quotas.ROUTES,
    *availabilities.ROUTES,
    *info.ROUTES,
    *tags.ROUTES,
)
