"""The endpoints of the old views of other services, and of what upstream has taken out."""

from collections.abc import Callable
from typing import Any

from nimbus.api.compute.microversions import ADDRESS_ACTIONS_END, IMAGE_METADATA_END, PROXIES_END
from nimbus.api.compute.policies import API
from nimbus.api.compute.proxies import floating_ips, gone, image_metadata, images, networks, security_groups, volumes
from nimbus.api.kit.routes import Route

Handler = Callable[..., Any]


def proxy(method: str, path: str, handler: Handler, rule: str | None, status: int = 200, **more: Any) -> Route:
    """A row for an old view of another service; its rule is named after the path's first word."""
    noun = {'os-security-group-rules': 'os-security-groups', 'os-snapshots': 'os-volumes'}
    word = path.split('/')[1]
    named = f'{API}{noun.get(word, word)}:{rule}' if rule else None
    return Route(method, path, handler, named, status, until=PROXIES_END, **more)


def metadata(method: str, path: str, handler: Handler, status: int = 200, **more: Any) -> Route:
    """A row for the metadata of an image; the image service's policy is asked."""
    return Route(method, f'/images/{{id}}/metadata{path}', handler, None, status, until=IMAGE_METADATA_END, **more)


def action(name: str, handler: Handler, rule: str, shape: Any) -> Route:
    """A row for an action on a server's floating IPs."""
    rule = f'{API}os-floating-ips:{rule}'
    more: dict[str, Any] = {'action': name, 'shape': shape, 'until': ADDRESS_ACTIONS_END}
    return Route('POST', '/servers/{id}/action', handler, rule, 202, **more)


def node(method: str, path: str, handler: Handler, rule: str | None = None, **more: Any) -> Route:
    """A row for nodes of bare metal."""
    return proxy(method, f'/os-baremetal-nodes{path}', handler, rule, **more)


