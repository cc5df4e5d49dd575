"""Policies that are kept for services, and what they are for, over HTTP."""

import pytest


@pytest.fixture
def policy(cloud):
    answer = cloud('POST', '/policies', {'policy': {'type': 'application/json', 'blob': '{}', 'colour': 'red'}})
    assert answer.status == 201, answer.data
    return answer.json['policy']


@pytest.fixture
def place(cloud):
    """A region within another, and a service with an endpoint there; with the paths of a policy's targets."""
    above = cloud.make('region', id='above')
    below = cloud.make('region', id='below', parent_region_id='above')
    service = cloud.make('service', type='dns', name='dns')
    endpoint = cloud.make(
        'endpoint', service_id=service['id'], region_id='below', interface='public', url='http://cloud/dns'
    )
    return {
        'endpoint': f'endpoints/{endpoint["id"]}',
        'service': f'services/{service["id"]}',
        'above': f'services/{service["id"]}/regions/{above["id"]}',
        'below': f'services/{service["id"]}/regions/{below["id"]}',
        'id': endpoint['id'],
        'service_id': service['id'],
    }


def test_a_policy_is_kept_and_shown(cloud, policy):
    path = f'/policies/{policy["id"]}'
    assert policy['colour'] == 'red' and policy['links']['self'].endswith(path)
    assert cloud('GET', path).json['policy'] == policy
    assert cloud('GET', '/policies?type=application/json').json['policies'] == [policy]
    assert cloud('GET', '/policies?type=other').json['policies'] == []
    changed = cloud('PATCH', path, {'policy': {'blob': '[]', 'size': 1}}).json['policy']
    assert changed == {**policy, 'blob': '[]', 'size': 1}
    assert cloud('DELETE', path).status == 204
    assert cloud('GET', path).status == 404
    assert cloud('POST', '/policies', {'policy': {'type': 'x'}}).status == 400


def test_policies_are_an_administrators(cloud, member, policy):
    token, path = member['token'], f'/policies/{policy["id"]}'
    assert cloud('GET', '/policies', token=token).status == 403
    assert cloud('GET', path, token=token).status == 403
    assert cloud('POST', '/policies', {'policy': {'type': 'x', 'blob': 'y'}}, token).status == 403
    cloud('PUT', f'/system/users/{member["user"]["id"]}/roles/{cloud.role("reader")}')
    reader = cloud.token_of('bob', 'pw', {'system': {'all': True}})
    assert cloud('GET', path, token=reader).status == 200
    assert cloud('DELETE', path, token=reader).status == 403


@pytest.mark.parametrize('target', ['endpoint', 'service', 'below'])
def test_a_policy_is_for_something_until_it_is_not(cloud, policy, place, target):
    path = f'/policies/{policy["id"]}/OS-ENDPOINT-POLICY/{place[target]}'
    assert cloud('GET', path).status == 404
    assert cloud('PUT', path).status == cloud('PUT', path).status == 204
    assert cloud('GET', path).status == cloud('HEAD', path).status == 204
    found = cloud('GET', f'/policies/{policy["id"]}/OS-ENDPOINT-POLICY/endpoints').json['endpoints']
    assert [row['id'] for row in found] == [place['id']]
    effective = f'/endpoints/{place["id"]}/OS-ENDPOINT-POLICY/policy'
    assert cloud('GET', effective).json['policy']['id'] == policy['id']
    assert cloud('DELETE', path).status == 204
    assert cloud('GET', path).status == cloud('GET', effective).status == 404


def test_the_nearest_policy_is_that_of_the_endpoint(cloud, place):
    def made(target):
        policy_id = cloud('POST', '/policies', {'policy': {'type': 't', 'blob': target}}).json['policy']['id']
        assert cloud('PUT', f'/policies/{policy_id}/OS-ENDPOINT-POLICY/{place[target]}').status == 204
        return cloud('GET', f'/endpoints/{place["id"]}/OS-ENDPOINT-POLICY/policy').json['policy']['blob']

    assert [made(target) for target in ('service', 'above', 'below', 'endpoint')] == [
        'service',
        'above',
        'below',
        'endpoint',
    ]


def test_another_policy_takes_the_place_of_the_first(cloud, policy, place):
    other = cloud('POST', '/policies', {'policy': {'type': 't', 'blob': 'b'}}).json['policy']
    for one in (policy, other):
        assert cloud('PUT', f'/policies/{one["id"]}/OS-ENDPOINT-POLICY/{place["service"]}').status == 204
    assert cloud('GET', f'/policies/{policy["id"]}/OS-ENDPOINT-POLICY/{place["service"]}').status == 404
    assert cloud('GET', f'/policies/{policy["id"]}/OS-ENDPOINT-POLICY/endpoints').json['endpoints'] == []


def test_what_is_not_there_has_no_policy(cloud, policy, place):
    start = f'/policies/{policy["id"]}/OS-ENDPOINT-POLICY'
    for path in (f'{start}/endpoints/x', f'{start}/services/x', f'{start}/{place["service"]}/regions/x'):
        assert cloud('PUT', path).status == 404
    assert cloud('PUT', f'/policies/x/OS-ENDPOINT-POLICY/{place["service"]}').status == 404


def test_a_policy_and_a_service_leave_no_association_behind(cloud, policy, place):
    assert cloud('PUT', f'/policies/{policy["id"]}/OS-ENDPOINT-POLICY/{place["service"]}').status == 204
    assert cloud('DELETE', f'/policies/{policy["id"]}').status == 204
    assert cloud('GET', f'/endpoints/{place["id"]}/OS-ENDPOINT-POLICY/policy').status == 404
    assert cloud('DELETE', f'/services/{place["service_id"]}').status == 204
