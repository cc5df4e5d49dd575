"""What a request costs does not grow with users, projects, assignments or revocations: no table is read through."""

import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from nimbus.api.identity.oauth.oauth2 import FORM
from nimbus.api.identity.routes import ROUTES
from tests.identity_requests import Maker
from tests.wire.identity.oauth_party import consumer

# Tables that grow with a cloud; what has a row a region, service, role or domain stays small.
GROWING = (
    'users', 'user_groups', 'projects', 'project_tags', 'memberships', 'assignments', 'application_credentials',
    'access_rules', 'trusts', 'credentials', 'id_mappings', 'revocations', 'past_passwords', 'login_failures', 'limits',
    'project_endpoints', 'project_endpoint_groups', 'domain_options', 'oauth_consumers', 'oauth_request_tokens',
    'oauth_access_tokens', 'oauth_nonces',
    'project_endpoints', 'project_endpoint_groups', 'domain_options', 'federated_users', 'expiring_memberships',
)  # fmt: skip


@pytest.fixture(autouse=True)
def only_sqlite(cloud):
    if cloud.parts.db.writer.dialect.name != 'sqlite':
        pytest.skip('the plan of a statement is read as SQLite tells it; the indexes are the same everywhere')


@contextlib.contextmanager
def watched(cloud, quiet=False) -> Iterator[list[str]]:
    """The statements within, each that reads a growing table through, as the database plans it."""
    seen, bad = [], []

    def note(connection, cursor, statement, parameters, context, many):
        if statement.split()[0] in ('SELECT', 'WITH', 'UPDATE', 'DELETE') and not many:
            seen.append((statement, parameters))

    engines = {cloud.parts.db.writer, cloud.parts.db.reader}
    for engine in engines:
        sa.event.listen(engine, 'before_cursor_execute', note)
    yield bad
    for engine in engines:
        sa.event.remove(engine, 'before_cursor_execute', note)
    assert seen or quiet
    with cloud.parts.db.reader.connect() as connection:
        for statement, parameters in seen:
            plan = connection.exec_driver_sql(f'EXPLAIN QUERY PLAN {statement}', parameters).fetchall()
            steps = [row[-1].split() for row in plan]
            # A page in the order of the key ends where it is full.
            page = ' LIMIT ' in statement and not any('B-TREE' in step for step in steps)
            for step in steps:
                if step[0] == 'SCAN' and step[1] in GROWING and not page:
                    bad.append(f'{" ".join(step)}: {statement}')


def test_logins_and_validations_read_no_table_through(cloud, member):
    user = member['user']['id']
    wanted = {'application_credential': {'name': 'app', 'secret': 'long and random'}}
    made = cloud('POST', f'/users/{user}/application_credentials', wanted, member['token'])
    lent = {'id': made.json['application_credential']['id'], 'secret': 'long and random'}
    named = {'name': 'app', 'secret': 'long and random', 'user': {'id': user}}
    with watched(cloud) as bad:
        assert cloud.login('bob', 'pw', member['scope']).status == 201
        assert cloud.login('bob', 'pw', {'project': {'name': 'lab', 'domain': {'name': 'Default'}}}).status == 201
        assert cloud.login('bob', 'wrong').status == 401
        assert cloud.login('nobody', 'pw').status == 401
        for told in (lent, named):
            identity = {'methods': ['application_credential'], 'application_credential': told}
            assert cloud('POST', '/auth/tokens', {'auth': {'identity': identity}}, '').status == 201
        identity = {'methods': ['token'], 'token': {'id': member['token']}}
        auth = {'identity': identity, 'scope': member['scope']}
        assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 201
        assert cloud('GET', '/auth/tokens', x_subject_token=member['token']).status == 200
        assert cloud('GET', '/auth/projects', None, member['token']).status == 200
        assert cloud('GET', '/auth/domains', None, member['token']).status == 200
        assert cloud('DELETE', '/auth/tokens', x_subject_token=member['token']).status == 204
    assert bad == []


