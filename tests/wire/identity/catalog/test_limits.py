"""Registered limits and limits, over HTTP."""

import dataclasses

import pytest


@pytest.fixture
def registered(cloud):
    """Makes a registered limit of the compute service; returns it."""
    service = cloud('GET', '/services?type=compute').json['services'][0]['id']

    def make(**more):
        body = {'service_id': service, 'resource_name': 'cores', 'default_limit': 10} | more
        answer = cloud('POST', '/registered_limits', {'registered_limits': [body]})
        assert answer.status == 201, answer.data
        assert list(answer.json) == ['registered_limits']
        return answer.json['registered_limits'][0]

    return make


@pytest.fixture
def strict(cloud):
    """The cloud keeps projects below their domains."""
    authority = cloud.parts.extra['identity']
    authority.settings = dataclasses.replace(authority.settings, limit_model='strict_two_level')


def limit(cloud, registered, token=None, **more):
    names = ('service_id', 'region_id', 'resource_name')
    body = {name: registered[name] for name in names if registered[name]} | {'resource_limit': 5} | more
    return cloud('POST', '/limits', {'limits': [body]}, token)


def test_a_registered_limit_is_kept_and_shown(cloud, registered):
    made = registered(region_id='RegionOne', description='all cores')
    path = f'/registered_limits/{made["id"]}'
    assert made['links']['self'].endswith(path) and made['region_id'] == 'RegionOne'
    assert cloud('GET', path).json['registered_limit'] == made
    other = registered()
    assert other['region_id'] is None and other['description'] is None
    for query, found in (('', [made, other]), ('?region_id=RegionOne', [made]), ('?resource_name=ram', [])):
        assert cloud('GET', '/registered_limits' + query).json['registered_limits'] == found
    changed = cloud('PATCH', path, {'registered_limit': {'default_limit': 7, 'region_id': None, 'resource_name': 'r'}})
    assert changed.json['registered_limit'] == {**made, 'default_limit': 7, 'region_id': None, 'resource_name': 'r'}
    assert cloud('DELETE', path).status == 204
    assert cloud('GET', path).status == 404
    assert cloud('GET', path).json['error']['message'] == f'Could not find registered limit for {made["id"]}.'


def test_a_registered_limit_is_there_once(cloud, registered):
    made, other = registered(), registered(resource_name='ram')
    body = {name: made[name] for name in ('service_id', 'resource_name', 'default_limit')}
    fresh = {**body, 'resource_name': 'new'}
    assert cloud('POST', '/registered_limits', {'registered_limits': [fresh, body]}).status == 409
    assert len(cloud('GET', '/registered_limits').json['registered_limits']) == 2
    path = f'/registered_limits/{other["id"]}'
    assert cloud('PATCH', path, {'registered_limit': {'resource_name': 'cores'}}).status == 409


@pytest.mark.parametrize(
    'more',
    [
        {'default_limit': -2},
        {'default_limit': 2**31},
        {'default_limit': '5'},
        {'resource_name': ''},
        {'service_id': 'f' * 32},
        {'region_id': 'nowhere'},
        {'colour': 'red'},
    ],
    ids=str,
)
def test_a_registered_limit_must_fit(cloud, registered, more):
    made = registered()
    body = {'service_id': made['service_id'], 'resource_name': 'ram', 'default_limit': 1} | more
    assert cloud('POST', '/registered_limits', {'registered_limits': [body]}).status == 400
    assert cloud('POST', '/registered_limits', {'registered_limits': []}).status == 400


