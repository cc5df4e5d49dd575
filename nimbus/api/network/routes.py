"""Every endpoint of the Networking API."""

from nimbus.api.network import agents, info, networks, ports, quotas, tags
from nimbus.api.network.addressing import address_scopes, ip_availability, subnet_pools, subnets
from nimbus.api.network.qos import policies as qos
from nimbus.api.network.routing import auto_allocation, conntrack_helpers, floatingips, routers
from nimbus.api.network.security import address_groups, default_rules, security_groups, statefulness
from nimbus.api.network.sharing import rbac_policies
from nimbus.api.network.wiring import port_bindings, trunks

ROUTES = (
    *networks.NETWORKS.routes('/networks'),
    *subnets.SUBNETS.routes('/subnets'),
    *subnet_pools.ROUTES,
    *address_scopes.ADDRESS_SCOPES.routes('/address-scopes'),
    *ports.PORTS.routes('/ports'),
    *port_bindings.ROUTES,
    *trunks.ROUTES,
    *security_groups.GROUPS.routes('/security-groups'),
    *security_groups.RULES.routes('/security-group-rules'),
    *address_groups.ROUTES,
    *statefulness.STATEFULNESS.routes('/security-groups-default-statefulness'),
    *default_rules.DEFAULT_RULES.routes('/default-security-group-rules'),
    *routers.ROUTERS.routes('/routers'),
    *routers.INTERFACES,
    *conntrack_helpers.ROUTES,
    *auto_allocation.ROUTES,
    *floatingips.ROUTES,
    *qos.ROUTES,
    *rbac_policies.RBAC_POLICIES.routes('/rbac-policies'),
    *agents.ROUTES,
    *quotas.ROUTES,
    *ip_availability.ROUTES,
    *info.ROUTES,
    *tags.ROUTES,
)
