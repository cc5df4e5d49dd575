"""Which filters users may ask each list with, over HTTP (/resource_filters, since 3.33)."""

from typing import Any

from nimbus.api.kit.routes import Call, Route
from nimbus.api.volume import attachments, filters
from nimbus.api.volume.microversions import ResourceFilters
from nimbus.api.volume.snapshots import snapshots
from nimbus.volume import messages

FILTERS = {
    'volume': filters.OPEN,
    'snapshot': snapshots.OPEN,
    'attachment': attachments.FILTERS,
    'message': messages.PLAIN,
    'pool': ('name', 'volume_type'),
    'volume_type': ('is_public', 'extra_specs'),
}


def index(call: Call) -> dict[str, Any]:
    """The filters of every list, or of one; of one that is not there, none."""
    wanted = call.arg('resource')
    found = {name: told for name, told in FILTERS.items() if not wanted or name == wanted}
    return {'resource_filters': [{'resource': name, 'filters': list(told)} for name, told in found.items()]}


ROUTES = (Route('GET', '/resource_filters', index, None, since=ResourceFilters.number),)
