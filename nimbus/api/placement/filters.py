"""Which providers a query asks for: by id, name, tree, room, aggregates and traits."""

import uuid
from collections.abc import Callable
from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.placement import history
from nimbus.api.placement.answers import CLASSES, known
from nimbus.api.placement.vocabulary import STANDARD
from nimbus.common import errors
from nimbus.scheduler import hosts

BAD = 'Invalid query string parameters: '
RESOURCES_FORM = (
    'Badly formed resources parameter. Expected resources query string parameter in form: '
    '?resources=VCPU:2,MEMORY_MB:1024. Got: '
)
# A parameter and the version that brought it.
SINCE = {
    'member_of': history.MemberOf,
    'resources': history.ByResources,
    'in_tree': history.Trees,
    'required': history.RequiredTraits,
}


def asked(call: Call) -> Callable[[Any], bool]:
    """Whether a host is one the query asks for.  Raises Invalid."""
    known(call, 'name', 'uuid', *(name for name, change in SINCE.items() if call.speaks(change)))
    ids = [_uuid(name, value) for name in ('uuid', 'in_tree') if (value := call.arg(name)) is not None]
    name, needs = call.arg('name'), _resources(call.arg('resources'))
    _traits(call)
    member = _aggregates(call)

    def fits(row: Any) -> bool:
        return (
            member
            and all(row.id == wanted for wanted in ids)
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
    return column is not None and getattr(row, f'used_{column}') + amount <= hosts.room(row, column)


def _resources(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    needs: dict[str, int] = {}
    for item in text.split(','):
        name, colon, amount = item.partition(':')
        if not colon or ':' in amount:
            raise errors.Invalid(RESOURCES_FORM + (f'{item}.' if text.strip() else 'empty string.'))
        try:
            needs[name] = int(amount)
        except ValueError:
            needs[name] = 0
        if needs[name] < 1:
            raise errors.Invalid(f'Requested resource {name} expected positive integer amount. Got: {amount}.')
        if name not in STANDARD:
            raise errors.Invalid(f'Invalid resource class in resources parameter: No such resource class {name}.')
    return needs


def _traits(call: Call) -> None:
    """Nothing where no trait is named; no trait is known, so naming one is refused.  Raises Invalid."""
    values = call.query.get('required', [])
    for value in values if call.speaks(history.AnyTraits) else values[-1:]:
        any_of = value.startswith('in:')
        if any_of and not call.speaks(history.AnyTraits):
            raise errors.Invalid(
                f"{BAD}The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since microversion 1.39. Got: {value}"
            )
        names = [name.strip() for name in value.removeprefix('in:').split(',')]
        forbidding = any(name.startswith('!') for name in names)
        if not all(name.lstrip('!') for name in names) or (
            forbidding and (any_of or not call.speaks(history.ForbiddenTraits))
        ):
            forms = (
                'HW_CPU_X86_VMX,!CUSTOM_MAGIC'
                if call.speaks(history.ForbiddenTraits)
                else 'HW_CPU_X86_VMX,CUSTOM_MAGIC'
            )
            raise errors.Invalid(f"{BAD}Expected 'required' parameter value of the form: {forms}. Got: {value}")
        told = ', '.join(name.lstrip('!') for name in names)
        raise errors.Invalid(f'Invalid trait(s) in "required" parameter: No such trait(s): {told}.')


def _aggregates(call: Call) -> bool:
    """Whether any host can pass: none is in an aggregate, so each passes what is forbidden and none what is required.

    Raises Invalid.
    """
    values = call.query.get('member_of', [])
    if len(values) > 1 and not call.speaks(history.ManyAggregates):
        raise errors.Invalid('Multiple member_of parameters are not supported')
    possible = True
    for value in values:
        forbidden = value.startswith('!')
        bare = value.removeprefix('!')
        if ',' in bare and not bare.startswith('in:'):
            raise errors.Invalid(
                "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword "
                f'using the valid microversion. Got: {value}'
            )
        for one in bare.removeprefix('in:').split(','):
            try:
                uuid.UUID(one)
            except ValueError:
                raise errors.Invalid(
                    f"{BAD}Expected 'member_of' parameter to contain valid UUID(s). Got: {one}"
                ) from None
        if forbidden and not call.speaks(history.ForbiddenAggregates):
            raise errors.Invalid('Forbidden member_of parameters are not supported in the specified microversion')
        possible = possible and forbidden
    return possible
