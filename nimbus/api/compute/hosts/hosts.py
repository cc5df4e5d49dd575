"""Hosts in the old way, before hypervisors had a name of their own: which there are, and what projects hold of one."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.compute.hosts import availability_zones, hypervisors


def index(call: Call) -> dict[str, Any]:
    """GET /os-hosts: every daemon of compute's that is switched on, or those of a zone."""
    wanted = call.arg('zone')
    with call.db.read() as tx:
        told = availability_zones.detail(tx)
    rows = sorted(((row, zone) for zone, held in told.items() for row in held), key=lambda pair: pair[0].seq)
    return {
        'hosts': [
            {'host_name': row.host, 'service': row.binary.removeprefix('nova-'), 'zone': zone}
            for row, zone in rows
            if not row.disabled and (not wanted or zone == wanted)
        ]
    }


def show(call: Call, name: str) -> dict[str, Any]:
    """GET /os-hosts/{name}: what the host has, what is claimed of it, what its servers may use, in all and by project.

    Raises NotFound.
    """
    with call.db.read() as tx:
        row = next((row for row in hypervisors.find(tx) if row.host == name), None)
        if row is None:
            if services.find(tx, room='compute', host=name, binary='nova-compute'):
                raise errors.NotFound(f'Compute host {name} could not be found.')
            raise errors.NotFound(f"Host '{name}' is not mapped to any cell")
        held = hypervisors.held_by_project(tx, name)
    host = row.row
    most = {key: sum(one[key] for one in held.values()) for key in ('cpu', 'memory_mb', 'disk_gb')}
    resources = {
        '(total)': {'cpu': host.vcpus, 'memory_mb': host.memory_mb, 'disk_gb': host.disk_gb},
        '(used_now)': {
            'cpu': host.used_vcpus,
            'memory_mb': hypervisors.used_memory(row),
            'disk_gb': host.used_disk_gb,
        },
        '(used_max)': most,
        **held,
    }
    return {'host': [{'resource': {'host': name, 'project': who, **what}} for who, what in resources.items()]}
