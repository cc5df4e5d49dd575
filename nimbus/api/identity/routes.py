"""Every endpoint of Keystone v3 that nimbus has."""

from collections.abc import Iterator

from nimbus.api.identity import pki_tokens, routes_stored, versions
from nimbus.api.identity.catalog import catalog
from nimbus.api.identity.federation import routes, saml
from nimbus.api.identity.oauth import routes as routes_oauth
from nimbus.api.identity.people import domain_configs, domains, groups, projects, users
from nimbus.api.identity.roles import access_rules, application_credentials, grants, role_assignments, roles, trusts
from nimbus.api.identity.tokens import revocation_events, tokens
from nimbus.api.kit.routes import Route

TOKENS = (
    Route('GET', '/', versions.show, None, open=True),
    Route('POST', '/auth/tokens', tokens.issue, None, 201, shape=tokens.LOGIN, open=True),
    Route('GET', '/auth/tokens', tokens.show, None),
    Route('DELETE', '/auth/tokens', tokens.revoke, None, 204),
    Route('GET', '/auth/keys', tokens.public_keys, None, open=True),
    Route('GET', '/auth/catalog', tokens.show_catalog, None),
    Route('GET', '/auth/projects', tokens.list_projects, None),
    Route('GET', '/auth/domains', tokens.list_domains, None),
    Route('GET', '/auth/system', tokens.list_system, None),
)

DOMAINS = (
    Route('GET', '/domains', domains.index, None),
    Route('POST', '/domains', domains.create, 'identity:create_domain', 201, noun=domains.Domain),
    Route('GET', '/domains/{domain_id}', domains.show, None),
    Route('PATCH', '/domains/{domain_id}', domains.update, None, noun=domains.Domain),
    Route('DELETE', '/domains/{domain_id}', domains.delete, None, 204),
)


def _config_routes() -> Iterator[Route]:
    """The same operations on the whole of a domain's configuration, on a group and on an option."""
    rule = 'identity:{}_domain_config'.format
    shape = domain_configs.CONFIG
    yield Route('PUT', '/domains/{domain_id}/config', domain_configs.create, rule('create'), 201, shape=shape)
    for below in ('', '/{group}', '/{group}/{option}'):
        path = '/domains/{domain_id}/config' + below
        yield Route('GET', path, domain_configs.show, None)
        yield Route('PATCH', path, domain_configs.update, rule('update'), shape=shape)
        yield Route('DELETE', path, domain_configs.delete, rule('delete'), 204)
        default = f'/domains/config{below}/default'
        yield Route('GET', default, domain_configs.show_default, 'identity:get_domain_config_default')


PROJECTS = (
    Route('GET', '/projects', projects.index, None),
    Route('POST', '/projects', projects.create, None, 201, noun=projects.Project),
    Route('GET', '/projects/{project_id}', projects.show, None),
    Route('PATCH', '/projects/{project_id}', projects.update, None, noun=projects.Project),
    Route('DELETE', '/projects/{project_id}', projects.delete, None, 204),
    Route('GET', '/projects/{project_id}/tags', projects.list_tags, None),
    Route('PUT', '/projects/{project_id}/tags', projects.set_tags, None, shape=projects.TAGS),
    Route('DELETE', '/projects/{project_id}/tags', projects.remove_tags, None, 204),
    Route('GET', '/projects/{project_id}/tags/{tag}', projects.check_tag, None, 204),
    Route('PUT', '/projects/{project_id}/tags/{tag}', projects.add_tag, None, 201),
    Route('DELETE', '/projects/{project_id}/tags/{tag}', projects.remove_tag, None, 204),
)

USERS = (
    Route('GET', '/users', users.index, None),
    Route('POST', '/users', users.create, None, 201, noun=users.User),
    Route('GET', '/users/{user_id}', users.show, None),
    Route('PATCH', '/users/{user_id}', users.update, None, noun=users.User),
    Route('DELETE', '/users/{user_id}', users.delete, None, 204),
    Route('POST', '/users/{user_id}/password', users.change_password, None, 204, shape=users.CHANGE, open=True),
    Route('DELETE', '/users/{user_id}/tokens', users.revoke_tokens, None, 204),
    Route('GET', '/users/{user_id}/projects', projects.of_user, None),
    Route('GET', '/users/{user_id}/groups', groups.of_user, None),
)

_CREDENTIALS = '/users/{user_id}/application_credentials'
_CREDENTIAL = _CREDENTIALS + '/{application_credential_id}'
CREDENTIALS = (
    Route('GET', _CREDENTIALS, application_credentials.index, None),
    Route(
        'POST',
        _CREDENTIALS,
        application_credentials.create,
        None,
        201,
        noun=application_credentials.ApplicationCredential,
    ),
    Route('GET', _CREDENTIAL, application_credentials.show, None),
    Route('DELETE', _CREDENTIAL, application_credentials.delete, None, 204),
    Route('GET', '/users/{user_id}/access_rules', access_rules.index, None),
    Route('GET', '/users/{user_id}/access_rules/{access_rule_id}', access_rules.show, None),
    Route('DELETE', '/users/{user_id}/access_rules/{access_rule_id}', access_rules.delete, None, 204),
)

