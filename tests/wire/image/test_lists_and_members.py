"""GET /v2/images, its filters and pages, and sharing."""

import pytest

from tests.conftest import ADMIN, MEMBER, READER, STRANGER


def names(answer):
    assert answer.status == 200, answer.data
    return [image['name'] for image in answer.json['images']]


@pytest.fixture
def five(make):
    return [make(b'x' * n, name=f'i{n}', color='red' if n % 2 else 'blue', tags=[f't{n}', 'all']) for n in range(1, 6)]


def test_pages_follow_one_another_to_the_end(client, five):
    first = client('GET', '/v2/images?limit=2&sort=name:asc')
    assert names(first) == ['i1', 'i2']
    assert first.json['first'] == '/v2/images?limit=2&sort=name%3Aasc'
    second = client('GET', first.json['next'])
    assert names(second) == ['i3', 'i4']
    third = client('GET', second.json['next'])
    assert names(third) == ['i5'] and 'next' not in third.json
    assert third.json['schema'] == '/v2/schemas/images'


@pytest.mark.parametrize(
    'query, found',
    [
        ('', ['i5', 'i4', 'i3', 'i2', 'i1']),
        ('name=i2', ['i2']),
        ('name=in:i1,i3', ['i3', 'i1']),
        ('name=in:"i1",i9', ['i1']),
        ('status=active&size_min=2&size_max=3', ['i3', 'i2']),
        ('color=red', ['i5', 'i3', 'i1']),
        ('tag=all&tag=t4', ['i4']),
        ('created_at=gt:2020-01-01T00:00:00Z&limit=1', ['i5']),
        ('created_at=lt:2020-01-01T00:00:00Z', []),
        ('visibility=public', []),
        ('visibility=all', ['i5', 'i4', 'i3', 'i2', 'i1']),
        ('container_format=in:bare,ovf&sort_key=size&sort_dir=asc&limit=2', ['i1', 'i2']),
        ('os_hidden=true', []),
        ('limit=0', []),
    ],
)
def test_filters(client, five, query, found):
    assert names(client('GET', f'/v2/images?{query}')) == found


@pytest.mark.parametrize(
    'query',
    [
        'limit=x',
        'limit=-1',
        'marker=nobody',
        'sort=color:asc',
        'sort=name:up',
        'sort=name&sort_key=size',
        'sort_key=name&sort_key=size&sort_key=id&sort_dir=asc&sort_dir=asc',
        'visibility=mine',
        'size_min=much',
        'created_at=yesterday',
        'name=gt:a',
        'name=in:"a',
        'member_status=maybe',
        'os_hidden=perhaps',
        'protected=perhaps',
        'changes-since=2020-01-01',
    ],
)
def test_bad_queries(client, five, query):
    assert client('GET', f'/v2/images?{query}').status == 400


def test_the_time_an_image_shows_finds_it(client, five):
    shown = five[0]['created_at']
    for way, is_in in (('eq', True), ('gte', True), ('lte', True), ('gt', False), ('lt', False), ('neq', False)):
        assert ('i1' in names(client('GET', f'/v2/images?created_at={way}:{shown}'))) is is_in, way


def test_a_hidden_image_is_only_in_lists_that_ask(client, make):
    make(name='old', os_hidden=True)
    assert names(client('GET', '/v2/images')) == []
    assert names(client('GET', '/v2/images?os_hidden=true')) == ['old']


def test_lists_hold_what_one_may_see(client, make):
    make(name='mine')
    make(name='public', asker=ADMIN, visibility='public')
    make(name='theirs', asker=STRANGER)
    make(name='community', asker=STRANGER, visibility='community')
    assert sorted(names(client('GET', '/v2/images'))) == ['mine', 'public']
    assert names(client('GET', '/v2/images?visibility=community')) == ['community']
    assert sorted(names(client('GET', '/v2/images?visibility=all'))) == ['community', 'mine', 'public']
    assert sorted(names(client('GET', '/v2/images', asker=ADMIN))) == ['mine', 'public', 'theirs']
    assert sorted(names(client('GET', '/v2/images', asker=STRANGER))) == ['community', 'public', 'theirs']


def test_a_shared_image_is_offered_taken_and_taken_back(client, make):
    image = make(b'x', name='s', visibility='shared')
    path, other = f'/v2/images/{image["id"]}', STRANGER.project_id
    member = f'{path}/members/{other}'
    assert client('GET', path, asker=STRANGER).status == 404
    made = client('POST', f'{path}/members', {'member': other})
    assert (made.status, made.json['status'], made.json['schema']) == (200, 'pending', '/v2/schemas/member')
    assert client('POST', f'{path}/members', {'member': other}).status == 409
    assert client('GET', path, asker=STRANGER).status == 200
    assert names(client('GET', '/v2/images', asker=STRANGER)) == []
    assert names(client('GET', '/v2/images?member_status=pending', asker=STRANGER)) == ['s']
    assert client('PUT', member, {'status': 'accepted'}).status == 403
    assert client('PUT', member, {'status': 'so'}, asker=STRANGER).status == 400
    assert client('PUT', member, {'status': 'accepted'}, asker=STRANGER).json['status'] == 'accepted'
    assert names(client('GET', '/v2/images', asker=STRANGER)) == ['s']
    assert client('DELETE', path, asker=STRANGER).status == 403
    assert client('GET', f'{path}/file', asker=STRANGER).data == b'x'
    assert [m['member_id'] for m in client('GET', f'{path}/members').json['members']] == [other]
    assert client('GET', member, asker=STRANGER).status == 200
    assert client('DELETE', member, asker=STRANGER).status == 403
    assert client('DELETE', member).status == 204
    assert client('DELETE', member).status == 404
    assert client('GET', path, asker=STRANGER).status == 404


def test_only_shared_images_have_members(client, make):
    path = f'/v2/images/{make(visibility="private")["id"]}/members'
    refused = client('POST', path, {'member': 'x'})
    assert refused.status == 403 and b'Only shared images have members.' in refused.data


def test_members_are_named_soundly_and_not_without_end(client, make):
    path = f'/v2/images/{make()["id"]}/members'
    for body in ([], {}, {'member': ''}, {'member': 5}):
        assert client('POST', path, body).status == 400
    assert client('POST', path, {'member': 'x'}, asker=READER).status == 403
    for n in range(3):
        assert client('POST', path, {'member': f'p{n}'}).status == 200
    assert client('POST', path, {'member': 'p3'}).status == 413
    assert MEMBER.project_id
