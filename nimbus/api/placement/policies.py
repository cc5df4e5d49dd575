"""Policy rules of the Placement API, with OpenStack's names and defaults."""

from oslo_policy import policy

from nimbus.api.kit.policy import of_projects

ADMIN_OR_SERVICE = 'rule:admin_or_service_api'
PROVIDERS = 'placement:resource_providers:'
USAGES = 'placement:usages'

RULES = (
    policy.RuleDefault('admin_or_service_api', 'role:admin or role:service'),
    policy.RuleDefault(
        'admin_or_project_reader_or_service_api', 'role:admin or rule:project_reader_api or role:service'
    ),
    *(
        of_projects(name, ADMIN_OR_SERVICE, what)
        for name, what in (
            (f'{PROVIDERS}list', 'List the providers.'),
            (f'{PROVIDERS}show', 'Show a provider.'),
            (f'{PROVIDERS}inventories:list', 'List what a provider has.'),
            (f'{PROVIDERS}inventories:show', 'Show what a provider has of one resource class.'),
            (f'{PROVIDERS}usages', 'Show what is used of a provider.'),
            (f'{PROVIDERS}aggregates:list', "List a provider's aggregates."),
            (f'{PROVIDERS}traits:list', "List a provider's traits."),
            (f'{PROVIDERS}traits:update', 'Give a provider traits.'),
            (f'{PROVIDERS}traits:delete', "Take a provider's traits."),
            (f'{PROVIDERS}allocations:list', 'List the consumers of a provider.'),
            ('placement:resource_classes:list', 'List the resource classes.'),
            ('placement:resource_classes:show', 'Show a resource class.'),
            ('placement:traits:list', 'List the traits.'),
            ('placement:traits:show', 'Say whether a trait is known.'),
            ('placement:traits:update', 'Make a trait.'),
            ('placement:traits:delete', 'Delete a trait.'),
            ('placement:allocation_candidates:list', 'List the allocations that would be possible.'),
            ('placement:allocations:list', 'Show what a consumer holds.'),
        )
    ),
    of_projects(USAGES, 'rule:admin_or_project_reader_or_service_api', 'Show what a project uses in all.'),
)
