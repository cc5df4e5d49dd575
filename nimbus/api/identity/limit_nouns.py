"""The nouns of `/v3/registered_limits` and `/v3/limits`; projects show their limits too."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Int, Text

MOST = 2**31 - 1
_ID = r'^[a-zA-Z0-9-]+$'


def _or_null(name: str) -> Any:
    """A view of a column in which '' means null."""
    return lambda row, _: getattr(row, name) or None


class RegisteredLimit(wire.KeystoneNoun):
    """The default limit of a resource for all projects."""

    one, many = 'registered_limit', 'registered_limits'
    extras = False
    id = Text(READ)
    service_id = Text(READ, CREATE, UPDATE, min=1, max=64, pattern=_ID, required=True, filter=True)
    region_id = Text(READ, CREATE, UPDATE, min=1, max=255, null=True, source=_or_null('region_id'))
    resource_name = Text(READ, CREATE, UPDATE, min=1, max=255, pattern=r'\S', required=True, filter=True)
    default_limit = Int(READ, CREATE, UPDATE, min=-1, max=MOST, required=True)
    description = Text(READ, CREATE, UPDATE, max=255, null=True)


class Limit(wire.KeystoneNoun):
    """The limit of a resource for one project or domain."""

    one, many = 'limit', 'limits'
    extras = False
    id = Text(READ)
    project_id = Text(READ, CREATE, min=1, max=64, pattern=_ID, null=True, source=_or_null('project_id'))
    domain_id = Text(READ, CREATE, min=1, max=64, pattern=_ID, null=True, source=_or_null('domain_id'))
    service_id = Text(READ, CREATE, min=1, max=64, pattern=_ID, required=True, filter=True)
    region_id = Text(READ, CREATE, min=1, max=255, null=True, source=_or_null('region_id'))
    resource_name = Text(READ, CREATE, min=1, max=255, pattern=r'\S', required=True, filter=True)
    resource_limit = Int(READ, CREATE, UPDATE, min=-1, max=MOST, required=True)
    description = Text(READ, CREATE, UPDATE, max=255, null=True)
