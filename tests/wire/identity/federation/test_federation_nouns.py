"""Identity providers, protocols, mappings and service providers, over HTTP."""

import pytest

PROVIDERS = '/OS-FEDERATION/identity_providers'
MAPPINGS = '/OS-FEDERATION/mappings'
SERVICES = '/OS-FEDERATION/service_providers'
RULES = [{'local': [{'user': {'name': '{0}'}}], 'remote': [{'type': 'UserName'}]}]
SERVICE = {'auth_url': 'https://other/v3/auth', 'sp_url': 'https://other/Shibboleth.sso/SAML2/ECP'}


def put_provider(cloud, name='acme', **values):
    answer = cloud('PUT', f'{PROVIDERS}/{name}', {'identity_provider': values})
    assert answer.status == 201, answer.data
    return answer.json['identity_provider']


def put_mapping(cloud, name='rules', rules=RULES, **more):
    answer = cloud('PUT', f'{MAPPINGS}/{name}', {'mapping': {'rules': rules, **more}})
    assert answer.status == 201, answer.data
    return answer.json['mapping']


def put_protocol(cloud, provider='acme', name='saml2', mapping='rules', **more):
    answer = cloud('PUT', f'{PROVIDERS}/{provider}/protocols/{name}', {'protocol': {'mapping_id': mapping, **more}})
    assert answer.status == 201, answer.data
    return answer.json['protocol']


def test_a_provider_is_disabled_and_has_a_domain_of_its_own(cloud):
    made = put_provider(cloud)
    assert {name: made[name] for name in made if name not in ('domain_id', 'links')} == {
        'id': 'acme',
        'enabled': False,
        'description': None,
        'authorization_ttl': None,
        'remote_ids': [],
    }
    assert made['links']['self'].endswith(f'{PROVIDERS}/acme')
    assert made['links']['protocols'] == made['links']['self'] + '/protocols'
    domain = cloud('GET', f'/domains/{made["domain_id"]}').json['domain']
    assert domain['name'] == domain['id'] and domain['enabled'] is True
    assert domain['description'] == 'Auto generated federated domain for Identity Provider: acme'
    assert cloud('GET', f'{PROVIDERS}/acme').json['identity_provider'] == made


def test_a_body_may_be_empty_as_every_value_has_a_default(cloud):
    assert cloud('PUT', f'{PROVIDERS}/acme', {}).status == 201


def test_a_provider_has_the_domain_it_was_told(cloud):
    assert put_provider(cloud, domain_id='default')['domain_id'] == 'default'
    assert put_provider(cloud, 'other', domain_id='default')['domain_id'] == 'default'
    assert cloud('PUT', f'{PROVIDERS}/third', {'identity_provider': {'domain_id': 'nowhere'}}).status == 404
    project = cloud.make('project', name='no-domain')['id']
    assert cloud('PUT', f'{PROVIDERS}/third', {'identity_provider': {'domain_id': project}}).status == 404


def test_a_failed_provider_leaves_no_domain_behind(cloud):
    put_provider(cloud, remote_ids=['https://idp'])
    before = len(cloud('GET', '/domains').json['domains'])
    assert cloud('PUT', f'{PROVIDERS}/acme', {'identity_provider': {}}).status == 409
    answer = cloud('PUT', f'{PROVIDERS}/other', {'identity_provider': {'remote_ids': ['https://idp']}})
    assert answer.status == 409 and 'Duplicate remote ID: https://idp' in answer.json['error']['message']
    assert len(cloud('GET', '/domains').json['domains']) == before


@pytest.mark.parametrize(
    'values',
    [
        {'enabled': 'maybe'},
        {'remote_ids': 'one'},
        {'remote_ids': ['a', 'a']},
        {'authorization_ttl': -1},
        {'colour': 'red'},
        {'id': 'other'},
        {'domain_id': ''},
    ],
)
def test_a_provider_takes_only_what_it_knows(cloud, values):
    assert cloud('PUT', f'{PROVIDERS}/acme', {'identity_provider': values}).status == 400