def test_a_limit_is_kept_and_shown(cloud, member, registered):
    project_id = member['project']['id']
    answer = limit(cloud, registered(region_id='RegionOne'), project_id=project_id)
    assert answer.status == 201 and list(answer.json) == ['limits']
    made = answer.json['limits'][0]
    path = f'/limits/{made["id"]}'
    assert (made['project_id'], made['domain_id'], made['region_id']) == (project_id, None, 'RegionOne')
    assert cloud('GET', path).json['limit'] == made
    for query in ('', f'?project_id={project_id}', '?region_id=RegionOne', '?resource_name=cores'):
        assert cloud('GET', '/limits' + query).json['limits'] == [made]
    assert cloud('GET', '/limits?domain_id=default').json['limits'] == []
    changed = cloud('PATCH', path, {'limit': {'resource_limit': 0, 'description': 'none'}})
    assert changed.json['limit'] == {**made, 'resource_limit': 0, 'description': 'none'}
    assert cloud('PATCH', path, {'limit': {'resource_name': 'ram'}}).status == 400
    assert cloud('DELETE', path).status == 204
    assert cloud('GET', path).json['error']['message'] == f'Could not find limit for {made["id"]}.'


def test_a_limit_needs_a_registered_one_and_keeps_it(cloud, member, registered):
    made, project_id = registered(), member['project']['id']
    refused = limit(cloud, {**made, 'resource_name': 'ram'}, project_id=project_id)
    assert refused.status == 403
    sentence = 'Unable to create a limit that has no corresponding registered limit.'
    assert refused.json['error']['message'] == sentence
    one = limit(cloud, made, project_id=project_id).json['limits'][0]
    assert limit(cloud, made, project_id=project_id).status == 409
    path = f'/registered_limits/{made["id"]}'
    for answer in (cloud('DELETE', path), cloud('PATCH', path, {'registered_limit': {'default_limit': 1}})):
        assert answer.status == 403
        assert 'because there are project limits associated with it' in answer.json['error']['message']
    assert cloud('DELETE', f'/limits/{one["id"]}').status == cloud('DELETE', path).status == 204


def test_a_limit_is_a_projects_or_a_domains(cloud, member, registered):
    made, project_id = registered(), member['project']['id']
    assert limit(cloud, made).status == 400
    assert limit(cloud, made, project_id=project_id, domain_id='default').status == 400
    assert limit(cloud, made, project_id=None).status == 400
    assert limit(cloud, made, project_id='nothing').status == 400
    assert limit(cloud, made, domain_id=project_id).status == 400
    told = limit(cloud, made, project_id='default').json['limits'][0]
    assert (told['project_id'], told['domain_id']) == (None, 'default')


def test_everybody_sees_what_is_registered_and_his_own_limits(cloud, member, registered):
    made, token = registered(), member['token']
    mine = limit(cloud, made, project_id=member['project']['id']).json['limits'][0]
    other = limit(cloud, made, project_id=cloud.make('project', name='other')['id']).json['limits'][0]
    assert cloud('GET', '/registered_limits', token=token).json['registered_limits'] == [made]
    assert cloud('GET', '/limits', token=token).json['limits'] == [mine]
    assert cloud('GET', f'/limits?project_id={other["project_id"]}', token=token).json['limits'] == []
    assert cloud('GET', f'/limits/{mine["id"]}', token=token).status == 200
    assert cloud('GET', f'/limits/{other["id"]}', token=token).status == 403
    assert cloud('GET', '/limits/nothing', token=token).status == 403
    assert limit(cloud, made, token, domain_id='default').status == 403
    assert cloud('PATCH', f'/limits/{mine["id"]}', {'limit': {'resource_limit': 9}}, token).status == 403
    assert cloud('DELETE', f'/limits/{mine["id"]}', token=token).status == 403
    assert cloud('DELETE', f'/registered_limits/{made["id"]}', token=token).status == 403
    assert cloud('GET', '/limits', token='').status == 401


