"""Every endpoint of the Networking API."""

from nimbus.api.network import agents, info, networks, ports, quotas, tags
from nimbus.api.network.addressing import ip_availability, subnets
from nimbus.api.network.qos import policies as qos
from nimbus.api.network.routing import conntrack_helpers, floatingips, routers
from nimbus.api.network.security import security_groups

ROUTES = (
    *networks.NETWORKS.routes('/networks'),
    *subnets.SUBNETS.routes('/subnets'),
    *ports.PORTS.routes('/ports'),
    *security_groups.GROUPS.routes('/security-groups'),
    *security_groups.RULES.routes('/security-group-rules'),
    *routers.ROUTERS.routes('/routers'),
    *routers.INTERFACES,
    *conntrack_helpers.ROUTES,
    *floatingips.ROUTES,
    *qos.ROUTES,
    *agents.ROUTES,
    *quotas.ROUTES,
    *ip_availability.ROUTES,
    *info.ROUTES,
    *tags.ROUTES,
)
