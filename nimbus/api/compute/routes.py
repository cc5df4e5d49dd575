"""Every endpoint of the Compute API."""

from collections.abc import Callable
from typing import Any

from nimbus.api.compute import extensions, flavors, keypairs, quotas, routes_consoles, routes_moves, versions
from nimbus.api.compute.hosts import aggregates, hosts, hypervisors, services, usage_audits
from nimbus.api.compute.microversions import (
    ADDRESS_ACTIONS_END,
    HOSTS_END,
    ChangeAttachment,
    FlavorDescriptions,
    Tags,
)
from nimbus.api.compute.policies import API, CACHE_IMAGES, TOPOLOGY
from nimbus.api.compute.proxies import routes as proxies
from nimbus.api.compute.servers import (
    actions,
    deletions,
    external_events,
    groups,
    in_guests,
    instance_actions,
    interfaces,
    rebuilds,
    requests,
    rescues,
    servers,
    subresources,
    suspensions,
    usage,
    volume_attachments,
)
from nimbus.api.compute.servers.images import shelvings, snapshots
from nimbus.api.compute.servers.moves import evacuations, live, migrate, resizes
from nimbus.api.kit.routes import Route

Handler = Callable[..., Any]
CRASH_DUMPS, TOPOLOGIES, CACHED_IMAGES = (2, 17), (2, 78), (2, 81)  # the versions that brought these routes
SERVERS = (
    Route('GET', '/servers', servers.index, f'{API}servers:index'),
    Route('POST', '/servers', servers.create, f'{API}servers:create', 202, shape=requests.Shapes()),
    Route('GET', '/servers/detail', servers.detail, f'{API}servers:detail'),
    Route('GET', '/servers/{id}', servers.show, f'{API}servers:show'),
    Route('PUT', '/servers/{id}', servers.update, f'{API}servers:update', shape=servers.ChangeShapes()),
    Route('DELETE', '/servers/{id}', servers.delete, f'{API}servers:delete', 204),
)


def act(name: str, handler: Handler, rule: str, shape: Any, status: int = 202, **more: Any) -> Route:
    """A row for one action of a server."""
    return Route('POST', '/servers/{id}/action', handler, f'{API}{rule}', status, action=name, shape=shape, **more)


def tag(method: str, path: str, handler: Handler, rule: str, status: int = 200, **more: Any) -> Route:
    """A row for the tags of a server."""
    rule = f'{API}os-server-tags:{rule}'
    return Route(method, f'/servers/{{id}}/tags{path}', handler, rule, status, since=Tags.number, **more)


def volume(method: str, path: str, handler: Handler, rule: str, status: int = 200, **more: Any) -> Route:
    """A row for the volumes of a server."""
    rule = f'{API}os-volumes-attachments:{rule}'
    return Route(method, f'/servers/{{id}}/os-volume_attachments{path}', handler, rule, status, **more)


def interface(method: str, path: str, handler: Handler, rule: str, status: int = 200, **more: Any) -> Route:
    """A row for the network interfaces of a server."""
    rule = f'{API}os-attach-interfaces:{rule}'
    return Route(method, f'/servers/{{id}}/os-interface{path}', handler, rule, status, **more)


def aggregate(name: str, handler: Handler, shape: Any) -> Route:
    """A row for one action of an aggregate."""
    rule = f'{API}os-aggregates:{name}'
    return Route('POST', '/os-aggregates/{id}/action', handler, rule, action=name, shape=shape)


