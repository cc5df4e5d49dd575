"""Every persona before every route and every rule of identity; `personas` says whom they let in."""

import re

import pytest

from nimbus.api.identity import policies
from nimbus.api.identity.routes import ROUTES
from nimbus.api.kit.policy import Policy
from nimbus.common.context import Context
from tests.wire.identity.personas import HELD, HERE, MINE, PERSONAS, SCOPES, SITUATIONS, TABLE, THEIRS, THERE, token_of


def asker(persona):
    scope, role = SCOPES[persona[0]], persona[1]
    return Context(
        request_id='x',
        user_id='me',
        user_domain_id=HERE,
        roles=HELD[role],
        system=scope == 'system',
        domain_id=HERE if scope == 'domain' else None,
        project_id=MINE if scope == 'project' else None,
        project_domain_id=HERE if scope == 'project' else None,
    )


def target(situation):
    user = {'own': 'me', 'far': 'stranger'}.get(situation, 'neighbour')
    domain = THERE if situation == 'far' else HERE
    project = MINE if situation == 'own' else THEIRS
    named = {'user_id': user, 'project_id': project, 'domain_id': domain}
    ids = ('user.id', 'credential.user_id', 'token.user_id', 'trust.trustor_user_id', 'trust.trustee_user_id')
    named |= {f'target.{name}': user for name in ids}
    homes = ('user.domain_id', 'group.domain_id', 'project.domain_id', 'domain.id', 'domain_id')
    limits = ('limit.domain.id', 'limit.domain_id', 'limit.project.domain_id')
    named |= {f'target.{name}': domain for name in (*homes, *limits)}
    named |= {f'target.{name}': project for name in ('project.id', 'limit.project_id')}
    role = 'admin' if situation == 'high' else 'member'
    return {**named, 'target.group.id': 'g', 'target.role.name': role, 'target.role.domain_id': None}


def rules():
    return sorted(row.name.removeprefix('identity:') for row in policies.RULES if row.name.startswith('identity:'))


def test_every_rule_is_one_of_upstreams():
    assert set(rules()) <= set(TABLE)


@pytest.mark.parametrize('situation', SITUATIONS)
def test_rules_let_in_whom_upstreams_let_in(situation):
    policy, told = Policy(policies.RULES), target(situation)
    wrong = {}
    for name in rules():
        found = {persona for persona in PERSONAS if policy.allows(f'identity:{name}', asker(persona), told)}
        if found != TABLE[name][0][situation]:
            wrong[name] = found ^ TABLE[name][0][situation]
    assert wrong == {}


# and over HTTP

# Routes whose rule upstream tells of no operation, or of another path.
ALSO = {
    'GET /auth/tokens': 'validate_token',
    'DELETE /auth/tokens': 'revoke_token',
    'GET /users/{}/projects': 'list_user_projects',
    'GET /OS-INHERIT/projects/{}/users/{}/roles/inherited_to_projects': 'list_grants',
    'GET /OS-INHERIT/projects/{}/groups/{}/roles/inherited_to_projects': 'list_grants',
    'GET /domains/{}/config/{}/default': 'get_domain_config_default',
    'GET /OS-FEDERATION/projects': 'get_auth_projects',
    'GET /OS-FEDERATION/domains': 'get_auth_domains',
}
# Who may see what is theirs is not told by a rule alone: lists of one's own, and what a handler narrows down.
NARROWED = {
    'GET /domains': 'a domain is shown to who belongs to it',
    'GET /auth/tokens': 'of a token that is nobody of these: the asker sends none',
    'DELETE /auth/tokens': 'of a token that is nobody of these: the asker sends none',
    'GET /auth/catalog': 'there is none without a project, whoever asks',
    'POST /users/{}/application_credentials': 'its own user alone, whatever else the rule says, and not by body alone',
}


ANOTHERS = re.compile(
    r'{(credential|trust|application_credential|access_rule|access_token|limit)_id}'
)  # the neighbour's


def plain(path):
    return re.sub(r'{\w+}', '{}', path)


def rule_of():
    """The rule of each operation, its parameters without names."""
    found = {plain(operation): name for name, (_, operations) in TABLE.items() for operation in operations}
    return {**found, **ALSO}


