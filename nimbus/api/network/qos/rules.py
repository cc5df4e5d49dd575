"""Rules of QoS policies over HTTP: below their policy, and by their own ids."""

import dataclasses
from typing import Any

from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, attribute
from nimbus.api.network.nested import Nested
from nimbus.api.network.resources import ever, shown
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network.qos import policies, rules

MOST = values.whole(0, 2**31 - 1)
MARKS = (*range(0, 41, 8), *range(10, 39, 2), 46, 48, 56)  # of DSCP: classes, what is assured, and what is expedited
WAYS = ('egress', 'ingress')


def mark(value: Any) -> int:
    """A mark of DSCP.  Raises ValueError."""
    found: int = values.one_of(*sorted({*MARKS}), also=values.number)(value)
    return found


class BandwidthLimit(NeutronNoun):
    """The most bits a second that pass one way."""

    one, many, tagged = 'bandwidth_limit_rule', 'bandwidth_limit_rules', False

    id = attribute()
    max_kbps = attribute(*BOTH, take=MOST, required=True, source='amount', sift=values.number)
    max_burst_kbps = attribute(*BOTH, take=MOST, default=0, source='burst', sift=values.number)
    direction = attribute(*BOTH, take=values.one_of(*WAYS), default='egress')


class DscpMarking(NeutronNoun):
    """The mark that packets of guests carry."""

    one, many, tagged = 'dscp_marking_rule', 'dscp_marking_rules', False

    id = attribute()
    dscp_mark = attribute(*BOTH, take=mark, required=True, source='amount', sift=values.number)


class PacketRateLimit(NeutronNoun):
    """The most packets that pass one way, in thousands a second."""

    one, many, tagged = 'packet_rate_limit_rule', 'packet_rate_limit_rules', False

    id = attribute()
    max_kpps = attribute(*BOTH, take=MOST, required=True, source='amount', sift=values.number)
    max_burst_kpps = attribute(*BOTH, take=MOST, default=0, source='burst', sift=values.number)
    direction = attribute(*BOTH, take=values.one_of(*WAYS), default='egress')


class MinimumBandwidth(NeutronNoun):
    """The bits a second that are to pass one way, whatever others send."""

    one, many, tagged = 'minimum_bandwidth_rule', 'minimum_bandwidth_rules', False

    id = attribute()
    min_kbps = attribute(*BOTH, take=MOST, required=True, source='amount', sift=values.number)
    direction = attribute(*BOTH, take=values.one_of(*WAYS), default='egress')


class MinimumPacketRate(NeutronNoun):
    """The packets that are to pass, in thousands a second, whatever others send."""

    one, many, tagged = 'minimum_packet_rate_rule', 'minimum_packet_rate_rules', False

    id = attribute()
    min_kpps = attribute(*BOTH, take=MOST, required=True, source='amount', sift=values.number)
    direction = attribute(*BOTH, take=values.one_of('any', *WAYS), default='egress')


NOUNS: dict[str, type[NeutronNoun]] = {
    rules.BANDWIDTH: BandwidthLimit,
    rules.DSCP: DscpMarking,
    rules.PACKETS: PacketRateLimit,
    rules.LEAST_BANDWIDTH: MinimumBandwidth,
    rules.LEAST_PACKETS: MinimumPacketRate,
}
ALIASED = (rules.BANDWIDTH, rules.DSCP, rules.LEAST_BANDWIDTH, rules.LEAST_PACKETS)


def shown_in_policy(row: Any) -> dict[str, Any]:
    """What a policy shows of one of its rules."""
    names = rules.KINDS[row.kind]
    found = {'id': row.id, 'qos_policy_id': row.policy_id, 'type': row.kind, names[0]: row.amount}
    found |= {names[1]: row.burst} if len(names) > 1 else {}
    return found | ({'direction': row.direction} if row.direction else {})


