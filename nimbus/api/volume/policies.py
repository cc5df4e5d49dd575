"""Who may do what to volumes: upstream's rules and defaults."""

from oslo_policy.policy import RuleDefault

from nimbus.api.kit.policy import ADMIN, MEMBER, READER

SERVICE_OR_ADMIN = f'rule:service_api or {ADMIN}'
MEMBER_OR_SERVICE = f'{MEMBER} or rule:service_api'
READER_OR_SERVICE = f'{READER} or rule:service_api'
RULES = tuple(
    RuleDefault(name, check)
    for name, check in {
        'volume:create': MEMBER_OR_SERVICE,
        'volume:create_from_image': MEMBER_OR_SERVICE,
        'volume:get': READER_OR_SERVICE,
        'volume:get_all': READER_OR_SERVICE,
        'volume:update': MEMBER,
        'volume:delete': MEMBER_OR_SERVICE,
        'volume:force_delete': ADMIN,
        'volume:get_volume_metadata': READER,
        'volume:create_volume_metadata': MEMBER,
        'volume:update_volume_metadata': MEMBER,
        'volume:delete_volume_metadata': MEMBER,
        'volume:extend': MEMBER,
        'volume:attachment_create': MEMBER_OR_SERVICE,
        'volume:attachment_update': MEMBER_OR_SERVICE,
        'volume:attachment_delete': MEMBER_OR_SERVICE,
        'volume:attachment_complete': MEMBER_OR_SERVICE,
        'volume_extension:volume_tenant_attribute': READER_OR_SERVICE,
        'volume_extension:volume_image_metadata:show': READER_OR_SERVICE,
        'volume_extension:volume_image_metadata:set': MEMBER,
        'volume_extension:volume_image_metadata:remove': MEMBER,
        'volume_extension:volume_host_attribute': ADMIN,
        'volume_extension:volume_mig_status_attribute': ADMIN,
        'volume_extension:volume_actions:attach': MEMBER_OR_SERVICE,
        'volume_extension:volume_actions:detach': MEMBER_OR_SERVICE,
        'volume_extension:volume_actions:reserve': MEMBER_OR_SERVICE,
        'volume_extension:volume_actions:unreserve': MEMBER_OR_SERVICE,
        'volume_extension:volume_actions:begin_detaching': MEMBER_OR_SERVICE,
        'volume_extension:volume_actions:roll_detaching': MEMBER_OR_SERVICE,
        'volume_extension:volume_admin_actions:reset_status': ADMIN,
        'volume_extension:volume_admin_actions:force_delete': ADMIN,
        'volume:update_readonly_flag': MEMBER,
        'volume_extension:type_get': READER_OR_SERVICE,
        'volume_extension:type_get_all': READER_OR_SERVICE,
        'volume_extension:type_create': ADMIN,
        'volume_extension:type_update': ADMIN,
        'volume_extension:type_delete': ADMIN,
        'volume_extension:access_types_extra_specs': READER,
        'volume_extension:types_extra_specs:index': READER,
        'volume_extension:types_extra_specs:show': READER,
        'volume_extension:types_extra_specs:read_sensitive': ADMIN,
        'volume_extension:types_extra_specs:create': ADMIN,
        'volume_extension:types_extra_specs:update': ADMIN,
        'volume_extension:types_extra_specs:delete': ADMIN,
        'volume_extension:hosts': ADMIN,
        'volume_extension:services:index': ADMIN,
        'volume_extension:services:update': ADMIN,
        'volume_extension:quotas:show': READER,
        'volume_extension:quotas:update': ADMIN,
        'volume_extension:quotas:delete': ADMIN,
        'volume_extension:quota_classes:get': ADMIN,
        'volume_extension:quota_classes:update': ADMIN,
        'scheduler_extension:scheduler_stats:get_pools': ADMIN,
        'limits_extension:used_limits': READER,
    }.items()
)
