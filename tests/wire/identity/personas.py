"""Whom each rule of identity lets in, and two domains alike to try it in.

`personas.tsv` says which personas each rule lets in, as the defaults of Keystone 30 have it: S, D, P and U are tokens
of the system, of a domain, of a project in it and of nothing, a, g, m, r and s the roles admin, manager, member, reader
and service, n none.  It says so of what is the asker's own, of what is another's in the same domain (near), of the same
where the role at stake is admin (high), and of what is in another domain (far).
"""

import json
import pathlib

from tests.wire.identity import oauth_party

SCOPES = {'S': 'system', 'D': 'domain', 'P': 'project', 'U': 'unscoped'}
HELD = {
    'a': ('admin', 'manager', 'member', 'reader'),
    'g': ('manager', 'member', 'reader'),
    'm': ('member', 'reader'),
    'r': ('reader',),
    's': ('service',),
    'n': (),
}
PERSONAS = [scope + role for scope in 'SDP' for role in 'agmrs'] + ['Un']
SITUATIONS = ('own', 'near', 'high', 'far')
HERE, THERE, MINE, THEIRS = 'a' * 32, 'b' * 32, '1' * 32, '2' * 32


def table():
    """For each rule: whom it lets in, by situation, and its operations."""
    found = {}
    for line in (pathlib.Path(__file__).parent / 'personas.tsv').read_text().splitlines()[1:]:
        name, *cells, operations = line.split('\t')
        allowed = [set(PERSONAS) if cell == 'all' else set(cell.replace('none', '').split()) for cell in cells]
        found[name] = (dict(zip(SITUATIONS, allowed, strict=True)), operations.split(', '))
    return found


TABLE = table()


def make_world(cloud):
    """Two domains alike, and what belongs to the whole cloud; the ids that paths name."""
    service = cloud.make('service', name='s', type='t')
    told = {'service_id': service['id'], 'interface': 'public', 'url': 'http://x', 'region_id': 'RegionOne'}
    endpoint = cloud.make('endpoint', **told)
    whole = {'service_id': service['id'], 'endpoint_id': endpoint['id'], 'region_id': 'RegionOne'}
    whole['policy_id'] = cloud('POST', '/policies', {'policy': {'blob': '{}', 'type': 'x'}}).json['policy']['id']
    filters = {'name': 'eg', 'filters': {'interface': 'public'}}
    made = cloud('POST', '/OS-EP-FILTER/endpoint_groups', {'endpoint_group': filters}).json
    whole['endpoint_group_id'] = made['endpoint_group']['id']
    limit = {'service_id': service['id'], 'resource_name': 'r', 'default_limit': 9}
    made = cloud('POST', '/registered_limits', {'registered_limits': [limit]}).json
    whole['registered_limit_id'] = made['registered_limits'][0]['id']
    put = '/OS-FEDERATION/{}/x'.format
    for path, body in (
        (put('mappings'), {'mapping': {'rules': [{'local': [], 'remote': [{'type': 'A'}]}]}}),
        (put('identity_providers'), {'identity_provider': {}}),
        (put('identity_providers') + '/protocols/x', {'protocol': {'mapping_id': 'x'}}),
        (put('service_providers'), {'service_provider': {'auth_url': 'http://x', 'sp_url': 'http://x'}}),
    ):
        assert cloud('PUT', path, body).status == 201
    whole |= dict.fromkeys(('mapping_id', 'idp_id', 'protocol_id', 'sp_id'), 'x')
    whole['prior_role_id'], whole['implies_role_id'] = cloud.role('admin'), cloud.role('member')
    return {name: home(cloud, name, whole, service['id']) for name in ('here', 'there')}


def home(cloud, name, whole, service_id):
    """A domain with a user, a group and a project, and what is theirs."""
    domain = cloud.make('domain', name=name)
    user = cloud.make('user', name='neighbour', domain_id=domain['id'], password='pw')
    group = cloud.make('group', name='g', domain_id=domain['id'])
    project = cloud.make('project', name='p', domain_id=domain['id'], tags=['t'])
    limit = {'service_id': service_id, 'resource_name': 'r', 'resource_limit': 3, 'project_id': project['id']}
    limits = cloud('POST', '/limits', {'limits': [limit]}).json['limits']
    kept = {'type': 'x', 'blob': 'y', 'user_id': user['id']}
    credential = cloud('POST', '/credentials', {'credential': kept}).json['credential']
    blob = json.dumps({'access': name, 'secret': 's'})
    kept = {'type': 'ec2', 'blob': blob, 'user_id': user['id'], 'project_id': project['id']}
    cloud('POST', '/credentials', {'credential': kept})
    cloud.put_in(user, project, 'member')
    scope = {'project': {'id': project['id']}}
    token = cloud.login('neighbour', 'pw', scope, domain['id']).headers['X-Subject-Token']
    told = {'trustor_user_id': user['id'], 'trustee_user_id': user['id'], 'project_id': project['id']}
    told |= {'impersonation': False, 'roles': [{'name': 'member'}]}
    trust = cloud('POST', '/OS-TRUST/trusts', {'trust': told}, token).json['trust']
    told = {'name': 'ac', 'access_rules': [{'path': '/v2', 'method': 'GET', 'service': 'image'}]}
    path = f'/users/{user["id"]}/application_credentials'
    lent = cloud('POST', path, {'application_credential': told}, token).json['application_credential']
    party = oauth_party.consumer(cloud)
    lent_project = cloud.make('project', name='lent', domain_id=domain['id'])
    cloud.put_in(user, lent_project, 'admin')  # an administrator alone may lend by OAuth
    whole_scope = {'project': {'id': lent_project['id']}}
    strong = cloud.login('neighbour', 'pw', whole_scope, domain['id']).headers['X-Subject-Token']
    access = party.access(lent_project, 'admin', token=strong)
    ids = {'domain': domain, 'user': user, 'group': group, 'project': project, 'limit': limits[0], 'trust': trust}
    ids |= {'application_credential': lent, 'access_rule': lent['access_rules'][0]}
    ids |= {'own_project': cloud.make('project', name='own', domain_id=domain['id'])}
    return {
        **whole,
        **{f'{noun}_id': row['id'] for noun, row in ids.items()},
        'role_id': cloud.role('member'),
        'credential_id': credential['id'],
        'consumer_id': party.id,
        'access_token_id': access['oauth_token'],
        'request_token_id': party.ask(lent_project)['oauth_token'],
        'access': name,
        'tag': 't',
        'option': 'url',
    }


def token_of(cloud, world, persona):
    """A token of a user who has the persona's role and nothing else, and the user."""
    scope, here = SCOPES[persona[0]], world['here']
    user = cloud.make('user', name=persona, domain_id=here['domain_id'], password='pw')
    place = {
        'system': '/system',
        'domain': f'/domains/{here["domain_id"]}',
        'project': f'/projects/{here["own_project_id"]}',
    }
    if scope != 'unscoped':
        role = {'a': 'admin', 'g': 'manager', 'm': 'member', 'r': 'reader', 's': 'service'}[persona[1]]
        assert cloud('PUT', f'{place[scope]}/users/{user["id"]}/roles/{cloud.role(role)}').status == 204
    asked = {
        'system': {'system': {'all': True}},
        'domain': {'domain': {'id': here['domain_id']}},
        'project': {'project': {'id': here['own_project_id']}},
        'unscoped': 'unscoped',
    }
    answer = cloud.login(persona, 'pw', asked[scope], here['domain_id'])
    assert answer.status == 201, answer.data
    return answer.headers['X-Subject-Token'], user
