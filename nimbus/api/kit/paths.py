"""Decodes the paths of requests, and finds their routes."""

import re
import urllib.parse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nimbus.common import errors

if TYPE_CHECKING:
    from nimbus.api.kit.routes import Route

IN_PATHS = "/:@!$&'()*+,;=~"  # characters that stand for themselves in a path
SHOWN = 120  # characters of a path that a sentence has room for
PLAIN = re.compile(r'[\w/:@.-]*\Z', re.ASCII)


def text_of(path: str) -> str:
    """The path's text, decoded from UTF-8: WSGI passes one character for each byte.  Raises Invalid."""
    if path.isascii():
        return path
    try:
        return path.encode('latin-1').decode()
    except UnicodeError:
        raise errors.Invalid('The path of the request is not UTF-8.') from None


def shown(path: str) -> str:
    """The text of a path for an error message, cut to the length that one has room for."""
    return urllib.parse.quote(path[:SHOWN], safe=IN_PATHS) or '/'


def quoted(path: str) -> str:
    """The path as it is written in a URL."""
    return path if PLAIN.match(path) else urllib.parse.quote(path.encode('latin-1'), safe=IN_PATHS)


class Node:
    """One segment of the paths, as a tree."""

    def __init__(self) -> None:
        self.fixed: dict[str, Node] = {}
        self.free: Node | None = None
        self.routes: dict[str, list[tuple[tuple[str, ...], Route]]] = {}


class Router:
    """Finds the routes of a path."""

    def __init__(self, routes: 'Iterable[Route]', slash: bool = False) -> None:
        """With `slash`, slashes at a path's end are ignored; without it only the root may end in one.

        The compute, image, volume and placement services answer 404 to such a path: they match it by mappers of the
        library Routes, whose `minimization` is off, so that a route's expression ends where its path does
        (`Route.buildfullreg`), and none of their subclasses (`ProjectMapper`, `APIMapper`) changes that.
        """
        self._root, self._slash = Node(), slash
        for route in routes:
            node, names = self._root, []
            for part in route.path.strip('/').split('/'):
                if part.startswith('{'):
                    names.append(part[1:-1])
                    node.free = node.free or Node()
                    node = node.free
                else:
                    node = node.fixed.setdefault(part, Node())
            node.routes.setdefault(route.method, []).append((tuple(names), route))

    def find(self, path: str) -> tuple[Node | None, list[str]]:
        """The node of a path and the values of its free segments; a fixed segment goes before a free one."""
        path = path.rstrip('/') if self._slash else path
        return self._find(self._root, path.removeprefix('/').split('/'), [])

    def _find(self, node: Node, parts: list[str], values: list[str]) -> tuple[Node | None, list[str]]:
        if not parts:
            return (node, values) if node.routes else (None, values)
        head, rest = parts[0], parts[1:]
        if head in node.fixed:
            found = self._find(node.fixed[head], rest, values)
            if found[0]:
                return found
        if node.free and head:
            return self._find(node.free, rest, [*values, head])
        return None, values