def test_a_provider_is_changed_but_not_its_domain(cloud):
    put_provider(cloud, remote_ids=['a', 'b'])
    change = {'enabled': True, 'remote_ids': ['c'], 'authorization_ttl': 5, 'description': 'x'}
    shown = cloud('PATCH', f'{PROVIDERS}/acme', {'identity_provider': change}).json['identity_provider']
    assert {name: shown[name] for name in change} == change
    assert cloud('PATCH', f'{PROVIDERS}/acme', {'identity_provider': {'remote_ids': None}}).status == 200
    assert cloud('GET', f'{PROVIDERS}/acme').json['identity_provider']['remote_ids'] == []
    assert cloud('PATCH', f'{PROVIDERS}/acme', {'identity_provider': {'domain_id': 'default'}}).status == 400
    assert cloud('PATCH', f'{PROVIDERS}/acme', {'identity_provider': {}}).status == 400
    assert cloud('PATCH', f'{PROVIDERS}/none', {'identity_provider': change}).status == 404


def test_providers_are_listed_by_id_and_by_whether_they_are_enabled(cloud):
    put_provider(cloud, 'on', enabled=True, remote_ids=['x'])
    put_provider(cloud, 'off')

    def found(query=''):
        answer = cloud('GET', PROVIDERS + query).json
        assert answer['links']['self'].endswith(PROVIDERS + query)
        return [row['id'] for row in answer['identity_providers']]

    assert found() == ['on', 'off']
    assert found('?enabled=true') == ['on'] and found('?enabled=False') == ['off']
    assert found('?id=off') == ['off'] and found('?id__contains=o') == ['on', 'off']
    assert cloud('GET', PROVIDERS).json['identity_providers'][0]['remote_ids'] == ['x']


def test_a_provider_goes_with_its_protocols(cloud):
    domain = put_provider(cloud)['domain_id']
    put_mapping(cloud)
    put_protocol(cloud)
    assert cloud('DELETE', f'{PROVIDERS}/acme').status == 204
    assert cloud('DELETE', f'{PROVIDERS}/acme').status == 404
    assert cloud('GET', f'{PROVIDERS}/acme').status == cloud('GET', f'{PROVIDERS}/acme/protocols/saml2').status == 404
    assert cloud('GET', f'{PROVIDERS}/acme/protocols').json['protocols'] == []
    assert cloud('GET', f'/domains/{domain}').status == 200


def test_a_provider_goes_with_its_domain(cloud):
    domain = put_provider(cloud, remote_ids=['x'])['domain_id']
    assert cloud('PATCH', f'/domains/{domain}', {'domain': {'enabled': False}}).status == 200
    assert cloud('DELETE', f'/domains/{domain}').status == 204
    assert cloud('GET', f'{PROVIDERS}/acme').status == 404
    put_provider(cloud, 'other', remote_ids=['x'])


def test_a_protocol_is_shown_with_its_links(cloud):
    provider = put_provider(cloud)
    put_mapping(cloud)
    made = put_protocol(cloud, remote_id_attribute='ISS')
    assert set(made) == {'id', 'mapping_id', 'links'}
    assert made['links']['identity_provider'] == provider['links']['self']
    assert made['links']['self'] == provider['links']['protocols'] + '/saml2'
    path = f'{PROVIDERS}/acme/protocols'
    assert cloud('GET', f'{path}/saml2').json['protocol'] == made
    assert cloud('HEAD', path).status == cloud('HEAD', f'{path}/saml2').status == 200
    assert cloud('GET', path).json['protocols'] == [{**made, 'idp_id': 'acme', 'remote_id_attribute': 'ISS'}]
    assert cloud('PUT', f'{path}/saml2', {'protocol': {'mapping_id': 'rules'}}).status == 409
    assert cloud('DELETE', f'{path}/saml2').status == 204
    assert cloud('GET', f'{path}/saml2').status == cloud('DELETE', f'{path}/saml2').status == 404


