"""The extensions of the Networking API: one is listed only where the routes serve all that it needs."""

from collections.abc import Iterable

from nimbus.api.kit.routes import Route
from nimbus.api.network.extension_table import EXTENSIONS, Extension

__all__ = ('EXTENSIONS', 'served')


def served(routes: Iterable[Route]) -> dict[str, Extension]:
    """The extensions of which the routes serve all, by alias."""
    there = set()
    for route in routes:
        there.add(f'{route.method} {route.path}')
        for name, field in route.noun.fields if route.noun else ():
            there.update(f'{verb.upper()} {route.noun.one}.{name}' for verb in field.on)  # type: ignore[union-attr]
    return {extension.alias: extension for extension in EXTENSIONS if there.issuperset(extension.needs)}
