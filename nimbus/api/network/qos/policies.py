"""QoS policies and the types that their rules may have, over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import READ
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, Tagged, attribute
from nimbus.api.network.qos import rules as wire
from nimbus.api.network.resources import Resource, page
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import access, standard_attributes
from nimbus.network.qos import bindings, policies


class Policy(Tagged):
    """A QoS policy, with its rules."""

    one, many = 'policy', 'policies'

    name = attribute(*BOTH, take=values.text(), required=True)
    shared = attribute(
        *BOTH, take=values.flag, source=lambda row, call: row.id in call.children['shared'], default=False, sort=False
    )
    is_default = attribute(
        *BOTH, take=values.flag, source=lambda row, call: row.default_of is not None, default=False, sort=False
    )
    rules = attribute(
        READ,
        source=lambda row, call: [wire.shown_in_policy(rule) for rule in call.children['rules'].get(row.id, ())],
        filter=False,
    )


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of policies need beside their rows."""
    found = [row.id for row in rows]
    return {
        'tags': standard_attributes.tags_of(tx, found),
        'rules': policies.rules_of(tx, found),
        'shared': access.shared(tx, call.context, found),
    }


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A policy exists as requested."""
    return policies.create(tx, call.context, **given)


POLICIES = Resource(
    noun=Policy,
    find=policies.find,
    show_row=policies.show,
    children=children,
    add=add,
    change=lambda call, tx, row, given: policies.update(tx, row, **given),
    remove=lambda call, tx, row: policies.delete(tx, row),
    target=lambda tx, row: {},
)


class RuleType(NeutronNoun):
    """A type of rules that hosts hold."""

    one, many, tagged = 'rule_type', 'rule_types', False

    type = attribute(source='type')


_WAYS = {'parameter_type': 'choices', 'parameter_values': list(wire.WAYS)}
_NUMBER = {'parameter_type': 'range', 'parameter_values': {'start': 0, 'end': 2**31 - 1}}
_PARAMETERS = {
    'bandwidth_limit': {'max_kbps': _NUMBER, 'max_burst_kbps': _NUMBER, 'direction': _WAYS},
    'packet_rate_limit': {'max_kpps': _NUMBER, 'max_burst_kpps': _NUMBER, 'direction': _WAYS},
    'dscp_marking': {'dscp_mark': {'parameter_type': 'choices', 'parameter_values': sorted({*wire.MARKS})}},
}


def types(call: Call) -> Any:
    """GET: the types of rules that ports and networks can have."""
    call.check('get_rule_type')
    page(call, RuleType)
    wanted = call.query.get('type')
    found = [{'type': name} for name in bindings.HELD if not wanted or name in wanted]
    return {'rule_types': found}


def type_of(call: Call, rule_type: str) -> Any:
    """GET of one: what its parameters may be.  Raises NotFound."""
    call.check('get_rule_type')
    if rule_type not in bindings.HELD:
        raise errors.NotFound(f'Rule type {rule_type} could not be found.', type='QosRuleTypeNotFound')
    parameters = [{'parameter_name': name, **told} for name, told in _PARAMETERS[rule_type].items()]
    driver = {'name': 'openvswitch', 'supported_parameters': parameters}
    return {'rule_type': {'type': rule_type, 'drivers': [driver]}}


ROUTES = (
    *POLICIES.routes('/qos/policies'),
    *wire.ROUTES,
    Route('GET', '/qos/rule-types', types, None),
    Route('GET', '/qos/rule-types/{rule_type}', type_of, None),
)
