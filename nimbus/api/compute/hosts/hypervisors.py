"""Hypervisors over HTTP."""

from typing import Any

import orjson

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Any_, Int, Listing, Mapping, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.common import errors, ids
from nimbus.common.agents import services
from nimbus.common.database import db, listing
from nimbus.compute.hosts import hypervisors
from nimbus.compute.servers import servers as nouns

BEFORE_IDS, BEFORE_OBJECT, WITH_USAGE = (2, 52), (2, 27), (2, 87)


def _up(row: Any, call: Call) -> str:
    return 'up' if services.is_up(row.service, call.parts.extra['compute'].down_time) else 'down'


def _service(row: Any, call: Call) -> dict[str, Any]:
    number = row.service.id if call.speaks(microversions.UuidsOfServices) else row.service.seq
    return {'id': number, 'host': row.host, 'disabled_reason': row.service.disabled_reason}


def _fact(name: str) -> Any:
    return lambda row, call: row.row.facts.get(name)


def _usage(get: Any) -> Any:
    return Int(source=lambda row, call: get(row), until=WITH_USAGE)


class HypervisorName(Noun):
    """A hypervisor in the short list."""

    one, many = 'hypervisor', 'hypervisors'
    number = Int(wire='id', source='seq', until=BEFORE_IDS)
    id = Text(since=microversions.UuidsOfServices.number)
    hypervisor_hostname = Text(source='node')
    state = Text(source=_up)
    status = Text(source=lambda row, call: 'disabled' if row.service.disabled else 'enabled')
    servers = Listing(source=lambda row, call: call.given.get('servers', {}).get(row.host), omit_none=True)


class Hypervisor(HypervisorName):
    """A hypervisor."""

    hypervisor_type = Text(source=_fact('hypervisor_type'))
    hypervisor_version = Int(source=_fact('hypervisor_version'))
    host_ip = Text(source=_fact('host_ip'))
    service = Mapping(source=_service)
    vcpus = _usage(lambda row: row.row.vcpus)
    memory_mb = _usage(lambda row: row.row.memory_mb)
    local_gb = _usage(lambda row: row.row.disk_gb)
    vcpus_used = _usage(lambda row: row.row.used_vcpus)
    memory_mb_used = _usage(hypervisors.used_memory)
    local_gb_used = _usage(lambda row: row.row.used_disk_gb)
    free_ram_mb = _usage(lambda row: row.row.memory_mb - hypervisors.used_memory(row))
    free_disk_gb = _usage(lambda row: row.row.disk_gb - row.row.used_disk_gb)
    current_workload = _usage(lambda row: row.working)
    running_vms = _usage(lambda row: row.running)
    disk_available_least = _usage(lambda row: (row.service.facts or {}).get('disk_free_gb'))
    cpu_text = Text(
        wire='cpu_info',
        source=lambda row, call: orjson.dumps(row.row.facts.get('cpu_info') or {}).decode(),
        until=BEFORE_OBJECT,
    )
    cpu_info = Any_(
        source=lambda row, call: row.row.facts.get('cpu_info') or {},
        since=microversions.CpuInfoObject.number,
        until=WITH_USAGE,
    )
    uptime = Text(
        source=lambda row, call: (row.service.facts or {}).get('uptime') or None,
        since=microversions.HypervisorsWithoutUsage.number,
    )


def index(call: Call) -> dict[str, Any]:
    """Every hypervisor, by name."""
    return _page(call, HypervisorName)


def detail(call: Call) -> dict[str, Any]:
    """Every hypervisor."""
    return _page(call, Hypervisor)


def _page(call: Call, noun: type[Noun]) -> dict[str, Any]:
    paged, named = call.speaks(microversions.HypervisorPages), call.speaks(microversions.UuidsOfServices)
    if named:
        shapes.known(call.query, 'limit', 'marker', 'hypervisor_hostname_pattern', 'with_servers')
    pattern = call.arg('hypervisor_hostname_pattern') if named else None
    if pattern is not None and ('limit' in call.query or call.arg('marker')):
        raise errors.Invalid(
            'Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.'
        )
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT) if paged else None,
        marker=call.arg('marker') or None if paged else None,
    )
    with call.db.read() as tx:
        rows = hypervisors.find(tx)
        if pattern is not None:
            rows = _named(rows, pattern)
        key = 'id' if named else 'seq'
        rows = _after(rows, page, key)
        if named and _flag(call, 'with_servers'):
            _add_servers(call, tx, rows)
    links = paging.next_link(call, rows, page, key=key) if pattern is None else []
    return call.views(noun, rows, **({'hypervisors_links': links} if links else {}))