def test_finding_and_showing_read_no_table_through(cloud, member):
    user, project = member['user']['id'], member['project']['id']
    group = cloud.make('group', name='g')['id']
    paths = (
        f'/users/{user}', '/users?name=bob', '/users?name=bob&domain_id=default', '/users?limit=2',
        f'/projects/{project}', '/projects?name=lab', f'/projects?parent_id={project}', '/projects?limit=2',
        f'/projects/{project}?parents_as_list', f'/projects/{project}?subtree_as_ids', f'/projects/{project}/tags',
        f'/groups/{group}', '/groups?name=g', f'/groups/{group}/users', f'/users/{user}/groups', '/groups?limit=2',
        f'/users/{user}/projects', f'/users/{user}/application_credentials', f'/users/{user}/access_rules',
        f'/role_assignments?user.id={user}', f'/role_assignments?scope.project.id={project}',
        f'/role_assignments?group.id={group}', f'/role_assignments?user.id={user}&effective',
        f'/projects/{project}/users/{user}/roles', f'/credentials?user_id={user}', f'/limits?project_id={project}',
        f'/OS-TRUST/trusts?trustor_user_id={user}', f'/OS-TRUST/trusts?trustee_user_id={user}',
    )  # fmt: skip
    found = {}
    for path in paths:
        with watched(cloud) as bad:
            assert cloud('GET', path).status in (200, 403), path
        if bad:
            found[path] = bad
    assert found == {}


def test_oauth_reads_no_table_through(cloud, member):
    project = cloud('GET', '/projects?name=admin').json['projects'][0]
    me = cloud('GET', '/users?name=admin').json['users'][0]['id']
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'app'}}, member['token'])
    client = made.json['application_credential']
    form = f'grant_type=client_credentials&client_id={client["id"]}&client_secret={client["secret"]}'.encode()
    with watched(cloud) as bad:
        party = consumer(cloud, description='x')
        asked = party.ask(project)
        agreed = party.authorize(asked, [{'name': 'reader'}]).json['token']['oauth_verifier']
        access = party.read(party.exchange(asked, agreed))
        token = party.login(access).headers['X-Subject-Token']
        given = f'/users/{me}/OS-OAUTH1/access_tokens'
        one = f'{given}/{access["oauth_token"]}'
        for path in (given, one, f'{one}/roles', f'/OS-OAUTH1/consumers/{party.id}', '/OS-OAUTH1/consumers?limit=2'):
            assert cloud('GET', path).status == 200, path
        assert cloud('GET', '/auth/tokens', x_subject_token=token).status == 200
        told = {'consumer': {'description': 'y'}}
        assert cloud('PATCH', f'/OS-OAUTH1/consumers/{party.id}', told).status == 200
        assert cloud('POST', '/OS-OAUTH2/token', form, '', content_type=FORM).status == 200
        assert cloud('DELETE', one).status == cloud('DELETE', f'/OS-OAUTH1/consumers/{party.id}').status == 204
    assert bad == []


def test_changes_read_no_table_through(cloud, member):
    user, project, grant = member['user']['id'], member['project']['id'], member['grant']
    group = cloud.make('group', name='g')['id']
    found = {}
    for method, path, body in (
        ('POST', '/users', {'user': {'name': 'new', 'password': 'x'}}),
        ('PATCH', f'/users/{user}', {'user': {'name': 'rob', 'default_project_id': project}}),
        ('POST', f'/users/{user}/password', {'user': {'original_password': 'pw', 'password': 'pw2'}}),
        ('PUT', f'/groups/{group}/users/{user}', None),
        ('PUT', f'/projects/{project}/groups/{group}/roles/{cloud.role("member")}', None),
        ('DELETE', f'/groups/{group}/users/{user}', None),
        ('POST', '/projects', {'project': {'name': 'new', 'tags': ['a']}}),
        ('PATCH', f'/projects/{project}', {'project': {'description': 'x', 'enabled': False}}),
        ('DELETE', grant, None),
        ('PUT', grant, None),
        ('DELETE', f'/groups/{group}', None),
        ('DELETE', f'/projects/{project}', None),
        ('DELETE', f'/users/{user}', None),
    ):
        with watched(cloud) as bad:
            assert cloud(method, path, body).status in (200, 201, 204), path
        if bad:
            found[f'{method} {path}'] = bad
    assert found == {}