def _values(given: Given, row: Any = None) -> rules.Values:
    """What the request says; what it does not is as it was."""
    names = [field.name for field in dataclasses.fields(rules.Values)]
    kept = {name: getattr(row, name) for name in names} if row is not None else {}
    return rules.Values(**kept | {name: given[name] for name in names if name in given})


def _nested(kind: str) -> Nested:
    noun = NOUNS[kind]
    return Nested(
        noun=noun,
        rule=f'policy_{noun.one}',
        parent=policies.show,
        find=lambda tx, policy, page: rules.find(tx, policy, kind, page),
        show_row=lambda tx, policy, rule_id: rules.show(tx, policy, kind, rule_id),
        add=lambda call, tx, policy, given: rules.create(tx, policy, kind, _values(given)),
        change=lambda call, tx, policy, row, given: rules.update(tx, policy, row, _values(given, row)),
        remove=lambda call, tx, policy, row: rules.delete(tx, policy, row),
    )


@dataclasses.dataclass(frozen=True)
class Alias:
    """The rules of one kind by their own ids."""

    kind: str
    noun: type[NeutronNoun]

    def routes(self) -> tuple[Route, ...]:
        """Their endpoints."""
        each = f'/qos/{self.noun.many}/{{rule_id}}'
        return (
            Route('GET', each, self.show, None),
            Route('PUT', each, self.update, None, noun=self.noun),
            Route('DELETE', each, self.delete, None, 204),
        )

    def _found(self, call: Call, tx: db.Tx, verb: str, rule_id: str) -> tuple[Any, Any]:
        """The policy and its rule, for one who may do that.  Raises NotFound, Forbidden."""
        try:
            policy = policies.show(tx, call.context, rules.policy_of(tx, self.kind, rule_id))
        except errors.NotFound as why:  # another's rule is as good as none, and its policy is not named
            raise rules.missing(rule_id, 'unknown') from why
        call.check(f'{verb}_{self.noun.one}', project_id=policy.project_id)
        return policy, rules.show(tx, policy, self.kind, rule_id)

    def show(self, call: Call, rule_id: str) -> Any:
        """GET of one."""
        ever(call, f'get_{self.noun.one}')
        with call.db.read() as tx:
            return {self.noun.one: shown(call, self.noun, [self._found(call, tx, 'get', rule_id)[1]])[0]}

    def update(self, call: Call, rule_id: str) -> Any:
        """PUT of one."""
        ever(call, f'update_{self.noun.one}')
        with call.db.write() as tx:
            policy, row = self._found(call, tx, 'update', rule_id)
            notifications.notify(call, tx, f'{self.noun.one}.update.start', {**call.body, 'id': rule_id})
            rules.update(tx, policy, row, _values(call.given, row))  # type: ignore[arg-type]
            answer = {self.noun.one: shown(call, self.noun, [rules.show(tx, policy, self.kind, rule_id)])[0]}
            notifications.notify(call, tx, f'{self.noun.one}.update.end', answer)
            return answer

    def delete(self, call: Call, rule_id: str) -> Any:
        """DELETE of one."""
        ever(call, f'delete_{self.noun.one}')
        with call.db.write() as tx:
            policy, row = self._found(call, tx, 'delete', rule_id)
            gone = {f'{self.noun.one}_id': rule_id}
            notifications.notify(call, tx, f'{self.noun.one}.delete.start', gone)
            rules.delete(tx, policy, row)
            notifications.notify(call, tx, f'{self.noun.one}.delete.end', gone)
        return Reply()


def _alias(kind: str) -> Alias:
    noun = NOUNS[kind]
    named = {'one': f'alias_{noun.one}', 'many': f'alias_{noun.many}'}
    return Alias(kind, type(f'Alias{noun.__name__}', (noun,), {**named, '__doc__': noun.__doc__}))


ROUTES = (
    *(
        route
        for kind, noun in NOUNS.items()
        for route in _nested(kind).routes(f'/qos/policies/{{id}}/{noun.many}', 'rule_id')
    ),
    *(route for kind in ALIASED for route in _alias(kind).routes()),
)
