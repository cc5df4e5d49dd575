"""The JSON schema of a seed file."""

from typing import Any

STATES = ('ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED', 'RESCUE', 'SHELVED_OFFLOADED', 'VERIFY_RESIZE', 'ERROR')
NAME = {'type': 'string', 'minLength': 1, 'maxLength': 255}
TEXT = {'type': 'string', 'maxLength': 255}
WORDS = {'type': 'object', 'additionalProperties': {'type': 'string', 'maxLength': 255}}
NAMES = {'type': 'array', 'items': NAME, 'uniqueItems': True}
FLAG = {'type': 'boolean'}
LIMIT = {'type': 'object', 'additionalProperties': {'type': 'integer', 'minimum': -1}}


def _whole(least: int = 0, most: int = 2**31 - 1) -> dict[str, Any]:
    return {'type': 'integer', 'minimum': least, 'maximum': most}


def _rows(required: tuple[str, ...] = ('name',), **fields: Any) -> dict[str, Any]:
    row = {'type': 'object', 'required': list(required), 'additionalProperties': False}
    return {'type': 'array', 'items': row | {'properties': {'name': NAME, **fields}}}


SUBNETS = _rows(
    ('name', 'cidr'),
    cidr=TEXT,
    dhcp=FLAG,
    gateway={'type': ['string', 'null']},
    dns_servers={'type': 'array', 'items': TEXT},
    pools={'type': 'array', 'items': {'type': 'array', 'items': TEXT, 'minItems': 2, 'maxItems': 2}},
)
SCHEMA: dict[str, Any] = {
    '$schema': 'https://json-schema.org/draft/2020-12/schema',
    'type': 'object',
    'additionalProperties': False,
    'properties': {
        'hosts': _rows(zone=NAME, vcpus=_whole(1), memory_mb=_whole(1), disk_gb=_whole(1)),
        'roles': _rows(),
        'projects': _rows(
            description={'type': 'string'},
            quotas={
                'type': 'object',
                'additionalProperties': False,
                'properties': {'compute': LIMIT, 'network': LIMIT, 'volume': LIMIT},
            },
        ),
        'users': _rows(
            password={'type': 'string', 'minLength': 1},
            project=NAME,
            email=TEXT,
            roles={'type': 'object', 'additionalProperties': NAMES},
        ),
        'flavors': _rows(
            ('name', 'ram', 'vcpus', 'disk'),
            id=NAME,
            ram=_whole(1),
            vcpus=_whole(1),
            disk=_whole(),
            ephemeral=_whole(),
            swap=_whole(),
            public=FLAG,
            projects=NAMES,
            extra_specs=WORDS,
        ),
        'images': _rows(
            project=NAME,
            visibility={'enum': ['public', 'private', 'shared', 'community']},
            disk_format=NAME,
            container_format=NAME,
            bytes=_whole(),
            min_disk=_whole(),
            min_ram=_whole(),
            protected=FLAG,
            tags=NAMES,
            properties=WORDS,
        ),
        'networks': _rows(project=NAME, shared=FLAG, external=FLAG, default=FLAG, subnets=SUBNETS),
        'routers': _rows(project=NAME, external=NAME, subnets=NAMES),
        'servers': _rows(
            ('name', 'project', 'flavor', 'image'),
            project=NAME,
            user=NAME,
            flavor=NAME,
            image=NAME,
            networks=NAMES,
            host=NAME,
            metadata=WORDS,
            state={'enum': list(STATES)},
            resized_to=NAME,
        ),
    },
}
