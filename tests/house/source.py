"""The repository's own text and syntax trees, for the rules that are read off them."""

import ast
import functools
import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ('nimbus', 'tests', 'bench', 'devstack')
TEXT = (*PYTHON, 'doc', 'etc', '.ci', 'README.md', 'pyproject.toml', 'setup.cfg', 'tox.ini')


def name_of(path: pathlib.Path) -> str:
    """The path as it stands in the repository."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree(path: pathlib.Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text())


def python(*rooms: str) -> Iterator[pathlib.Path]:
    """Every Python file of the rooms."""
    for room in rooms or PYTHON:
        yield from sorted((ROOT / room).rglob('*.py'))


def texts() -> Iterator[tuple[str, str]]:
    """(name, text) of every file that is text."""
    for room in TEXT:
        place = ROOT / room
        for path in sorted(place.rglob('*')) if place.is_dir() else [place]:
            if path.is_file() and '__pycache__' not in path.parts:
                try:
                    yield name_of(path), path.read_text()
                except UnicodeDecodeError:
                    continue


def calls(path: pathlib.Path) -> Iterator[ast.Call]:
    """Every call in the file."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