class Asking:
    """Asks as the administrator, in the way that requests are made from routes."""

    def __init__(self, cloud):
        self._cloud = cloud

    def ask(self, method, path, body=None, **headers):
        answer = self._cloud(method, path, body, **{name.replace('-', '_'): told for name, told in headers.items()})
        is_json = 'json' in answer.headers.get('Content-Type', '')
        return answer.status, answer.json if is_json else answer.data.decode() or None, answer.headers

    def named(self, noun, name):
        return self._cloud('GET', f'/{noun}?name={name}').json[noun]


# Lists of all there is have as many rows as there are, so a page of them is asked for, or those of one user.
PAGED = ('/OS-OAUTH1/consumers', '/credentials', '/limits', '/projects', '/users', '/groups')
OF_ONE = {'/OS-TRUST/trusts': 'trustor_user_id', '/role_assignments': 'user.id'}


def test_no_list_and_no_show_reads_a_table_through(cloud):
    maker, found, answered = Maker(Asking(cloud)), {}, 0
    for route in ROUTES:
        if route.method != 'GET':
            continue
        path = maker.path(route) + ('?limit=2' if route.path in PAGED else '')
        path += f'?{OF_ONE[route.path]}={maker.me}' if route.path in OF_ONE else ''
        cloud('GET', path, x_subject_token=cloud.token)  # the catalog is read once when it has changed
        with watched(cloud, quiet=True) as bad:
            status = cloud('GET', path, x_subject_token=cloud.token).status
        assert status in (200, 204, 400, 401, 403, 404, 405, 410, 501), (path, status)
        answered += status in (200, 204)
        if bad:
            found[route.path] = bad
    assert found == {}
    assert answered > 60


def test_federated_logins_read_no_table_through(cloud, idp):
    group, project = cloud.make('group', name='devs')['id'], cloud.make('project', name='p')['id']
    assert cloud('PUT', f'/projects/{project}/groups/{group}/roles/{cloud.role("member")}').status == 204
    local = [
        {'user': {'name': '{0}', 'email': 'x@{0}'}},
        {'groups': '{1}', 'domain': {'name': 'Default'}},
        {'group_ids': group},
        {'projects': [{'name': 'of {0}', 'roles': [{'name': 'member'}]}]},
    ]
    idp.rules([{'local': local, 'remote': [{'type': 'HTTP_OIDC_NAME'}, {'type': 'HTTP_OIDC_GROUPS'}]}], '3.0')
    idp.set(authorization_ttl=5)
    assert idp.login(idp.token(sub='zero', name='zero')).status == 201  # the catalog is read anew now, and once
    with watched(cloud) as bad:
        for name in ('one', 'two', 'one'):
            answer = idp.login(idp.token(sub=name, name=name))
            assert answer.status == 201
        token, user = answer.headers['X-Subject-Token'], answer.json['token']['user']['id']
        for path in ('/OS-FEDERATION/projects', '/OS-FEDERATION/domains'):
            assert cloud('GET', path, token=token).status == 200
        auth = {'identity': {'methods': ['token'], 'token': {'id': token}}, 'scope': {'project': {'id': project}}}
        assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 201
        for path in (f'/users/{user}', f'/users/{user}/groups', '/users?unique_id=one', '/users?idp_id=acme&limit=5'):
            assert cloud('GET', path).status == 200
    assert bad == []
    with watched(cloud) as bad:
        idp.set(authorization_ttl=7)
        idp.set(enabled=False)
        for path in ('protocols/openid', ''):
            assert cloud('DELETE', f'/OS-FEDERATION/identity_providers/acme/{path}').status == 204
    assert bad == []
