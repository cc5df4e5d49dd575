"""Describes the resources of an API: each field of a request or response, with its type and versions.

One table of fields yields the request validator (JSON Schema, run by
jsonschema-rs), the response view and the published schema, for every version.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import Any

import jsonschema_rs

from nimbus.api.kit.versions import HIGHEST, LOWEST, Version
from nimbus.common import errors

READ, CREATE, UPDATE = 'read', 'create', 'update'
MISSING: Any = object()
Row = Any


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a noun on the wire."""

    schema: dict[str, Any]  # JSON Schema of its value in a request
    on: tuple[str, ...] = (READ,)
    required: bool = False  # in a create request
    null: bool = False
    default: Any = MISSING  # what a create request without it means
    source: str | Callable[[Row, Any], Any] | None = None  # column of the row, or a function of row and call
    wire: str | None = None  # name on the wire when Python cannot spell it
    since: Version = LOWEST
    until: Version = HIGHEST  # the last version that has it
    filter: bool = False  # a list may be filtered by it
    sort: bool = False  # a list may be sorted by it
    omit_none: bool = False  # left out of a response when it is None

    def lives_in(self, version: Version) -> bool:
        """Whether the version has the field."""
        return self.since <= version <= self.until

    def request_schema(self) -> dict[str, Any]:
        """The JSON Schema of the field in a request; null is one more allowed type where it may be."""
        if not self.null:
            return self.schema
        kinds = self.schema.get('type')
        if kinds is None:
            return {'anyOf': [self.schema, {'type': 'null'}]}
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return {
            **self.schema,
            'type': [*kinds, 'null'],
            **({'enum': [*self.schema['enum'], None]} if 'enum' in self.schema else {}),
        }


def Text(
    *on: str,
    min: int = 0,
    max: int = 255,
    pattern: str | None = None,
    enum: list[str] | None = None,
    **more: Any,
) -> Field:
    """A string of `min` to `max` characters."""
    schema: dict[str, Any] = {'type': 'string', 'minLength': min, 'maxLength': max}
    schema |= {'pattern': pattern} if pattern else {}
    schema |= {'enum': enum} if enum else {}
    return Field(schema, on or (READ,), **more)


def Int(*on: str, min: int | None = None, max: int | None = None, strings: bool = False, **more: Any) -> Field:
    """A whole number; `strings` takes one spelt as a string too, as older APIs do."""
    schema: dict[str, Any] = {'type': ['integer', 'string'] if strings else 'integer'}
    schema |= {'pattern': r'^-?[0-9]+$'} if strings else {}
    schema |= {'minimum': min} if min is not None else {}
    schema |= {'maximum': max} if max is not None else {}
    return Field(schema, on or (READ,), **more)


def Id(*on: str, **more: Any) -> Field:
    """A dashed UUID in a request; any id in a response."""
    return Field({'type': 'string', 'format': 'uuid'}, on or (READ,), **more)


def Flag(*on: str, **more: Any) -> Field:
    """True or false."""
    return Field({'type': 'boolean'}, on or (READ,), **more)


def Mapping(*on: str, schema: dict[str, Any] | None = None, **more: Any) -> Field:
    """An object."""
    return Field({'type': 'object', **(schema or {})}, on or (READ,), **more)


def Listing(
    *on: str,
    items: dict[str, Any] | None = None,
    min: int = 0,
    max: int | None = None,
    unique: bool = False,
    **more: Any,
) -> Field:
    """A list."""
    schema: dict[str, Any] = {'type': 'array', 'minItems': min}
    schema |= {'items': items} if items else {}
    schema |= {'maxItems': max} if max is not None else {}
    schema |= {'uniqueItems': True} if unique else {}
    return Field(schema, on or (READ,), **more)


def Any_(*on: str, schema: dict[str, Any] | None = None, **more: Any) -> Field:
    """A value whose shape is `schema`, anything at all without one."""
    return Field(schema or {}, on or (READ,), **more)