_TRUST = '/OS-TRUST/trusts/{trust_id}'
TRUSTS = (
    Route('GET', '/OS-TRUST/trusts', trusts.index, None),
    Route('POST', '/OS-TRUST/trusts', trusts.create, None, 201, noun=trusts.Trust),
    Route('GET', _TRUST, trusts.show, None),
    Route('DELETE', _TRUST, trusts.delete, None, 204),
    Route('GET', _TRUST + '/roles', trusts.list_roles, None),
    Route('GET', _TRUST + '/roles/{role_id}', trusts.show_role, None),
    Route('GET', '/OS-REVOKE/events', revocation_events.index, 'identity:list_revoke_events'),
)

GROUPS = (
    Route('GET', '/groups', groups.index, None),
    Route('POST', '/groups', groups.create, None, 201, noun=groups.Group),
    Route('GET', '/groups/{group_id}', groups.show, None),
    Route('PATCH', '/groups/{group_id}', groups.update, None, noun=groups.Group),
    Route('DELETE', '/groups/{group_id}', groups.delete, None, 204),
    Route('GET', '/groups/{group_id}/users', users.of_group, None),
    Route('PUT', '/groups/{group_id}/users/{user_id}', groups.add, None, 204),
    Route('GET', '/groups/{group_id}/users/{user_id}', groups.check, None, 204),
    Route('DELETE', '/groups/{group_id}/users/{user_id}', groups.remove, None, 204),
)

_IMPLIES = '/roles/{prior_role_id}/implies'
_IMPLIED = _IMPLIES + '/{implies_role_id}'
ROLES = (
    Route('GET', '/roles', roles.index, None),
    Route('POST', '/roles', roles.create, None, 201, noun=roles.Role),
    Route('GET', '/roles/{role_id}', roles.show, None),
    Route('PATCH', '/roles/{role_id}', roles.update, None, noun=roles.Role),
    Route('DELETE', '/roles/{role_id}', roles.delete, None, 204),
    Route('GET', _IMPLIES, roles.list_implied, 'identity:list_implied_roles'),
    Route('GET', _IMPLIED, roles.show_implied, None),
    Route('PUT', _IMPLIED, roles.imply, 'identity:create_implied_role', 201),
    Route('DELETE', _IMPLIED, roles.imply_no_more, 'identity:delete_implied_role', 204),
    Route('GET', '/role_inferences', roles.list_inferences, 'identity:list_role_inference_rules'),
    Route('GET', '/role_assignments', role_assignments.index, None),
)


def _grants() -> Iterator[Route]:
    """The same four operations for every kind of actor on every kind of target, inherited or not."""
    for target in ('/projects/{project_id}', '/domains/{domain_id}', '/system'):
        for actor in ('users/{user_id}', 'groups/{group_id}'):
            plain = f'{target}/{actor}/roles'
            yield from _grant_routes(plain, plain + '/{role_id}')
            if target != '/system':
                inherited = f'/OS-INHERIT{plain}'
                yield from _grant_routes(
                    f'{inherited}/{grants.INHERITED}', f'{inherited}/{{role_id}}/{grants.INHERITED}'
                )


def _grant_routes(every: str, one: str) -> tuple[Route, ...]:
    return (
        Route('GET', every, grants.index, None),
        Route('GET', one, grants.check, None, 204),
        Route('PUT', one, grants.create, None, 204),
        Route('DELETE', one, grants.revoke, None, 204),
    )


CATALOG = (
    Route('GET', '/regions', catalog.list_regions, None),
    Route('POST', '/regions', catalog.create_region, 'identity:create_region', 201, noun=catalog.Region),
    Route('GET', '/regions/{region_id}', catalog.show_region, None),
    Route('PUT', '/regions/{region_id}', catalog.put_region, 'identity:create_region', 201, noun=catalog.Region),
    Route('PATCH', '/regions/{region_id}', catalog.update_region, 'identity:update_region', noun=catalog.Region),
    Route('DELETE', '/regions/{region_id}', catalog.delete_region, 'identity:delete_region', 204),
    Route('GET', '/services', catalog.list_services, 'identity:list_services'),
    Route('POST', '/services', catalog.create_service, 'identity:create_service', 201, noun=catalog.Service),
    Route('GET', '/services/{service_id}', catalog.show_service, 'identity:get_service'),
    Route('PATCH', '/services/{service_id}', catalog.update_service, 'identity:update_service', noun=catalog.Service),
    Route('DELETE', '/services/{service_id}', catalog.delete_service, 'identity:delete_service', 204),
    Route('GET', '/endpoints', catalog.list_endpoints, 'identity:list_endpoints'),
    Route('POST', '/endpoints', catalog.create_endpoint, 'identity:create_endpoint', 201, noun=catalog.Endpoint),
    Route('GET', '/endpoints/{endpoint_id}', catalog.show_endpoint, 'identity:get_endpoint'),
    Route(
        'PATCH', '/endpoints/{endpoint_id}', catalog.update_endpoint, 'identity:update_endpoint', noun=catalog.Endpoint
    ),
    Route('DELETE', '/endpoints/{endpoint_id}', catalog.delete_endpoint, 'identity:delete_endpoint', 204),
)

ROUTES = (
    *TOKENS,
    *DOMAINS,
    *PROJECTS,
    *USERS,
    *CREDENTIALS,
    *routes_stored.STORED,
    *routes.FEDERATION,
    *TRUSTS,
    *routes_oauth.OAUTH,
    *_config_routes(),
    *GROUPS,
    *ROLES,
    *_grants(),
    *saml.SAML,
    *CATALOG,
    *pki_tokens.RETIRED,
)
