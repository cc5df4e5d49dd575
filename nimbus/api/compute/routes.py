"""Every endpoint of the Compute API."""

from nimbus.api.compute import flavors, keypairs, server_actions, server_requests, servers, versions
from nimbus.api.compute.history import FlavorDescriptions
from nimbus.api.compute.policies import API
from nimbus.api.kit.routes import Route

ACTION = '/servers/{id}/action'
SERVERS = (
    Route('GET', '/servers', servers.index, f'{API}servers:index'),
    Route('POST', '/servers', servers.create, f'{API}servers:create', 202, shape=server_requests.Shapes()),
    Route('GET', '/servers/detail', servers.detail, f'{API}servers:detail'),
    Route('GET', '/servers/{id}', servers.show, f'{API}servers:show'),
    Route('PUT', '/servers/{id}', servers.update, f'{API}servers:update', shape=servers.ChangeShapes()),
    Route('DELETE', '/servers/{id}', servers.delete, f'{API}servers:delete', 204),
)


def act(name: str, handler, rule: str, shape, status: int = 202) -> Route:  # noqa: ANN001
    """A row for one action of a server."""
    return Route('POST', ACTION, handler, f'{API}{rule}', status, action=name, shape=shape)


ACTIONS = (
    act('os-start', server_actions.start, 'servers:start', server_actions.START),
    act('os-stop', server_actions.stop, 'servers:stop', server_actions.STOP),
    act('reboot', server_actions.reboot, 'servers:reboot', server_actions.REBOOT),
    act('lock', server_actions.lock, 'os-lock-server:lock', server_actions.LOCK),
    act('unlock', server_actions.unlock, 'os-lock-server:unlock', server_actions.UNLOCK),
    act('os-resetState', server_actions.reset_state, 'os-admin-actions:reset_state', server_actions.RESET_STATE),
    act('os-getConsoleOutput', server_actions.console, 'os-console-output', server_actions.CONSOLE, 200),
    act('addSecurityGroup', server_actions.add_security_group, 'os-security-groups:add', server_actions.ADD_GROUP),
    act(
        'removeSecurityGroup',
        server_actions.remove_security_group,
        'os-security-groups:remove',
        server_actions.REMOVE_GROUP,
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
ROUTES = (
    Route('GET', '/', versions.own, None, open=True),
    *SERVERS,
    *ACTIONS,
    *FLAVORS,
    *KEYPAIRS,
)
VERSION_ROUTES = (
    Route('GET', '/', versions.every, None, open=True),
    Route('GET', '/versions/{id}', versions.named, None, open=True),
)
