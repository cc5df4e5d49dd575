"""Every endpoint of the volume API."""

from nimbus.api.kit.fields import Shape, ShapeByVersion
from nimbus.api.kit.routes import Route
from nimbus.api.volume import (
    attachments,
    backends,
    connections,
    hosts,
    info,
    messages,
    quotas,
    resource_filters,
    transfers,
    uploads,
    volume_actions,
    volume_metadata,
    volumes,
)
from nimbus.api.volume.backups import routes as backups
from nimbus.api.volume.choices import default_types, qos_specs, types
from nimbus.api.volume.choices.types import SPECS, Type
from nimbus.api.volume.snapshots import actions, snapshots
from nimbus.api.volume.snapshots.snapshots import Snapshot
from nimbus.api.volume.volumes import Volume

SPEC_BODY = Shape(
    {'type': 'object', 'properties': {'extra_specs': SPECS}, 'required': ['extra_specs'], 'additionalProperties': False}
)
ACTIONS = 'volume_extension:volume_actions'
REMEMBERED = 'volume_extension:volume_image_metadata'


def _action(name: str, handler: object, policy: str, shape: Shape | ShapeByVersion | None = None) -> Route:
    return Route('POST', '/volumes/{id}/action', handler, policy, 202, action=name, shape=shape)  # type: ignore[arg-type]


def _snapshot_action(name: str, handler: object, policy: str, shape: Shape | None = None) -> Route:
    return Route('POST', '/snapshots/{id}/action', handler, policy, 202, action=name, shape=shape)  # type: ignore[arg-type]


