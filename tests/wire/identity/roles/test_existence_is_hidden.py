"""Whether an asker who may not see a thing learns that it exists: only where upstream's suite for personas says so."""

import uuid

import pytest

# keystone_tempest_plugin.tests.rbac.v3 asks for 403 of one that exists and 404 of one that does not; so of trusts.
TOLD_APART = {
    *(('roles', method) for method in ('GET', 'HEAD', 'PATCH', 'DELETE')),
    *(('domains', method) for method in ('PATCH', 'DELETE')),
    ('groups', 'DELETE'),
    *(('users/{users}/credentials/OS-EC2', method) for method in ('GET', 'HEAD', 'DELETE')),
}
BELOW = (
    *(f'users/{{users}}/{part}' for part in ('groups', 'projects', 'application_credentials', 'access_rules')),
    *(f'users/{{users}}/{part}' for part in ('credentials/OS-EC2', 'OS-OAUTH1/access_tokens')),
    *('groups/{groups}/users', 'groups/{groups}/users/{mine}', 'projects/{projects}/tags', 'domains/{domains}/config'),
    *('domains/{domains}/users/{mine}/roles', 'projects/{projects}/users/{mine}/roles', 'system/users/{users}/roles'),
    *('projects/{projects}/users/{mine}/roles/{roles}', 'roles/{roles}/implies', 'limits?project_id={projects}'),
    *('OS-EP-FILTER/projects/{projects}/endpoints', 'OS-EP-FILTER/endpoints/{endpoints}/projects'),
    *('role_assignments?scope.project.id={projects}', 'role_assignments?user.id={users}', 'users?domain_id={domains}'),
    *('projects?parent_id={projects}', 'OS-TRUST/trusts?trustor_user_id={users}'),
)


@pytest.fixture
def theirs(cloud):
    """The id of one thing of each collection, none of which is the member's."""
    domain = cloud.make('domain', name='theirs')['id']
    found = {'domains': domain, 'roles': cloud.make('role', name='own', domain_id=domain)['id']}
    for kind in ('user', 'group', 'project'):
        found[f'{kind}s'] = cloud.make(kind, name=kind, domain_id=domain)['id']
    blob = {'user_id': found['users'], 'type': 'cert', 'blob': 'x'}
    found['credentials'] = cloud('POST', '/credentials', {'credential': blob}).json['credential']['id']
    found['services'] = cloud('POST', '/services', {'service': {'type': 't'}}).json['service']['id']
    endpoint = {'service_id': found['services'], 'interface': 'public', 'url': 'http://x'}
    found['endpoints'] = cloud('POST', '/endpoints', {'endpoint': endpoint}).json['endpoint']['id']
    found['OS-OAUTH1/consumers'] = cloud('POST', '/OS-OAUTH1/consumers', {'consumer': {}}).json['consumer']['id']
    key = cloud('POST', f'/users/{found["users"]}/credentials/OS-EC2', {'tenant_id': found['projects']}, cloud.token)
    found['users/{users}/credentials/OS-EC2'] = key.json['credential']['access']
    return found


def told(cloud, token, method, path):
    """The status of the request; a change has a body that would do."""
    noun = path.split('/')[1].removesuffix('s')
    return cloud(method, path, {noun: {'description': 'x'}} if method == 'PATCH' else None, token).status


def test_what_exists_and_what_does_not_are_told_apart_only_where_upstream_does(cloud, member, theirs):
    apart = set()
    for collection, kept in theirs.items():
        path = collection.format(**theirs)
        for method in ('GET', 'HEAD', 'PATCH', 'DELETE'):
            statuses = [told(cloud, member['token'], method, f'/{path}/{one}') for one in (kept, uuid.uuid4().hex)]
            assert statuses[0] >= 400, (method, collection)
            if statuses[0] != statuses[1]:
                assert statuses == [403, 404], (method, collection)
                apart.add((collection, method))
    assert apart == TOLD_APART


def test_nothing_below_or_about_a_thing_tells_whether_it_exists(cloud, member, theirs):
    nothing = dict.fromkeys(theirs, uuid.uuid4().hex)
    for below in BELOW:
        for method in ('GET', 'HEAD', 'PUT', 'DELETE'):
            paths = [f'/{below.format(**ids, mine=member["user"]["id"])}' for ids in (theirs, nothing)]
            statuses = {told(cloud, member['token'], method, path) for path in paths}
            assert len(statuses) == 1, (method, below, statuses)
