"""The actions that connected volumes before attachments did: initialize, terminate and force detach."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Route
from nimbus.common import errors
from nimbus.volume import qos
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import attachments, volumes

PATH = '/volumes/{id}/action'


def _shape(name: str, *required: str, **properties: Any) -> Shape:
    inner = {'type': 'object', 'properties': properties, 'required': list(required), 'additionalProperties': False}
    return Shape({'type': 'object', 'properties': {name: inner}, 'required': [name], 'additionalProperties': False})


GIVEN = {'type': 'object'}
MAYBE = {'type': ['object', 'null']}
INITIALIZE = _shape('os-initialize_connection', 'connector', connector=GIVEN)
TERMINATE = _shape('os-terminate_connection', 'connector', connector=MAYBE)
FORCED = _shape('os-force_detach', connector=MAYBE, attachment_id={'type': ['string', 'null'], 'maxLength': 255})


def initialize(call: Call, id: str) -> dict[str, Any]:
    """os-initialize_connection: how the connector's host opens the volume; nothing is noted of it."""
    connector = call.given['connector']
    with call.db.read() as tx:
        volume = _usable(call, volumes.show(tx, call.context, id))
        limits = qos.in_front(tx, volume.type_id, volume.size)
    agent = call.parts.client(Volume, call.context, volume.host)
    found = agent.connect(volume.id, 0, connector)
    mode = 'ro' if volume.readonly else 'rw'
    data = {**found['data'], 'qos_specs': limits, 'access_mode': mode, 'encrypted': False, 'cacheable': False}
    multipath = bool(connector.get('enforce_multipath', False))
    return {'connection_info': {**found, 'data': data, 'enforce_multipath': multipath}}


def _usable(call: Call, volume: Any) -> Any:
    """The volume, whose connections the asker may change.  Raises Invalid and Conflict."""
    if volume.status == 'maintenance':
        raise errors.Invalid('Invalid volume: The volume connection cannot be initialized in maintenance mode.')
    if not volume.host:
        raise errors.Invalid(f'Volume {volume.id} has no host yet; its status is {volume.status}.')
    if volume.copied_for:
        raise errors.Conflict(f'Volume {volume.id} is being copied; connect it when that is done.')
    for one in volume.attachments:
        attachments.check_deletable(call.context, one)
    return volume


def terminate(call: Call, id: str) -> None:
    """os-terminate_connection: the connector's host does not open the volume any more."""
    with call.db.read() as tx:
        volume = _usable(call, volumes.show(tx, call.context, id))
    _disconnect(call, volume, call.given['connector'])


def _disconnect(call: Call, volume: Any, connector: dict[str, Any] | None) -> None:
    call.parts.client(Volume, call.context, volume.host).disconnect(volume.id, 0, connector or {})


def force_detach(call: Call, id: str) -> None:
    """os-force_detach: nobody has the volume by the attachment any more; one that a guest has open is compute's to end.

    Raises Conflict for such a one, and Invalid for one that is not there.
    """
    wanted = call.given.get('attachment_id')
    with call.db.read() as tx:
        volume = volumes.show(tx, call.context, id)
    held = [one for one in volume.attachments if wanted in (None, one.id)]
    if not held:
        raise errors.Invalid(
            'Error force detaching volume - InvalidVolume: Invalid volume: '
            f'Volume {id} is not attached' + (f' as {wanted[:40]}.' if wanted else '.')
        )
    for one in held:
        attachments.check_deletable(call.context, one)
    if volume.host:
        for one in held:
            _disconnect(call, volume, call.given.get('connector') or one.connector)
    with call.db.write() as tx:
        for one in held:
            attachments.drop(tx, call.context, one.id)


ACTIONS = 'volume_extension:volume_actions'
ROUTES = (
    Route('POST', PATH, initialize, f'{ACTIONS}:initialize_connection', 200, action='os-initialize_connection',
          shape=INITIALIZE),
    Route('POST', PATH, terminate, f'{ACTIONS}:terminate_connection', 202, action='os-terminate_connection',
          shape=TERMINATE),
    Route('POST', PATH, force_detach, 'volume_extension:volume_admin_actions:force_detach', 202,
          action='os-force_detach', shape=FORCED),
)  # fmt: skip
