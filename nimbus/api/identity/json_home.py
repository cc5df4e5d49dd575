"""The JSON home document of the Identity API: the paths of resources by their link relations."""

import functools
import re
from collections.abc import Iterable
from typing import Any

from webob import acceptparse

from nimbus.api.kit.routes import Call, Reply, Route

MEDIA = 'application/json-home'
_DOCS = 'https://docs.openstack.org/api/openstack-identity/3'
# The relations of each extension, each line a name and its path.
_RELATIONS = {
    'OS-EC2/1.0': """
        ec2tokens /ec2tokens
        user_credential /users/{user_id}/credentials/OS-EC2/{credential_id}
        user_credentials /users/{user_id}/credentials/OS-EC2
    """,  # noqa: E501
    'OS-ENDPOINT-POLICY/1.0': """
        endpoint_policy /endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy
        endpoint_policy_association /policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}
        policy_endpoints /policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints
        region_and_service_policy_association /policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}
        service_policy_association /policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}
    """,  # noqa: E501
    'OS-EP-FILTER/1.0': """
        endpoint_group /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}
        endpoint_group_to_project_association /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}
        endpoint_groups /OS-EP-FILTER/endpoint_groups
        endpoint_projects /OS-EP-FILTER/endpoints/{endpoint_id}/projects
        endpoints_in_endpoint_group /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints
        project_endpoint /OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}
        project_endpoint_groups /OS-EP-FILTER/projects/{project_id}/endpoint_groups
        project_endpoints /OS-EP-FILTER/projects/{project_id}/endpoints
        projects_associated_with_endpoint_group /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects
    """,  # noqa: E501
    'OS-FEDERATION/1.0': """
        domains /auth/domains
        ecp /auth/OS-FEDERATION/saml2/ecp
        identity_provider /OS-FEDERATION/identity_providers/{idp_id}
        identity_provider_protocol /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}
        identity_provider_protocol_auth /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth
        identity_provider_protocols /OS-FEDERATION/identity_providers/{idp_id}/protocols
        identity_providers /OS-FEDERATION/identity_providers
        identity_providers_websso /auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso
        mapping /OS-FEDERATION/mappings/{mapping_id}
        mappings /OS-FEDERATION/mappings
        metadata /OS-FEDERATION/saml2/metadata
        projects /auth/projects
        saml2 /auth/OS-FEDERATION/saml2
        service_provider /OS-FEDERATION/service_providers/{service_provider_id}
        service_providers /OS-FEDERATION/service_providers
        websso /auth/OS-FEDERATION/websso/{protocol_id}
    """,  # noqa: E501
    'OS-INHERIT/1.0': """
        domain_group_role_inherited_to_projects /OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects
        domain_group_roles_inherited_to_projects /OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects
        domain_user_role_inherited_to_projects /OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects
        domain_user_roles_inherited_to_projects /OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects
        project_group_role_inherited_to_projects /OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects
        project_user_role_inherited_to_projects /OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects
    """,  # noqa: E501
    'OS-OAUTH1/1.0': """
        access_tokens /OS-OAUTH1/access_token
        authorize_request_token /OS-OAUTH1/authorize/{request_token_id}
        consumer /OS-OAUTH1/consumers/{consumer_id}
        consumers /OS-OAUTH1/consumers
        request_tokens /OS-OAUTH1/request_token
        user_access_token /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}
        user_access_token_role /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}
        user_access_token_roles /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles
        user_access_tokens /users/{user_id}/OS-OAUTH1/access_tokens
    """,  # noqa: E501
    'OS-OAUTH2/1.0': """
        token /OS-OAUTH2/token
    """,  # noqa: E501
    'OS-REVOKE/1.0': """
        events /OS-REVOKE/events
    """,  # noqa: E501
    'OS-TRUST/1.0': """
        trust /OS-TRUST/trusts/{trust_id}
        trust_role /OS-TRUST/trusts/{trust_id}/roles/{role_id}
        trust_roles /OS-TRUST/trusts/{trust_id}/roles
        trusts /OS-TRUST/trusts
    """,  # noqa: E501
    's3tokens/1.0': """
        s3tokens /s3tokens
    """,  # noqa: E501
    '': """
        access_rule /users/{user_id}/access_rules/{access_rule_id}
        access_rules /users/{user_id}/access_rules
        application_credential /users/{user_id}/application_credentials/{application_credential_id}
        application_credentials /users/{user_id}/application_credentials
        auth_catalog /auth/catalog
        auth_domains /auth/domains
        auth_projects /auth/projects
        auth_system /auth/system
        auth_tokens /auth/tokens
        credential /credentials/{credential_id}
        credentials /credentials
        domain /domains/{domain_id}
        domain_config /domains/{domain_id}/config
        domain_config_default /domains/config/default
        domain_config_default_group /domains/config/{group}/default
        domain_config_default_option /domains/config/{group}/{option}/default
        domain_config_group /domains/{domain_id}/config/{group}
        domain_config_option /domains/{domain_id}/config/{group}/{option}
        domain_group_role /domains/{domain_id}/groups/{group_id}/roles/{role_id}
        domain_group_roles /domains/{domain_id}/groups/{group_id}/roles
        domain_user_role /domains/{domain_id}/users/{user_id}/roles/{role_id}
        domain_user_roles /domains/{domain_id}/users/{user_id}/roles
        domains /domains
        endpoint /endpoints/{endpoint_id}
        endpoints /endpoints
        group /groups/{group_id}
        group_user /groups/{group_id}/users/{user_id}
        group_users /groups/{group_id}/users
        groups /groups
        implied_role /roles/{prior_role_id}/implies/{implied_role_id}
        implied_roles /roles/{prior_role_id}/implies
        limit /limits/{limit_id}
        limit_model /limits/model
        limits /limits
        policies /policies
        policy /policies/{policy_id}
        project /projects/{project_id}
        project_group_role /projects/{project_id}/groups/{group_id}/roles/{role_id}
        project_group_roles /projects/{project_id}/groups/{group_id}/roles
        project_tags /projects/{project_id}/tags/{value}
        project_user_role /projects/{project_id}/users/{user_id}/roles/{role_id}
        project_user_roles /projects/{project_id}/users/{user_id}/roles
        projects /projects
        region /regions/{region_id}
        regions /regions
        registered_limit /registered_limits/{registered_limit_id}
        registered_limits /registered_limits
        role /roles/{role_id}
        role_assignments /role_assignments
        role_inferences /role_inferences
        roles /roles
        service /services/{service_id}
        services /services
        system_group_role /system/groups/{group_id}/roles/{role_id}
        system_group_roles /system/groups/{group_id}/roles
        system_user_role /system/users/{user_id}/roles/{role_id}
        system_user_roles /system/users/{user_id}/roles
        user /users/{user_id}
        user_change_password /users/{user_id}/password
        user_groups /users/{user_id}/groups
        user_projects /users/{user_id}/projects
        users /users
    """,  # noqa: E501
}
# Path parameters whose relation is the extension's own, and those that have another name in relations.
_EXTENDED = (
    'access_token_id',
    'consumer_id',
    'endpoint_group_id',
    'idp_id',
    'mapping_id',
    'protocol_id',
    'request_token_id',
    'service_provider_id',
    'trust_id',
)
_RENAMED = {
    'group': 'config_group',
    'option': 'config_option',
    'implied_role_id': 'role_id',
    'prior_role_id': 'role_id',
    'value': 'tag_value',
}
_EXPERIMENTAL = ('limit', 'limit_model', 'limits', 'registered_limit', 'registered_limits')
_PARAMETER = re.compile(r'{(\w+)}')


