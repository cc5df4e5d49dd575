"""The volume service's hosts over HTTP (/os-hosts)."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.volume import info
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.clock import iso_micro
from nimbus.volume import hosts
from nimbus.volume.volumes import search, snapshot_search


def index(call: Call) -> dict[str, Any]:
    """Every enabled daemon, of a zone if one is named."""
    zone = call.arg('zone')
    with call.db.read() as tx:
        rows = [row for row in services.find(tx, 'volume', disabled=False) if not zone or row.zone == zone]
    return {'hosts': [_daemon(call, row) for row in rows]}


def _daemon(call: Call, row: Any) -> dict[str, Any]:
    return {
        'host_name': info.name(row),
        'service': row.binary,
        'zone': row.zone,
        'service-status': 'available' if info.up(call, row) else 'unavailable',
        'service-state': 'enabled',
        'last-update': iso_micro(row.seen_at),
    }


def show(call: Call, name: str) -> dict[str, Any]:
    """How many volumes and snapshots a host has, and their GiB, in all and by project.  Raises NotFound."""
    with call.db.read() as tx:
        row = next((row for row in hosts.find(tx) if info.name(row) == name and not row.disabled), None)
        if row is None:
            raise errors.NotFound(f'Host {name} could not be found.')
        held = {project: [count, size, 0, 0] for project, count, size in search.of_projects(tx, row.host)}
        for project, copies in snapshot_search.of_projects(tx, row.host).items():
            held.setdefault(project, [0, 0, 0, 0])[2:] = copies
    whole = [sum(column) for column in zip(*held.values(), strict=True)] or [0, 0, 0, 0]
    return {'host': [_resource(name, *each) for each in (('(total)', whole), *sorted(held.items()))]}


def _resource(name: str, project: str, held: list[int]) -> dict[str, Any]:
    names = 'volume_count', 'total_volume_gb', 'snapshot_count', 'total_snapshot_gb'
    counts = {key: str(value) for key, value in zip(names, held, strict=True)}
    return {'resource': {'host': name, 'project': project, **counts}}
