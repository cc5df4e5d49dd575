"""Asks for each place with an id that is one's own, another's or nobody's, and says what is wrong with the answers."""

import dataclasses
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.api.kit.versions import HIGHEST
from tests.wire.foreign import cases, excused, fields, names
from tests.wire.foreign.compare import Outcome, ask, harm, plain
from tests.wire.foreign.fields import WRITES, Endpoint
from tests.wire.foreign.world import ADMIN, LEADER, MANAGER, MEMBER, READER, World

SERVICES = ('identity', 'compute', 'image', 'network', 'volume', 'placement')
TENANTS = (MEMBER, READER, MANAGER, LEADER)
PATCHES = {'CONTENT_TYPE': 'application/openstack-images-v2.1-json-patch'}


@dataclasses.dataclass(frozen=True)
class Place:
    """One field of one endpoint's body, and what it names."""

    endpoint: Endpoint
    field: str
    kind: str
    bulk: bool = False  # in the second of two things that are made at once
    second: bool = False  # after one's own in the same list

    @property
    def key(self) -> str:
        """How the tables of excuses name it."""
        return f'{self.endpoint.key} {self.field}'

    @property
    def name(self) -> str:
        """How a failure names it."""
        beside = ' in bulk' if self.bulk else ' after one’s own' if self.second else ''
        return f'{self.key} ({self.kind}{beside})'

    def body(self, things: dict[str, str], value: str) -> Any:
        """A request's body with the value in the place.  Raises KeyError where no case is told."""
        if self.endpoint.key.startswith('image PATCH'):
            return [{'op': 'replace', 'path': f'/{self.field}', 'value': value}]
        told = cases.body(self.endpoint.key, self.field, self.kind, things)
        if told is None:
            raise KeyError(f'{self.key} names a thing, and cases.py has no body for it')
        if self.kind in names.ALSO.get(self.field, ()):
            told[next(iter(told))] |= names.ALSO[self.field][self.kind]
        whole = cases.put(told, self.field, value)
        if self.second:
            return cases.behind(cases.put(self._plain(things), self.field, things[self.kind]), whole, self.field)
        if not self.bulk:
            return whole
        one = next(iter(whole))
        before = self._plain(things)[one]
        if 'cidr' in before:
            before['cidr'] = '10.78.0.0/24'
        if 'port_range_min' in before:
            before |= {'port_range_min': 8, 'port_range_max': 8}
        if 'external_port' in before:
            before |= {'external_port': 98, 'internal_port': 98}
        if 'sub_ports' in before:
            before |= {'port_id': things['other parent port'], 'sub_ports': []}
        if 'target_tenant' in before:
            before['target_tenant'] = 'c' * 32
        return {self.endpoint.route.noun.many: [before, whole[one]]}

    def _plain(self, things: dict[str, str]) -> dict[str, Any]:
        return cases.body(self.endpoint.key, self.field, self.kind, things) or {}

    def headers(self) -> dict[str, str]:
        """What asks for the newest version that has the field."""
        if self.endpoint.key.startswith('image PATCH'):
            return PATCHES
        found = [version for version in reversed(list(fields.between(self.endpoint)))]
        newest = next(
            (v for v in found if self.field in fields.leaves(fields.schema(self.endpoint.route, v))), found[0]
        )
        return {} if newest == HIGHEST else self.endpoint.headers(newest)


def path(endpoint: Endpoint, things: dict[str, str], **instead: str) -> str:
    """The endpoint's path with the things' ids, or with what is told instead."""
    found = endpoint.mount + endpoint.route.path
    others = cases.PLACES.get(endpoint.key, {})
    for name in endpoint.names:
        kind = names.kind_in_path(endpoint.mount + endpoint.route.path, name)
        told = others.get(name) or kind or f'={cases.WORDS.get(name, "x")}'
        value = instead.get(name) or (told[1:] if told.startswith('=') else things[told])
        found = found.replace('{' + name + '}', urllib.parse.quote(value, safe=''))
    return found


def endpoints(world: World, service: str) -> Iterator[Endpoint]:
    """The service's endpoints, each once whatever number of mounts has it."""
    for endpoint in fields.endpoints({service: world.cloud.apps[service]}):
        if not (endpoint.service == 'compute' and endpoint.mount == '/v2'):
            yield endpoint