def test_a_protocol_names_a_mapping_that_is_there(cloud):
    put_provider(cloud)
    put_mapping(cloud)
    put_mapping(cloud, 'others')
    path = f'{PROVIDERS}/acme/protocols/saml2'
    refused = cloud('PUT', path, {'protocol': {'mapping_id': 'none'}})
    assert refused.status == 400 and 'Invalid mapping id: none' in refused.json['error']['message']
    assert cloud('PUT', path, {'protocol': {}}).status == 400
    assert cloud('PUT', f'{PROVIDERS}/no/protocols/x', {'protocol': {'mapping_id': 'rules'}}).status == 404
    put_protocol(cloud)
    changed = cloud('PATCH', path, {'protocol': {'mapping_id': 'others', 'remote_id_attribute': 'X'}})
    assert changed.json['protocol']['mapping_id'] == 'others'
    assert cloud('PATCH', path, {'protocol': {'mapping_id': 'none'}}).status == 400
    assert cloud('PATCH', path, {'protocol': {'remote_id_attribute': 'Y'}}).status == 400
    assert cloud('PATCH', path, {'protocol': {'mapping_id': 'rules', 'remote_id_attribute': None}}).status == 400


def test_a_mapping_is_kept_and_shown(cloud):
    made = put_mapping(cloud)
    assert made['rules'] == RULES and made['schema_version'] == '1.0'
    assert made['links']['self'].endswith(f'{MAPPINGS}/rules')
    assert cloud('GET', f'{MAPPINGS}/rules').json['mapping'] == made
    assert cloud('GET', MAPPINGS).json['mappings'] == [made]
    assert cloud('PUT', f'{MAPPINGS}/rules', {'mapping': {'rules': RULES}}).status == 409
    new = [{'local': [{'group': {'id': 'g'}}], 'remote': [{'type': 'X', 'any_one_of': ['y']}]}]
    changed = cloud('PATCH', f'{MAPPINGS}/rules', {'mapping': {'rules': new, 'schema_version': '2.0'}}).json['mapping']
    assert changed['rules'] == new and changed['schema_version'] == '2.0'
    # A client that is told no version sends null; the mapping has the default one then.
    unsaid = cloud('PATCH', f'{MAPPINGS}/rules', {'mapping': {'rules': new, 'schema_version': None}})
    assert unsaid.status == 200 and unsaid.json['mapping']['schema_version'] == '1.0'
    assert cloud('PATCH', f'{MAPPINGS}/none', {'mapping': {'rules': new}}).status == 404
    assert cloud('DELETE', f'{MAPPINGS}/rules').status == 204
    assert cloud('GET', f'{MAPPINGS}/rules').status == 404


BAD_RULES = [
    None,
    [],
    {},
    [{}],
    [{'local': []}],
    [{'local': [], 'remote': []}],
    [{'local': [{'colour': 'red'}], 'remote': [{'type': 'X'}]}],
    [{'local': [{'user': {'type': 'robot'}}], 'remote': [{'type': 'X'}]}],
    [{'local': [{'group': {'name': 'no domain'}}], 'remote': [{'type': 'X'}]}],
    [{'local': [{'group': {'id': 'x', 'name': 'y', 'domain': {'id': 'z'}}}], 'remote': [{'type': 'X'}]}],
    [{'local': [{'groups': ['a']}], 'remote': [{'type': 'X'}]}],
    [{'local': [{'projects': [{'name': 'p'}]}], 'remote': [{'type': 'X'}]}],
    [{'local': [], 'remote': [{'any_one_of': ['y']}]}],
    [{'local': [], 'remote': [{'type': 'X', 'any_one_of': ['y'], 'blacklist': ['z']}]}],
    [{'local': [], 'remote': [{'type': 'X', 'any_one_of': 'y'}]}],
    [{'local': [], 'remote': [{'type': 'X', 'any_one_of': [7]}]}],
    [{'local': [], 'remote': [{'type': 'X', 'any_one_of': ['y'], 'regex': 'yes'}]}],
    [{'local': [], 'remote': [{'type': 'X'}], 'more': 1}],
]


@pytest.mark.parametrize('rules', BAD_RULES)
def test_rules_that_say_nothing_are_refused(cloud, rules):
    assert cloud('PUT', f'{MAPPINGS}/rules', {'mapping': {'rules': rules}}).status == 400


def test_a_mapping_without_rules_or_of_an_unknown_version_is_refused(cloud):
    assert cloud('PUT', f'{MAPPINGS}/rules', {}).status == 400
    assert cloud('PUT', f'{MAPPINGS}/rules', {'mapping': {}}).status == 400
    assert cloud('PUT', f'{MAPPINGS}/rules', {'mapping': {'rules': RULES, 'schema_version': '9.9'}}).status == 400