def body_of(path, ids):
    """A body that the route takes."""
    noun = path.strip('/').split('/')
    one = noun[-2].removesuffix('s') if noun[-1].startswith('{') else noun[-1].removesuffix('s')
    domain, user = ids['domain_id'], ids['user_id']
    limit = {
        'service_id': ids['service_id'],
        'resource_name': 'q',
        'resource_limit': 1,
        'project_id': ids['project_id'],
    }
    known = {
        'user': {'name': 'n', 'domain_id': domain},
        'group': {'name': 'n', 'domain_id': domain},
        'project': {'name': 'n', 'domain_id': domain},
        'domain': {'name': 'n'},
        'role': {'name': 'n'},
        'region': {'description': 'n'},
        'service': {'type': 'n'},
        'endpoint': {'url': 'http://n', 'interface': 'public', 'service_id': ids['service_id']},
        'credential': {'type': 'x', 'blob': 'n', 'user_id': user},
        'policie': {'type': 'x', 'blob': 'n'},
        'endpoint_group': {'name': 'n', 'filters': {'interface': 'public'}},
        'limit': [{**limit}],
        'registered_limit': [{'service_id': ids['service_id'], 'resource_name': 'q', 'default_limit': 1}],
        'tag': ['n'],
        'trust': {
            'trustor_user_id': user,
            'trustee_user_id': user,
            'project_id': ids['project_id'],
            'impersonation': False,
            'roles': [{'name': 'member'}],
        },
        'application_credential': {'name': 'n'},
        'consumer': {'description': 'n'},
        'protocol': {'mapping_id': 'x'},
        'service_provider': {'auth_url': 'http://n', 'sp_url': 'http://n'},
    }
    if '/config' in path:
        return {'config': {'url': 'x'} if path.endswith('{option}') else {'ldap': {'url': 'x'}}}
    if path.endswith('OS-EC2'):
        return {'tenant_id': ids['project_id']}
    if 'authorize' in noun:
        return {'roles': [{'name': 'member'}]}
    if 'tokens' in noun[-1]:
        return {'credentials': {'access': 'x', 'signature': 'y', 'host': 'h', 'verb': 'GET', 'path': '/', 'params': {}}}
    given = known.get(one, {})
    if path.startswith('/credentials/'):
        given = {'blob': 'n'}
    if isinstance(given, list) and noun[-1].startswith('{'):
        given = {'description': 'n'}
    if noun[-1].startswith('{') and isinstance(given, dict) and 'domain_id' in given:
        given = {'name': 'n'}
    wrapped = {'policie': 'policy', 'limit': 'limit' if noun[-1].startswith('{') else 'limits', 'tag': 'tags'}
    wrapped['registered_limit'] = 'registered_limit' if noun[-1].startswith('{') else 'registered_limits'
    return {wrapped.get(one, one): given}


def filled(path, ids):
    """The path with ids; None where it has none for a name."""
    path = path.replace('OS-EC2/{credential_id}', 'OS-EC2/{access}')
    path = path.replace('{group}/', 'ldap/') if '/config/' in path else path
    path = path[: -len('{group}')] + 'ldap' if path.endswith('/config/{group}') else path
    names = re.findall(r'{(\w+)}', path)
    if any(name not in ids for name in names):
        return None
    return path.format(**ids)


def asked(world, mine):
    """(route, path, body, rule, situation) of all that can be asked with these ids."""
    known = rule_of()
    for route in ROUTES:
        name = known.get(f'{route.method} {plain(route.path)}')
        if name is None or route.open or f'{route.method} {plain(route.path)}' in NARROWED:
            continue
        for situation, ids in (
            ('own', {**world['here'], **mine, 'project_id': world['here']['own_project_id']}),
            ('near', world['here']),
            ('high', {**world['here'], 'role_id': world['here']['prior_role_id']}),
            ('far', world['there']),
        ):
            path = filled(route.path, ids)
            # A list without ids is of what the asker may see; of what is another's, there is no own.
            passed = situation != 'own' if path == route.path and route.method == 'GET' else situation == 'own'
            if path is not None and not (passed and (path == route.path or ANOTHERS.search(route.path))):
                yield route, path, body_of(route.path, ids), name, situation


@pytest.mark.parametrize('persona', PERSONAS)
def test_routes_let_in_whom_upstreams_let_in(cloud, world, persona):
    """Whoever may not is told so, whatever is asked; whoever may, reads."""
    token, user = token_of(cloud, world, persona)
    wrong, count = [], 0
    for route, path, body, name, situation in asked(world, {'user_id': user['id']}):
        allowed = persona in TABLE[name][0][situation]
        if allowed and route.method != 'GET':
            continue
        count += 1
        answer = cloud(route.method, path, body if route.method in ('POST', 'PUT', 'PATCH') else None, token)
        if (answer.status == 403) is allowed or answer.status in (401, 500) or (not allowed and answer.status != 403):
            wrong.append(f'{name} {situation}: {route.method} {route.path} answered {answer.status}')
    assert count > 150
    assert sorted(set(wrong)) == []


def test_every_route_is_tried_or_says_why_not(world):
    tried = {f'{route.method} {plain(route.path)}' for route, *_ in asked(world, {})}
    left = {f'{route.method} {plain(route.path)}' for route in ROUTES if not route.open} - tried - set(NARROWED)
    assert left == set()
