"""Rescuing a server and ending that: actions of `POST /servers/{id}/action`."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.compute.servers import requests
from nimbus.api.kit.routes import Call
from nimbus.compute.servers import rescues

RESCUE = shapes.action(
    'rescue',
    {
        'type': ['object', 'null'],
        'properties': {'adminPass': {'type': 'string', 'maxLength': 255}, 'rescue_image_ref': shapes.UUID},
        'additionalProperties': False,
    },
)
UNRESCUE = shapes.bare('unrescue')


def rescue(call: Call, id: str) -> dict[str, Any]:
    """The password of the server while it is rescued."""
    asked = call.given or {}
    password = asked.get('adminPass') or requests.password()
    wanted = {'image_id': asked.get('rescue_image_ref'), 'on_volume': call.speaks(microversions.RescueOfVolumes)}
    with call.db.write() as tx:
        rescues.rescue(tx, call.context, id, admin_pass=password, **wanted)
    return {'adminPass': password}


def unrescue(call: Call, id: str) -> None:
    """The server is being started from its own disk."""
    with call.db.write() as tx:
        rescues.unrescue(tx, call.context, id)
