"""What projects used over HTTP (/os-simple-tenant-usage)."""

import datetime
from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors, times
from nimbus.common.database import listing
from nimbus.compute.servers import usage


def index(call: Call) -> dict[str, Any]:
    """What every project used in the time."""
    body, links = _usages(call, None, detailed=(call.arg('detailed') or '0') == '1')
    return {'tenant_usages': body, **({'tenant_usages_links': links} if links else {})}


def show(call: Call, project_id: str) -> dict[str, Any]:
    """What one project used in the time; nothing at all of one that had no servers."""
    call.check(f'{policies.API}os-simple-tenant-usage:show', project_id=project_id)
    body, links = _usages(call, project_id, detailed=True)
    return {'tenant_usage': body[0] if body else {}, **({'tenant_usage_links': links} if links else {})}


def _usages(call: Call, project_id: str | None, detailed: bool) -> tuple[list[dict[str, Any]], list[Any] | None]:
    paged = call.speaks(microversions.UsagePages)
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'start', 'end', 'limit', 'marker', *(() if project_id else ('detailed',)))
    now = clock.Clock().now()
    # Who says neither asks about a moment without length, which is now.
    start, stop = _moment(call.arg('start'), now), _moment(call.arg('end'), now + datetime.timedelta(microseconds=1))
    if not start < stop:
        raise errors.Invalid('Invalid start time. The start time cannot occur after the end time.')
    stop = min(stop, now)
    limit = paging.limit(call, paging.MAX_LIMIT) if paged else paging.MAX_LIMIT
    marker = (call.arg('marker') or None) if paged else None
    with call.db.read() as tx:
        rows = usage.find(tx, start, stop, project_id=project_id, limit=limit, marker=marker)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        shown = _server(row, start, stop, now)
        whole = found.setdefault(row.project_id, _empty(row.project_id, start, stop, detailed))
        whole['total_hours'] += shown['hours']
        for name in ('local_gb', 'vcpus', 'memory_mb'):
            whole[f'total_{name}_usage'] += shown[name] * shown['hours']
        if detailed:
            whole['server_usages'].append(shown)
    links = paging.next_link(call, rows, listing.Page(limit=limit), key='id') if paged else None
    return list(found.values()), links


def _moment(text: str | None, now: datetime.datetime) -> datetime.datetime:
    found = times.read(text) if text else now
    if found is None:
        raise errors.Invalid('Invalid datetime string: Datetime is in invalid format')
    return found


def _empty(project_id: str, start: datetime.datetime, stop: datetime.datetime, detailed: bool) -> dict[str, Any]:
    totals = dict.fromkeys(('total_local_gb_usage', 'total_vcpus_usage', 'total_memory_mb_usage', 'total_hours'), 0)
    servers: dict[str, Any] = {'server_usages': []} if detailed else {}
    return {
        'tenant_id': project_id,
        **servers,
        **totals,
        'start': clock.iso_micro(start),
        'stop': clock.iso_micro(stop),
    }


def _server(row: Any, start: datetime.datetime, stop: datetime.datetime, now: datetime.datetime) -> dict[str, Any]:
    flavor = row.flavor
    return {
        'hours': usage.hours(row, start, stop),
        'flavor': flavor['name'],
        'instance_id': row.id,
        'name': row.name,
        'tenant_id': row.project_id,
        'memory_mb': flavor['ram'],
        'local_gb': flavor['disk'] + flavor['ephemeral'],
        'vcpus': flavor['vcpus'],
        'started_at': clock.iso_micro(row.launched_at),
        'ended_at': clock.iso_micro(row.deleted_at),
        'state': 'terminated' if row.deleted_at else row.vm_state,
        'uptime': ((row.deleted_at or now) - row.launched_at) // datetime.timedelta(seconds=1),
    }