class Shape:
    """A request body's JSON Schema, with a sentence for the client when a body does not match."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    @functools.cached_property
    def _check(self) -> jsonschema_rs.Draft202012Validator:
        """The compiled schema; made at its first use, as an API has hundreds."""
        return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True)

    def check(self, body: Any) -> Any:
        """The body itself.  Raises Invalid, naming the field and what is wrong with it."""
        if self._check.is_valid(body):
            return body
        why = next(iter(sorted(self._check.iter_errors(body), key=_depth)))
        raise errors.Invalid(_sentence(why), field='.'.join(map(str, why.instance_path)))

    def for_version(self, _version: Version) -> 'Shape':
        """The shape in that version; a plain shape is the same in all."""
        return self


def _depth(why: Any) -> int:
    """Unknown and missing names are reported before wrong values, in the order in which a reader would mend them."""
    return len(why.schema_path)


def _sentence(why: Any) -> str:
    path = [str(part) for part in why.instance_path]
    if not path or why.message.startswith('Additional properties') or 'is a required property' in why.message:
        return why.message.replace('"', "'")
    value = why.instance if isinstance(why.instance, str | int | float | bool | None) else '...'
    value = value[:80] if isinstance(value, str) else value
    return f'Invalid input for field/attribute {path[-1]}. Value: {value}. {why.message}'


def _taker(columns: list[str]) -> Callable[[Row], tuple[Any, ...]]:
    """A function that takes the columns of a row, all by one call."""
    if len(columns) > 1:
        return operator.attrgetter(*columns)
    return lambda row: tuple(getattr(row, column) for column in columns)


class ShapeByVersion:
    """A request body whose shape differs by version: (since, shape), oldest first."""

    def __init__(self, *windows: tuple[Version, Shape]) -> None:
        self._windows = windows

    def for_version(self, version: Version) -> Shape:
        """The newest shape that is not newer than the version."""
        return [shape for since, shape in self._windows if since <= version][-1]


class Noun:
    """Base of every wire shape; subclasses list their fields in wire order."""

    one: str
    many: str
    extras = False  # unknown fields in a request are kept instead of refused
    beside: tuple[str, ...] = ()  # the verbs whose body may hold more beside the noun
    wrapped = True  # a body stands under the noun's name
    fields: tuple[tuple[str, Field], ...]

    def __init_subclass__(cls) -> None:
        merged = {n: f for base in reversed(cls.__mro__) for n, f in vars(base).items() if isinstance(f, Field)}
        cls.fields = tuple((f.wire or n, f) for n, f in merged.items())
        for name, f in cls.fields:
            rivals = [g for n, g in cls.fields if n == name and g is not f and set(g.on) & set(f.on)]
            if any(g.since <= f.until and f.since <= g.until for g in rivals):
                raise TypeError(f'{cls.__name__}.{name}: two fields live in one version')
        cls.view = functools.lru_cache(256)(cls._view)  # type: ignore[method-assign]
        cls.shape = functools.lru_cache(256)(cls._shape)  # type: ignore[method-assign]

    @classmethod
    def names(cls, *, sort: bool = False, filter: bool = False, version: Version = HIGHEST) -> dict[str, str]:
        """Wire name -> column name of the fields a list may be sorted or filtered by."""
        return {
            name: f.source if isinstance(f.source, str) else name
            for name, f in cls.fields
            if (sort and f.sort or filter and f.filter) and (version == HIGHEST or f.lives_in(version))
        }

    @classmethod
    def _inner_schema(cls, verb: str, version: Version) -> dict[str, Any]:
        known = {n: f for n, f in cls.fields if verb in f.on and f.lives_in(version)}
        return {
            'type': 'object',
            'properties': {n: f.request_schema() for n, f in known.items()},
            'required': [n for n, f in known.items() if f.required and verb == CREATE],
            'additionalProperties': cls.extras,
        }

    @classmethod
    def schema(cls, verb: str, version: Version) -> dict[str, Any]:
        """The JSON Schema of a request body."""
        inner = cls._inner_schema(verb, version)
        if not cls.wrapped:
            return inner
        return {
            'type': 'object',
            'properties': {cls.one: inner},
            'required': [cls.one],
            'additionalProperties': verb in cls.beside,
        }

    @classmethod
    def _shape(cls, verb: str, version: Version) -> Shape:
        return Shape(cls.schema(verb, version))

    @classmethod
    def shape(cls, verb: str, version: Version) -> Shape:
        """The validator of a request body of the version."""
        raise NotImplementedError

    @classmethod
    def parse(cls, body: Any, verb: str, version: Version) -> dict[str, Any]:
        """The noun's own part of a valid request body, defaults filled in on create.  Raises Invalid."""
        cls.shape(verb, version).check(body)
        given = dict(body[cls.one] if cls.wrapped else body)
        if verb == CREATE:
            for name, f in cls.fields:
                if verb in f.on and f.lives_in(version) and f.default is not MISSING:
                    given.setdefault(name, f.default)
        return given

    @classmethod
    def _view(cls, version: Version) -> Callable[[Row, Any], dict[str, Any]]:
        plain = [
            (n, f.source or n) for n, f in cls.fields if READ in f.on and f.lives_in(version) and not callable(f.source)
        ]
        names, columns = [n for n, _ in plain], [str(column) for _, column in plain]
        made = [
            (n, f.source, f.omit_none)
            for n, f in cls.fields
            if READ in f.on and f.lives_in(version) and callable(f.source)
        ]
        optional = [n for n, f in cls.fields if f.omit_none and f.lives_in(version)]
        take = _taker(columns)

        def view(row: Row, call: Any) -> dict[str, Any]:
            out = dict(zip(names, take(row), strict=False))
            for name, make, _ in made:
                out[name] = make(row, call)
            for name in optional:
                if out.get(name, MISSING) is None:
                    del out[name]
            return out

        return view

    @classmethod
    def view(cls, version: Version) -> Callable[[Row, Any], dict[str, Any]]:
        """A function of row and call that makes the response body of the version; compiled once."""
        raise NotImplementedError