def told_fields(endpoint: Endpoint) -> set[str]:
    """Every field of a body, with those inside of what is taken whole."""
    told = fields.body_fields(endpoint) or set(cases.READ_BY_HANDLERS.get(endpoint.key, ()))
    for whole in set(cases.INSIDE) & told:
        told = told - {whole} | set(cases.INSIDE[whole])
    if endpoint.service == 'network':
        told |= {field.replace('project_id', 'tenant_id') for field in told if fields.last(field) == 'project_id'}
    return told


def body_places(world: World, service: str) -> Iterator[Place]:
    """Every place in a body that names a thing."""
    for endpoint in endpoints(world, service):
        if endpoint.route.method not in WRITES:
            continue
        for field in sorted(told_fields(endpoint)):
            kind = names.kind_of(endpoint, field)
            kinds = [kind] if kind else []
            kinds += names.ALSO.get(field, ())
            for each in kinds:
                yield Place(endpoint, field, each)
                if '[]' in field:
                    yield Place(endpoint, field, each, second=True)
                if service == 'network' and endpoint.route.method == 'POST' and endpoint.route.noun:
                    yield Place(endpoint, field, each, bulk=True)


def judge(world: World, place: Place, used: set[str]) -> list[str]:
    """What is wrong with the answers at a place; `used` gains the excuses that were needed."""
    endpoint, more = place.endpoint, place.headers()
    at = path(endpoint, world.mine)
    mine, theirs, nobodys = world.mine[place.kind], world.theirs[place.kind], world.unknown(place.kind)

    def sent(persona: str | None, value: str) -> Outcome:
        return ask(world, persona, endpoint.service, endpoint.route.method, at, place.body(world.mine, value), **more)

    wrong = judged(world, place.key, place.kind, (theirs, nobodys), sent, used)
    own = {persona: sent(persona, mine) for persona in (MEMBER, MANAGER, ADMIN)}
    if not place.second and all(outcome.refused for outcome in own.values()):
        excuse = excused.find(excused.OWN_REFUSED, place.key, place.kind, used)
        if not excuse:
            wrong.append(f"one's own is refused to all: {own[MEMBER].answer.data!r} {own[ADMIN].answer.data!r}")
    for persona, outcome in own.items():
        wrong += left(persona, outcome) if persona == ADMIN else left(persona, outcome) or harm(world, outcome)
    return [f'{place.name}: {each}' for each in wrong]


def judged(
    world: World,
    key: str,
    kind: str,
    values: tuple[str, str],
    sent: Callable[[str | None, str], Outcome],
    used: set[str],
    personas: tuple[str, ...] = TENANTS,
    *,
    admin: bool = True,
) -> list[str]:
    """Where another's is not as nobody's: the answers, what is left by refusals and what is done by the rest."""
    wrong, (theirs, nobodys) = [], values
    for persona in personas:
        one, other = sent(persona, theirs), sent(persona, nobodys)
        first, second = plain(world, one, theirs), plain(world, other, nobodys)
        if first != second and not listed(world, persona, kind) and not excused.find(excused.DIFFERS, key, kind, used):
            wrong.append(f'{persona}: {apart(first, second)}')
        wrong += left(persona, one) + left(persona, other)
        if not one.refused and (done := harm(world, one)):
            if any('changed' in each for each in done) or not excused.find(excused.KEPT, key, kind, used):
                wrong.append(f'{persona}: {", ".join(done)}')
    for value in values if admin else ():
        wrong += left(ADMIN, sent(ADMIN, value))
    return wrong


def listed(world: World, persona: str, kind: str) -> bool:
    """Whether the asker is shown the other's thing in the list of all."""
    if kind not in excused.LISTED:
        return False
    service, at = excused.LISTED[kind]
    return world.theirs[kind] in world(persona, service, 'GET', at).data.decode()


def left(persona: str, outcome: Outcome) -> list[str]:
    """What a refusal left behind, and answers that are no refusals but failures."""
    status, found = outcome.answer.status, []
    if outcome.refused and outcome.changed:
        found.append(f'{persona}: refused with {status}, yet {sorted(outcome.changed)} changed')
    if status >= 500 and status != 501:
        found.append(f'{persona}: {status} {outcome.answer.data[:200]!r}')
    return found


def apart(first: tuple[int, str], second: tuple[int, str]) -> str:
    """Two answers from where they differ."""
    at = next((i for i, pair in enumerate(zip(first[1], second[1], strict=False)) if pair[0] != pair[1]), 0)
    cut = slice(max(0, at - 20), at + 130)
    return f"another's {first[0]} {first[1][cut]!r}, nobody's {second[0]} {second[1][cut]!r}"
