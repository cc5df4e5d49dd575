"""Identity's policy rules: upstream's rule names, and its defaults for scoped readers, managers and admins.

A rule that reads `target.` is checked by the handler, which knows the row.
"""

from oslo_policy import policy

ADMIN = 'rule:admin_required'
SYSTEM_READER = '(role:reader and system_scope:all)'
READER = f'{ADMIN} or {SYSTEM_READER}'
OPEN = ''
EVERYWHERE = ['system', 'domain', 'project']
CENTRAL = ['system', 'project']


def _within(role: str, *targets: str) -> str:
    """A check for the role in the domain of every target."""
    return '(' + ' and '.join([f'role:{role}', *(f'domain_id:%(target.{name})s' for name in targets)]) + ')'


def _pairs(role: str) -> str:
    """A check for the role in the domain of both the actor and the target of an assignment."""
    return ' or '.join(
        _within(role, f'{actor}.domain_id', target)
        for actor in ('user', 'group')
        for target in ('project.domain_id', 'domain.id')
    )


_IN_PROJECTS_DOMAIN = 'domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s'
_PROJECT_READER = f'{READER} or (role:reader and {_IN_PROJECTS_DOMAIN}) or project_id:%(target.project.id)s'
_PROJECT_MANAGER = f'{ADMIN} or (role:manager and {_IN_PROJECTS_DOMAIN})'
_USER_MANAGER = f'{ADMIN} or (role:manager and token.domain.id:%(target.user.domain_id)s)'
_GROUP_READER = f'{READER} or {_within("reader", "group.domain_id")}'
_GROUP_MANAGER = f'{ADMIN} or {_within("manager", "group.domain_id")}'
_MEMBER_MANAGER = f'{ADMIN} or {_within("manager", "group.domain_id", "user.domain_id")}'
_ROLE_IS_NEAR = '(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)'
_GRANTER = (
    f'{ADMIN} or (({_pairs("admin")}) and {_ROLE_IS_NEAR}) or (({_pairs("manager")}) and '
    'rule:domain_managed_target_role)'
)
_ASSIGNMENT_READER = f'{READER} or (role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)'
_OWNER_READER = f'{READER} or rule:owner'
_CREDENTIAL_OWNER = f'{ADMIN} or user_id:%(target.credential.user_id)s'
_CREDENTIAL_READER = f'{READER} or user_id:%(target.credential.user_id)s'
_CREDENTIAL_MEMBER = f'{ADMIN} or (role:member and user_id:%(target.credential.user_id)s)'
_LIMIT_READER = (
    f'{READER} or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s) or '
    '(project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)'
)
_TRUSTOR, _TRUSTEE = 'user_id:%(target.trust.trustor_user_id)s', 'user_id:%(target.trust.trustee_user_id)s'

_COMMON = (
    ('admin_required', 'role:admin or is_admin:1'),
    ('service_role', 'role:service'),
    ('service_or_admin', 'rule:admin_required or rule:service_role'),
    ('owner', 'user_id:%(user_id)s'),
    ('admin_or_owner', 'rule:admin_required or rule:owner'),
    ('token_subject', 'user_id:%(target.token.user_id)s'),
    ('admin_or_token_subject', 'rule:admin_required or rule:token_subject'),
    ('service_admin_or_token_subject', 'rule:service_or_admin or rule:token_subject'),
    (
        'domain_managed_target_role',
        "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
    ),
)

