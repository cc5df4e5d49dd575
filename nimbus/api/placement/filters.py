"""What queries ask of providers: room, traits and aggregates, each with an optional group's suffix."""

import uuid
from collections.abc import Callable

from nimbus.api.kit.routes import Call
from nimbus.api.placement import microversions
from nimbus.api.placement.nodes import Node
from nimbus.api.placement.resource_classes import STANDARD, known
from nimbus.common import errors, numbers

BAD = 'Invalid query string parameters: '
RESOURCES_FORM = (
    'Badly formed resources parameter. Expected resources query string parameter in form: '
    '?resources=VCPU:2,MEMORY_MB:1024. Got: '
)
TRAITS_FORM = "Expected 'required' parameter value of the form: "
# A parameter and the version that brought it.
SINCE = {
    'member_of': microversions.MemberOf,
    'resources': microversions.ByResources,
    'in_tree': microversions.Trees,
    'required': microversions.ProvidersByTraits,
}
Fits = Callable[[Node], bool]


def asked(call: Call, traits: frozenset[str]) -> Fits:
    """Whether a provider is one the query asks for; `traits` are all that there are.  Raises Invalid."""
    known(call, 'name', 'uuid', *(name for name, change in SINCE.items() if call.speaks(change)))
    wanted = [read_uuid(name, given) for name in ('uuid', 'in_tree') if (given := call.arg(name)) is not None]
    name, needs = call.arg('name'), {} if (given := call.arg('resources')) is None else resources(given)
    belongs, has = aggregates(call), required(call)
    if unknown := sorted(has.named - traits):
        raise errors.Invalid(f'Invalid trait(s) in "required" parameter: No such trait(s): {", ".join(unknown)}.')

    def fits(node: Node) -> bool:
        return (
            all(given == node.id for given in wanted)
            and name in (None, node.name)
            and belongs(node)
            and has(node)
            and all(node.has_room(resource, amount) for resource, amount in needs.items())
        )

    return fits


def read_uuid(name: str, value: str) -> str:
    """The id with its dashes.  Raises Invalid."""
    try:
        return str(uuid.UUID(value.strip()))
    except ValueError:
        raise errors.Invalid(f"{BAD}Expected '{name}' parameter to be a format of uuid. Got: {value}") from None


def resources(text: str) -> dict[str, int]:
    """How much of each resource class is asked for.  Raises Invalid."""
    needs: dict[str, int] = {}
    for item in text.split(','):
        name, colon, amount = item.partition(':')
        if not colon or ':' in amount:
            raise errors.Invalid(RESOURCES_FORM + (f'{item}.' if text.strip() else 'empty string.'))
        found = numbers.read(amount)
        if found is None:
            raise errors.Invalid(f'Requested resource {name} expected positive integer amount. Got: {amount}.')
        if found < 1:
            raise errors.Invalid(f'Requested resource {name} requires amount >= 1. Got: {found}.')
        if name not in STANDARD:
            raise errors.Invalid(f'Invalid resource class in resources parameter: No such resource class {name}.')
        needs[name] = found
    return needs


class Required:
    """The traits that a provider must have, one of each set, and those that it must not."""

    def __init__(self) -> None:
        self.sets: list[frozenset[str]] = []
        self.forbidden: set[str] = set()

    @property
    def named(self) -> set[str]:
        """Every trait that is spoken of."""
        return self.forbidden.union(*self.sets)

    def __call__(self, node: Node) -> bool:
        return not self.forbidden & node.traits and all(some & node.traits for some in self.sets)

    def __bool__(self) -> bool:
        return bool(self.sets or self.forbidden)

    def conflicts(self) -> list[str]:
        """The sets of which every trait is forbidden too, each in words."""
        return [', '.join(sorted(some)) for some in self.sets if some <= self.forbidden]


def required(call: Call, suffix: str = '', name: str = 'required') -> Required:
    """What the parameter says of traits; only the last one counts before several may be given.  Raises Invalid."""
    found = Required()
    several = call.speaks(microversions.AnyTraits) and name == 'required'
    values = call.query.get(f'{name}{suffix}', [])
    for value in values if several else values[-1:]:
        if value.startswith('in:'):
            found.sets.append(_any_of(value, several))
        else:
            _all_of(found, value, call.speaks(microversions.ForbiddenTraits))
    return found


def _any_of(value: str, allowed: bool) -> frozenset[str]:
    form = f"{BAD}The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC'"
    names = frozenset(part.strip() for part in value.removeprefix('in:').split(','))
    if not allowed:
        raise errors.Invalid(f'{form} only supported since microversion 1.39. Got: {value}')
    if '' in names:
        raise errors.Invalid(f'{BAD}{TRAITS_FORM}in:HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty trait in: {value}')
    if any(name.startswith('!') for name in names):
        raise errors.Invalid(f'{form} does not support forbidden traits. Got: {value}')
    return names


def _all_of(found: Required, value: str, may_forbid: bool) -> None:
    form = f'{BAD}{TRAITS_FORM}HW_CPU_X86_VMX,{"!" * may_forbid}CUSTOM_MAGIC.'
    for part in value.split(','):
        name = part.strip()
        if not name.lstrip('!'):
            raise errors.Invalid(f'{form} Got an empty trait in: {value}')
        if not name.startswith('!'):
            found.sets.append(frozenset({name}))
        elif not may_forbid:
            raise errors.Invalid(f'{form} Got: {value}')
        else:
            found.forbidden.add(name.lstrip('!'))


def aggregates(call: Call, suffix: str = '') -> Fits:
    """Whether a provider is in the aggregates that are asked for, and in none that is forbidden.  Raises Invalid."""
    values = call.query.get(f'member_of{suffix}', [])
    if len(values) > 1 and not call.speaks(microversions.SeveralAggregates):
        raise errors.Invalid(f'Multiple member_of{suffix} parameters are not supported')
    wanted: list[set[str]] = []
    forbidden: set[str] = set()
    for value in values:
        found = _aggregate_ids(value)
        if not value.startswith('!'):
            wanted.append(found)
        elif not call.speaks(microversions.ForbiddenAggregates):
            raise errors.Invalid(
                f'Forbidden member_of{suffix} parameters are not supported in the specified microversion'
            )
        else:
            forbidden |= found
    return lambda node: not forbidden & node.aggregates and all(some & node.aggregates for some in wanted)


def _aggregate_ids(value: str) -> set[str]:
    plain = value.removeprefix('!')
    if ',' in plain and not plain.startswith('in:'):
        raise errors.Invalid(
            "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid "
            f'microversion. Got: {value}'
        )
    found = set()
    for one in plain.removeprefix('in:').split(','):
        try:
            found.add(str(uuid.UUID(one)))
        except ValueError:
            raise errors.Invalid(f"{BAD}Expected 'member_of' parameter to contain valid UUID(s). Got: {one}") from None
    return found
