"""Filters of GET /resource_providers: by id, name, aggregate and free capacity."""

import uuid
from collections.abc import Callable
from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.placement import microversions
from nimbus.api.placement.info import STANDARD
from nimbus.api.placement.resource_classes import CLASSES, known
from nimbus.common import errors, numbers
from nimbus.scheduler import hosts

BAD = 'Invalid query string parameters: '
RESOURCES_FORM = (
    'Badly formed resources parameter. Expected resources query string parameter in form: '
    '?resources=VCPU:2,MEMORY_MB:1024. Got: '
)
# A parameter and the version that brought it.
SINCE = {
    'member_of': microversions.MemberOf,
    'resources': microversions.ByResources,
}


def asked(call: Call) -> Callable[[Any], bool]:
    """Whether a host is one the query asks for.  Raises Invalid."""
    known(call, 'name', 'uuid', *(name for name, change in SINCE.items() if call.speaks(change)))
    wanted = None if (given := call.arg('uuid')) is None else _uuid('uuid', given)
    name, needs = call.arg('name'), _resources(call.arg('resources'))
    possible = _aggregates(call)

    def fits(row: Any) -> bool:
        return (
            possible
            and wanted in (None, row.id)
            and name in (None, row.node)
            and all(_has(row, resource, amount) for resource, amount in needs.items())
        )

    return fits


def _uuid(name: str, value: str) -> str:
    try:
        return str(uuid.UUID(value.strip()))
    except ValueError:
        raise errors.Invalid(f"{BAD}Expected '{name}' parameter to be a format of uuid. Got: {value}") from None


def _has(row: Any, resource: str, amount: int) -> bool:
    column = CLASSES.get(resource)
    return column is not None and getattr(row, f'used_{column}') + amount <= hosts.capacity(row, column)


def _resources(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    needs: dict[str, int] = {}
    for item in text.split(','):
        name, colon, amount = item.partition(':')
        if not colon or ':' in amount:
            raise errors.Invalid(RESOURCES_FORM + (f'{item}.' if text.strip() else 'empty string.'))
        needs[name] = numbers.read(amount) or 0
        if needs[name] < 1:
            raise errors.Invalid(f'Requested resource {name} expected positive integer amount. Got: {amount}.')
        if name not in STANDARD:
            raise errors.Invalid(f'Invalid resource class in resources parameter: No such resource class {name}.')
    return needs


def _aggregates(call: Call) -> bool:
    """Whether any host can pass: none is in an aggregate, so a query for one finds none.  Raises Invalid."""
    values = call.query.get('member_of', [])
    if len(values) > 1:
        raise errors.Invalid('Multiple member_of parameters are not supported')
    for value in values:
        if value.startswith('!'):
            raise errors.Invalid('Forbidden member_of parameters are not supported in the specified microversion')
        if ',' in value and not value.startswith('in:'):
            raise errors.Invalid(
                "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword "
                f'using the valid microversion. Got: {value}'
            )
        for one in value.removeprefix('in:').split(','):
            try:
                uuid.UUID(one)
            except ValueError:
                raise errors.Invalid(
                    f"{BAD}Expected 'member_of' parameter to contain valid UUID(s). Got: {one}"
                ) from None
    return not values
