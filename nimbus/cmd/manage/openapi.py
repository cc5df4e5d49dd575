"""Generates an API's OpenAPI 3.1 document from its routes, nouns and shapes."""

import importlib
import re
from typing import Any

from nimbus import __version__
from nimbus.api.kit.fields import Noun
from nimbus.api.kit.routes import VERBS, Route
from nimbus.api.kit.versions import HIGHEST, LOWEST, History, Version, show

APIS = ('identity', 'compute', 'image', 'network', 'volume', 'placement')
FREE = re.compile(r'{(\w+)}')


def document(service: str) -> dict[str, Any]:
    """The service's document at its latest version.  Raises ModuleNotFoundError for an unknown service."""
    table = importlib.import_module(f'nimbus.api.{service}.routes').ROUTES
    version = _latest(service)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        if route.lives_in(version):
            _add(paths.setdefault(route.path, {}), route, version)
    return {
        'openapi': '3.1.0',
        'info': {'title': f'nimbus {service}', 'version': show(version) if version != HIGHEST else __version__},
        'paths': paths,
        'components': {
            'securitySchemes': {'token': {'type': 'apiKey', 'in': 'header', 'name': 'X-Auth-Token'}},
        },
    }


def _latest(service: str) -> Version:
    """The latest version of the service's own history; an API without one has no versions."""
    try:
        named = vars(importlib.import_module(f'nimbus.api.{service}.microversions'))
    except ModuleNotFoundError:
        return HIGHEST
    return max(found.latest for found in named.values() if isinstance(found, History))


def _add(item: dict[str, Any], route: Route, version: Version) -> None:
    """The path has the route; actions of one path are alternatives of one operation."""
    made = _operation(route, version)
    there = item.setdefault(route.method.lower(), made)
    if there is made or 'requestBody' not in made:
        return
    content = there.setdefault('requestBody', {'content': {'application/json': {'schema': {'oneOf': []}}}})['content']
    mine = made['requestBody']['content']['application/json']['schema']
    media = content['application/json']
    first = media['schema'].get('oneOf') or [media['schema']]
    media['schema'] = {'oneOf': [*first, mine]}
    there['summary'] += f' {made["summary"]}'
    there['responses'] |= made['responses']


def _operation(route: Route, version: Version) -> dict[str, Any]:
    summary = (route.handler.__doc__ or '').strip().split('\n')[0]
    made: dict[str, Any] = {
        'summary': summary or route.path,
        'parameters': [
            {'name': name, 'in': 'path', 'required': True, 'schema': {'type': 'string'}}
            for name in FREE.findall(route.path)
        ],
        'responses': {str(route.status): _response(route, version), 'default': {'description': 'An error.'}},
        'security': [] if route.open else [{'token': []}],
    }
    if route.policy:
        made['x-policy'] = route.policy
    for name, bound, none in (('x-since', route.since, LOWEST), ('x-until', route.until, HIGHEST)):
        if bound != none:
            made[name] = show(bound)
    if (schema := _body(route, version)) is not None:
        media = route.media if not route.raw else ('application/octet-stream',)
        made['requestBody'] = {'content': {name: {'schema': schema} for name in media}}
    return made


def _body(route: Route, version: Version) -> dict[str, Any] | None:
    if route.raw:
        return {}
    if route.noun:
        return route.noun.schema(VERBS[route.method], version)
    if route.shape:
        return route.shape.for_version(version).schema
    if route.action:
        return {'type': 'object', 'properties': {route.action: {}}, 'required': [route.action]}
    return None


def _response(route: Route, version: Version) -> dict[str, Any]:
    found: dict[str, Any] = {'description': 'It is so.' if route.status != 202 else 'It is being done.'}
    if route.noun and route.status != 204:
        found['content'] = {'application/json': {'schema': _shown(route.noun, version)}}
    return found


def _shown(noun: type[Noun], version: Version) -> dict[str, Any]:
    """The schema of a noun in responses; its fields have the types that they have in requests."""
    known: dict[str, Any] = {name: {} for name, field in noun.fields if 'read' in field.on and field.lives_in(version)}
    inner = {'type': 'object', 'properties': known}
    return {'type': 'object', 'properties': {noun.one: inner}} if noun.wrapped else inner
