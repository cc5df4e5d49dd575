"""The cases of what steers traffic: port forwarding, conntrack helpers and quality of service."""

from tests.wire.foreign import bodies
from tests.wire.foreign.bodies import Body

_STATEFUL = 'security_groups_default_statefulness'
_POLICIES = '/v2.0/qos/policies/{id}'
_FORWARDINGS = '/v2.0/floatingips/{id}/port_forwardings'
BODIES: dict[str, Body] = {
    'network PUT /v2.0/networks/{id}': lambda t: {'network': {}},
    'network POST /v2.0/floatingips/{id}/port_forwardings': bodies.forwarding,
    'network PUT /v2.0/floatingips/{id}/port_forwardings/{port_forwarding_id}': lambda t: {'port_forwarding': {}},
    'network POST /v2.0/routers/{id}/conntrack_helpers': bodies.helper,
    'network POST /v2.0/ports/{id}/bindings': lambda t: {'binding': {'host': t['host']}},
    'network PUT /v2.0/ports/{id}/bindings/{host}': lambda t: {'binding': {'profile': {}}},
    'network POST /v2.0/agents/{id}/dhcp-networks': lambda t: {'network_id': t['network']},
    'network POST /v2.0/trunks': bodies.trunk,
    'network POST /v2.0/security-groups-default-statefulness': lambda t: {_STATEFUL: {'stateful': False}},
    'network PUT /v2.0/security-groups-default-statefulness/{id}': lambda t: {_STATEFUL: {'stateful': False}},
    'network PUT /v2.0/trunks/{id}': lambda t: {'trunk': {'name': 'x'}},
    'network PUT /v2.0/trunks/{id}/add_subports': lambda t: {'sub_ports': bodies.trunk(t)['trunk']['sub_ports']},
    'network PUT /v2.0/trunks/{id}/remove_subports': lambda t: {'sub_ports': [{'port_id': t['subport']}]},
    'network POST /v2.0/qos/policies': lambda t: {'policy': {'name': 'x'}},
    **{f'network POST {_POLICIES}/{kind}_rules': bodies.quality(f'{kind}_rule', kind) for kind in bodies.QOS},
}
IN_PATHS: dict[str, Body] = {
    'network PUT /v2.0/floatingips/{id}/port_forwardings/{port_forwarding_id}': lambda t: {
        'port_forwarding': {'description': 'x'}
    },
    'network PUT /v2.0/routers/{id}/conntrack_helpers/{conntrack_helper_id}': lambda t: {
        'conntrack_helper': {'port': 99}
    },
    'network PUT /v2.0/qos/policies/{id}': lambda t: {'policy': {'name': 'x'}},
    **{
        f'network PUT {_POLICIES}/{kind}_rules/{{rule_id}}': bodies.quality(f'{kind}_rule', kind) for kind in bodies.QOS
    },
    **{
        f'network PUT /v2.0/qos/alias_{kind}_rules/{{rule_id}}': bodies.quality(f'alias_{kind}_rule', kind)
        for kind in bodies.QOS
    },
}
PLACES: dict[str, dict[str, str]] = {
    **{
        f'network {method} {_POLICIES}/{kind}_rules/{{rule_id}}': {'id': 'ruled qos_policy'}
        for kind in bodies.QOS
        for method in ('GET', 'PUT', 'DELETE')
    },
    **dict.fromkeys(
        (
            *(f'network {method} {_FORWARDINGS}' for method in ('GET', 'POST')),
            *(f'network {method} {_FORWARDINGS}/{{port_forwarding_id}}' for method in ('GET', 'PUT', 'DELETE')),
        ),
        {'id': 'forwarding floatingip'},
    ),
}
BY_FIELD: dict[str, Body] = {
    'router.external_gateway_info.qos_policy_id': lambda t: {
        'router': {'external_gateway_info': {'network_id': t['external network']}}
    },
}