def test_projects_have_a_domain_since_the_second_version(cloud):
    project = {'name': 'p', 'roles': [{'name': 'member'}], 'domain': {'name': 'd'}}
    rules = [{'local': [{'projects': [project]}], 'remote': [{'type': 'X'}]}]
    assert cloud('PUT', f'{MAPPINGS}/one', {'mapping': {'rules': rules}}).status == 400
    put_mapping(cloud, 'two', rules, schema_version='2.0')
    json = [{'local': [{'projects_json': '{0}'}], 'remote': [{'type': 'X'}]}]
    assert cloud('PUT', f'{MAPPINGS}/three', {'mapping': {'rules': json, 'schema_version': '2.0'}}).status == 400
    put_mapping(cloud, 'three', json, schema_version='3.0')


def test_a_service_provider_is_kept_and_shown(cloud):
    made = cloud('PUT', f'{SERVICES}/far', {'service_provider': SERVICE})
    assert made.status == 201
    shown = made.json['service_provider']
    assert shown.pop('links')['self'].endswith(f'{SERVICES}/far')
    assert shown == {
        **SERVICE,
        'id': 'far',
        'enabled': False,
        'description': None,
        'relay_state_prefix': 'ss:mem:',
    }
    assert cloud('PUT', f'{SERVICES}/far', {'service_provider': SERVICE}).status == 409
    changed = cloud('PATCH', f'{SERVICES}/far', {'service_provider': {'enabled': True, 'relay_state_prefix': 'x'}})
    assert changed.json['service_provider']['enabled'] is True
    assert changed.json['service_provider']['relay_state_prefix'] == 'x'
    assert [row['id'] for row in cloud('GET', SERVICES + '?enabled=true').json['service_providers']] == ['far']
    assert cloud('GET', SERVICES + '?enabled=false').json['service_providers'] == []
    assert cloud('DELETE', f'{SERVICES}/far').status == 204
    assert cloud('GET', f'{SERVICES}/far').status == cloud('DELETE', f'{SERVICES}/far').status == 404


@pytest.mark.parametrize(
    'change', [{'auth_url': 'nowhere'}, {'sp_url': 'nowhere'}, {'sp_url': 'x:' + 'y' * 300}, {'colour': 'red'}]
)
def test_a_service_provider_has_two_urls(cloud, change):
    assert cloud('PUT', f'{SERVICES}/far', {'service_provider': {**SERVICE, **change}}).status == 400
    assert cloud('PUT', f'{SERVICES}/far', {'service_provider': {'auth_url': SERVICE['auth_url']}}).status == 400
    assert cloud('PUT', f'{SERVICES}/far', {'service_provider': SERVICE}).status == 201
    assert cloud('PATCH', f'{SERVICES}/far', {'service_provider': change}).status == 400
    assert cloud('PATCH', f'{SERVICES}/far', {'service_provider': {}}).status == 400


def test_a_token_shows_the_service_providers_that_are_enabled(cloud):
    assert 'service_providers' not in cloud.login('admin', 'secret').json['token']
    for name, enabled in (('on', True), ('off', False)):
        cloud('PUT', f'{SERVICES}/{name}', {'service_provider': {**SERVICE, 'enabled': enabled}})
    wanted = [{'id': 'on', **SERVICE}]
    assert cloud.login('admin', 'secret').json['token']['service_providers'] == wanted
    assert cloud('GET', '/auth/tokens', x_subject_token=cloud.token).json['token']['service_providers'] == wanted
    assert cloud('DELETE', f'{SERVICES}/on').status == 204
    assert 'service_providers' not in cloud('GET', '/auth/tokens', x_subject_token=cloud.token).json['token']


@pytest.mark.parametrize('noun', [PROVIDERS, MAPPINGS, SERVICES, f'{PROVIDERS}/acme/protocols'])
def test_an_id_is_not_longer_than_it_can_be_kept(cloud, noun):
    put_provider(cloud)
    put_mapping(cloud)
    body = {
        'identity_provider': {},
        'mapping': {'rules': RULES},
        'service_provider': SERVICE,
        'protocol': {'mapping_id': 'rules'},
    }
    one = noun.rsplit('/', 1)[1].removesuffix('s')
    assert cloud('PUT', f'{noun}/{"x" * 65}', {one: body[one]}).status == 400