# (names, check, scope types)
_ROWS: tuple[tuple[str, str, list[str] | None], ...] = (
    ('get_auth_catalog get_auth_projects get_auth_domains get_auth_system', OPEN, None),
    ('check_token', f'{READER} or rule:token_subject', EVERYWHERE),
    ('validate_token', f'{READER} or rule:service_role or rule:token_subject', EVERYWHERE),
    ('revoke_token', f'{ADMIN} or rule:token_subject', EVERYWHERE),
    ('revoke_tokens_for_user', 'rule:admin_or_owner', EVERYWHERE),
    (
        'get_domain',
        f'{READER} or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s',
        EVERYWHERE,
    ),
    ('list_domains', f'{READER} or {_within("reader", "domain.id")}', EVERYWHERE),
    ('create_domain update_domain delete_domain', ADMIN, CENTRAL),
    ('get_project list_project_tags get_project_tag', _PROJECT_READER, EVERYWHERE),
    ('list_projects', f'{READER} or {_within("reader", "domain_id")}', EVERYWHERE),
    (
        'list_user_projects',
        f'{READER} or {_within("reader", "user.domain_id")} or user_id:%(target.user.id)s',
        EVERYWHERE,
    ),
    (
        'create_project update_project delete_project update_project_tags create_project_tag delete_project_tags '
        'delete_project_tag',
        _PROJECT_MANAGER,
        EVERYWHERE,
    ),
    (
        'get_user',
        f'{READER} or (role:reader and token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s',
        EVERYWHERE,
    ),
    ('list_users', f'{READER} or {_within("reader", "domain_id")}', EVERYWHERE),
    ('create_user update_user delete_user', _USER_MANAGER, EVERYWHERE),
    ('get_group list_groups list_users_in_group', _GROUP_READER, EVERYWHERE),
    (
        'list_groups_for_user',
        f'{READER} or {_within("reader", "user.domain_id")} or user_id:%(user_id)s',
        EVERYWHERE,
    ),
    ('create_group update_group delete_group', _GROUP_MANAGER, EVERYWHERE),
    ('add_user_to_group remove_user_from_group', _MEMBER_MANAGER, EVERYWHERE),
    (
        'check_user_in_group',
        f'{READER} or {_within("reader", "group.domain_id", "user.domain_id")}',
        EVERYWHERE,
    ),
    ('get_role', f'{READER} or (role:manager and rule:domain_managed_target_role)', EVERYWHERE),
    ('list_roles', f'{READER} or (role:manager and not domain_id:None)', EVERYWHERE),
    ('get_domain_role list_domain_roles', READER, CENTRAL),
    (
        'create_role update_role delete_role create_domain_role update_domain_role delete_domain_role',
        ADMIN,
        CENTRAL,
    ),
    ('check_grant', f'{READER} or (({_pairs("reader")}) and {_ROLE_IS_NEAR})', EVERYWHERE),
    ('list_grants', f'{READER} or {_pairs("reader")}', EVERYWHERE),
    ('create_grant revoke_grant', _GRANTER, EVERYWHERE),
    (
        'list_system_grants_for_user check_system_grant_for_user list_system_grants_for_group '
        'check_system_grant_for_group',
        READER,
        CENTRAL,
    ),
    (
        'create_system_grant_for_user revoke_system_grant_for_user create_system_grant_for_group '
        'revoke_system_grant_for_group',
        ADMIN,
        CENTRAL,
    ),
    ('list_role_assignments list_role_assignments_for_tree', _ASSIGNMENT_READER, EVERYWHERE),
    ('get_implied_role list_implied_roles check_implied_role list_role_inference_rules', READER, CENTRAL),
    ('create_implied_role delete_implied_role', ADMIN, CENTRAL),
    ('get_service list_services get_endpoint list_endpoints', READER, CENTRAL),
    ('create_service update_service delete_service create_endpoint update_endpoint delete_endpoint', ADMIN, CENTRAL),
    ('get_region list_regions', OPEN, EVERYWHERE),
    ('create_region update_region delete_region', ADMIN, CENTRAL),
    ('get_application_credential list_application_credentials', _OWNER_READER, CENTRAL),
    ('create_application_credential', 'user_id:%(user_id)s', ['project']),
    ('get_credential list_credentials', _CREDENTIAL_READER, EVERYWHERE),
    ('create_credential update_credential delete_credential', _CREDENTIAL_OWNER, EVERYWHERE),
    ('ec2_get_credential', _CREDENTIAL_READER, CENTRAL),
    ('ec2_list_credentials', _OWNER_READER, CENTRAL),
    ('ec2_create_credential ec2_delete_credential', _CREDENTIAL_MEMBER, CENTRAL),
    ('ec2tokens_validate s3tokens_validate', 'rule:service_or_admin', EVERYWHERE),
    (
        'get_policy list_policies get_policy_for_endpoint list_endpoints_for_policy '
        'check_policy_association_for_endpoint check_policy_association_for_service '
        'check_policy_association_for_region_and_service',
        READER,
        CENTRAL,
    ),
    (
        'create_policy update_policy delete_policy create_policy_association_for_endpoint '
        'create_policy_association_for_service create_policy_association_for_region_and_service '
        'delete_policy_association_for_endpoint delete_policy_association_for_service '
        'delete_policy_association_for_region_and_service',
        ADMIN,
        CENTRAL,
    ),
    (
        'list_endpoint_groups get_endpoint_group list_projects_associated_with_endpoint_group '
        'list_endpoints_associated_with_endpoint_group get_endpoint_group_in_project '
        'list_endpoint_groups_for_project list_projects_for_endpoint check_endpoint_in_project '
        'list_endpoints_for_project',
        READER,
        CENTRAL,
    ),
    (
        'create_endpoint_group update_endpoint_group delete_endpoint_group add_endpoint_group_to_project '
        'remove_endpoint_group_from_project add_endpoint_to_project remove_endpoint_from_project',
        ADMIN,
        CENTRAL,
    ),
    ('get_limit_model list_limits get_registered_limit list_registered_limits', OPEN, EVERYWHERE),
    ('get_limit', _LIMIT_READER, EVERYWHERE),
    (
        'create_limits update_limit delete_limit create_registered_limits update_registered_limit '
        'delete_registered_limit',
        ADMIN,
        CENTRAL,
    ),
    ('delete_application_credential', 'rule:admin_or_owner', CENTRAL),
    ('create_domain_config update_domain_config delete_domain_config', ADMIN, CENTRAL),
    ('get_domain_config get_domain_config_default', READER, CENTRAL),
    ('get_security_compliance_domain_config', OPEN, EVERYWHERE),
    ('list_revoke_events', 'rule:service_or_admin', CENTRAL),
    ('get_access_rule list_access_rules', f'{SYSTEM_READER} or user_id:%(target.user.id)s', CENTRAL),
    ('delete_access_rule', '(role:admin and system_scope:all) or user_id:%(target.user.id)s', CENTRAL),
    ('create_trust', _TRUSTOR, ['project']),
    ('list_trusts', READER, CENTRAL),
    ('list_trusts_for_trustor', f'{READER} or {_TRUSTOR}', CENTRAL),
    ('list_trusts_for_trustee', f'{READER} or {_TRUSTEE}', CENTRAL),
    ('get_trust list_roles_for_trust get_role_for_trust', f'{READER} or {_TRUSTOR} or {_TRUSTEE}', CENTRAL),
    ('delete_trust', f'{ADMIN} or {_TRUSTOR}', CENTRAL),
    ('get_consumer list_consumers', READER, CENTRAL),
    ('create_consumer update_consumer delete_consumer', ADMIN, CENTRAL),
    (
        'authorize_request_token get_access_token list_access_tokens get_access_token_role list_access_token_roles '
        'delete_access_token',
        ADMIN,
        ['project'],
    ),
    (
        'get_identity_provider list_identity_providers get_protocol list_protocols get_mapping list_mappings '
        'get_service_provider list_service_providers',
        READER,
        CENTRAL,
    ),
    (
        'create_identity_provider update_identity_provider delete_identity_provider create_protocol update_protocol '
        'delete_protocol create_mapping update_mapping delete_mapping create_service_provider '
        'update_service_provider delete_service_provider',
        ADMIN,
        CENTRAL,
    ),
)

RULES = (
    *(policy.RuleDefault(name, check) for name, check in _COMMON),
    *(
        policy.RuleDefault(f'identity:{name}', check, scope_types=scopes)
        for names, check, scopes in _ROWS
        for name in names.split()
    ),
)
