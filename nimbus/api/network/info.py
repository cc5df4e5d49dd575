"""Discovery of the Networking API: versions, resources, extensions and service providers."""

from typing import Any

from nimbus.api.kit.routes import Call, Route
from nimbus.api.network.extensions import served
from nimbus.common import errors

COLLECTIONS = ('networks', 'subnets', 'ports', 'routers', 'security-groups', 'security-group-rules', 'agents', 'quotas',
               'extensions', 'availability_zones', 'network-ip-availabilities', 'service-providers')  # fmt: skip


def extensions(call: Call) -> Any:
    """GET of all extensions."""
    return {'extensions': [found.shown() for found in served(call.api.routes).values()]}


def extension(call: Call, alias: str) -> Any:
    """GET of one extension."""
    found = served(call.api.routes).get(alias)
    if found is None:
        raise errors.NotFound(f'Extension with alias {alias} does not exist', type='ExtensionNotFound')
    return {'extension': found.shown()}


def providers(call: Call) -> Any:
    """GET of service providers: the one for routers, each of which is on a single host."""
    found = {'service_type': 'L3_ROUTER_NAT', 'name': 'single_node', 'default': True}
    wanted = [name for name in ('service_type', 'name') if name in call.query]
    return {'service_providers': [found] if all(found[name] in call.query[name] for name in wanted) else []}


def versions(call: Call) -> Any:
    """GET /: the one version."""
    link = {'rel': 'self', 'href': f'{call.host_url}/v2.0/'}
    return {'versions': [{'id': 'v2.0', 'status': 'CURRENT', 'links': [link]}]}


def root(call: Call) -> Any:
    """GET /v2.0/: the collections."""
    shapes = [
        {
            'name': name[:-1],
            'collection': name,
            'links': [{'rel': 'self', 'href': f'{call.host_url}/v2.0/{name}'}],
        }
        for name in COLLECTIONS
    ]
    return {'resources': shapes}


ROUTES = (
    Route('GET', '/extensions', extensions, None, open=True),
    Route('GET', '/extensions/{alias}', extension, None, open=True),
    Route('GET', '/service-providers', providers, 'get_service_provider'),
    Route('GET', '/', root, None, open=True),
)
VERSIONS = (Route('GET', '/', versions, None, open=True),)
