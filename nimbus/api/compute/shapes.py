"""Pieces of JSON Schema that compute's request bodies are made of."""

import ipaddress
from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.common import errors
from nimbus.compute.devices.block_requests import truth

MAX_INT = 0x7FFFFFFF
Schema = dict[str, Any]

NAME: Schema = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 255,
    'pattern': r'^(?!\s)[^\p{C}\p{Zl}\p{Zp}]*(?<!\s)$',
}
DESCRIPTION: Schema = {'type': ['string', 'null'], 'maxLength': 255, 'pattern': r'^[^\p{C}\p{Zl}\p{Zp}]*$'}
FLAVOR_DESCRIPTION = {**DESCRIPTION, 'maxLength': 65535}
BOOLEAN: Schema = {
    'enum': [
        *(True, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes'),
        *(False, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no'),
    ]
}
UUID: Schema = {'type': 'string', 'format': 'uuid'}
IP: Schema = {'type': 'string', 'anyOf': [{'format': 'ipv4'}, {'format': 'ipv6'}]}
FQDN: Schema = {'type': 'string', 'pattern': r'^[a-zA-Z0-9-._]*$', 'minLength': 1, 'maxLength': 255}
HOSTNAME: Schema = {
    'type': 'string',
    'pattern': r'^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
    'minLength': 2,
    'maxLength': 63,
}
TAG: Schema = {'type': 'string', 'pattern': r'^[^,/]*$', 'minLength': 1, 'maxLength': 60}
DEVICE_TAG: Schema = TAG
DISK_CONFIG: Schema = {'type': 'string', 'enum': ['AUTO', 'MANUAL']}
METADATA: Schema = {
    'type': 'object',
    'patternProperties': {r'^[a-zA-Z0-9-_:. ]{1,255}$': {'type': 'string', 'maxLength': 255}},
    'additionalProperties': False,
}
EXTRA_SPECS: Schema = {
    'type': 'object',
    'patternProperties': {r'^[a-zA-Z0-9-_:. ]{1,255}$': {'type': ['string', 'number'], 'maxLength': 255}},
    'additionalProperties': False,
}
PROJECT: Schema = {'type': 'string', 'pattern': r'^[a-zA-Z0-9-]*$', 'minLength': 1, 'maxLength': 255}
NOTHING: Schema = {'type': 'null'}
GROUP_NAME: Schema = {'type': 'string', 'minLength': 1}  # a security group's: of any letters, or its id


def number(least: int) -> Schema:
    """A whole number of at least `least`, which may be spelt as a string."""
    return {
        'anyOf': [
            {'type': 'integer', 'minimum': least, 'maximum': MAX_INT},
            {'type': 'string', 'pattern': r'^0*[1-9][0-9]{0,8}$' if least else r'^[0-9]{1,9}$'},
        ],
        'type': ['integer', 'string'],
    }


def closed(properties: Schema, required: list[str] | None = None) -> Schema:
    """An object with these properties and no others."""
    return {
        'type': 'object',
        'properties': properties,
        'required': required or [],
        'additionalProperties': False,
    }


def under(name: str, inner: Schema, **beside: Schema) -> Shape:
    """A body with one object under its name, and what may stand beside it."""
    return Shape(closed({name: inner, **beside}, [name]))


def action(name: str, inner: Schema) -> Shape:
    """A body that names an action and its arguments."""
    return Shape(closed({name: inner}, [name]))


def bare(name: str) -> Shape:
    """A body that names an action without arguments; whatever stands beside the name is passed over."""
    return action(name, {})


def known(query: dict[str, list[str]], *names: str) -> None:
    """Nothing, when the query has no parameters but these.  Raises Invalid."""
    strange = sorted(name for name in query if name not in names)
    if strange:
        unexpected = ', '.join(f"'{name}'" for name in strange)
        verb = 'was' if len(strange) == 1 else 'were'
        raise errors.Invalid(f'Additional properties are not allowed ({unexpected} {verb} unexpected)')


def flag(value: Any) -> bool:
    """The boolean that a value of a request stands for, such as 'yes' or 1."""
    return truth(value)


def shortest(address: str | None) -> str | None:
    """An IP address as it is kept: one of IPv6 as RFC 5952 spells it."""
    return str(ipaddress.ip_address(address)) if address else address
