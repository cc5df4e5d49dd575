"""Hosts over HTTP (/os-hosts, gone since 2.43): the list, the usage of a host in all and by project, and changes."""

from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute.hosts import availability_zones, hypervisors

_SWITCH = {'type': 'string', 'enum': ['enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE']}
COMPUTE = 'nova-compute'
UPDATE = Shape({**shapes.closed({'status': _SWITCH, 'maintenance_mode': _SWITCH}), 'minProperties': 1})


def index(call: Call) -> dict[str, Any]:
    """GET /os-hosts: every enabled compute daemon, or those of a zone."""
    wanted = call.arg('zone')
    with call.db.read() as tx:
        zones = availability_zones.detail(tx)
    rows = sorted(((row, zone) for zone, held in zones.items() for row in held), key=lambda pair: pair[0].seq)
    return {
        'hosts': [
            {'host_name': row.host, 'service': row.binary.removeprefix('nova-'), 'zone': zone}
            for row, zone in rows
            if not row.disabled and (not wanted or zone == wanted)
        ]
    }


def show(call: Call, name: str) -> dict[str, Any]:
    """GET /os-hosts/{name}: the host's capacity, the claims on it, and its servers' use in all and by project.

    Raises NotFound.
    """
    with call.db.read() as tx:
        row = _show(tx, name)
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


def _show(tx: db.Tx, name: str) -> Any:
    """The host.  Raises NotFound."""
    row = next((row for row in hypervisors.find(tx) if row.host == name), None)
    if row is None:
        if services.find(tx, room='compute', host=name, binary=COMPUTE):
            raise errors.NotFound(f'Compute host {name} could not be found.')
        raise errors.NotFound(f"Host '{name}' is not mapped to any cell")
    return row


def update(call: Call, name: str) -> dict[str, Any]:
    """PUT /os-hosts/{name}: the host is given new servers, or none; no hypervisor here empties a host by itself."""
    with call.db.write() as tx:
        _show(tx, name)
        if 'maintenance_mode' in call.body:
            raise _unsupported()
        disabled = call.body['status'].lower() == 'disable'
        for row in services.find(tx, room='compute', host=name, binary=COMPUTE):
            services.change(tx, row.id, disabled=disabled, disabled_reason=None)
    return {'host': name, 'status': 'disabled' if disabled else 'enabled'}


def power(call: Call, name: str) -> None:
    """GET /os-hosts/{name}/startup and its like: 501, for no hypervisor here switches its host on or off."""
    with call.db.read() as tx:
        _show(tx, name)
    raise _unsupported()


def _unsupported() -> errors.NotBuilt:
    return errors.NotBuilt('The requested functionality is not supported.')
