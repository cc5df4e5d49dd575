"""Every number and time that a route takes, spelt in ways that are none.

Which parameters a route reads is told by the route itself: the query that it is given writes down what is looked for.
Bodies are made from the routes' shapes, so a new route is walked as soon as it stands.
"""

import json
import re
import urllib.parse
from typing import Any

import jsonschema_rs
import pytest

from nimbus.api.kit import routes as kit_routes
from nimbus.api.kit.fields import Shape
from nimbus.api.network.attributes import NeutronNoun
from nimbus.api.volume import filters as volume_filters
from nimbus.common import errors, numbers, times
from nimbus.compute.servers import search
from nimbus.image.images import search as image_search
from tests.wire.applications import apis
from tests.wire.test_hostile import routes, send, version_headers, versions, world  # noqa: F401

NO_NUMBERS = ('--5', '-', '\u00b2', '9' * 5000, '9' * 30, '-' + '9' * 30, '1e3', ' 5', '5 ', '+5', '5_000', '\uff15',
              '0x5', '1.5', 'NaN', '5\n', '')  # fmt: skip
NO_TIMES = ('0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59', '2030-01-01T23:59:60Z',
            '2030-02-30T00:00:00Z', '2030-01-01T00:00:00+99:99', '\uff12030-01-01', '2030-01-01T00:00:00.' + '9' * 5000,
            'now', '10000-01-01T00:00:00Z')  # fmt: skip
TIMES = (
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '9999-12-31T23:59:59.999999Z',
    '2030-01-01T00:00:00.123456789Z',
)
# What lists that walk over their whole query may find in it.
FILTERS = sorted({*search.EXACT, *search.SPECIAL, 'changes-since', 'changes-before', *volume_filters.OPEN,
                  *image_search.MOMENTS, *image_search.NUMBERS,
                  *(f'{name}_{end}' for name in image_search.NUMBERS for end in ('min', 'max'))})  # fmt: skip
OPTIONS = ('anyOf', 'oneOf', 'allOf')  # under which a JSON Schema has more of them


class Heard(dict[str, list[str]]):
    """A query that remembers which names were looked for."""

    def __init__(self, told: dict[str, list[str]]) -> None:
        super().__init__(told)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Any:
        self.names |= set(FILTERS)
        return super().__iter__()

    def items(self) -> Any:
        self.names |= set(FILTERS)
        return super().items()


def refusals(status: int, data: bytes) -> str | None:
    """What is wrong with the answer to nonsense."""
    return f'{status} {data[:120]!r}' if status >= 500 and status != 501 else None


def asked_for(app: Any, path: str, route: Any, patch: Any) -> set[str]:
    """The names of the query's parameters that the route looks for."""
    heard: list[Heard] = []
    make = kit_routes.Call.__init__

    def hearing(call: Any, *args: Any) -> None:
        make(call, *args)
        call.query = Heard(call.query)
        heard.append(call.query)

    patch.setattr(kit_routes.Call, '__init__', hearing)
    send(app, route.method, path, **version_headers(route))
    return {name for query in heard for name in query.names}


def test_no_number_and_no_time_in_a_query_breaks_anything(world, monkeypatch):  # noqa: F811
    nonsense = [*NO_NUMBERS, *NO_TIMES, *TIMES, *('gt:' + told for told in (*NO_TIMES[:4], *TIMES))]
    found, walked = [], 0
    for name, app, path, route in routes(world):
        if route.method != 'GET' or route.open:
            continue
        with monkeypatch.context() as patch:
            names = asked_for(app, path, route, patch)
        for query in (urllib.parse.urlencode({name: value}) for name in sorted(names) for value in nonsense):
            walked += 1
            status, _, data = send(app, 'GET', f'{path}?{query}', **version_headers(route))
            if said := refusals(status, data):
                found.append(f'{name} {query[:60]}: {said}')
    assert found == []
    assert walked > 5000


def spelt(schema: Any) -> bool:
    """Whether a value of the schema may be a number or a time."""
    kinds = schema.get('type') or []
    options = [option for name in OPTIONS for option in schema.get(name, ())]
    return (
        bool({'integer', 'number'} & set([kinds] if isinstance(kinds, str) else kinds))
        or '[0-9]' in schema.get('pattern', '')
        or any(spelt(option) for option in options)
    )


def sample(schema: Any) -> Any:
    """A value that the schema allows, as small as can be; a guess where its pattern says more than its type."""
    if 'const' in schema or 'enum' in schema:
        return schema.get('const', schema.get('enum', [None])[0])
    for option in [option for name in OPTIONS for option in schema.get(name, ())]:
        return sample({**{name: told for name, told in schema.items() if name not in OPTIONS}, **option})
    kinds = schema.get('type', 'object' if 'properties' in schema else 'string')
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == 'object':
        return {name: sample(schema.get('properties', {}).get(name, {})) for name in schema.get('required', ())}
    if kind == 'array':
        return [sample(schema.get('items', {})) for _ in range(schema.get('minItems', 0))]
    if kind in ('integer', 'number'):
        return schema.get('minimum', 1)
    if kind == 'string':
        guesses = [
            'f' * 32,
            '5',
            'a',
            'http://a/b',
            '/a',
            '11111111-1111-4111-8111-111111111111',
            '10.0.0.1',
            '/dev/vdb',
        ]
        known = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        return next((guess for guess in guesses if known.is_valid(guess)), 'a' * max(schema.get('minLength', 1), 1))
    return {'boolean': True, 'null': None}[kind]


