"""Every leaf of every body, and every name of every query, with a value that is none: nothing breaks, nobody is harmed.

A refusal leaves nothing behind, what a member does changes nothing of the other tenant, and no answer is a 500.
"""

import copy
import urllib.parse

import pytest

from tests.wire.foreign import cases, fields, queries
from tests.wire.foreign.asking import SERVICES, endpoints, left, path, told_fields
from tests.wire.foreign.compare import ask, harm
from tests.wire.foreign.test_paths import MEDIA
from tests.wire.foreign.world import ADMIN, MEMBER
from tests.wire.test_numbers_and_times import sample

LONG = 'x' * 100_000
TYPES = {
    'null': None,
    'true': True,
    'minus one': -1,
    'a fraction': 0.5,
    'over 64 bits': 10**30,
    'over a double': 10**400,
    'an empty text': '',
    'blanks': ' \t\n',
    'not a number': 'NaN',
    'a large number in a text': '9' * 5000,
    'a long text': LONG,
    'a zero byte': 'a\0b',
    'wide letters': '\U0001f4a9' * 300,
    'backwards': '\u202etxt',
    'a path': '../../../etc/passwd',
    'a format': '%s%n{0.__class__}$(id)',
    'an address of ports': '::ffff:10.0.0.1%eth0',
    'the last day': '9999-12-31T23:59:59-23:59',
    'the first day': '0001-01-01T00:00:00+23:59',
    'an empty list': [],
    'lists in lists': [[[[[None]]]]],
    'a list of all': [None, -1, 'x', {}, []],
    'an empty object': {},
    'objects in objects': {'a': {'b': {'': None}}},
    'an object of odd names': {'': '', 'a\0': 1, 'x' * 300: 'x' * 300, '\U0001f4a9': []},
}
SHORT = ('null', 'over 64 bits', 'a zero byte', 'lists in lists', 'an object of odd names')
# What a route takes whose other tables have too little, or whose smallest body by its schema it does not take.
WHOLE = {
    'identity PATCH /v3/policies/{policy_id}': lambda t: {'policy': {'type': 'x'}},
    'identity PATCH /v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}': lambda t: {
        'endpoint_group': {'description': 'x'}
    },
    'identity PATCH /v3/OS-FEDERATION/identity_providers/{idp_id}': lambda t: {
        'identity_provider': {'description': 'x'}
    },
    'identity PATCH /v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}': lambda t: {
        'protocol': {'mapping_id': t['mapping']}
    },
    **{
        f'identity {method} /v3/OS-FEDERATION/mappings/{{mapping_id}}': lambda t: {'mapping': {'rules': RULES}}
        for method in ('PUT', 'PATCH')
    },
    'identity PATCH /v3/OS-FEDERATION/service_providers/{sp_id}': lambda t: {'service_provider': {'description': 'x'}},
    'identity PATCH /v3/OS-OAUTH1/consumers/{consumer_id}': lambda t: {'consumer': {'description': 'x'}},
    'identity PATCH /v3/regions/{region_id}': lambda t: {'region': {'description': 'x'}},
    'identity PATCH /v3/services/{service_id}': lambda t: {'service': {'name': 'x'}},
    'identity PATCH /v3/endpoints/{endpoint_id}': lambda t: {'endpoint': {'enabled': True}},
    'compute POST /v2.1/servers/{id}/action lock': lambda t: {'lock': None},
    'compute PUT /v2.1/os-services/{id}': lambda t: {'status': 'enabled'},
    'compute POST /v2.1/os-server-groups': lambda t: {'server_group': {'name': 'x', 'policy': 'affinity'}},
    'volume POST /v3/volumes/{id}/action os-extend': lambda t: {'os-extend': {'new_size': 2}},
    'volume POST /v3/volumes/{id}/action os-reset_status': lambda t: {'os-reset_status': {'status': 'error'}},
    'volume POST /v3/backups/{id}/action os-reset_status': lambda t: {'os-reset_status': {'status': 'error'}},
    'volume POST /v3/snapshots/{id}/action os-reset_status': lambda t: {'os-reset_status': {'status': 'error'}},
    'volume PUT /v3/types/{id}': lambda t: {'volume_type': {'name': 'x'}},
}
OF_TWO_SHAPES = ('compute PUT /v2.1/os-services/{id}',)  # its path has an id since a version, and a verb before it
# What asks for consoles that no guest has: the same answer whatever is told.
NEVER_TAKEN = tuple(f'compute POST /v2.1/servers/{{id}}/action os-get{kind}Console' for kind in ('SPICE', 'RDP'))
# The host of the server is up, so that it is not evacuated.
NEVER_TAKEN += ('compute POST /v2.1/servers/{id}/action evacuate',)
# The snapshot is neither being made nor deleted.
NEVER_TAKEN += ('volume POST /v3/snapshots/{id}/action os-update_snapshot_status',)
# The host is not frozen.
NEVER_TAKEN += ('volume PUT /v3/os-services/thaw',)
RULES = [{'local': [{'user': {'name': '{0}'}}], 'remote': [{'type': 'x'}]}]
QUERIES = ('', '%00', '%ff', '%ed%a0%80', '-1', '9' * 30, 'NaN', 'x' * 10_000, '%F0%9F%92%A9', '[]', 'in:', 'in:%22',
           'gt:', "'%20OR%201=1--", '9999-12-31T23:59:59-23:59', '%25', '_', 'a=b', ':', ',', 'a:b:c,')  # fmt: skip


