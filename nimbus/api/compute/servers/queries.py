"""Reads the query of GET /servers: filters, sort order, and whose servers are listed."""

import datetime
from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call
from nimbus.common import errors, times
from nimbus.common.database import listing
from nimbus.compute import states
from nimbus.compute.servers import search

PAGING = ('limit', 'marker', 'sort_key', 'sort_dir')
SPECIAL = ('all_tenants', 'status', 'deleted', 'changes-since', 'changes-before', 'locked', 'soft_deleted', 'ip', 'ip6')
# Filters by columns of other tables, which Nova has always refused.
JOINED = (
    'block_device_mapping',
    'services',
    'metadata',
    'system_metadata',
    'info_cache',
    'security_groups',
    'pci_devices',
)
# Sort keys that are accepted and ignored.
IGNORED = frozenset(
    {
        'architecture',
        'cell_name',
        'cleaned',
        'default_ephemeral_device',
        'default_swap_device',
        'deleted',
        'deleted_at',
        'disable_terminate',
        'ephemeral_gb',
        'ephemeral_key_uuid',
        'id',
        'kernel_id',
        'key_data',
        'launched_on',
        'locked',
        'memory_mb',
        'os_type',
        'ramdisk_id',
        'reservation_id',
        'root_gb',
        'shutdown_terminate',
        'user_data',
        'vcpus',
        'vm_mode',
    }
)
FILTERS = (*search.EXACT, *search.MATCHES, *search.SPECIAL, *SPECIAL)
EVERYBODYS = {'reservation_id', 'name', 'status', 'image', 'flavor', 'ip', 'changes-since', 'all_tenants'}
SINCE = (
    (microversions.FilterByIp6, {'ip6'}),
    (microversions.Tags, {'tags', 'tags-any', 'not-tags', 'not-tags-any'}),
    (microversions.ChangesBefore, {'changes-before'}),
    (microversions.LockedReason, {'locked'}),
    (
        microversions.MoreFilters,
        {
            'availability_zone',
            'config_drive',
            'created_at',
            'key_name',
            'launched_at',
            'power_state',
            'progress',
            'task_state',
            'terminated_at',
            'user_id',
            'vm_state',
        },
    ),
)
# The view of a list reads these columns since a version only.
SHOWN_SINCE = (
    (microversions.FlavorEmbedded, 'flavor'),
    (microversions.ImageProperties, 'image'),
    (microversions.SchedulerHints, 'hints'),
)


def wanted(call: Call, *, detail: bool) -> search.Wanted | None:
    """Which servers the query asks for; None when none can match.  Raises Invalid and Forbidden."""
    filters = _filters(call)
    limit = paging.limit(call, paging.MAX_LIMIT)
    every = _every_project(call, filters.pop('all_tenants', None), detail)
    if not every:
        filters.pop('tenant_id', None)
        filters.pop('project_id', None)
    statuses = tuple(call.query['status']) if 'status' in call.query else None
    filters.pop('status', None)
    if statuses is not None and not _statuses_known(call, statuses):
        return None
    since, before = (moment(filters.pop(name, None), name) for name in ('changes-since', 'changes-before'))
    if since and before and since > before:
        raise errors.Invalid('The value of changes-since must be less than or equal to changes-before.')
    locked = filters.pop('locked', None)
    deleted = _deleted(call, filters, statuses, bool(since or before))
    kept = shapes.flag(filters.pop('soft_deleted', False)) and call.context.is_admin
    return search.Wanted(
        page=listing.Page(limit=limit, marker=call.arg('marker') or None, sorts=_sorts(call)),
        filters=filters,
        every_project=every,
        deleted=deleted,
        kept=kept,
        statuses=statuses if deleted is not True or _of_the_gone(statuses) else None,
        since=since,
        before=before,
        locked=None if locked is None else _strict_flag(locked, 'locked'),
        brief=not detail,
        costly=_costly(call) if detail else (),
    )


def _costly(call: Call) -> tuple[str, ...]:
    """The columns that this version's detailed view needs beside those that every version's does."""
    found = [name for change, name in SHOWN_SINCE if call.speaks(change)]
    if call.speaks(microversions.MoreServerAttributes) and call.allows(policies.ATTRIBUTES):
        found += ['user_data', 'image']  # the image's own kernel and ramdisk are among the attributes
    return tuple(dict.fromkeys(found))


