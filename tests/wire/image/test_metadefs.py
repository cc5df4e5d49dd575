"""Metadata definitions over HTTP: what a namespace defines, who sees it, and what is refused."""

import pytest

from nimbus.image.metadefs import definitions, loading
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

SPACES = '/v2/metadefs/namespaces'
SPACE = f'{SPACES}/Animals'
PROPERTY = {'title': 'Legs', 'type': 'integer', 'minimum': 0, 'maximum': 8, 'default': 4}
KINDS = {
    'objects': {'name': 'cat', 'description': 'A cat', 'required': ['legs'], 'properties': {'legs': PROPERTY}},
    'properties': {'name': 'cat', **PROPERTY},
    'tags': {'name': 'cat'},
}


@pytest.fixture
def ask(client):
    """An operator's request, whose status is as told."""

    def ask(method, path, body=None, status=None, asker=ADMIN, **more):
        answer = client(method, path, body, asker=asker, **more)
        wanted = status or {'GET': 200, 'POST': 201, 'PUT': 200, 'DELETE': 204}[method]
        assert answer.status == wanted, (answer.status, answer.data)
        return answer

    return ask


@pytest.fixture
def space(ask):
    return ask('POST', SPACES, {'namespace': 'Animals', 'visibility': 'public', 'owner': MEMBER.project_id}).json


def test_a_namespace_comes_with_all_that_its_body_defines(ask):
    body = {
        'namespace': 'Animals',
        'display_name': 'Beasts',
        'visibility': 'public',
        'resource_type_associations': [{'name': 'OS::Glance::Image', 'prefix': 'a_'}],
        'objects': [KINDS['objects']],
        'properties': {'tail': {'title': 'Tail', 'type': 'boolean', 'default': True}},
        'tags': [{'name': 'wild'}],
    }
    made = ask('POST', SPACES, body)
    assert made.headers['Location'].endswith(SPACE)
    assert made.json['owner'] == ADMIN.project_id and made.json['protected'] is False
    shown = ask('GET', SPACE).json
    assert (shown['self'], shown['schema']) == (SPACE, '/v2/schemas/metadefs/namespace')
    assert shown['tags'] == [{'name': 'wild'}]
    assert shown['properties']['tail'] == {'title': 'Tail', 'type': 'boolean', 'default': 'True'}
    (cat,) = shown['objects']
    assert cat['self'] == f'{SPACE}/objects/cat' and cat['properties']['legs'] == PROPERTY | {'default': '4'}
    (row,) = ask('GET', SPACES).json['namespaces']
    assert [(one['name'], one['prefix']) for one in row['resource_type_associations']] == [('OS::Glance::Image', 'a_')]
    assert 'objects' not in row
    prefixed = ask('GET', f'{SPACE}?resource_type=OS::Glance::Image').json
    assert list(prefixed['properties']) == ['a_tail']
    assert prefixed['objects'][0]['required'] == ['a_legs'] and list(prefixed['objects'][0]['properties']) == ['a_legs']
    assert [row['name'] for row in ask('GET', '/v2/metadefs/resource_types').json['resource_types']] == [
        'OS::Glance::Image'
    ]


def test_a_body_that_is_wrong_anywhere_leaves_no_namespace(ask):
    body = {'namespace': 'Animals', 'tags': [{'name': 'a'}, {'name': 'a'}]}
    ask('POST', SPACES, body, 409)
    body = {'namespace': 'Animals', 'properties': {'tail': {'title': 'Tail', 'type': 'string', 'enum': [1]}}}
    assert b'enum of the property tail' in ask('POST', SPACES, body, 400).data
    ask('GET', SPACE, status=404)


def test_a_namespace_is_replaced_as_a_whole_and_keeps_what_it_defines(ask, space):
    ask('POST', f'{SPACE}/tags/cat')
    changed = ask('PUT', SPACE, {'namespace': 'Beasts', 'description': 'All of them'}).json
    assert (changed['visibility'], changed['description'], changed['owner']) == (
        'private',
        'All of them',
        ADMIN.project_id,
    )
    ask('GET', SPACE, status=404)
    assert ask('GET', f'{SPACES}/Beasts').json['tags'] == [{'name': 'cat'}]
    ask('POST', SPACES, {'namespace': 'Animals'})
    ask('PUT', f'{SPACES}/Beasts', {'namespace': 'Animals'}, 409)
    ask('POST', SPACES, {'namespace': 'Beasts'}, 409)


def test_nothing_is_taken_from_a_protected_namespace(ask, space):
    for many, body in KINDS.items():
        ask('POST', f'{SPACE}/{many}', {'tags': [body]} if many == 'tags' else body)
    ask('POST', f'{SPACE}/resource_types', {'name': 'OS::Nova::Server'})
    ask('PUT', SPACE, {'namespace': 'Animals', 'protected': True})
    for path in ('', '/objects', '/properties', '/tags', *(f'/{many}/cat' for many in KINDS)):
        assert b'is protected' in ask('DELETE', SPACE + path, status=403).data
    ask('DELETE', f'{SPACE}/resource_types/OS::Nova::Server', status=403)
    ask('PUT', SPACE, {'namespace': 'Animals'})
    ask('DELETE', SPACE)
    ask('GET', f'{SPACE}/objects', status=404)
    ask('POST', SPACES, {'namespace': 'Animals'})
    assert ask('GET', f'{SPACE}/objects').json['objects'] == []


