"""Networks in the Compute API (/os-networks, /os-tenant-networks, gone since 2.36), a proxy for Neutron's.

Only a network's id and name are told: the other fields were those of networks that compute made itself.
"""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import listing
from nimbus.network.networks import networks

FIELDS = ('cidr', 'netmask', 'gateway', 'broadcast', 'dns1', 'dns2', 'cidr_v6', 'gateway_v6', 'netmask_v6')
OPERATORS_FIELDS = (
    *('created_at', 'updated_at', 'deleted_at', 'deleted', 'injected', 'bridge', 'vlan', 'vpn_public_address'),
    *('vpn_public_port', 'vpn_private_address', 'dhcp_start', 'project_id', 'host', 'bridge_interface', 'multi_host'),
    *('priority', 'rxtx_base', 'mtu', 'dhcp_server', 'enable_dhcp', 'share_address'),
)


def _view(call: Call, row: Any) -> dict[str, Any]:
    names = (*FIELDS, *OPERATORS_FIELDS) if call.context.is_admin else FIELDS
    return {'id': row.id, 'label': row.name, **dict.fromkeys(names)}


def _projects_view(row: Any) -> dict[str, Any]:
    return {'id': row.id, 'cidr': 'None', 'label': row.name}


def _find(call: Call) -> list[Any]:
    with call.db.read() as tx:
        return networks.find(tx, call.context, listing.Page())


def _show(call: Call, network_id: str) -> Any:
    try:
        with call.db.read() as tx:
            return networks.show(tx, call.context, network_id)
    except errors.NotFound:
        raise errors.NotFound('Network not found') from None


def index(call: Call) -> dict[str, Any]:
    """The networks that the asker may see."""
    return {'networks': [_view(call, row) for row in _find(call)]}


def show(call: Call, id: str) -> dict[str, Any]:
    """One network."""
    return {'network': _view(call, _show(call, id))}


def index_of_project(call: Call) -> dict[str, Any]:
    """The same networks in the view of projects."""
    return {'networks': [_projects_view(row) for row in _find(call)]}


def show_of_project(call: Call, id: str) -> dict[str, Any]:
    """One network in the view of projects."""
    return {'network': _projects_view(_show(call, id))}
