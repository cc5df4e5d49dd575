"""IP availability over HTTP: how many addresses each network has, and how many of them are allocated."""

from typing import Any

from nimbus.api.kit.routes import Call, Route
from nimbus.common import numbers
from nimbus.network.networks import ip_availability, networks

FILTERS = ('network_id', 'network_name', 'project_id', 'tenant_id', 'ip_version')


def index(call: Call) -> Any:
    """GET of every network that passes the filters."""
    wanted = {name: call.query[name] for name in FILTERS if name in call.query}
    version = next((number for text in wanted.pop('ip_version', ()) if (number := numbers.read(text)) in (4, 6)), None)
    with call.db.read() as tx:
        found = ip_availability.of(tx, call.context, version)
    kept = [shape for shape in found if all(shape[name] in texts for name, texts in wanted.items())]
    return {'network_ip_availabilities': kept}


def show(call: Call, network_id: str) -> Any:
    """GET of one network."""
    with call.db.read() as tx:
        networks.show(tx, call.context, network_id)
        return {'network_ip_availability': ip_availability.of(tx, call.context, None, network_id)[0]}


ROUTES = (
    Route('GET', '/network-ip-availabilities', index, 'get_network_ip_availability'),
    Route('GET', '/network-ip-availabilities/{network_id}', show, 'get_network_ip_availability'),
)
