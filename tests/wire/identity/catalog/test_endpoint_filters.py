"""Endpoint groups, and catalogs that show only what a project was told, over HTTP."""

import pytest

GROUPS = '/OS-EP-FILTER/endpoint_groups'


def group(cloud, **filters):
    answer = cloud('POST', GROUPS, {'endpoint_group': {'name': 'g', 'filters': filters}})
    assert answer.status == 201, answer.data
    return answer.json['endpoint_group']


def endpoints(cloud, **filters):
    query = '&'.join(f'{name}={value}' for name, value in filters.items())
    return [row['id'] for row in cloud('GET', f'/endpoints?{query}').json['endpoints']]


def shown(cloud, member):
    """The endpoints in the catalog of the member's token, as each of three calls tells it."""
    token = cloud.token_of('bob', 'pw', member['scope'])
    told = cloud('GET', '/auth/tokens', token=token, x_subject_token=token).json['token']['catalog']
    catalog = cloud('GET', '/auth/catalog', token=token).json['catalog']
    login = cloud.login('bob', 'pw', member['scope']).json['token']['catalog']
    assert told == catalog == login
    return sorted(endpoint['id'] for service in catalog for endpoint in service['endpoints'])


def test_a_group_is_kept_and_shown(cloud):
    made = group(cloud, interface='public')
    path = f'{GROUPS}/{made["id"]}'
    assert made['links']['self'].endswith(path) and made['description'] is None
    assert cloud('GET', path).json['endpoint_group'] == made
    assert cloud('HEAD', path).status == 200
    assert cloud('GET', GROUPS + '?name=g').json['endpoint_groups'] == [made]
    changed = cloud('PATCH', path, {'endpoint_group': {'name': 'h', 'filters': {'interface': 'admin'}}})
    assert changed.json['endpoint_group'] == {**made, 'name': 'h', 'filters': {'interface': 'admin'}}
    assert cloud('DELETE', path).status == 204
    assert cloud('GET', path).status == 404


@pytest.mark.parametrize('filters', [{}, {'colour': 'red'}, {'interface': 'wide'}, {'enabled': True}, None, []])
def test_a_group_filters_by_what_endpoints_have(cloud, filters):
    assert cloud('POST', GROUPS, {'endpoint_group': {'name': 'g', 'filters': filters}}).status == 400


def test_a_group_has_the_endpoints_that_match(cloud):
    made = group(cloud, interface='public', region_id='RegionOne')
    found = cloud('GET', f'{GROUPS}/{made["id"]}/endpoints').json['endpoints']
    assert sorted(row['id'] for row in found) == sorted(endpoints(cloud, interface='public'))


def test_a_projects_catalog_shows_the_endpoints_it_was_told(cloud, member):
    cloud.make('service', type='bare', name='nothing')
    every = shown(cloud, member)
    one = endpoints(cloud, interface='public')[0]
    path = f'/OS-EP-FILTER/projects/{member["project"]["id"]}/endpoints'
    assert cloud('GET', f'{path}/{one}').status == 404
    assert cloud('PUT', f'{path}/{one}').status == 204
    assert cloud('PUT', f'{path}/{one}').status == 409
    assert cloud('GET', f'{path}/{one}').status == cloud('HEAD', f'{path}/{one}').status == 204
    assert shown(cloud, member) == [one]
    assert [row['id'] for row in cloud('GET', path).json['endpoints']] == [one]
    told = cloud('GET', f'/OS-EP-FILTER/endpoints/{one}/projects').json['projects']
    assert [row['id'] for row in told] == [member['project']['id']]
    assert cloud('DELETE', f'{path}/{one}').status == 204
    assert cloud('DELETE', f'{path}/{one}').status == 404
    assert shown(cloud, member) == every


def test_a_projects_catalog_shows_the_groups_it_was_told(cloud, member):
    every = shown(cloud, member)
    made = group(cloud, interface='internal')
    project_id = member['project']['id']
    path = f'{GROUPS}/{made["id"]}/projects/{project_id}'
    assert cloud('GET', path).status == 404
    assert cloud('PUT', path).status == 204
    assert cloud('PUT', path).status == 409
    told = cloud('GET', path).json['project_endpoint_group']
    assert (told['endpoint_group_id'], told['project_id']) == (made['id'], project_id)
    assert shown(cloud, member) == sorted(endpoints(cloud, interface='internal'))
    cloud('PATCH', f'{GROUPS}/{made["id"]}', {'endpoint_group': {'filters': {'interface': 'public'}}})
    assert shown(cloud, member) == sorted(endpoints(cloud, interface='public'))
    found = cloud('GET', f'/OS-EP-FILTER/projects/{project_id}/endpoints').json['endpoints']
    assert sorted(row['id'] for row in found) == shown(cloud, member)
    listed = cloud('GET', f'/OS-EP-FILTER/projects/{project_id}/endpoint_groups').json['endpoint_groups']
    assert [row['id'] for row in listed] == [made['id']]
    listed = cloud('GET', f'{GROUPS}/{made["id"]}/projects').json['projects']
    assert [row['id'] for row in listed] == [project_id]
    assert cloud('DELETE', path).status == 204
    assert shown(cloud, member) == every
    assert cloud('DELETE', path).status == 404


def test_other_projects_show_what_they_showed(cloud, member):
    one = endpoints(cloud, interface='public')[0]
    before = cloud('GET', '/auth/catalog').json['catalog']
    assert cloud('PUT', f'/OS-EP-FILTER/projects/{member["project"]["id"]}/endpoints/{one}').status == 204
    assert cloud('GET', '/auth/catalog').json['catalog'] == before


def test_what_is_gone_is_told_to_no_project(cloud, member):
    every, project_id = shown(cloud, member), member['project']['id']
    service = cloud.make('service', type='dns')
    more = {'service_id': service['id'], 'interface': 'public', 'url': 'http://cloud/dns'}
    one = cloud.make('endpoint', **more)['id']
    made = group(cloud, service_id=service['id'])
    assert cloud('PUT', f'/OS-EP-FILTER/projects/{project_id}/endpoints/{one}').status == 204
    assert cloud('PUT', f'{GROUPS}/{made["id"]}/projects/{project_id}').status == 204
    assert shown(cloud, member) == [one]
    assert cloud('DELETE', f'/services/{service["id"]}').status == 204
    assert cloud('GET', f'/OS-EP-FILTER/projects/{project_id}/endpoints').json['endpoints'] == []
    assert cloud('DELETE', f'{GROUPS}/{made["id"]}').status == 204
    assert shown(cloud, member) == every


def test_filters_are_an_administrators(cloud, member):
    made, token = group(cloud, interface='public'), member['token']
    one = endpoints(cloud, interface='public')[0]
    project = f'/OS-EP-FILTER/projects/{member["project"]["id"]}'
    for method, path in (
        ('GET', GROUPS),
        ('GET', f'{GROUPS}/{made["id"]}'),
        ('DELETE', f'{GROUPS}/{made["id"]}'),
        ('GET', f'{project}/endpoints'),
        ('PUT', f'{project}/endpoints/{one}'),
        ('PUT', f'{GROUPS}/{made["id"]}/projects/{member["project"]["id"]}'),
    ):
        assert cloud(method, path, token=token).status == 403
    assert cloud('PUT', f'/OS-EP-FILTER/projects/x/endpoints/{one}').status == 404
    assert cloud('PUT', f'{project}/endpoints/x').status == 404
