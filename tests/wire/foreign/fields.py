"""Every place in a request that can name something, found in the routes themselves.

A body's places come from its schema; what a handler reads without one, and what is inside of the network service's
own attributes, is told in `cases.py`.  A query's are the names that a handler looks up, the fields a list shows, and
whatever any other list is filtered by.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

from nimbus.api.kit.routes import VERBS, Api, Route
from nimbus.api.kit.versions import HIGHEST
from tests.wire.applications import apis

FREE = re.compile(r'{(\w+)}')
WRITES = ('POST', 'PUT', 'PATCH')


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A route where it is mounted."""

    service: str
    mount: str
    api: Api
    route: Route

    @property
    def key(self) -> str:
        """How the tables name it."""
        return ' '.join(
            filter(None, (self.service, self.route.method, self.mount + self.route.path, self.route.action))
        )

    @property
    def names(self) -> list[str]:
        """What stands between braces in its path."""
        return FREE.findall(self.route.path)

    @property
    def versions(self) -> list[Any]:
        """The oldest and the newest version that has it; None where its API has no versions."""
        history = self.api.history
        if history is None:
            return [None]
        oldest = max(history.minimum, self.route.since)
        newest = min(history.latest, self.route.until)
        return [newest] if oldest == newest else [newest, oldest]

    def headers(self, version: Any) -> dict[str, str]:
        """What asks for a version."""
        if version is None:
            return {}
        told = f'{version[0]}.{version[1]}'
        return {'OPENSTACK_API_VERSION': f'compute {told},volume {told},placement {told}'}


def endpoints(apps: dict[str, Any]) -> Iterator[Endpoint]:
    """Every endpoint of every API."""
    for service, app in apps.items():
        for mount, api in apis(app):
            for route in api.routes:
                yield Endpoint(service, mount, api, route)


def body_fields(endpoint: Endpoint) -> set[str]:
    """The dotted names of a body's leaves in any version; `[]` is any item of a list."""
    found: set[str] = set()
    for version in between(endpoint):
        found |= set(leaves(schema(endpoint.route, version)))
    return found


def between(endpoint: Endpoint) -> Iterable[Any]:
    """The versions that have the endpoint."""
    if endpoint.api.history is None:
        return [HIGHEST]
    first, last = endpoint.versions[-1], endpoint.versions[0]
    return [(first[0], minor) for minor in range(first[1], last[1] + 1)]


def schema(route: Route, version: Any) -> dict[str, Any]:
    """The body's JSON Schema in a version; an empty one where the route says none."""
    if route.noun:
        return route.noun.schema(VERBS[route.method], version)
    if route.shape:
        return route.shape.for_version(version).schema
    return {}


def leaves(told: Any, path: str = '') -> Iterator[str]:
    """The dotted names below a schema."""
    inner = []
    if isinstance(told, dict):
        inner = [(f'{path}.{name}' if path else name, value) for name, value in (told.get('properties') or {}).items()]
        if isinstance(told.get('items'), dict):
            inner.append((f'{path}[]', told['items']))
        for word in ('anyOf', 'oneOf', 'allOf'):
            inner += [(path, each) for each in told.get(word, ()) if set(each) & {'properties', 'items', 'anyOf'}]
    if not inner and path:
        yield path
    for name, value in inner:
        yield from leaves(value, name)


def last(field: str) -> str:
    """A dotted name's last part, which says what it names."""
    return field.removesuffix('[]').rpartition('.')[2].removesuffix('[]')