@pytest.mark.parametrize('many', ['objects', 'properties'])
def test_objects_and_properties_come_change_and_go(ask, space, many):
    body, at = KINDS[many], f'{SPACE}/{many}'
    made = ask('POST', at, body).json
    assert made['name'] == 'cat'
    ask('POST', at, body, 409)
    assert ask('GET', f'{at}/cat').json == made
    ask('POST', at, body | {'name': 'dog'})
    ask('PUT', f'{at}/cat', body | {'name': 'dog'}, 409)
    assert ask('PUT', f'{at}/cat', body | {'name': 'lion'}).json['name'] == 'lion'
    ask('GET', f'{at}/cat', status=404)
    ask('PUT', f'{at}/cat', body, 404)
    ask('DELETE', f'{at}/lion')
    ask('DELETE', f'{at}/lion', status=404)
    ask('DELETE', at)
    assert not ask('GET', at).json[many]


def test_tags_come_change_and_go(ask, space):
    at = f'{SPACE}/tags'
    made = ask('POST', at, {'tags': [{'name': 'a'}, {'name': 'b'}]}).json
    assert made == {'tags': [{'name': 'a'}, {'name': 'b'}]}
    ask('POST', at, {'tags': [{'name': 'c'}, {'name': 'a'}]}, status=409, X_OPENSTACK_APPEND='true')
    ask('POST', at, {'tags': [{'name': 'c'}]}, X_OPENSTACK_APPEND='true')
    assert ask('GET', f'{at}?sort_key=name&sort_dir=asc').json == {'tags': [{'name': name} for name in 'abc']}
    assert ask('GET', f'{at}?sort_key=name&sort_dir=asc&limit=1&marker=a').json == {'tags': [{'name': 'b'}]}
    ask('POST', at, {'tags': []})
    ask('POST', at, {'tags': [{'name': 'd'}]})
    assert ask('GET', at).json == {'tags': [{'name': 'd'}]}
    assert sorted(ask('POST', f'{at}/e').json) == ['created_at', 'name', 'updated_at']
    ask('POST', f'{at}/e', status=409)
    assert ask('PUT', f'{at}/e', {'name': 'f'}).json['name'] == 'f'
    ask('PUT', f'{at}/d', {'name': 'f'}, 409)
    ask('DELETE', f'{at}/f')
    ask('GET', f'{at}/f', status=404)
    ask('DELETE', at)
    assert ask('GET', at).json == {'tags': []}


def test_a_property_is_found_by_the_name_that_a_resource_has_for_it(ask, space):
    ask('POST', f'{SPACE}/resource_types', {'name': 'OS::Nova::Flavor', 'prefix': 'animal:'})
    ask('POST', f'{SPACE}/resource_types', {'name': 'OS::Nova::Flavor'}, 409)
    ask('POST', f'{SPACE}/properties', KINDS['properties'])
    of = '?resource_type=OS::Nova::Flavor'
    assert ask('GET', f'{SPACE}/properties/animal:cat{of}').json['name'] == 'cat'
    ask('GET', f'{SPACE}/properties/cat{of}', status=404)
    ask('GET', f'{SPACE}/properties/cat?resource_type=OS::Nova::Server', status=404)
    assert len(ask('GET', f'{SPACES}?resource_types=OS::Nova::Flavor,x').json['namespaces']) == 1
    assert ask('GET', f'{SPACES}?resource_types=x').json['namespaces'] == []
    ask('DELETE', f'{SPACE}/resource_types/OS::Nova::Flavor')
    ask('DELETE', f'{SPACE}/resource_types/OS::Nova::Flavor', status=404)
    assert ask('GET', f'{SPACE}/resource_types').json == {'resource_type_associations': []}


def test_pages_of_namespaces_follow_one_another(ask):
    for name in 'cab':
        ask('POST', SPACES, {'namespace': name})
    first = ask('GET', f'{SPACES}?limit=2&sort_key=namespace&sort_dir=asc').json
    assert [row['namespace'] for row in first['namespaces']] == ['a', 'b']
    second = ask('GET', first['next']).json
    assert [row['namespace'] for row in second['namespaces']] == ['c'] and 'next' not in second
    ask('GET', f'{SPACES}?marker=x', status=404)
    for query in ('limit=x', 'limit=-1', 'sort_key=color', 'sort_dir=up', 'visibility=shared'):
        ask('GET', f'{SPACES}?{query}', status=400)


