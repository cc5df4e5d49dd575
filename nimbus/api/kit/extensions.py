"""API extensions, by which older clients discover features: one is listed when its endpoints are served."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from nimbus.api.kit.routes import Route


@dataclasses.dataclass(frozen=True)
class Extension:
    """One extension, and what must be served for it to be listed."""

    alias: str
    name: str
    description: str
    needs: tuple[str, ...]  # 'METHOD /path', or the name of an action; for fields, whatever shows or takes them


def served(extensions: Iterable[Extension], routes: Iterable[Route]) -> list[Extension]:
    """The extensions all of whose endpoints are among the routes."""
    there = {route.action or f'{route.method} {route.path}' for route in routes}
    return [extension for extension in extensions if there.issuperset(extension.needs)]


def view(extension: Extension, updated: str, **more: Any) -> dict[str, Any]:
    """The extension as it is on the wire."""
    found = {'alias': extension.alias, 'name': extension.name, 'description': extension.description}
    return {**found, 'links': [], 'updated': updated, **more}