def body_for(world, endpoint, field):
    """What the endpoint takes: as a table has it, or the smallest that its schema allows; None where neither is."""
    made = WHOLE.get(endpoint.key) or cases.IN_PATHS.get(endpoint.key)
    told = copy.deepcopy(made(world.mine)) if made else cases.body(endpoint.key, field, 'volume', world.mine)
    if told is None:
        schema = fields.schema(endpoint.route, next(iter(fields.between(endpoint))))
        told = sample(schema) if schema else None
    return told


def leaves(world, service):
    """Every endpoint with a body, a field of it, and how it is asked for."""
    for endpoint in endpoints(world, service):
        if endpoint.route.method not in fields.WRITES or endpoint.key in cases.RAW or endpoint.route.raw:
            continue
        for field in sorted(told_fields(endpoint)):
            yield endpoint, field


def bodies(world, endpoint, field, names):
    """By what is odd of it, a body with the odd value at the field."""
    for name in names:
        if endpoint.key.startswith('image PATCH'):
            yield name, [{'op': 'replace', 'path': f'/{field}', 'value': TYPES[name]}]
        else:
            yield name, cases.put(body_for(world, endpoint, field) or {}, field, TYPES[name])
    if not endpoint.key.startswith('image PATCH'):
        yield 'the other tenant', cases.put(body_for(world, endpoint, field) or {}, field, world.theirs['project'])


def judge(world, endpoint, field, names):
    """What is wrong with the answers to odd values of a field."""
    more = endpoint.headers(endpoint.versions[0]) if endpoint.versions[0] else {}
    more |= MEDIA.get(endpoint.key, {})
    at, wrong = path(endpoint, world.mine), []
    for persona in (MEMBER, ADMIN):
        for name, body in bodies(world, endpoint, field, names):
            outcome = ask(world, persona, endpoint.service, endpoint.route.method, at, body, **more)
            found = left(persona, outcome)
            if persona == MEMBER and not outcome.refused:
                found += [each for each in harm(world, outcome) if 'changed' in each]
            wrong += [f'{endpoint.key} {field} as {name}: {each}' for each in found]
    return wrong


@pytest.mark.parametrize('service', SERVICES)
def test_every_route_with_a_body_is_told_one_that_it_takes(world, service):
    wrong = []
    for endpoint in dict.fromkeys(endpoint for endpoint, _ in leaves(world, service)):
        body = body_for(world, endpoint, '')
        if body is None:
            wrong.append(f'{endpoint.key}: no table has a body for it')
            continue
        more = endpoint.headers(endpoint.versions[0]) if endpoint.versions[0] else {}
        outcome = ask(world, ADMIN, service, endpoint.route.method, path(endpoint, world.mine), body, **more)
        if outcome.answer.status == 400 and endpoint.key not in (*OF_TWO_SHAPES, *NEVER_TAKEN):
            wrong.append(f'{endpoint.key} {body}: {outcome.answer.data[:200]!r}')
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize('service', SERVICES)
def test_no_odd_value_of_a_leaf_breaks_anything(world, service):
    wrong = [each for endpoint, field in leaves(world, service) for each in judge(world, endpoint, field, SHORT)]
    assert not wrong, '\n'.join(wrong)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize('service', SERVICES)
def test_no_value_of_a_leaf_at_all_breaks_anything(world, service):
    rest = [name for name in TYPES if name not in SHORT]
    wrong = [each for endpoint, field in leaves(world, service) for each in judge(world, endpoint, field, rest)]
    assert not wrong, '\n'.join(wrong)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize('service', SERVICES)
def test_no_odd_value_in_a_query_breaks_anything(world, service, looked):
    wrong = []
    for endpoint in queries.listing(world, service):
        told = looked[endpoint.key] | set(queries.WALKED.get(endpoint.key, ()))
        more = endpoint.headers(endpoint.versions[0]) if endpoint.versions[0] else {}
        at = path(endpoint, world.mine)
        for name in sorted(told - {'*'} | {'limit', 'marker', 'sort_key', 'sort', 'fields', 'nothing'}):
            for value in QUERIES:
                asked = f'{at}?{urllib.parse.quote(name)}={value}'
                answer = world(MEMBER, service, 'GET', asked, None, **more)
                if answer.status >= 500 and answer.status != 501:
                    wrong.append(f'{endpoint.key} {asked[:200]}: {answer.status} {answer.data[:200]!r}')
    assert not wrong, '\n'.join(wrong)