IMAGES = (  # the image service's policy is asked for each
    proxy('GET', '/images', images.index, None),
    proxy('GET', '/images/detail', images.detail, None),
    proxy('GET', '/images/{id}', images.show, None),
    proxy('DELETE', '/images/{id}', images.delete, None, 204),
    metadata('GET', '', image_metadata.index),
    metadata('POST', '', image_metadata.create, shape=image_metadata.METADATA),
    metadata('PUT', '', image_metadata.update_all, shape=image_metadata.METADATA),
    metadata('GET', '/{key}', image_metadata.show),
    metadata('PUT', '/{key}', image_metadata.update, shape=image_metadata.META),
    metadata('DELETE', '/{key}', image_metadata.delete, 204),
)
VOLUMES = (
    proxy('GET', '/os-volumes', volumes.index, 'list'),
    proxy('POST', '/os-volumes', volumes.create, 'create', shape=volumes.CREATE),
    proxy('GET', '/os-volumes/detail', volumes.index, 'detail'),
    proxy('GET', '/os-volumes/{id}', volumes.show, 'show'),
    proxy('DELETE', '/os-volumes/{id}', volumes.delete, 'delete', 202),
    proxy('GET', '/os-snapshots', volumes.list_snapshots, 'snapshots:list'),
    proxy('POST', '/os-snapshots', volumes.create_snapshot, 'snapshots:create', shape=volumes.CREATE_SNAPSHOT),
    proxy('GET', '/os-snapshots/detail', volumes.list_snapshots, 'snapshots:detail'),
    proxy('GET', '/os-snapshots/{id}', volumes.show_snapshot, 'snapshots:show'),
    proxy('DELETE', '/os-snapshots/{id}', volumes.delete_snapshot, 'snapshots:delete', 202),
)
NETWORKS = (
    proxy('GET', '/os-networks', networks.index, 'list'),
    proxy('GET', '/os-networks/{id}', networks.show, 'show'),
    proxy('GET', '/os-tenant-networks', networks.index_of_project, 'list'),
    proxy('GET', '/os-tenant-networks/{id}', networks.show_of_project, 'show'),
    proxy('GET', '/os-floating-ips', floating_ips.index, 'list'),
    proxy('POST', '/os-floating-ips', floating_ips.create, 'create', shape=floating_ips.CREATE),
    proxy('GET', '/os-floating-ips/{id}', floating_ips.show, 'show'),
    proxy('DELETE', '/os-floating-ips/{id}', floating_ips.delete, 'delete', 202),
    Route('GET', '/os-floating-ip-pools', floating_ips.pools, None, until=PROXIES_END),
    action('addFloatingIp', floating_ips.add, 'add', floating_ips.ADD),
    action('removeFloatingIp', floating_ips.remove, 'remove', floating_ips.REMOVE),
)
SECURITY_GROUPS = (
    proxy('GET', '/os-security-groups', security_groups.index, 'get'),
    proxy('POST', '/os-security-groups', security_groups.create, 'create', shape=security_groups.CREATE),
    proxy('GET', '/os-security-groups/{id}', security_groups.show, 'show'),
    proxy('PUT', '/os-security-groups/{id}', security_groups.update, 'update', shape=security_groups.UPDATE),
    proxy('DELETE', '/os-security-groups/{id}', security_groups.delete, 'delete', 202),
    proxy(
        'POST',
        '/os-security-group-rules',
        security_groups.create_rule,
        'rule:create',
        shape=security_groups.CREATE_RULE,
    ),
    proxy('DELETE', '/os-security-group-rules/{id}', security_groups.delete_rule, 'rule:delete', 202),
)
NODES = (
    node('GET', '', gone.nodes, 'list'),
    node('POST', '', gone.change_nodes),
    node('GET', '/{key}', gone.nodes, 'show'),
    node('DELETE', '/{key}', gone.change_nodes),
    node('POST', '/{key}/action', gone.change_nodes, action='add_interface'),
    node('POST', '/{key}/action', gone.change_nodes, action='remove_interface'),
)
# In every version, for whoever has a token; an {option} is whatever stands there.
GONE_ACTION = Route('POST', '/servers/{id}/action', gone.gone, None, 410, action='resetNetwork')
GONE = tuple(
    Route(method, path, gone.gone, None, 410)
    for path, methods in (
        ('/os-agents', 'GET POST'),
        ('/os-agents/{option}', 'PUT DELETE'),
        ('/os-cells', 'GET POST'),
        ('/os-cells/capacities', 'GET'),
        ('/os-cells/detail', 'GET'),
        ('/os-cells/info', 'GET'),
        ('/os-cells/sync_instances', 'POST'),
        ('/os-cells/{option}', 'GET PUT DELETE'),
        ('/os-cells/{option}/capacities', 'GET'),
        ('/os-certificates', 'POST'),
        ('/os-certificates/{option}', 'GET'),
        ('/os-cloudpipe', 'GET POST'),
        ('/os-cloudpipe/{option}', 'PUT'),
        ('/os-fixed-ips/{option}', 'GET'),
        ('/os-fixed-ips/{option}/action', 'POST'),
        ('/os-floating-ip-dns', 'GET'),
        ('/os-floating-ip-dns/{option}', 'PUT DELETE'),
        ('/os-floating-ip-dns/{option}/entries/{key}', 'GET PUT DELETE'),
        ('/os-floating-ips-bulk', 'GET POST'),
        ('/os-floating-ips-bulk/{option}', 'GET PUT'),
        ('/os-fping', 'GET'),
        ('/os-fping/{option}', 'GET'),
        ('/os-networks', 'POST'),
        ('/os-networks/add', 'POST'),
        ('/os-networks/{option}', 'DELETE'),
        ('/os-networks/{option}/action', 'POST'),
        ('/os-security-group-default-rules', 'GET POST'),
        ('/os-security-group-default-rules/{option}', 'GET DELETE'),
        ('/os-tenant-networks', 'POST'),
        ('/os-tenant-networks/{option}', 'DELETE'),
        ('/servers/{option}/os-virtual-interfaces', 'GET'),
    )
    for method in methods.split()
)
ROUTES = (*IMAGES, *VOLUMES, *NETWORKS, *SECURITY_GROUPS, *NODES, *GONE, GONE_ACTION)
