"""Reads a seed by its name or from a file, and says in which line it is wrong."""

import pathlib
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import yaml

from nimbus.testing.seeds.shape import SCHEMA

HERE = pathlib.Path(__file__).parent
MOST_ERRORS = 20  # that are told at once
BUILT_IN = ('admin', 'service')  # projects that every cloud has
ROLES = ('admin', 'manager', 'member', 'reader', 'service')  # roles likewise


class BadSeed(Exception):
    """There is no such seed, or it is wrong; the text has a line for each mistake."""


class _Loader(yaml.SafeLoader):
    """Dates stay the text that they are written as."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(':timestamp')]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def names() -> list[str]:
    """The seeds that have a name."""
    return sorted(path.stem for path in HERE.glob('*.yaml'))


def read(chosen: str) -> dict[str, Any]:
    """The seed of that name, or in that file.  Raises BadSeed."""
    path = HERE / f'{chosen}.yaml' if chosen in names() else pathlib.Path(chosen)
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as why:
        named = ', '.join(names())
        told = getattr(why, 'strerror', None) or 'it is not text in UTF-8'
        raise BadSeed(f'The seed {chosen} is neither {named} nor a file that can be read: {told}.') from why
    return parse(text, str(path))


def parse(text: str, name: str = 'seed') -> dict[str, Any]:
    """What the text describes.  Raises BadSeed with a line `FILE:LINE: sentence` for each mistake."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        found = yaml.load(text, Loader=_Loader) if node else {}  # noqa: S506  a safe loader
    except yaml.MarkedYAMLError as why:
        line = (why.problem_mark or why.context_mark).line + 1 if (why.problem_mark or why.context_mark) else 1
        raise BadSeed(f'{name}:{line}: {why.problem or "this is no YAML"}.') from why
    except (yaml.YAMLError, ValueError, RecursionError) as why:
        raise BadSeed(f'{name}:1: {str(why).splitlines()[0]}.') from why
    wrong = [*_misshapen(found)] or [*_twice(found), *_dangling(found), *_unsized(found)]
    if wrong:
        lines = [f'{name}:{_line(node, path)}: {sentence}.' for path, sentence in wrong[:MOST_ERRORS]]
        raise BadSeed('\n'.join(lines))
    return found


def _misshapen(found: Any) -> Iterator[tuple[list[Any], str]]:
    try:
        for error in jsonschema_rs.Draft202012Validator(SCHEMA).iter_errors(found):
            where, told = '.'.join(map(str, error.instance_path)), error.message.rstrip('.')
            if 'password' in error.instance_path:  # the message has what was given
                told = 'it is no text, or an empty one; a password of digits stands in quotes'
            yield list(error.instance_path), f'{where + ": " if where else ""}{told}'
    except ValueError as why:  # such as keys that are no text
        yield [], str(why)


def _twice(found: dict[str, Any]) -> Iterator[tuple[list[Any], str]]:
    """Names must be told apart: of networks, routers and servers within their project, of others in all."""
    for kind, rows in found.items():
        seen = set()
        for number, row in enumerate(rows):
            key = (row['name'], row.get('project') if kind in ('networks', 'routers', 'servers') else None)
            if key in seen:
                yield [kind, number, 'name'], f'there is another {kind[:-1]} {row["name"]}'
            seen.add(key)


def _dangling(found: dict[str, Any]) -> Iterator[tuple[list[Any], str]]:
    """What is named must be in the file, or in every cloud."""
    there = {kind: {row['name'] for row in found.get(kind, ())} for kind in SCHEMA['properties']}
    there['projects'] |= {*BUILT_IN}
    there['roles'] |= {*ROLES}
    there['users'] |= {'admin'}
    there['subnets'] = {subnet['name'] for row in found.get('networks', ()) for subnet in row.get('subnets', ())}
    for path, kind, name in _names(found):
        if name not in there[kind]:
            known = ', '.join(sorted(there[kind])) or 'none'
            yield path, f'there is no {kind[:-1]} {name} in this file; there are {known}'


def _unsized(found: dict[str, Any]) -> Iterator[tuple[list[Any], str]]:
    for number, row in enumerate(found.get('servers', ())):
        if row.get('state') == 'VERIFY_RESIZE' and 'resized_to' not in row:
            yield ['servers', number, 'state'], 'a server that is VERIFY_RESIZE needs resized_to, the name of a flavor'


LINKS = {
    'users': {'project': 'projects'},
    'flavors': {'projects': 'projects'},
    'images': {'project': 'projects'},
    'networks': {'project': 'projects'},
    'routers': {'project': 'projects', 'external': 'networks', 'subnets': 'subnets'},
    'servers': {
        'project': 'projects',
        'user': 'users',
        'flavor': 'flavors',
        'image': 'images',
        'networks': 'networks',
        'host': 'hosts',
        'resized_to': 'flavors',
    },
}


def _names(found: dict[str, Any]) -> Iterator[tuple[list[Any], str, str]]:
    for kind, links in LINKS.items():
        for number, row in enumerate(found.get(kind, ())):
            for field, other in links.items():
                if isinstance(row.get(field), str):
                    yield [kind, number, field], other, row[field]
                for at, name in enumerate(row[field]) if isinstance(row.get(field), list) else ():
                    yield [kind, number, field, at], other, name
    for number, row in enumerate(found.get('users', ())):
        for project, roles in row.get('roles', {}).items():
            yield ['users', number, 'roles', project], 'projects', project
            for at, role in enumerate(roles):
                yield ['users', number, 'roles', project, at], 'roles', role


def _line(node: Any, path: list[Any]) -> int:
    """The line of what stands at the path, or of the nearest that stands."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line
