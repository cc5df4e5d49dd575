"""A domain's manager and a domain's administrator at work, at home and elsewhere."""

import pytest

from tests.wire.identity.personas import token_of


def works(ids, cloud):
    """(method, path, body, status) of all that a manager does in a domain, in an order that can be done."""
    domain, user, group, project = (ids[f'{noun}_id'] for noun in ('domain', 'user', 'group', 'project'))
    member, reader, manager = (cloud.role(name) for name in ('member', 'reader', 'manager'))
    for noun in ('user', 'group', 'project'):
        yield 'POST', f'/{noun}s', {noun: {'name': 'made', 'domain_id': domain}}, 201
        yield 'PATCH', f'/{noun}s/{ids[noun + "_id"]}', {noun: {'description': 'new'}}, 200
        yield 'GET', f'/{noun}s/{ids[noun + "_id"]}', None, 200
    yield 'PATCH', f'/users/{user}', {'user': {'password': 'other', 'enabled': True}}, 200
    inside = f'/groups/{group}/users/{user}'
    for method, status in (('PUT', 204), ('GET', 204), ('DELETE', 204)):
        yield method, inside, None, status
    yield 'GET', f'/groups/{group}/users', None, 200
    yield 'GET', f'/users/{user}/groups', None, 200
    yield 'GET', f'/users/{user}/projects', None, 200
    yield 'PUT', f'/projects/{project}/tags', {'tags': ['x']}, 200
    yield 'PUT', f'/projects/{project}/tags/y', None, 201
    yield 'GET', f'/projects/{project}/tags', None, 200
    yield 'GET', f'/projects/{project}/tags/y', None, 204
    yield 'DELETE', f'/projects/{project}/tags/y', None, 204
    yield 'DELETE', f'/projects/{project}/tags', None, 204
    for role in (member, reader, manager):
        for place in (f'/projects/{project}', f'/domains/{domain}'):
            for actor in (f'users/{user}', f'groups/{group}'):
                for path in (
                    f'{place}/{actor}/roles/{role}',
                    f'/OS-INHERIT{place}/{actor}/roles/{role}/inherited_to_projects',
                ):
                    yield 'PUT', path, None, 204
                    yield 'GET', path, None, 204
                    yield 'DELETE', path, None, 204
                yield 'GET', f'{place}/{actor}/roles', None, 200
    for noun in ('user', 'group', 'project'):
        yield 'DELETE', f'/{noun}s/{ids[noun + "_id"]}', None, 204


def test_a_domains_manager_does_all_of_it_at_home_and_nothing_elsewhere(cloud, world):
    token, _ = token_of(cloud, world, 'Dg')
    for method, path, body, _ in works(world['there'], cloud):
        assert cloud(method, path, body, token).status == 403, (method, path)
    for method, path, body, status in works(world['here'], cloud):
        assert cloud(method, path, body, token).status == status, (method, path)


def test_a_manager_of_a_domain_makes_nobody_an_administrator(cloud, world):
    token, me = token_of(cloud, world, 'Dg')
    here = world['here']
    own = cloud('POST', '/roles', {'role': {'name': 'own', 'domain_id': here['domain_id']}}).json['role']['id']
    for role in (cloud.role('admin'), cloud.role('service'), own):
        for place in (f'/projects/{here["project_id"]}', f'/domains/{here["domain_id"]}'):
            for actor in (f'users/{me["id"]}', f'users/{here["user_id"]}', f'groups/{here["group_id"]}'):
                for path in (f'{place}/{actor}/roles/{role}',):
                    assert [cloud(method, path, token=token).status for method in ('PUT', 'DELETE')] == [403, 403]
    for role in ('admin', 'manager', 'member'):
        path = f'/system/users/{me["id"]}/roles/{cloud.role(role)}'
        assert cloud('PUT', path, token=token).status == 403
    assert cloud('POST', '/roles', {'role': {'name': 'n'}}, token).status == 403
    assert cloud('POST', '/domains', {'domain': {'name': 'n'}}, token).status == 403
    assert cloud('PATCH', f'/domains/{here["domain_id"]}', {'domain': {'name': 'n'}}, token).status == 403


def test_who_is_at_home_in_one_domain_takes_nobody_of_another_in(cloud, world):
    token, _ = token_of(cloud, world, 'Dg')
    here, there, member = world['here'], world['there'], cloud.role('member')
    crossed = [
        f'/groups/{here["group_id"]}/users/{there["user_id"]}',
        f'/groups/{there["group_id"]}/users/{here["user_id"]}',
        f'/projects/{here["project_id"]}/users/{there["user_id"]}/roles/{member}',
        f'/projects/{there["project_id"]}/users/{here["user_id"]}/roles/{member}',
        f'/domains/{here["domain_id"]}/groups/{there["group_id"]}/roles/{member}',
        f'/domains/{there["domain_id"]}/groups/{here["group_id"]}/roles/{member}',
    ]
    for path in crossed:
        assert [cloud(method, path, token=token).status for method in ('PUT', 'DELETE')] == [403, 403], path


@pytest.mark.parametrize('persona', ['Da', 'Dg', 'Dm', 'Dr'])
def test_lists_of_a_domain_show_nothing_of_another(cloud, world, persona):
    token, _ = token_of(cloud, world, persona)
    here, there = world['here']['domain_id'], world['there']['domain_id']
    for noun in ('users', 'groups', 'projects'):
        for query in ('', f'?domain_id={there}', f'?domain_id={here}', '?name=neighbour', '?limit=1000'):
            answer = cloud('GET', f'/{noun}{query}', token=token)
            homes = {row['domain_id'] for row in answer.json[noun]}
            assert answer.status == 200 and homes <= {here}, (noun, query)


def test_a_domains_administrator_is_one_wherever_upstreams_rules_say_so(cloud, world):
    """The role admin is not confined to its token's domain; what belongs to the whole cloud is out of reach."""
    token, _ = token_of(cloud, world, 'Da')
    for place in ('there', 'here'):
        for method, path, body, status in works(world[place], cloud):
            assert cloud(method, path, body, token).status == status, (method, path)
    for method, path, body in (
        ('POST', '/domains', {'domain': {'name': 'n'}}),
        ('POST', '/roles', {'role': {'name': 'n'}}),
        ('POST', '/regions', {'region': {}}),
        ('POST', '/services', {'service': {'type': 'n'}}),
        ('GET', '/endpoints', None),
        ('GET', f'/system/users/{world["here"]["user_id"]}/roles', None),
    ):
        assert cloud(method, path, body, token).status == 403, path
