"""Evaluates the rules of a mapping on an assertion; the result is a user with groups and projects.

Rules are written by administrators, assertions are not: the size of an assertion, the time of regular expressions and
the length of the resulting texts are all limited.
"""

import ast
import dataclasses
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson

from nimbus.common import errors
from nimbus.identity.federation import mapping_schemas

Assertion = Mapping[str, list[str]]  # attributes of a user, each with its values
Found = list[list[str]]  # the values of {0}, {1} …
EPHEMERAL, LOCAL = 'ephemeral', 'local'
MAX_ATTRIBUTES, MAX_VALUES = 256, 1024  # of an assertion, and of an attribute
MAX_CHARACTERS = 65536  # of a whole assertion, and of a resulting text
MATCH_TIMEOUT = 0.5  # seconds that the regular expressions of one login may take
JSON = 'JSON:'  # before a group that an assertion gives as JSON, with its domain
_PLACE = re.compile(r'\{\{|\}\}|\{(\d{1,4})\}|[{}]')
_WHOLE = re.compile(r'\{(\d{1,4})\}')


@dataclasses.dataclass(frozen=True)
class Mapped:
    """The result of a mapping; domains are given by id or by name, as in the rules."""

    user: dict[str, Any]  # id, name, email, domain: each where it is known
    kind: str
    group_ids: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # (name, domain)
    projects: tuple[dict[str, Any], ...]


def refused(why: str) -> errors.Unauthenticated:
    """The error for an assertion that cannot be mapped."""
    return errors.Unauthenticated(why)


def split(attributes: Mapping[str, str]) -> dict[str, list[str]]:
    """An assertion from texts in which semicolons separate values."""
    return {name: text.split(';') for name, text in attributes.items()}


def check(rules: list[dict[str, Any]]) -> None:
    """Raises Invalid when a placeholder refers to no remote value, or a regular expression is not valid."""
    for rule in rules:
        count = sum(1 for requirement in rule['remote'] if _is_direct(requirement))
        for text in _texts(rule['local']):
            for place in _PLACE.finditer(text):
                if place[0] not in ('{{', '}}') and (place[1] is None or int(place[1]) >= count):
                    raise errors.Invalid(
                        f'{place[0]} in "{text[:200]}" stands for nothing: of the remote part of its rule {count} '
                        'values are passed on, and the first of them is {0}.'
                    )
        for requirement in rule['remote']:
            if requirement.get('regex'):
                for pattern in _values(requirement)[1]:
                    _compiled(pattern)


def _is_direct(requirement: dict[str, Any]) -> bool:
    """Whether the attribute's values fill a placeholder, and are not only compared."""
    return 'any_one_of' not in requirement and 'not_any_of' not in requirement


def _texts(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part]
    parts = part.values() if isinstance(part, dict) else part
    return [text for one in parts for text in _texts(one)]


def _compiled(pattern: str) -> Any:
    import regex  # takes long to import, and few mappings need it

    try:
        return regex.compile(pattern)
    except (regex.error, ValueError, RecursionError) as why:
        raise errors.Invalid(f'"{pattern[:200]}" is not a regular expression: {why}.') from why


def evaluate(mapping_id: str, rules: list[dict[str, Any]], version: str, assertion: Assertion) -> Mapped:
    """The result of the rules for the assertion.  Raises Unauthenticated when no rule applies."""
    _check_size(assertion)
    deadline = time.monotonic() + MATCH_TIMEOUT
    locals_: list[dict[str, Any]] = []
    for rule in rules:
        found = _required(rule['remote'], assertion, deadline)
        if found is not None:
            locals_ += [_filled(local, found, mapping_id) for local in rule['local']]
    if not locals_:
        raise refused(
            'Could not map any federated user properties to identity values. Check debug logs or the mapping used for '
            'additional details.'
        )
    return _gathered(locals_, version)


def _check_size(assertion: Assertion) -> None:
    sizes = [sum(map(len, values)) + len(name) for name, values in assertion.items()]
    many = max((len(values) for values in assertion.values()), default=0)
    if len(sizes) > MAX_ATTRIBUTES or many > MAX_VALUES or sum(sizes) > MAX_CHARACTERS:
        raise refused(
            f'An assertion may have {MAX_ATTRIBUTES} attributes of {MAX_VALUES} values, {MAX_CHARACTERS} characters '
            'in all.'
        )


def _required(requirements: list[dict[str, Any]], assertion: Assertion, deadline: float) -> Found | None:
    """The values for the placeholders, None when the assertion does not meet the requirements."""
    found: Found = []
    for requirement in requirements:
        values = assertion.get(requirement['type'])
        if not values:
            return None
        how, wanted = _values(requirement)
        matching = _matching(values, wanted, requirement.get('regex', False), deadline) if how else set()
        if how in ('any_one_of', 'not_any_of'):
            if bool(matching) != (how == 'any_one_of'):
                return None
        elif how:
            found.append([value for value in values if (value in matching) == (how == 'whitelist')])
        else:
            found.append(list(values))
    return found


def _values(requirement: dict[str, Any]) -> tuple[str, list[str]]:
    """The requirement's condition, '' for none, and the values it compares with."""
    return next(((name, requirement[name]) for name in mapping_schemas.CONDITIONS if name in requirement), ('', []))


