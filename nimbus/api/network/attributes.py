"""Validates request bodies as Neutron does: its error messages, bulk creation, policy rules of single attributes."""

import dataclasses
from collections.abc import Callable
from typing import Any

from nimbus.api.kit.fields import CREATE, MISSING, READ, UPDATE, Field, Noun
from nimbus.api.kit.versions import Version
from nimbus.api.network import values
from nimbus.common import clock, errors

BOTH = (READ, CREATE, UPDATE)
Filter = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class Attribute(Field):
    """One attribute of a noun."""

    take: values.Take = values.anything  # turns a request's value into what is kept
    sift: Filter | None = None  # turns a filter's text into what the column has
    ruled: tuple[str, ...] = ()  # for which of READ, CREATE and UPDATE the rule `VERB_noun:attribute` is checked
    weighty: bool = False  # on CREATE that rule is checked for any value; else only for one that is not the default

    def asks(self, verb: str, value: Any) -> bool:
        """Whether the attribute's own rule is checked for the value."""
        return verb in self.ruled and (verb != CREATE or self.weighty or value != self.default)


def attribute(*on: str, take: values.Take = values.anything, filter: bool = True, **more: Any) -> Attribute:
    """An attribute; lists may be filtered and sorted by it by default."""
    more.setdefault('sort', filter)
    if take is values.flag:
        more.setdefault('sift', values.flag)
    return Attribute(schema={}, on=on or (READ,), take=take, filter=filter, **more)


class Given(dict[str, Any]):
    """A noun's values by column; `sent` are the attributes that the request itself named."""

    sent: frozenset[str] = frozenset()


def bad(sentence: str) -> errors.Invalid:
    """A body that Neutron would refuse."""
    return errors.Invalid(sentence, type='HTTPBadRequest')


class NeutronNoun(Noun):
    """Base of the network service's nouns."""

    tagged = True
    fields: tuple[tuple[str, Attribute], ...]  # type: ignore[assignment]

    @classmethod
    def parse(cls, body: Any, verb: str, version: Version) -> Any:
        """One `Given`, or a list of them for a body in bulk.  Raises Invalid."""
        if not body or not isinstance(body, dict):
            raise bad('Resource body required')
        if verb == CREATE and cls.many in body and cls.one not in body:
            items = body[cls.many]
            if not isinstance(items, list) or not items:
                raise bad('Resources required')
            return [cls._one(item.get(cls.one, item) if isinstance(item, dict) else item, verb) for item in items]
        if cls.one not in body:
            raise bad(f"Unable to find '{cls.one}' in request body")
        return cls._one(body[cls.one], verb)

    @classmethod
    def _one(cls, body: Any, verb: str) -> Given:
        if not isinstance(body, dict):
            raise bad(f"Unable to find '{cls.one}' in request body")
        body = _one_owner(body)
        known = dict(cls.fields)
        unknown = sorted(set(body) - set(known))
        if unknown:
            raise bad(f"Unrecognized attribute(s) '{', '.join(map(str, unknown))}'")
        given = Given()
        given.sent = frozenset(body)
        for name, field in cls.fields:
            if name in body:
                given[column_of(name, field)] = _taken(name, field, body[name], verb)
            elif verb == CREATE and verb in field.on:
                if field.default is not MISSING:
                    given[column_of(name, field)] = field.default
                elif field.required:
                    raise bad(f"Failed to parse request. Required attribute '{name}' not specified")
        return given

    @classmethod
    def hidden(cls, allows: Callable[[str], bool]) -> list[str]:
        """The attributes that the asker may not read."""
        return [
            name
            for name, field in cls.fields
            if READ in field.on and READ in field.ruled and not allows(f'get_{cls.one}:{name}')
        ]


def _one_owner(body: dict[str, Any]) -> dict[str, Any]:
    """The attributes with tenant_id replaced by project_id.  Raises Invalid where both are given and differ."""
    if 'tenant_id' not in body:
        return body
    body = dict(body)
    old = body.pop('tenant_id')
    if body.setdefault('project_id', old) != old:
        raise bad("'project_id' and 'tenant_id' do not match")
    return body


def column_of(name: str, field: Attribute) -> str:
    return field.source if isinstance(field.source, str) else name


def _taken(name: str, field: Attribute, value: Any, verb: str) -> Any:
    if verb not in field.on:
        if verb == CREATE:
            raise bad(f"Attribute '{name}' not allowed in POST")
        raise bad(f'Cannot update read-only attribute {name}')
    try:
        return field.take(value)
    except ValueError as why:
        raise bad(f'Invalid input for {name}. Reason: {why}.') from why


# Attributes that many nouns have


def child(name: str) -> Callable[[Any, Any], Any]:
    """A source: the value that the handler found under `name`, beside the row."""
    return lambda row, call: call.children[name].get(row.id, [])


class Standard(NeutronNoun):
    """The attributes that every resource of the service has."""

    id = attribute()
    project_id = attribute(READ, CREATE, take=values.text(64))
    tenant_id = attribute(source='project_id')
    description = attribute(*BOTH, take=values.text(), default='')
    revision_number = attribute(sift=values.number)
    created_at = attribute(source=lambda row, call: clock.iso(row.created_at), filter=False)
    updated_at = attribute(source=lambda row, call: clock.iso(row.updated_at), filter=False)


class Tagged(Standard):
    """A noun that has tags."""

    tags = attribute(source=child('tags'), filter=False)
