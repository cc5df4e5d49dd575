"""The JSON schemas of what a fake cloud's controls are told."""

from typing import Any

import jsonschema_rs

from nimbus.cmd.fake.clock import MOST
from nimbus.cmd.fake.operations import OPERATIONS
from nimbus.cmd.fake.rules import STATUSES
from nimbus.common import errors

LONGEST = 3600
SECONDS = {'type': 'number', 'minimum': 0, 'maximum': LONGEST}
OFTEN = {
    'times': {'type': 'integer', 'minimum': 1, 'maximum': 1_000_000},
    'every': {'type': 'integer', 'minimum': 1, 'maximum': 1_000_000},
    'chance': {'type': 'number', 'exclusiveMinimum': 0, 'maximum': 1},
}


def _shape(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {'type': 'object', 'required': list(required), 'additionalProperties': False, 'properties': fields}


TIMES = {
    'type': 'object',
    'propertyNames': {'enum': ['*', *OPERATIONS]},
    'additionalProperties': SECONDS,
}
FAULT = _shape(
    ('operation',),
    operation={'enum': list(OPERATIONS)},
    host={'type': 'string', 'maxLength': 255},
    message={'type': 'string', 'maxLength': 1000},
    **OFTEN,
)
ANSWER = _shape(
    service={'enum': ['*', 'identity', 'compute', 'network', 'image', 'volume', 'placement', 'metadata']},
    method={'enum': ['*', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']},
    path={'type': 'string', 'minLength': 1, 'maxLength': 255},
    status={'enum': list(STATUSES)},
    delay=SECONDS,
    cut={'type': 'boolean'},
    retry_after={'type': 'integer', 'minimum': 0, 'maximum': LONGEST},
    **OFTEN,
)
CLOCK = _shape(('seconds',), seconds={'type': 'number', 'exclusiveMinimum': 0, 'maximum': MOST})
PAGES = _shape(('limit',), limit={'type': ['integer', 'null'], 'minimum': 1, 'maximum': 1000})
HOST = _shape(('power',), power={'enum': ['on', 'off']})


def check(body: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """The body, which has that shape.  Raises Invalid."""
    for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(body):
        where = '.'.join(map(str, error.instance_path))
        raise errors.Invalid(f'{where + ": " if where else ""}{error.message.rstrip(".")}.')
    found: dict[str, Any] = body
    return found