def _matching(values: list[str], wanted: list[str], as_patterns: bool, deadline: float) -> set[str]:
    if not as_patterns:
        return set(values) & set(wanted)
    patterns = [_compiled(pattern) for pattern in wanted]
    matching: set[str] = set()
    try:
        for value in set(values):
            for pattern in patterns:
                # A timeout, as an expression may take exponential time on some texts.
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if pattern.search(value, timeout=left):
                    matching.add(value)
                    break
    except TimeoutError:
        raise refused('The regular expressions of the mapping take too long with this assertion.') from None
    return matching


def _filled(part: Any, found: Found, mapping_id: str) -> Any:
    """The local part of a rule with the placeholders {0}, {1} … filled in."""
    if isinstance(part, dict):
        return {name: _filled(value, found, mapping_id) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, found, mapping_id) for value in part]
    return _text(part, found, mapping_id)


def _text(text: str, found: Found, mapping_id: str) -> str | list[str]:
    """The text with its placeholders filled in, as a list: of several values when it is a single placeholder.

    A text without placeholders stays a text, so that an administrator's own text is distinguished from input.
    """

    def values(place: Any) -> list[str]:
        if place[0] in ('{{', '}}'):
            return [place[0][0]]
        try:
            return found[int(place[1])]
        except (IndexError, TypeError):
            raise refused(
                f"Local section in mapping {mapping_id} refers to a remote match that doesn't exist (e.g. "
                '{0} in a local section).'
            ) from None

    if whole := _WHOLE.fullmatch(text):
        return values(whole)
    made, at, is_plain = [], 0, True
    for place in _PLACE.finditer(text):
        made += [text[at : place.start()], _plain(values(place))]
        at, is_plain = place.end(), is_plain and place[1] is None
        if sum(map(len, made)) > MAX_CHARACTERS:
            raise refused(f'A text of mapping {mapping_id} would have more than {MAX_CHARACTERS} characters.')
    whole_text = ''.join(made) + text[at:]
    return whole_text if is_plain else [whole_text]


def _plain(value: str | list[str]) -> str:
    """A value as text; an empty list becomes ''."""
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else str(value) if value else ''


def _gathered(locals_: list[dict[str, Any]], version: str) -> Mapped:
    """The result of all rules that apply: the first user, all groups, and the last list of projects."""
    user, home = next(((one['user'], one.get('domain')) for one in locals_ if one.get('user')), ({}, None))
    user = {name: _flat(value) for name, value in user.items()}
    kind = user.pop('type', EPHEMERAL) or EPHEMERAL
    if kind not in (EPHEMERAL, LOCAL):
        raise refused(f'User type {kind} not supported')
    if version != mapping_schemas.OLDEST and 'domain' not in user:
        given = locals_[-1].get('domain') or home
        user |= {'domain': _flat(given)} if given else {}
    ids: list[str] = []
    groups: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    projects: list[dict[str, Any]] = []
    for one in locals_:
        group = one.get('group', {})
        ids += [_plain(group['id'])] if 'id' in group else []
        groups += [(_plain(group['name']), _domain(group['domain']))] if 'name' in group else []
        ids += _list(one.get('group_ids', []))
        groups += _groups(one)
        if 'projects' in one or 'projects_json' in one:
            projects = _projects(one, version)
    return Mapped(user, kind, tuple(dict.fromkeys(ids)), tuple(dict.fromkeys(groups)), tuple(projects))


def _flat(value: Any) -> Any:
    """A value, or an object's values, as text."""
    return {name: _plain(one) for name, one in value.items()} if isinstance(value, dict) else _plain(value)


def _domain(given: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(_flat(given).items()))


def _list(value: str | list[str]) -> list[str]:
    """The values from the assertion, or the one or the list written in the administrator's own text."""
    if isinstance(value, list):
        return value
    if not value.startswith('['):
        return [value]
    try:
        spelt = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [value]
    return spelt if isinstance(spelt, list) and all(isinstance(one, str) for one in spelt) else [value]


def _groups(one: dict[str, Any]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The groups of a list; their domain is that of the rule unless the assertion gives it."""
    if 'groups' not in one:
        return []
    names = _list(one['groups'])
    if 'domain' not in one and not (names and all(name.startswith(JSON) for name in names)):
        raise _no_domain()
    return [_spelt(name) if name.startswith(JSON) else (name, _domain(one['domain'])) for name in names]


def _spelt(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A group that the assertion gives as JSON, with its domain."""
    given = _json(text.removeprefix(JSON))
    if (
        not isinstance(given, dict)
        or not isinstance(given.get('name'), str)
        or not isinstance(given.get('domain'), dict)
    ):
        raise _no_domain()
    return given['name'], tuple(sorted((key, str(value)) for key, value in given['domain'].items()))


def _no_domain() -> errors.Unauthenticated:
    return refused("Invalid rule: Both 'groups' and 'domain' keywords must be specified.")


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _projects(one: dict[str, Any], version: str) -> list[dict[str, Any]]:
    """The projects of a rule, in the domain of the rule where they name none."""
    given = list(one.get('projects', []))
    if 'projects_json' in one:
        more = _json(_plain(one['projects_json']))
        if not mapping_schemas.are_projects(more, version):
            raise refused(
                'The projects in the assertion are not valid: each has a name, roles with names, and a domain.'
            )
        given += more
    home = one.get('domain') if version != mapping_schemas.OLDEST else None
    made = []
    for project in given:
        domain = project.get('domain') or home
        roles = tuple(_plain(role['name']) for role in project['roles'])
        made.append({'name': _plain(project['name']), 'roles': roles, 'domain': _flat(domain) if domain else None})
    return made