PAIRS_OF = '/snapshots/{id}/metadata'
SNAPSHOTS = (
    Route('GET', '/snapshots', snapshots.index, 'volume:get_all_snapshots'),
    Route('GET', '/snapshots/detail', snapshots.detail, 'volume:get_all_snapshots'),
    Route('POST', '/snapshots', snapshots.create, 'volume:create_snapshot', 202, noun=Snapshot),
    Route('GET', '/snapshots/{id}', snapshots.show, 'volume:get_snapshot'),
    Route('PUT', '/snapshots/{id}', snapshots.update, 'volume:update_snapshot', noun=Snapshot),
    Route('DELETE', '/snapshots/{id}', snapshots.delete, 'volume:delete_snapshot', 202),
    Route('GET', PAIRS_OF, snapshots.metadata, 'volume:get_snapshot_metadata'),
    *(
        Route(method, PAIRS_OF, handler, 'volume:update_snapshot_metadata', shape=volume_metadata.WHOLE)
        for method, handler in (('POST', snapshots.add_metadata), ('PUT', snapshots.replace_metadata))
    ),
    Route('GET', f'{PAIRS_OF}/{{key}}', snapshots.show_metadata, 'volume:get_snapshot_metadata'),
    Route(
        'PUT',
        f'{PAIRS_OF}/{{key}}',
        snapshots.update_metadata,
        'volume:update_snapshot_metadata',
        shape=volume_metadata.ITEM,
    ),
    Route('DELETE', f'{PAIRS_OF}/{{key}}', snapshots.delete_metadata, 'volume:delete_snapshot_metadata'),
    _snapshot_action(
        'os-reset_status',
        actions.reset_status,
        'volume_extension:snapshot_admin_actions:reset_status',
        actions.RESET,
    ),
    _snapshot_action('os-force_delete', actions.force_delete, 'volume_extension:snapshot_admin_actions:force_delete'),
    _snapshot_action(
        'os-update_snapshot_status',
        actions.update_status,
        'snapshot_extension:snapshot_actions:update_snapshot_status',
        actions.UPDATE,
    ),
    Route(
        'POST',
        '/volumes/{id}/action',
        actions.revert,
        'volume:revert_to_snapshot',
        202,
        since=(3, 40),
        action='revert',
        shape=actions.REVERT,
    ),
)
ROUTES = (
    Route('GET', '/', info.own, None, open=True),
    Route('GET', '/extensions', info.every_extension, None),
    Route('GET', '/volumes', volumes.index, 'volume:get_all'),
    Route('GET', '/volumes/detail', volumes.detail, 'volume:get_all'),
    Route('GET', '/volumes/summary', volumes.summary, 'volume:get_all', since=(3, 12)),
    Route('POST', '/volumes', volumes.create, 'volume:create', 202, noun=Volume),
    Route('GET', '/volumes/{id}', volumes.show, 'volume:get'),
    Route('PUT', '/volumes/{id}', volumes.update, 'volume:update', noun=Volume),
    Route('DELETE', '/volumes/{id}', volumes.delete, 'volume:delete', 202),
    _action('os-attach', volume_actions.attach, f'{ACTIONS}:attach', volume_actions.ATTACH),
    _action('os-detach', volume_actions.detach, f'{ACTIONS}:detach', volume_actions.DETACH),
    _action('os-reserve', volume_actions.reserve, f'{ACTIONS}:reserve'),
    _action('os-unreserve', volume_actions.unreserve, f'{ACTIONS}:unreserve'),
    _action('os-begin_detaching', volume_actions.begin_detaching, f'{ACTIONS}:begin_detaching'),
    _action('os-roll_detaching', volume_actions.roll_detaching, f'{ACTIONS}:roll_detaching'),
    _action('os-retype', volume_actions.retype, 'volume:retype', volume_actions.RETYPE),
    _action(uploads.NAME, uploads.upload, f'{ACTIONS}:upload_image', uploads.WANTED),
    _action('os-extend', volume_actions.extend, 'volume:extend', volume_actions.EXTEND),
    _action(
        'os-reset_status',
        volume_actions.reset_status,
        'volume_extension:volume_admin_actions:reset_status',
        volume_actions.RESET,
    ),
    Route(
        'POST',
        '/volumes/{id}/action',
        volume_actions.set_bootable,
        'volume:update',
        200,
        action='os-set_bootable',
        shape=volume_actions.BOOTABLE,
    ),
    _action(
        'os-update_readonly_flag',
        volume_actions.update_readonly_flag,
        'volume:update_readonly_flag',
        volume_actions.READONLY,
    ),
    *(
        Route('POST', '/volumes/{id}/action', handler, f'{REMEMBERED}:{rule}', 200, action=name, shape=shape)
        for name, handler, rule, shape in (
            ('os-set_image_metadata', volume_actions.set_image_metadata, 'set', volume_actions.REMEMBERED),
            ('os-show_image_metadata', volume_actions.show_image_metadata, 'show', None),
            ('os-unset_image_metadata', volume_actions.unset_image_metadata, 'remove', volume_actions.FORGOTTEN),
        )
    ),
    _action('os-force_delete', volume_actions.force_delete, 'volume_extension:volume_admin_actions:force_delete'),
    Route('GET', '/volumes/{id}/metadata', volume_metadata.index, 'volume:get_volume_metadata'),
    Route(
        'POST',
        '/volumes/{id}/metadata',
        volume_metadata.create,
        'volume:create_volume_metadata',
        shape=volume_metadata.WHOLE,
    ),
    Route(
        'PUT',
        '/volumes/{id}/metadata',
        volume_metadata.replace,
        'volume:update_volume_metadata',
        shape=volume_metadata.WHOLE,
    ),
    Route('GET', '/volumes/{id}/metadata/{key}', volume_metadata.show, 'volume:get_volume_metadata'),
    Route(
        'PUT',
        '/volumes/{id}/metadata/{key}',
        volume_metadata.update,
        'volume:update_volume_metadata',
        shape=volume_metadata.ITEM,
    ),
    Route('DELETE', '/volumes/{id}/metadata/{key}', volume_metadata.delete, 'volume:delete_volume_metadata'),
    *SNAPSHOTS,
    *backups.ROUTES,
    Route('GET', '/attachments', attachments.index, 'volume:get_all', since=(3, 27)),
    Route('GET', '/attachments/detail', attachments.detail, 'volume:get_all', since=(3, 27)),
    Route(
        'POST', '/attachments', attachments.create, 'volume:attachment_create', since=(3, 27), shape=attachments.CREATE
    ),
    Route('GET', '/attachments/{id}', attachments.show, 'volume:get_all', since=(3, 27)),
    Route(
        'PUT',
        '/attachments/{id}',
        attachments.update,
        'volume:attachment_update',
        since=(3, 27),
        shape=attachments.UPDATE,
    ),
    Route('DELETE', '/attachments/{id}', attachments.delete, 'volume:attachment_delete', since=(3, 27)),
    Route(
        'POST',
        '/attachments/{id}/action',
        attachments.complete,
        'volume:attachment_complete',
        204,
        since=(3, 44),
        action='os-complete',
        shape=attachments.COMPLETE,
    ),
    *transfers.ROUTES,
    *messages.ROUTES,
    *resource_filters.ROUTES,
    *default_types.ROUTES,
    *backends.ROUTES,
    *qos_specs.ROUTES,
    *connections.ROUTES,
    Route('GET', '/types', types.index, 'volume_extension:type_get_all'),
    Route('POST', '/types', types.create, 'volume_extension:type_create', noun=Type),
    Route('GET', '/types/{id}', types.show, 'volume_extension:type_get'),
    Route('PUT', '/types/{id}', types.update, 'volume_extension:type_update', noun=Type),
    Route('DELETE', '/types/{id}', types.delete, 'volume_extension:type_delete', 202),
    Route(
        'GET', '/types/{id}/os-volume-type-access', types.access, 'volume_extension:volume_type_access:get_all_for_type'
    ),
    *(
        Route(
            'POST',
            '/types/{id}/action',
            handler,
            f'volume_extension:volume_type_access:{action}',
            202,
            action=action,
            shape=shape,
        )
        for action, handler, shape in (
            ('addProjectAccess', types.grant, types.GRANT),
            ('removeProjectAccess', types.revoke, types.REVOKE),
        )
    ),
    Route('GET', '/types/{id}/extra_specs', types.extra_specs, 'volume_extension:types_extra_specs:index'),
    Route(
        'POST',
        '/types/{id}/extra_specs',
        types.set_extra_specs,
        'volume_extension:types_extra_specs:create',
        shape=SPEC_BODY,
    ),
    Route('GET', '/types/{id}/extra_specs/{key}', types.extra_spec, 'volume_extension:types_extra_specs:show'),
    Route(
        'PUT',
        '/types/{id}/extra_specs/{key}',
        types.set_extra_spec,
        'volume_extension:types_extra_specs:update',
        shape=types.ONE_SPEC,
    ),
    Route(
        'DELETE',
        '/types/{id}/extra_specs/{key}',
        types.delete_extra_spec,
        'volume_extension:types_extra_specs:delete',
        202,
    ),
    Route('GET', '/limits', quotas.limits, 'limits_extension:used_limits'),
    Route('GET', '/os-quota-sets/{project}', quotas.show, 'volume_extension:quotas:show'),
    Route('GET', '/os-quota-sets/{project}/defaults', quotas.defaults, 'volume_extension:quotas:show'),
    Route('PUT', '/os-quota-sets/{project}', quotas.update, 'volume_extension:quotas:update', shape=quotas.SET),
    Route('DELETE', '/os-quota-sets/{project}', quotas.delete, 'volume_extension:quotas:delete'),
    Route('GET', '/os-quota-class-sets/{name}', quotas.show_class, 'volume_extension:quota_classes:get'),
    Route(
        'PUT',
        '/os-quota-class-sets/{name}',
        quotas.update_class,
        'volume_extension:quota_classes:update',
        shape=quotas.CLASS,
    ),
    Route('GET', '/os-hosts', hosts.index, 'volume_extension:hosts'),
    Route('GET', '/os-hosts/{name}', hosts.show, 'volume_extension:hosts'),
    Route('GET', '/os-services', info.service_list, 'volume_extension:services:index'),
    Route('PUT', '/os-services/enable', info.enable, 'volume_extension:services:update', shape=info.SWITCH),
    Route('PUT', '/os-services/disable', info.disable, 'volume_extension:services:update', shape=info.SWITCH),
    Route(
        'PUT', '/os-services/disable-log-reason', info.disable, 'volume_extension:services:update', shape=info.REASONED
    ),
    Route('GET', '/os-availability-zone', info.zones, None),
    Route('GET', '/scheduler-stats/get_pools', info.pools, 'scheduler_extension:scheduler_stats:get_pools'),
)
