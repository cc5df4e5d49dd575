"""What is asked of a running guest over HTTP: its password, a dump of its memory, its diagnostics and topology."""

import datetime
from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors
from nimbus.compute import states
from nimbus.compute.rpc import Compute
from nimbus.compute.servers import in_guests, servers

CHANGE_PASSWORD = shapes.action(
    'changePassword', shapes.closed({'adminPass': {'type': 'string', 'maxLength': 255}}, ['adminPass'])
)
CRASH_DUMP = shapes.action('trigger_crash_dump', shapes.NOTHING)
DISK = ('read_bytes', 'read_requests', 'write_bytes', 'write_requests', 'errors_count')
NIC = ('mac_address', 'rx_octets', 'rx_errors', 'rx_drop', 'rx_packets', 'rx_rate')
NIC += ('tx_octets', 'tx_errors', 'tx_drop', 'tx_packets', 'tx_rate')
# What versions before 2.48 call the same, behind the device's name.
OLD_DISK = {
    'read_requests': 'read_req',
    'read_bytes': 'read',
    'write_requests': 'write_req',
    'write_bytes': 'write',
    'errors_count': 'errors',
}
OLD_NIC = {
    'rx_octets': 'rx',
    'rx_packets': 'rx_packets',
    'rx_errors': 'rx_errors',
    'rx_drop': 'rx_drop',
    'tx_octets': 'tx',
    'tx_packets': 'tx_packets',
    'tx_errors': 'tx_errors',
    'tx_drop': 'tx_drop',
}


def change_password(call: Call, id: str) -> None:
    """The guest's administrator has the password."""

    def act(place: in_guests.Place) -> None:
        if not place.has_agent:
            raise errors.Conflict('Guest agent is not enabled for the instance')
        agent = call.parts.client(Compute, call.context, place.host)
        agent.set_password(id, place.user, call.given['adminPass'])

    in_guests.do(call.db, call.context, id, 'change_password', act)


def crash_dump(call: Call, id: str) -> None:
    """The guest got the interrupt on which its kernel dumps its memory."""

    def act(place: in_guests.Place) -> None:
        call.parts.client(Compute, call.context, place.host).inject_nmi(id)

    in_guests.do(call.db, call.context, id, 'trigger_crash_dump', act)


def diagnostics(call: Call, id: str) -> dict[str, Any]:
    """What the guest does now: by the hypervisor's names before 2.48."""
    with call.db.read() as tx:
        row = servers.show(tx, call.context, id)
    if not row.host:
        raise errors.Conflict(f'Instance {id} is not ready')
    if row.power_state != states.RUNNING:
        raise errors.Conflict(f"Cannot 'get_diagnostics' instance {id} while its guest does not run")
    found = call.parts.client(Compute, call.context, row.host).diagnostics(id)
    return _diagnostics(row, found) if call.speaks(microversions.StandardDiagnostics) else _old_diagnostics(found)


def _diagnostics(row: Any, found: dict[str, Any]) -> dict[str, Any]:
    uptime = (clock.Clock().now() - row.launched_at) // datetime.timedelta(seconds=1) if row.launched_at else 0
    return {
        'state': found['state'],
        'driver': found['driver'],
        'hypervisor': found['hypervisor'],
        'hypervisor_os': 'linux',
        'uptime': uptime,
        'config_drive': row.config_drive,
        'num_cpus': len(found['processors']),
        'num_nics': len(found['nics']),
        'num_disks': len(found['disks']),
        'cpu_details': [{**cpu, 'utilisation': None} for cpu in found['processors']],
        'disk_details': [{name: disk[name] for name in DISK} for disk in found['disks']],
        'nic_details': [{name: nic.get(name) for name in NIC} for nic in found['nics']],
        'memory_details': {'maximum': found['memory_kb'] >> 10, 'used': found['used_kb'] >> 10},
    }


def _old_diagnostics(found: dict[str, Any]) -> dict[str, Any]:
    body = {f'cpu{cpu["id"]}_time': cpu['time'] for cpu in found['processors']}
    for devices, names in ((found['disks'], OLD_DISK), (found['nics'], OLD_NIC)):
        body |= {f'{one["device"]}_{old}': one[name] for one in devices for name, old in names.items()}
    return body | {'memory': found['memory_kb']} | {f'memory-{name}': size for name, size in found['memory'].items()}


def topology(call: Call, id: str) -> dict[str, Any]:
    """No NUMA nodes: a flavor or an image that asks for some is refused when a server is asked for."""
    with call.db.read() as tx:
        servers.show(tx, call.context, id)
    return {'nodes': [], 'pagesize_kb': None}