def is_asked(call: Call) -> bool:
    """Whether the client prefers the JSON home document to the list of versions."""
    given = call.header('accept')
    offers = acceptparse.create_accept_header(given).acceptable_offers(['application/json', MEDIA]) if given else []
    return bool(offers) and offers[0][0] == MEDIA


def reply(routes: Iterable[Route], prefix: str) -> Reply:
    """The relations that the routes serve; every path begins with the prefix."""
    return Reply(
        {'resources': _resources(tuple(route.path for route in routes), prefix)}, 200, [('Content-Type', MEDIA)]
    )


@functools.lru_cache(4)
def _resources(paths: tuple[str, ...], prefix: str) -> dict[str, Any]:
    served = {_PARAMETER.sub('{}', path) for path in paths}
    found = {}
    for extension, lines in _RELATIONS.items():
        base = f'{_DOCS}/ext/{extension}' if extension else _DOCS
        for line in lines.split('\n'):
            name, _, path = line.strip().partition(' ')
            if name and _PARAMETER.sub('{}', path) in served:
                found[f'{base}/rel/{name}'] = _resource(base, name, path, prefix)
    return found


def _resource(base: str, name: str, path: str, prefix: str) -> dict[str, Any]:
    hints = {'hints': {'status': 'experimental'}} if name in _EXPERIMENTAL and base == _DOCS else {}
    names = _PARAMETER.findall(path)
    if not names:
        return {'href': prefix + path, **hints}
    given = {one: f'{base if one in _EXTENDED else _DOCS}/param/{_RENAMED.get(one, one)}' for one in names}
    return {'href-template': prefix + path, 'href-vars': given, **hints}
