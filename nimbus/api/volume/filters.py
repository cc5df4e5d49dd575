"""Reads the query of a list: Cinder's filters, flags and sort orders; those of volumes are here."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.volume.microversions import ImageFilters, LikeFilters, Moments, QuotaUses, StrictBootable, StrictFilters
from nimbus.common import errors, numbers
from nimbus.volume.volumes import search

SORTS = ('id', 'name', 'status', 'size', 'created_at', 'updated_at', 'availability_zone', 'description', 'bootable',
         'attach_status')  # fmt: skip
OPERATORS_SORTS = ('host',)
# Filters for all users; the others would reveal hosts and other users' volumes.
OPEN = ('name', 'status', 'metadata', 'bootable', 'migration_status', 'availability_zone', 'group_id', 'size',
        'created_at', 'updated_at', 'consumes_quota', 'glance_metadata')  # fmt: skip
NEVER = ('group_id', 'consistencygroup_id')  # no volume here has any of these
CONTROLS = ('limit', 'marker', 'offset', 'sort', 'sort_key', 'sort_dir', 'all_tenants', 'with_count')
BOOLEANS = {'true': True, '1': True, 'yes': True, 'on': True, 't': True, 'y': True,
            'false': False, '0': False, 'no': False, 'off': False, 'f': False, 'n': False}  # fmt: skip


def of_everyone(call: Call) -> bool:
    """Whether an operator asks for the things of all projects."""
    return call.context.is_admin and BOOLEANS.get((call.arg('all_tenants') or 'false').lower(), False)


def flag(call: Call, name: str) -> bool:
    """The boolean parameter `name` of the query.  Raises Invalid."""
    text = call.arg(name) or 'false'
    if text.lower() not in BOOLEANS:
        raise errors.Invalid(f"Value '{text[:40]}' for '{name}' is not valid; use true or false.")
    return BOOLEANS[text.lower()]


def of_quota(call: Call, value: str) -> dict[str, Any]:
    """The filter of what counts against the quota, as all here does.  Raises Invalid for what is no truth value."""
    return {} if not call.speaks(QuotaUses) or flag(call, 'consumes_quota') else {'consumes_quota': value}


def check_names(call: Call, open: tuple[str, ...]) -> None:
    """Nothing, when a user filters by what is `open` to all; older versions ignore the rest.  Raises Invalid."""
    if not call.speaks(StrictFilters) or call.context.is_admin:
        return
    bare = [name.removesuffix('~') if call.speaks(LikeFilters) else name for name in call.query]
    wrong = [name for name in bare if name not in open and name not in CONTROLS]
    if wrong:
        raise errors.Invalid(
            f'Invalid filters {",".join(wrong)[:200]} are found in query options; allowed are {", ".join(open)}.'
        )


def of_volumes(call: Call, name: str, value: str) -> dict[str, Any]:
    """{name: what a search of volumes takes}, or nothing where the version has no such filter.  Raises Invalid."""
    if name == 'size':
        return {name: sized(value)}
    if name == 'host':
        return {name: value.partition('@')[0]}
    if name in search.PLAIN or name in NEVER or (name == 'project_id' and of_everyone(call)):
        return {name: value}
    if name == 'consumes_quota':
        return of_quota(call, value)
    if name.endswith('~') and call.speaks(LikeFilters):
        return {name: value}
    if name == 'bootable':
        return {name: _boolean(call, value)}
    if name == 'metadata' or (name == 'glance_metadata' and call.speaks(ImageFilters)):
        return {name: pairs(name, value)}
    if name in ('created_at', 'updated_at') and call.speaks(Moments):
        return {name: search.moments(value)}
    return {}


def sized(text: str) -> int:
    """The GiB that a filter names.  Raises Invalid."""
    size = numbers.read(text)
    if size is None or size < 0:
        raise errors.Invalid(f'Invalid filter size: {text[:40]} is not a number of GiB.')
    return size


def _boolean(call: Call, text: str) -> bool:
    if text.lower() not in BOOLEANS:
        if call.speaks(StrictBootable):
            raise errors.Invalid(f"Invalid value '{text[:40]}' for bootable filter; use true or false.")
        return bool(text)
    return BOOLEANS[text.lower()]


def pairs(name: str, text: str) -> dict[str, str]:
    """`{'key': 'value'}` as clients write it: one flat mapping of strings.  Raises Invalid."""
    inner = text.strip()
    if not (inner.startswith('{') and inner.endswith('}')):
        raise errors.Invalid(f'The filter {name} is no mapping: {text[:80]}')
    found = {}
    for part in inner[1:-1].split(','):
        key, colon, value = part.partition(':')
        if part.strip() and not colon:
            raise errors.Invalid(f'The filter {name} is no mapping: {text[:80]}')
        if part.strip():
            found[_unquoted(key)] = _unquoted(value)
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    text = text[1:] if text[:2] in ('u"', "u'") else text
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in '\'"' else text


def sorts(call: Call, allowed: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The order that is asked for, by the keys that are allowed.  Raises Invalid."""
    wanted = [item.partition(':')[::2] for item in (call.arg('sort') or '').split(',') if item]
    if not wanted:
        ways = (call.arg('sort_dir') or '').split(',')
        keys = [key for key in (call.arg('sort_key') or '').split(',') if key]
        wanted = [(key, ways[number] if number < len(ways) else ways[0]) for number, key in enumerate(keys)]
    found = []
    for key, way in wanted:
        if key not in allowed:
            raise errors.Invalid(f'Invalid sort keys provided: {key[:40]}; allowed are {", ".join(allowed)}.')
        if (way or 'desc') not in ('asc', 'desc'):
            raise errors.Invalid(f"Invalid sort direction {way[:40]}; allowed are 'asc' and 'desc'.")
        found.append((key, way or 'desc'))
    return tuple(found) or (('created_at', 'desc'),)