def bodies(schema: Any, value: Any) -> Any:
    """Bodies of the schema, each with the value where a number or time may stand."""
    for name, inner in schema.get('properties', {}).items():
        whole = sample(schema) if isinstance(sample(schema), dict) else {}
        if spelt(inner) or name.endswith(('_at', 'expires', 'since')):
            yield {**whole, name: value}
        for option in (inner, *inner.get('anyOf', ()), *inner.get('oneOf', ())):
            yield from ({**whole, name: one} for one in bodies(option, value))
        for one in bodies(inner.get('items') or {}, value):
            yield {**whole, name: [one]}


def schema_of(route: Any, api: Any) -> Any:
    """The schema of the route's body in the newest version; nothing where it has none."""
    newest = versions(api)[-1]
    newest = min(newest, route.until)
    if route.noun and not issubclass(route.noun, NeutronNoun):
        return route.noun.schema(kit_routes.VERBS[route.method], newest)
    shape = route.shape.for_version(newest) if route.shape else None
    return shape.schema if isinstance(shape, Shape) else None


def test_no_number_and_no_time_in_a_body_breaks_anything(world):  # noqa: F811
    found, walked = [], 0
    of_route = {id(route): api for app in world.apps.values() for _, api in apis(app) for route in api.routes}
    for name, app, path, route in routes(world):
        schema = schema_of(route, of_route[id(route)]) if route.method in ('POST', 'PUT', 'PATCH') else None
        for value in (
            (*NO_NUMBERS, *NO_TIMES, *TIMES, 1e300, -1, 2**63, 2**31, 10**30, 5.0, 1.5, True) if schema else ()
        ):
            newest = {'OPENSTACK_API_VERSION': 'compute latest,volume latest,placement latest'}
            for body in bodies(schema, value):
                walked += 1
                status, _, data = send(app, route.method, path, json.dumps(body).encode(), **newest)
                if said := refusals(status, data):
                    found.append(f'{name} {json.dumps(body)[:160]}: {said}')
    assert found == []
    assert walked > 1000


def test_no_attribute_of_the_network_service_takes_a_number_that_is_none():
    found = []
    texts = (*NO_NUMBERS, *NO_TIMES)
    for noun in subclasses(NeutronNoun):
        for name, field in noun.fields:
            for take, value in [
                *((field.take, value) for value in (*texts, 10**30, 1e300)),
                *((field.sift, value) for value in texts if field.sift),
            ]:
                try:
                    got = take(value)
                except (ValueError, errors.NimbusError):
                    continue
                except Exception as why:
                    found.append(f'{noun.one}.{name} {str(value)[:20]!r}: {why!r}')
                    continue
                if isinstance(got, int) and isinstance(value, str):
                    found.append(f'{noun.one}.{name} took {str(value)[:20]!r}')
    assert found == []


def subclasses(kind: type) -> list[Any]:
    """Everything below a class."""
    return [found for one in kind.__subclasses__() for found in (one, *subclasses(one))]


@pytest.mark.parametrize('told', [text for text in NO_NUMBERS if text])
def test_what_is_no_whole_number_is_refused_by_name(told):
    with pytest.raises(errors.Invalid, match='size'):
        numbers.whole(told, 'size')


@pytest.mark.parametrize(
    ('told', 'number'), [('0', 0), ('-0', 0), ('007', 7), (str(numbers.MOST), numbers.MOST), (5.0, 5)]
)
def test_a_whole_number_is_read(told, number):
    assert numbers.whole(told, 'size') == number


@pytest.mark.parametrize('told', NO_TIMES)
def test_what_is_no_time_is_refused_by_name(told):
    with pytest.raises(errors.Invalid, match='expires_at'):
        times.moment(told, 'expires_at')


@pytest.mark.parametrize(
    ('told', 'utc'),
    [
        ('2030-01-31', '2030-01-31T00:00:00'),
        ('2030-01-31T12:00:00Z', '2030-01-31T12:00:00'),
        ('20300131T120000Z', '2030-01-31T12:00:00'),
        ('2030-01-31 12:00:00+02:00', '2030-01-31T10:00:00'),
        ('2030-01-31T12:00:00.1234567', '2030-01-31T12:00:00.123456'),
        ('0001-01-01T00:00:00Z', '1000-01-01T00:00:00'),
        ('9999-12-31T23:59:59Z', '9999-12-31T23:59:59'),
    ],
)
def test_a_time_is_read_in_utc(told, utc):
    assert times.moment(told, 'since').isoformat() == utc


def test_the_second_after_the_last_one_is_the_last_one():
    last = times.moment('9999-12-31T23:59:59.5Z', 'since')
    assert re.match('9999-12-31T23:59:59$', times.second_after(last).isoformat())