def test_a_domains_reader_sees_the_domains_limits(cloud, registered):
    made, home = registered(), cloud.make('domain', name='home')
    user = cloud.make('user', name='ron', password='pw', domain_id=home['id'])
    cloud('PUT', f'/domains/{home["id"]}/users/{user["id"]}/roles/{cloud.role("reader")}')
    token = cloud.login('ron', 'pw', {'domain': {'id': home['id']}}, home['id']).headers['X-Subject-Token']
    project = cloud.make('project', name='inside', domain_id=home['id'])
    rows = [
        limit(cloud, made, **told).json['limits'][0]
        for told in ({'domain_id': home['id']}, {'project_id': project['id']}, {'domain_id': 'default'})
    ]
    assert cloud('GET', '/limits', token=token).json['limits'] == rows[:2]
    assert [cloud('GET', f'/limits/{row["id"]}', token=token).status for row in rows] == [200, 200, 403]


def test_limits_go_with_their_project(cloud, member, registered):
    made = registered()
    limit(cloud, made, project_id=member['project']['id'])
    assert cloud('DELETE', f'/projects/{member["project"]["id"]}').status == 204
    assert cloud('GET', '/limits').json['limits'] == []


def test_a_service_and_a_region_stay_while_they_have_limits(cloud, registered):
    cloud.make('region', id='above')
    cloud.make('region', id='below', parent_region_id='above')
    made = registered(region_id='below')
    path = f'/services/{made["service_id"]}'
    before = cloud('GET', '/endpoints').json['endpoints']
    for url, why in (
        (path, f'Unable to delete service {made["service_id"]} because it has registered limits.'),
        (
            '/regions/above',
            'Unable to delete region above because it or its child regions have registered limits.',
        ),
    ):
        refused = cloud('DELETE', url)
        assert (refused.status, refused.json['error']['message']) == (403, why)
    assert cloud('GET', '/endpoints').json['endpoints'] == before
    assert cloud('DELETE', f'/registered_limits/{made["id"]}').status == 204
    assert [cloud('DELETE', url).status for url in (path, '/regions/above')] == [204, 204]


def test_the_model_is_told(cloud, member):
    assert cloud('GET', '/limits/model', token=member['token']).json['model']['name'] == 'flat'


def test_flat_limits_know_no_domain(cloud, member, registered):
    made = registered()
    assert limit(cloud, made, domain_id='default', resource_limit=3).status == 201
    assert limit(cloud, made, project_id=member['project']['id'], resource_limit=4).status == 201


def test_in_a_strict_tree_a_project_stays_below_its_domain(cloud, member, registered, strict):
    assert cloud('GET', '/limits/model').json['model']['name'] == 'strict_two_level'
    made, project_id = registered(), member['project']['id']
    over = limit(cloud, made, project_id=project_id, resource_limit=11)
    assert over.status == 403
    assert over.json['error']['message'].startswith(
        f'Invalid resource limit: The resource limit (project_id: {project_id}'
    )
    assert limit(cloud, made, project_id=project_id, resource_limit=-1).status == 403
    assert limit(cloud, made, domain_id='default', resource_limit=20).status == 201
    mine = limit(cloud, made, project_id=project_id, resource_limit=20).json['limits'][0]
    assert cloud('PATCH', f'/limits/{mine["id"]}', {'limit': {'resource_limit': 21}}).status == 403
    home = cloud('GET', '/limits?domain_id=default').json['limits'][0]
    assert cloud('PATCH', f'/limits/{home["id"]}', {'limit': {'resource_limit': 19}}).status == 403
    assert cloud('PATCH', f'/limits/{home["id"]}', {'limit': {'resource_limit': -1}}).status == 200
    assert cloud('PATCH', f'/limits/{mine["id"]}', {'limit': {'resource_limit': -1}}).status == 200


def test_in_a_strict_tree_limits_that_come_together_are_judged_together(cloud, member, registered, strict):
    made = registered()
    common = {'service_id': made['service_id'], 'resource_name': 'cores'}

    def both(project, domain):
        rows = [
            {**common, 'project_id': member['project']['id'], 'resource_limit': project},
            {**common, 'domain_id': 'default', 'resource_limit': domain},
        ]
        return cloud('POST', '/limits', {'limits': rows}).status

    assert both(31, 30) == 403
    assert cloud('GET', '/limits').json['limits'] == []
    assert both(30, 30) == 201