def test_others_do_not_find_a_private_namespace_and_nobody_but_operators_writes(ask, space):
    for many, body in KINDS.items():
        ask('POST', f'{SPACE}/{many}', {'tags': [body]} if many == 'tags' else body)
    paths = [SPACE, *(f'{SPACE}/{many}{one}' for many in KINDS for one in ('', '/cat')), f'{SPACE}/resource_types']
    for path in paths:
        ask('GET', path, asker=STRANGER)
        ask('GET', path, asker=READER)
    for path in (SPACE, *(f'{SPACE}/{many}' for many in KINDS)):
        ask('DELETE', path, asker=MEMBER, status=403)
    ask('POST', f'{SPACE}/tags/dog', asker=MEMBER, status=403)
    ask('POST', SPACES, {'namespace': 'Plants'}, asker=MEMBER, status=403)
    ask('PUT', SPACE, {'namespace': 'Animals', 'owner': MEMBER.project_id})
    for path in paths:
        ask('GET', path, asker=STRANGER, status=404)
        ask('GET', path, asker=MEMBER)
    assert ask('GET', SPACES, asker=STRANGER).json['namespaces'] == []
    ask('GET', f'{SPACES}?marker=Animals', asker=STRANGER, status=404)
    for path in (SPACE, f'{SPACE}/objects', f'{SPACE}/objects/cat', f'{SPACE}/tags/cat'):
        ask('DELETE', path, asker=STRANGER, status=404)


@pytest.mark.parametrize(
    ('path', 'body', 'status'),
    [
        ('', None, 400),
        ('', [], 400),
        ('', {}, 400),
        ('', {'namespace': ''}, 400),
        ('', {'namespace': 'x' * 81}, 400),
        ('', {'namespace': 'x', 'color': 'red'}, 400),
        ('', {'namespace': 'x', 'visibility': 'shared'}, 400),
        ('', {'namespace': 'x', 'self': '/'}, 403),
        ('', {'namespace': 'x', 'objects': [{}]}, 400),
        ('', {'namespace': 'x', 'tags': [{'name': 'y' * 81}]}, 400),
        ('', {'namespace': 'x', 'properties': {'y': {'type': 'string'}}}, 400),
        ('/Animals/objects', {'name': 'x', 'created_at': 'now'}, 403),
        ('/Animals/objects', {'name': 'x', 'required': ['y', 'y']}, 400),
        ('/Animals/objects', {'name': 'x', 'properties': {'y': {'title': 'Y', 'type': 'colour'}}}, 400),
        ('/Animals/properties', {'name': 'x', 'type': 'string'}, 400),
        ('/Animals/properties', {'name': 'x', 'type': 'string', 'title': 'X', 'minimum': 10**30}, 400),
        ('/Animals/properties', {'name': 'x', 'type': 'string', 'title': 'X', 'default': []}, 400),
        ('/Animals/properties', {'name': 'x', 'type': 'array', 'title': 'X', 'items': {'enum': ['a']}}, 400),
        ('/Animals/tags', {}, 400),
        ('/Animals/tags', {'tags': [{'name': 'x', 'id': 1}]}, 400),
        ('/Animals/resource_types', {'prefix': 'x'}, 400),
        ('/Nothing/objects', {'name': 'x'}, 404),
    ],
)
def test_bad_bodies(ask, space, path, body, status):
    ask('POST', SPACES + path, body, status)


@pytest.mark.parametrize('name', 'namespace object property tag resource_type'.split())
def test_schemas_are_published(ask, name):
    one = ask('GET', f'/v2/schemas/metadefs/{name}').json
    many = {'property': 'properties'}.get(name, f'{name}s')
    whole = ask('GET', f'/v2/schemas/metadefs/{many}').json
    assert one['additionalProperties'] is False and 'name' in one
    assert whole['name'] in whole['properties'] and {link['rel'] for link in whole['links']} == {
        'first',
        'next',
        'describedby',
    }


def test_a_new_cloud_has_definitions_that_all_see_and_that_deleted_stay_away(ask, parts):
    for _ in range(2):
        with parts.db.write() as tx:
            loading.first(tx)
    found = ask('GET', SPACES, asker=STRANGER).json['namespaces']
    assert len(found) == len(definitions.SPACES)
    shown = ask('GET', f'{SPACES}/OS::Compute::VirtCPUTopology?resource_type=OS::Nova::Flavor', asker=READER).json
    assert 'hw:cpu_sockets' in shown['properties']
    for space in definitions.SPACES:
        ask('PUT', f'{SPACES}/{space["namespace"]}', {'namespace': space['namespace']})
        ask('DELETE', f'{SPACES}/{space["namespace"]}')
    with parts.db.write() as tx:
        loading.first(tx)
    assert ask('GET', SPACES).json['namespaces'] == []
    with parts.db.write() as tx:
        assert all(loading.load(tx, definitions.SPACES).values())


def test_what_is_shipped_is_what_the_api_takes(ask):
    for space in definitions.SPACES:
        ask('POST', SPACES, space)