def _named(rows: list[Any], pattern: str) -> list[Any]:
    found = [row for row in rows if pattern in row.node]
    if not found:
        raise errors.NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


def _after(rows: list[Any], page: listing.Page, key: str) -> list[Any]:
    if page.marker is not None:
        places = [i for i, row in enumerate(rows) if str(getattr(row, key)) == page.marker]
        if not places:
            raise errors.Invalid(f'marker [{page.marker}] not found')
        rows = rows[places[0] + 1 :]
    return rows[: page.limit] if page.limit is not None else rows


def _flag(call: Call, name: str) -> bool:
    text = call.arg(name)
    if text is None:
        return False
    if text.strip().lower() not in ('1', 't', 'true', 'on', 'y', 'yes', '0', 'f', 'false', 'off', 'n', 'no'):
        raise errors.Invalid(f'Invalid input for query parameters {name}. Value: {text[:80]}. It is no boolean.')
    return shapes.flag(text)


def _add_servers(call: Call, tx: db.Tx, rows: list[Any]) -> None:
    """The servers of each host are ready for the views; before 2.75 a host without any does not show the field."""
    shown: dict[str, Any] = {}
    for row in rows:
        held = [{'uuid': s.id, 'name': nouns.libvirt_name(s)} for s in hypervisors.servers_on(tx, row.host)]
        if held or call.speaks(microversions.StrictQueries):
            shown[row.host] = held
    call.given['servers'] = shown


def show(call: Call, id: str) -> dict[str, Any]:
    """One hypervisor."""
    named = call.speaks(microversions.UuidsOfServices)
    if named:
        shapes.known(call.query, 'with_servers')
        if not ids.is_uuid(id):
            raise errors.Invalid(f'Invalid uuid {id}')
    with call.db.read() as tx:
        row = hypervisors.show(tx, id)
        if named and _flag(call, 'with_servers'):
            _add_servers(call, tx, [row])
    return call.view(Hypervisor, row)


def search(call: Call, id: str) -> dict[str, Any]:
    """The hypervisors whose name has the text in it."""
    with call.db.read() as tx:
        return call.views(HypervisorName, _named(hypervisors.find(tx), id))


def servers(call: Call, id: str) -> dict[str, Any]:
    """The hypervisors whose name has the text in it, with their servers."""
    with call.db.read() as tx:
        rows = _named(hypervisors.find(tx), id)
        _add_servers(call, tx, rows)
    return call.views(HypervisorName, rows)


def statistics(call: Call) -> dict[str, Any]:
    """The sums over all enabled hypervisors."""
    with call.db.read() as tx:
        rows = [row for row in hypervisors.find(tx) if not row.service.disabled]
    view = Hypervisor.view((2, 87))
    names = (
        *('vcpus', 'memory_mb', 'local_gb', 'vcpus_used', 'memory_mb_used', 'local_gb_used', 'free_ram_mb'),
        *('free_disk_gb', 'current_workload', 'running_vms', 'disk_available_least'),
    )
    shown = [view(row, call) for row in rows]
    sums = {name: sum(one[name] or 0 for one in shown) for name in names}
    return {'hypervisor_statistics': {'count': len(rows), **sums}}


def uptime(call: Call, id: str) -> dict[str, Any]:
    """The host's uptime, where its daemon reported it."""
    with call.db.read() as tx:
        row = hypervisors.show(tx, id)
    reported = (row.service.facts or {}).get('uptime')
    if not reported:
        raise errors.NotBuilt('The uptime of this hypervisor is not known.')
    return {'hypervisor': {**HypervisorName.view(call.version)(row, call), 'uptime': reported}}
