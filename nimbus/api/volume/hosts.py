"""The volume service's hosts over HTTP (/os-hosts)."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.volume import info
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.clock import iso_micro
from nimbus.volume import hosts
from nimbus.volume.volumes import search


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
    """How many volumes and GiB a host has, in all and by project.  Raises NotFound."""
    with call.db.read() as tx:
        row = next((row for row in hosts.find(tx) if info.name(row) == name and not row.disabled), None)
        if row is None:
            raise errors.NotFound(f'Host {name} could not be found.')
        found = search.of_projects(tx, row.host)
    whole = ('(total)', sum(count for _, count, _ in found), sum(size for _, _, size in found))
    return {'host': [_resource(name, *held) for held in (whole, *found)]}


def _resource(name: str, project: str, count: int, size: int) -> dict[str, Any]:
    return {
        'resource': {
            'host': name,
            'project': project,
            'volume_count': str(count),
            'total_volume_gb': str(size),
            'snapshot_count': '0',
            'total_snapshot_gb': '0',
        }
    }
