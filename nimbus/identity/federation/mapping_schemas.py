"""JSON Schemas of the rules of mappings, one for each schema version."""

import functools
from typing import Any

from nimbus.common import errors
from nimbus.identity.settings.federation import MAPPING_VERSIONS

VERSIONS = MAPPING_VERSIONS
OLDEST, WITH_DOMAINS, IN_STEP = VERSIONS
MAX_RULES = 1000  # in a mapping: each is evaluated in every login
MAX_PATTERN = 1024  # characters of a regular expression
CONDITIONS = ('any_one_of', 'not_any_of', 'blacklist', 'whitelist')
_TEXT = {'type': 'string'}
_DOMAIN = {'type': 'object', 'properties': {'id': _TEXT, 'name': _TEXT}, 'additionalProperties': False}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    needed = {'required': list(required)} if required else {}  # the dialect has no empty list of them
    return {'type': 'object', 'properties': properties, 'additionalProperties': False, **needed}


def _projects(**more: Any) -> dict[str, Any]:
    roles = {'type': 'array', 'items': _object(('name',), name=_TEXT)}
    return {'type': 'array', 'items': _object(('name', 'roles'), name=_TEXT, roles=roles, **more)}


def projects_of(version: str) -> dict[str, Any]:
    """The schema of the list of projects that a mapping of the version makes."""
    return _projects() if version == OLDEST else _projects(domain=_DOMAIN)


def _local(version: str) -> dict[str, Any]:
    kinds = {'type': 'string', 'enum': ['ephemeral', 'local']}
    groups = [_object(('id',), id=_TEXT), _object(('name', 'domain'), name=_TEXT, domain=_DOMAIN)]
    return _object(
        user=_object(id=_TEXT, name=_TEXT, email=_TEXT, domain=_DOMAIN, type=kinds),
        projects=projects_of(version),
        group={'type': 'object', 'oneOf': groups},
        groups=_TEXT,
        group_ids=_TEXT,
        domain=_DOMAIN,
        **({'projects_json': _TEXT} if version == IN_STEP else {}),
    )


def _remote() -> dict[str, Any]:
    pattern = {'type': 'boolean'}
    kinds = [_object(('type', name), type=_TEXT, regex=pattern, **{name: {'type': 'array'}}) for name in CONDITIONS]
    return {'type': 'object', 'oneOf': [_object(('type',), type=_TEXT), *kinds]}


def schema_of(version: str) -> dict[str, Any]:
    """The JSON Schema of a mapping of the version."""
    rule = _object(
        ('local', 'remote'),
        local={'type': 'array', 'items': _local(version)},
        remote={'type': 'array', 'items': _remote(), 'minItems': 1},
    )
    rules = {'type': 'array', 'items': rule, 'minItems': 1, 'maxItems': MAX_RULES}
    return {'type': 'object', 'required': ['rules'], 'properties': {'rules': rules, 'schema_version': _TEXT}}


@functools.lru_cache
def _validator(version: str) -> Any:
    import jsonschema_rs  # every daemon imports the versions, and few validate a mapping

    return jsonschema_rs.Draft4Validator(schema_of(version))


@functools.lru_cache
def _projects_validator(version: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft4Validator(projects_of(version))


def are_projects(given: Any, version: str) -> bool:
    """Whether the value is a list of projects as the schema version has it."""
    return _projects_validator(version).is_valid(given)


def checked(given: dict[str, Any], version: str = OLDEST) -> dict[str, Any]:
    """The rules and the schema version of a mapping; `version` is the default.

    Raises Invalid when the rules do not match the schema of their version.
    """
    given = {name: value for name, value in given.items() if value is not None or name != 'schema_version'}
    version = given.get('schema_version') or version
    if version not in VERSIONS:
        raise errors.Invalid(f'The schema_version of a mapping is one of {", ".join(VERSIONS)}.')
    broken = sorted({_sentence(why) for why in _validator(version).iter_errors(given)})
    if broken:
        raise errors.Invalid('\n'.join(broken)[:2000])
    for rule in given['rules']:
        for requirement in rule['remote']:
            _check_requirement(requirement)
    return {'rules': given['rules'], 'schema_version': version}


def _sentence(why: Any) -> str:
    place = '.'.join(str(part) for part in why.instance_path)
    return f'{why.message[:300].replace(chr(34), chr(39))} ({place})' if place else why.message[:300]


def _check_requirement(requirement: dict[str, Any]) -> None:
    """Raises Invalid when a value to compare with is not a string, or a regular expression is not allowed."""
    for value in next((requirement[name] for name in CONDITIONS if name in requirement), []):
        if not isinstance(value, str):
            raise errors.Invalid(f'The values that {requirement["type"]} is compared with must be strings.')
        if requirement.get('regex') and len(value) > MAX_PATTERN:
            raise errors.Invalid(f'A regular expression of a mapping may have {MAX_PATTERN} characters.')
