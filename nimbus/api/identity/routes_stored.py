"""The endpoints of what identity stores for others: credentials, policies, endpoint filters and limits."""

from collections.abc import Iterator

from nimbus.api.identity.catalog import endpoint_filters as filters
from nimbus.api.identity.catalog import limits
from nimbus.api.identity.catalog import stored_policies as stored
from nimbus.api.identity.tokens import credentials, ec2
from nimbus.api.kit.routes import Route

_EC2 = '/users/{user_id}/credentials/OS-EC2'
CREDENTIALS = (
    Route('GET', '/credentials', credentials.index, None),
    Route('POST', '/credentials', credentials.create, None, 201, noun=credentials.Credential),
    Route('GET', '/credentials/{credential_id}', credentials.show, None),
    Route('PATCH', '/credentials/{credential_id}', credentials.update, None, shape=credentials.CHANGE),
    Route('DELETE', '/credentials/{credential_id}', credentials.delete, None, 204),
    Route('GET', _EC2, ec2.index, None),
    Route('POST', _EC2, ec2.create, None, 201, shape=ec2.CREATE),
    Route('GET', _EC2 + '/{credential_id}', ec2.show, None),
    Route('DELETE', _EC2 + '/{credential_id}', ec2.delete, None, 204),
    Route('POST', '/ec2tokens', ec2.check_ec2, 'identity:ec2tokens_validate', shape=ec2.SIGNED),
    Route('POST', '/s3tokens', ec2.check_s3, 'identity:s3tokens_validate', shape=ec2.SIGNED),
)

_POLICY = '/policies/{policy_id}'
_FOR = _POLICY + '/OS-ENDPOINT-POLICY'
POLICIES = (
    Route('GET', '/policies', stored.index, 'identity:list_policies'),
    Route('POST', '/policies', stored.create, 'identity:create_policy', 201, noun=stored.StoredPolicy),
    Route('GET', _POLICY, stored.show, 'identity:get_policy'),
    Route('PATCH', _POLICY, stored.update, 'identity:update_policy', noun=stored.StoredPolicy),
    Route('DELETE', _POLICY, stored.delete, 'identity:delete_policy', 204),
    Route('GET', _FOR + '/endpoints', stored.list_endpoints, 'identity:list_endpoints_for_policy'),
    Route(
        'GET',
        '/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy',
        stored.of_endpoint,
        'identity:get_policy_for_endpoint',
    ),
)


def _associations() -> Iterator[Route]:
    """The same three operations for every kind of target of a policy association."""
    for path, kind in (
        ('/endpoints/{endpoint_id}', 'endpoint'),
        ('/services/{service_id}', 'service'),
        ('/services/{service_id}/regions/{region_id}', 'region_and_service'),
    ):
        rule = f'policy_association_for_{kind}'
        yield Route('GET', _FOR + path, stored.check, f'identity:check_{rule}', 204)
        yield Route('PUT', _FOR + path, stored.associate, f'identity:create_{rule}', 204)
        yield Route('DELETE', _FOR + path, stored.dissociate, f'identity:delete_{rule}', 204)


_GROUPS = '/OS-EP-FILTER/endpoint_groups'
_GROUP = _GROUPS + '/{endpoint_group_id}'
_GROUP_OF_PROJECT = _GROUP + '/projects/{project_id}'
_ENDPOINTS = '/OS-EP-FILTER/projects/{project_id}/endpoints'
_ENDPOINT = _ENDPOINTS + '/{endpoint_id}'
FILTERS = (
    Route('GET', _GROUPS, filters.list_groups, 'identity:list_endpoint_groups'),
    Route('POST', _GROUPS, filters.create_group, 'identity:create_endpoint_group', 201, noun=filters.EndpointGroup),
    Route('GET', _GROUP, filters.show_group, 'identity:get_endpoint_group'),
    Route('PATCH', _GROUP, filters.update_group, 'identity:update_endpoint_group', noun=filters.EndpointGroup),
    Route('DELETE', _GROUP, filters.delete_group, 'identity:delete_endpoint_group', 204),
    Route(
        'GET',
        _GROUP + '/endpoints',
        filters.endpoints_of_group,
        'identity:list_endpoints_associated_with_endpoint_group',
    ),
    Route(
        'GET', _GROUP + '/projects', filters.projects_of_group, 'identity:list_projects_associated_with_endpoint_group'
    ),
    Route('GET', _GROUP_OF_PROJECT, filters.show_group_of_project, 'identity:get_endpoint_group_in_project'),
    Route('PUT', _GROUP_OF_PROJECT, filters.add_group, 'identity:add_endpoint_group_to_project', 204),
    Route('DELETE', _GROUP_OF_PROJECT, filters.remove_group, 'identity:remove_endpoint_group_from_project', 204),
    Route(
        'GET',
        '/OS-EP-FILTER/projects/{project_id}/endpoint_groups',
        filters.groups_of_project,
        'identity:list_endpoint_groups_for_project',
    ),
    Route('GET', _ENDPOINTS, filters.endpoints_of_project, 'identity:list_endpoints_for_project'),
    Route('GET', _ENDPOINT, filters.check_endpoint, 'identity:check_endpoint_in_project', 204),
    Route('PUT', _ENDPOINT, filters.add_endpoint, 'identity:add_endpoint_to_project', 204),
    Route('DELETE', _ENDPOINT, filters.remove_endpoint, 'identity:remove_endpoint_from_project', 204),
    Route(
        'GET',
        '/OS-EP-FILTER/endpoints/{endpoint_id}/projects',
        filters.projects_of_endpoint,
        'identity:list_projects_for_endpoint',
    ),
)

_REGISTERED = '/registered_limits/{registered_limit_id}'
LIMITS = (
    Route('GET', '/registered_limits', limits.list_registered, None),
    Route(
        'POST', '/registered_limits', limits.register, 'identity:create_registered_limits', 201, shape=limits.REGISTER
    ),
    Route('GET', _REGISTERED, limits.show_registered, None),
    Route(
        'PATCH',
        _REGISTERED,
        limits.update_registered,
        'identity:update_registered_limit',
        noun=limits.RegisteredLimit,
    ),
    Route('DELETE', _REGISTERED, limits.delete_registered, 'identity:delete_registered_limit', 204),
    Route('GET', '/limits/model', limits.show_model, None),
    Route('GET', '/limits', limits.index, None),
    Route('POST', '/limits', limits.create, 'identity:create_limits', 201, shape=limits.CREATE_LIMITS),
    Route('GET', '/limits/{limit_id}', limits.show, None),
    Route('PATCH', '/limits/{limit_id}', limits.update, 'identity:update_limit', noun=limits.Limit),
    Route('DELETE', '/limits/{limit_id}', limits.delete, 'identity:delete_limit', 204),
)

STORED = (*CREDENTIALS, *POLICIES, *_associations(), *FILTERS, *LIMITS)
