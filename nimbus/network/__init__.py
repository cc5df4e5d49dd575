"""Networks, subnets, ports, security groups, routers and floating IPs, and the agent that builds them on hosts.

Served by nimbus-api (REST) and nimbus-conductor (the agents' desk); built by nimbus-network, which has no
database.  Nouns are rows; a change that a host must see raises that host's generation in the same transaction,
and the host's agent reconciles to it.  Tables: networks, subnets, ports, port_addresses, security_groups,
security_group_rules, security_group_ports, default_security_groups, routers, floating_ips, network_tags,
network_hosts, network_changes and network_services.
"""