def _filters(call: Call) -> dict[str, Any]:
    """The filters that the asker may use; others are ignored, or refused since 2.75.  Raises Invalid."""
    newer = {name for change, names in SINCE if not call.speaks(change) for name in names}
    newer -= {'availability_zone', 'config_drive', 'created_at', 'key_name', 'launched_at', 'power_state', 'progress'}
    newer -= {'task_state', 'terminated_at', 'user_id', 'vm_state', 'ip6'}
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, *PAGING, *FILTERS, *JOINED)
    for name in call.query:
        if name in JOINED or name.startswith('_'):
            raise errors.Invalid(f'Invalid filter field: {name}.')
    given = {name: values[-1] for name, values in call.query.items() if name in FILTERS and name not in newer}
    if call.allows(policies.SERVERS + 'allow_all_filters'):
        return given
    allowed = EVERYBODYS.union(*(names for change, names in SINCE if call.speaks(change)))
    return {name: value for name, value in given.items() if name in allowed}


def _every_project(call: Call, value: str | None, detail: bool) -> bool:
    """Whether the servers of all projects are asked for, by an asker who may see them."""
    if value is None or not (value == '' or _strict_flag(value, 'all_tenants')):
        return False
    call.check(f'{policies.SERVERS}{"detail" if detail else "index"}:get_all_tenants')
    return True


def _strict_flag(value: str, name: str) -> bool:
    if value.strip().lower() not in ('1', 't', 'true', 'on', 'y', 'yes', '0', 'f', 'false', 'off', 'n', 'no'):
        raise errors.Invalid(f'Invalid value for {name}: {value[:80]}. Allowed are true and false.')
    return shapes.flag(value)


def _statuses_known(call: Call, statuses: tuple[str, ...]) -> bool:
    """Whether any server can have one of the statuses.  Raises Invalid, since 2.38, when none of them exists."""
    pairs, known = states.states_of(list(statuses))
    if not pairs and not known and call.speaks(microversions.StatusChecked):
        raise errors.Invalid('Invalid status value')
    return bool(pairs)


def _of_the_gone(statuses: tuple[str, ...] | None) -> bool:
    """Whether the statuses are such that deleted servers have."""
    return statuses is not None and {word.upper() for word in statuses} <= {'DELETED', 'SOFT_DELETED'}


def _deleted(call: Call, filters: dict[str, Any], statuses: tuple[str, ...] | None, by_change: bool) -> bool | None:
    if statuses and all(word.upper() == 'DELETED' for word in statuses):
        if not call.context.is_admin:
            raise errors.Forbidden('Only administrators may list deleted instances')
        filters.pop('deleted', None)
        return True
    value = filters.pop('deleted', None)
    if value is not None:
        return shapes.flag(value)
    return None if by_change else False


def moment(value: str | None, name: str) -> datetime.datetime | None:
    """The time given by a query parameter, None without one.  Raises Invalid."""
    if value is None:
        return None
    # An unescaped plus sign arrives as a blank, which no accepted form of a time has after the hours.
    found = times.read(value) or times.read(value.replace(' ', '+'))
    if found is None:
        raise errors.Invalid(f'Invalid input for query parameters {name}. Value: {value[:80]}.')
    return found


def _sorts(call: Call) -> tuple[tuple[str, str], ...]:
    """The sort order; by default the newest servers come first, which is the order of the rows."""
    keys, ways = call.query.get('sort_key', []), call.query.get('sort_dir', [])
    ignored = IGNORED - ({'locked'} if call.speaks(microversions.LockedReason) else set())
    found: list[tuple[str, str]] = []
    for index, key in enumerate(keys):
        way = ways[index] if index < len(ways) else (ways[0] if ways else 'desc')
        if key in ignored and not (call.speaks(microversions.StrictQueries) and key not in ('kernel_id', 'ramdisk_id')):
            continue
        if key not in search.SORTS or key in ignored:
            raise errors.Invalid(
                f'Invalid input for query parameters sort_key. Value: {key[:80]}. It is not one of '
                f'{", ".join(sorted(search.SORTS))}.'
            )
        if key in ('host', 'node') and not call.context.is_admin:
            raise errors.Forbidden(f'Only administrators can sort servers by {key}')
        if way not in ('asc', 'desc'):
            raise errors.Invalid('Unknown sort direction, must be one of: asc, desc')
        found.append((search.SORTS[key], way))
    if not keys and ways and ways[0] == 'asc':
        found.append(('created_at', 'asc'))
    return tuple(found)