ACTIONS = (
    act('os-start', actions.start, 'servers:start', actions.START),
    act('os-stop', actions.stop, 'servers:stop', actions.STOP),
    act('reboot', actions.reboot, 'servers:reboot', actions.REBOOT),
    act('rebuild', rebuilds.rebuild, 'servers:rebuild', rebuilds.Shapes()),
    act('rescue', rescues.rescue, 'os-rescue', rescues.RESCUE, 200),
    act('unrescue', rescues.unrescue, 'os-unrescue', rescues.UNRESCUE),
    act('changePassword', in_guests.change_password, 'os-admin-password', in_guests.CHANGE_PASSWORD),
    act(
        'trigger_crash_dump',
        in_guests.crash_dump,
        'servers:trigger_crash_dump',
        in_guests.CRASH_DUMP,
        since=CRASH_DUMPS,
    ),
    act('forceDelete', deletions.force_delete, 'os-deferred-delete:force', deletions.FORCE_DELETE),
    act('restore', deletions.restore, 'os-deferred-delete:restore', deletions.RESTORE),
    act('pause', suspensions.pause, 'os-pause-server:pause', suspensions.PAUSE),
    act('unpause', suspensions.unpause, 'os-pause-server:unpause', suspensions.UNPAUSE),
    act('suspend', suspensions.suspend, 'os-suspend-server:suspend', suspensions.SUSPEND),
    act('resume', suspensions.resume, 'os-suspend-server:resume', suspensions.RESUME),
    act('lock', actions.lock, 'os-lock-server:lock', actions.LOCK),
    act('unlock', actions.unlock, 'os-lock-server:unlock', actions.UNLOCK),
    act('os-resetState', actions.reset_state, 'os-admin-actions:reset_state', actions.RESET_STATE),
    act('injectNetworkInfo', actions.inject_network, 'os-admin-actions:inject_network_info', actions.INJECT_NETWORK),
    act('os-getConsoleOutput', actions.console, 'os-console-output', actions.CONSOLE, 200),
    act('addSecurityGroup', actions.add_security_group, 'os-security-groups:add', actions.ADD_GROUP),
    act('removeSecurityGroup', actions.remove_security_group, 'os-security-groups:remove', actions.REMOVE_GROUP),
    act('resize', resizes.resize, 'servers:resize', resizes.RESIZE),
    act('confirmResize', resizes.confirm, 'servers:confirm_resize', resizes.CONFIRM, 204),
    act('revertResize', resizes.revert, 'servers:revert_resize', resizes.REVERT),
    act('evacuate', evacuations.evacuate, 'os-evacuate', evacuations.EVACUATE, 200),
    act('migrate', migrate.migrate, 'os-migrate-server:migrate', migrate.MIGRATE),
    act('os-migrateLive', live.migrate, 'os-migrate-server:migrate_live', live.MIGRATE_LIVE),
    act('createImage', snapshots.create_image, 'servers:create_image', snapshots.CREATE_IMAGE),
    act('createBackup', snapshots.create_backup, 'os-create-backup', snapshots.CREATE_BACKUP),
    act('shelve', shelvings.shelve, 'os-shelve:shelve', shelvings.SHELVE),
    act('shelveOffload', shelvings.offload, 'os-shelve:shelve_offload', shelvings.OFFLOAD),
    act('unshelve', shelvings.unshelve, 'os-shelve:unshelve', shelvings.UNSHELVE),
    act('addFixedIp', interfaces.add_address, 'os-multinic:add', interfaces.ADD_ADDRESS, until=ADDRESS_ACTIONS_END),
    act(
        'removeFixedIp',
        interfaces.remove_address,
        'os-multinic:remove',
        interfaces.REMOVE_ADDRESS,
        until=ADDRESS_ACTIONS_END,
    ),
)
FLAVORS = (
    Route('GET', '/flavors', flavors.index, None),
    Route('POST', '/flavors', flavors.create, f'{API}os-flavor-manage:create', shape=flavors.CreateShapes()),
    Route('GET', '/flavors/detail', flavors.detail, None),
    Route('GET', '/flavors/{id}', flavors.show, None),
    Route(
        'PUT',
        '/flavors/{id}',
        flavors.update,
        f'{API}os-flavor-manage:update',
        since=FlavorDescriptions.number,
        shape=flavors.DESCRIBE,
    ),
    Route('DELETE', '/flavors/{id}', flavors.delete, f'{API}os-flavor-manage:delete', 202),
    Route('GET', '/flavors/{id}/os-extra_specs', flavors.specs, f'{API}os-flavor-extra-specs:index'),
    Route(
        'POST',
        '/flavors/{id}/os-extra_specs',
        flavors.specify,
        f'{API}os-flavor-extra-specs:create',
        shape=flavors.SPECIFY,
    ),
    Route('GET', '/flavors/{id}/os-extra_specs/{key}', flavors.spec, f'{API}os-flavor-extra-specs:show'),
    Route(
        'PUT',
        '/flavors/{id}/os-extra_specs/{key}',
        flavors.specify_one,
        f'{API}os-flavor-extra-specs:update',
        shape=flavors.ONE_SPEC,
    ),
    Route('DELETE', '/flavors/{id}/os-extra_specs/{key}', flavors.unspecify, f'{API}os-flavor-extra-specs:delete'),
    Route('GET', '/flavors/{id}/os-flavor-access', flavors.access, f'{API}os-flavor-access'),
    Route(
        'POST',
        '/flavors/{id}/action',
        flavors.grant,
        f'{API}os-flavor-access:add_tenant_access',
        action='addTenantAccess',
        shape=flavors.GRANT,
    ),
    Route(
        'POST',
        '/flavors/{id}/action',
        flavors.withdraw,
        f'{API}os-flavor-access:remove_tenant_access',
        action='removeTenantAccess',
        shape=flavors.WITHDRAW,
    ),
)
KEYPAIRS = (
    Route('GET', '/os-keypairs', keypairs.index, None),
    Route('POST', '/os-keypairs', keypairs.create, None, shape=keypairs.CreateShapes()),
    Route('GET', '/os-keypairs/{name}', keypairs.show, None),
    Route('DELETE', '/os-keypairs/{name}', keypairs.delete, None),
)
PARTS = (
    Route('GET', '/servers/{id}/diagnostics', in_guests.diagnostics, f'{API}os-server-diagnostics'),
    Route('GET', '/servers/{id}/topology', in_guests.topology, TOPOLOGY, since=TOPOLOGIES),
    Route('GET', '/servers/{id}/ips', subresources.ips, f'{API}ips:index'),
    Route('GET', '/servers/{id}/ips/{network}', subresources.ip, f'{API}ips:show'),
    interface('GET', '', interfaces.index, 'list'),
    interface('POST', '', interfaces.create, 'create', shape=interfaces.CreateShapes()),
    interface('GET', '/{port_id}', interfaces.show, 'show'),
    interface('DELETE', '/{port_id}', interfaces.delete, 'delete', 202),
    Route('GET', '/servers/{id}/os-security-groups', subresources.groups, f'{API}os-security-groups:list'),
    Route('GET', '/servers/{id}/metadata', subresources.metadata, f'{API}server-metadata:index'),
    Route(
        'POST',
        '/servers/{id}/metadata',
        subresources.add_metadata,
        f'{API}server-metadata:create',
        shape=subresources.METADATA,
    ),
    Route(
        'PUT',
        '/servers/{id}/metadata',
        subresources.set_metadata,
        f'{API}server-metadata:update_all',
        shape=subresources.METADATA,
    ),
    Route('GET', '/servers/{id}/metadata/{key}', subresources.meta, f'{API}server-metadata:show'),
    Route(
        'PUT',
        '/servers/{id}/metadata/{key}',
        subresources.set_meta,
        f'{API}server-metadata:update',
        shape=subresources.META,
    ),
    Route('DELETE', '/servers/{id}/metadata/{key}', subresources.remove_meta, f'{API}server-metadata:delete', 204),
    tag('GET', '', subresources.tags, 'index'),
    tag('PUT', '', subresources.set_tags, 'update_all', shape=subresources.TAGS),
    tag('DELETE', '', subresources.clear_tags, 'delete_all', 204),
    tag('GET', '/{tag}', subresources.has_tag, 'show', 204),
    tag('PUT', '/{tag}', subresources.add_tag, 'update', 201),
    tag('DELETE', '/{tag}', subresources.remove_tag, 'delete', 204),
    Route('GET', '/servers/{id}/os-server-password', subresources.password, f'{API}os-server-password:show'),
    Route(
        'DELETE',
        '/servers/{id}/os-server-password',
        subresources.clear_password,
        f'{API}os-server-password:clear',
        204,
    ),
    Route('GET', '/servers/{id}/os-instance-actions', instance_actions.index, f'{API}os-instance-actions:list'),
    Route(
        'GET',
        '/servers/{id}/os-instance-actions/{request_id}',
        instance_actions.show,
        f'{API}os-instance-actions:show',
    ),
)
VOLUMES = (
    volume('GET', '', volume_attachments.index, 'index'),
    volume('POST', '', volume_attachments.create, 'create', shape=volume_attachments.CreateShapes()),
    volume('GET', '/{volume_id}', volume_attachments.show, 'show'),
    volume(
        'PUT',
        '/{volume_id}',
        volume_attachments.update,
        'update',
        202,
        shape=volume_attachments.UPDATE,
        since=ChangeAttachment.number,
    ),
    volume('DELETE', '/{volume_id}', volume_attachments.delete, 'delete', 202),
)
USAGE = (
    Route('GET', '/os-simple-tenant-usage', usage.index, f'{API}os-simple-tenant-usage:list'),
    Route('GET', '/os-simple-tenant-usage/{project_id}', usage.show, None),
)
AUDITS = (
    Route('GET', '/os-instance_usage_audit_log', usage_audits.index, f'{API}os-instance-usage-audit-log:list'),
    Route('GET', '/os-instance_usage_audit_log/{before}', usage_audits.show, f'{API}os-instance-usage-audit-log:show'),
)
EVENTS = (
    Route(
        'POST',
        '/os-server-external-events',
        external_events.create,
        f'{API}os-server-external-events:create',
        shape=external_events.CreateShapes(),
    ),
)
SERVER_GROUPS = (
    Route('GET', '/os-server-groups', groups.index, f'{API}os-server-groups:index'),
    Route('POST', '/os-server-groups', groups.create, f'{API}os-server-groups:create', shape=groups.CreateShapes()),
    Route('GET', '/os-server-groups/{id}', groups.show, f'{API}os-server-groups:show'),
    Route('DELETE', '/os-server-groups/{id}', groups.delete, f'{API}os-server-groups:delete', 204),
)
QUOTAS = (
    Route('GET', '/os-quota-sets/{project_id}', quotas.show, None),
    Route('GET', '/os-quota-sets/{project_id}/detail', quotas.detail, None),
    Route('GET', '/os-quota-sets/{project_id}/defaults', quotas.defaults, None),
    Route(
        'PUT',
        '/os-quota-sets/{project_id}',
        quotas.update,
        f'{API}os-quota-sets:update',
        shape=quotas.UpdateShapes('quota_set'),
    ),
    Route('DELETE', '/os-quota-sets/{project_id}', quotas.delete, f'{API}os-quota-sets:delete', 202),
    Route('GET', '/os-quota-class-sets/{name}', quotas.show_class, f'{API}os-quota-class-sets:show'),
    Route(
        'PUT',
        '/os-quota-class-sets/{name}',
        quotas.update_class,
        f'{API}os-quota-class-sets:update',
        shape=quotas.UpdateShapes('quota_class_set'),
    ),
    Route('GET', '/limits', quotas.limits, None),
)
UNTIL_IDS = (2, 52)
UNTIL_USAGE = (2, 87)
OPERATORS = (
    Route('GET', '/os-availability-zone', aggregates.index, None),
    Route('GET', '/os-availability-zone/detail', aggregates.detail, f'{API}os-availability-zone:detail'),
    Route('GET', '/os-hypervisors', hypervisors.index, f'{API}os-hypervisors:list'),
    Route('GET', '/os-hypervisors/detail', hypervisors.detail, f'{API}os-hypervisors:list-detail'),
    Route(
        'GET',
        '/os-hypervisors/statistics',
        hypervisors.statistics,
        f'{API}os-hypervisors:statistics',
        until=UNTIL_USAGE,
    ),
    Route('GET', '/os-hypervisors/{id}', hypervisors.show, f'{API}os-hypervisors:show'),
    Route('GET', '/os-hypervisors/{id}/search', hypervisors.search, f'{API}os-hypervisors:search', until=UNTIL_IDS),
    Route('GET', '/os-hypervisors/{id}/servers', hypervisors.servers, f'{API}os-hypervisors:servers', until=UNTIL_IDS),
    Route('GET', '/os-hypervisors/{id}/uptime', hypervisors.uptime, f'{API}os-hypervisors:uptime', until=UNTIL_USAGE),
    Route('GET', '/os-hosts', hosts.index, f'{API}os-hosts:list', until=HOSTS_END),
    Route('GET', '/os-hosts/{name}', hosts.show, f'{API}os-hosts:show', until=HOSTS_END),
    *(
        Route('GET', f'/os-hosts/{{name}}/{verb}', hosts.power, f'{API}os-hosts:{rule}', until=HOSTS_END)
        for verb, rule in (('startup', 'start'), ('shutdown', 'shutdown'), ('reboot', 'reboot'))
    ),
    Route('PUT', '/os-hosts/{name}', hosts.update, f'{API}os-hosts:update', until=HOSTS_END, shape=hosts.UPDATE),
    Route('GET', '/os-services', services.index, f'{API}os-services:list'),
    Route('PUT', '/os-services/{id}', services.update, f'{API}os-services:update', shape=services.UpdateShapes()),
    Route('DELETE', '/os-services/{id}', services.delete, f'{API}os-services:delete', 204),
    Route('GET', '/os-aggregates', aggregates.list_aggregates, f'{API}os-aggregates:index'),
    Route('POST', '/os-aggregates', aggregates.create_aggregate, f'{API}os-aggregates:create', shape=aggregates.CREATE),
    Route('GET', '/os-aggregates/{id}', aggregates.show_aggregate, f'{API}os-aggregates:show'),
    Route(
        'PUT', '/os-aggregates/{id}', aggregates.update_aggregate, f'{API}os-aggregates:update', shape=aggregates.UPDATE
    ),
    Route('DELETE', '/os-aggregates/{id}', aggregates.delete_aggregate, f'{API}os-aggregates:delete'),
    Route(
        'POST',
        '/os-aggregates/{id}/images',
        aggregates.cache_images,
        CACHE_IMAGES,
        202,
        since=CACHED_IMAGES,
        shape=aggregates.CACHE,
    ),
    aggregate('add_host', aggregates.add_host, aggregates.ADD_HOST),
    aggregate('remove_host', aggregates.remove_host, aggregates.REMOVE_HOST),
    aggregate('set_metadata', aggregates.set_metadata, aggregates.SET_METADATA),
    Route('GET', '/extensions', extensions.index, None),
    Route('GET', '/extensions/{alias}', extensions.show, None),
)
ROUTES = (
    Route('GET', '/', versions.own, None, open=True),
    *SERVERS,
    *ACTIONS,
    *PARTS,
    *routes_consoles.CONSOLES,
    *VOLUMES,
    *FLAVORS,
    *KEYPAIRS,
    *routes_moves.MIGRATIONS,
    *USAGE,
    *AUDITS,
    *EVENTS,
    *SERVER_GROUPS,
    *proxies.ROUTES,
    *QUOTAS,
    *OPERATORS,
)
VERSION_ROUTES = (
    Route('GET', '/', versions.every, None, open=True),
    Route('GET', '/versions/{id}', versions.named, None, open=True),
)
# The handlers that look at the query themselves, and the one to which no query matters.
QUERIED = frozenset(
    {
        proxies.gone.gone,
        routes_consoles.consoles.token,
        flavors.detail,
        flavors.index,
        groups.index,
        hypervisors.detail,
        hypervisors.index,
        hypervisors.show,
        instance_actions.index,
        keypairs.index,
        keypairs.show,
        quotas.detail,
        quotas.limits,
        quotas.show,
        resizes.migrations,
        servers.detail,
        servers.index,
        services.index,
        usage.index,
        usage.show,
        volume_attachments.index,
    }
)
