"""Puts entries into the user's clouds.yaml and leaves every other byte of it as it was."""

import json
import os
import pathlib

import yaml

from devstack.place import write_private
from devstack.progress import Unable


def path() -> pathlib.Path:
    """The file that the user's OpenStack clients read."""
    named = os.environ.get('OS_CLIENT_CONFIG_FILE')
    home = os.environ.get('XDG_CONFIG_HOME') or '~/.config'
    return pathlib.Path(named or f'{home}/openstack/clouds.yaml').expanduser()


def put(file: pathlib.Path, entries: dict[str, dict[str, object]]) -> None:
    """The clouds in `file` are those it had, with `entries` added or in the place of their namesakes."""
    text = _read(file)
    for name, entry in entries.items():
        text = _checked(file, text, _with(file, text, name, entry), {name: entry}, name)
    _write(file, text)


def take(file: pathlib.Path, names: list[str]) -> None:
    """`file` has no cloud of `names`; one that held nothing else is gone."""
    before = text = _read(file)
    for name in names:
        text = _checked(file, text, _without(text, name), {}, name)
    if text == before:
        return
    if text.strip() in ('', 'clouds:', 'clouds: {}'):
        file.unlink()
    else:
        _write(file, text)


def get(file: pathlib.Path, name: str) -> dict[str, object] | None:
    """The cloud `name` as `file` has it."""
    return _clouds(_read(file)).get(name)


def _read(file: pathlib.Path) -> str:
    try:
        text = file.read_bytes().decode()
        _clouds(text)
    except FileNotFoundError:
        return ''
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as why:
        raise Unable(f'{file} cannot be read as YAML, so nothing was put into it: {why}') from why
    return text


def _clouds(text: str) -> dict[str, dict[str, object]]:
    return dict((yaml.safe_load(text) or {}).get('clouds') or {})


def _write(file: pathlib.Path, text: str) -> None:
    # A link into a folder of dotfiles stays a link.
    real = file.resolve()
    real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not real.exists() or real.read_bytes() != text.encode():
        write_private(real, text)
    real.chmod(0o600)


def _pair(text: str, *keys: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The nodes of the last of `keys`, each looked up in the value of the one before."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pair = None
    for key in keys:
        found = [p for p in node.value if p[0].value == key] if isinstance(node, yaml.MappingNode) else []
        if not found:
            return None
        pair = found[0]
        node = pair[1]
    return pair


def _end(node: yaml.Node) -> int:
    """Where the text of `node` ends; a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


def _block(indent: str, name: str, entry: dict[str, object]) -> str:
    body = yaml.safe_dump({name: entry}, sort_keys=False, default_flow_style=False)
    return ''.join(f'{indent}{line}\n' for line in body.splitlines())


def _with(file: pathlib.Path, text: str, name: str, entry: dict[str, object]) -> str:
    clouds = _pair(text, 'clouds')
    if clouds is None:
        gap = '' if not text or text.endswith('\n') else '\n'
        return f'{text}{gap}clouds:\n{_block("  ", name, entry)}'
    value = clouds[1]
    if not isinstance(value, yaml.MappingNode):
        end = clouds[0].end_mark.index + 1
        rest = text[max(end, value.end_mark.index) :].removeprefix('\n')
        return f'{text[:end]}\n{_block("  ", name, entry)}{rest}'
    same = _pair(text, 'clouds', name)
    if value.flow_style:
        return _into_flow(text, value, same, name, entry)
    indent = ' ' * value.start_mark.column
    body = _block(indent, name, entry)
    if same:
        return _replaced(text, same[0].start_mark.index, _end(same[1]), body[len(indent) :].rstrip('\n'))
    end = _end(value)
    line_end = text.find('\n', end - 1 if text[end - 1 : end] == '\n' else end)
    if line_end < 0:
        return f'{text}\n{body}'
    return text[: line_end + 1] + body + text[line_end + 1 :]


def _replaced(text: str, start: int, end: int, body: str) -> str:
    return text[:start] + body + ('\n' if text[end - 1] == '\n' else '') + text[end:]


def _into_flow(text: str, value: yaml.Node, same, name: str, entry: dict[str, object]) -> str:
    if same:
        start, end = same[1].start_mark.index, same[1].end_mark.index
        return text[:start] + json.dumps(entry) + text[end:]
    inside = text[value.start_mark.index + 1 : value.end_mark.index - 1].strip()
    comma = ', ' if inside and not inside.endswith(',') else ''
    end = value.end_mark.index - 1
    return f'{text[:end]}{comma}{json.dumps(name)}: {json.dumps(entry)}{text[end:]}'


def _without(text: str, name: str) -> str:
    same = _pair(text, 'clouds', name)
    if same is None:
        return text
    clouds = _pair(text, 'clouds')[1]
    start, end = same[0].start_mark.index, _end(same[1])
    if clouds.flow_style:
        rest = text[end:].lstrip()
        if rest.startswith(','):
            return text[:start] + rest[1:].lstrip()
        return text[:start].rstrip().removesuffix(',') + text[end:]
    start -= same[0].start_mark.column
    line_end = text.find('\n', end - 1 if text[end - 1] == '\n' else end)
    return text[:start] + (text[line_end + 1 :] if line_end >= 0 else '')


def _checked(file: pathlib.Path, before: str, after: str, entry: dict, name: str) -> str:
    """`after`, once it is certain that it differs from `before` in the one cloud only."""
    try:
        wanted = (yaml.safe_load(before) or {}) | {'clouds': {**_clouds(before)}}
        wanted['clouds'].pop(name, None)
        wanted['clouds'].update(entry)
        found = yaml.safe_load(after) or {}
        same = {**found, 'clouds': found.get('clouds') or {}} == wanted
    except yaml.YAMLError:
        same = False
    if not same:
        raise Unable(f'{file} is written in a way that devstack cannot add to; the cloud {name} was not put into it.')
    return after
