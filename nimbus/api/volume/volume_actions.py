"""The actions of POST /volumes/{id}/action, one function for each."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.volume import filters
from nimbus.api.volume.microversions import GrowInUse
from nimbus.api.volume.volumes import PAIRS, gibibytes, image_pairs
from nimbus.common import errors
from nimbus.volume import retypes, states
from nimbus.volume.volumes import attachments, image_metadata, volumes

UUID_ = {'type': 'string', 'format': 'uuid'}
NULLABLE = {'type': ['string', 'null'], 'maxLength': 255}


def _shape(name: str, inner: dict[str, Any]) -> Shape:
    return Shape({'type': 'object', 'properties': {name: inner}, 'required': [name], 'additionalProperties': False})


def _object(required: tuple[str, ...] = (), more: bool = False, **properties: Any) -> dict[str, Any]:
    return {'type': 'object', 'properties': properties, 'required': list(required), 'additionalProperties': more}


BOOLEAN = {
    'type': ['boolean', 'string'],
    'enum': [True, False, 'True', 'False', 'true', 'false', '1', '0', 'on', 'off'],
}
ATTACH = _shape(
    'os-attach',
    _object(instance_uuid={**UUID_, 'type': ['string', 'null']}, host_name=NULLABLE, mountpoint=NULLABLE,
            mode={'type': 'string', 'enum': ['rw', 'ro']}),
)  # fmt: skip
DETACH = _shape(
    'os-detach', {'anyOf': [{'type': 'null'}, _object(attachment_id={**UUID_, 'type': ['string', 'null']})]}
)
EXTEND = _shape(
    'os-extend',
    _object(('new_size',), new_size={'type': ['integer', 'string'], 'pattern': '^[0-9]+$', 'minimum': 1,
                                     'maximum': 2147483647, 'minLength': 1, 'maxLength': 10}),
)  # fmt: skip
RESET = _shape(
    'os-reset_status',
    _object(status=NULLABLE, attach_status=NULLABLE, migration_status=NULLABLE),
)
RESETTABLE = {
    'status': ('status', states.SETTABLE),
    'attach_status': ('attach status', states.SETTABLE_ATTACH),
    'migration_status': ('migration status', states.SETTABLE_MIGRATION),
}
BOOTABLE = _shape('os-set_bootable', _object(('bootable',), bootable=BOOLEAN))
REMEMBERED = _shape('os-set_image_metadata', _object(('metadata',), metadata=PAIRS))
FORGOTTEN = _shape(
    'os-unset_image_metadata', _object(('key',), key={'type': 'string', 'minLength': 1, 'maxLength': 255})
)
RETYPE = _shape(
    'os-retype',
    _object(
        ('new_type',),
        new_type={'type': 'string', 'minLength': 1, 'maxLength': 255},
        migration_policy={'type': ['string', 'null'], 'enum': ['on-demand', 'never', None]},
    ),
)
READONLY = _shape('os-update_readonly_flag', _object(('readonly',), readonly=BOOLEAN))


def truth(value: Any) -> bool:
    """Whether what a body gave for a boolean means true."""
    return filters.BOOLEANS.get(str(value).lower(), False)


def _found(call: Call, tx: Any, id: str) -> Any:
    return volumes.show(tx, call.context, id)


def attach(call: Call, id: str) -> None:
    """os-attach: the volume is attached to a server or host at once, without connecting it."""
    given = call.given
    server, host = given.get('instance_uuid'), given.get('host_name')
    if bool(server) == bool(host):
        raise errors.Invalid('Invalid request to attach volume to an invalid target: name a server or a host.')
    if not given.get('mountpoint'):
        raise errors.Invalid('Invalid request to attach volume without a mountpoint.')
    with call.db.write() as tx:
        attachments.attach(
            tx,
            _found(call, tx, id),
            server_id=server,
            host=host,
            device=given['mountpoint'],
            mode=given.get('mode', 'rw'),
            by_service=call.context.is_service,
        )


def detach(call: Call, id: str) -> None:
    """os-detach: the volume is detached; one of a server only where the compute service asks."""
    wanted = (call.given or {}).get('attachment_id')
    with call.db.write() as tx:
        volume = _found(call, tx, id)
        held = [one for one in volume.attachments if not wanted or one.id == wanted]
        if not held:
            raise errors.Invalid(f'Invalid volume: Volume {id} is not attached' + (f' as {wanted}.' if wanted else '.'))
        for one in held:
            attachments.check_deletable(call.context, one)
        for one in held:
            attachments.drop(tx, call.context, one.id)


def reserve(call: Call, id: str) -> None:
    """os-reserve: the volume is reserved, so that nobody else can attach it."""
    _act(call, id, 'begin_attach', 'Invalid volume: Volume {id} status must be available to reserve it.')


def unreserve(call: Call, id: str) -> None:
    """os-unreserve: a reserved volume is available again; any other stays as it is."""
    with call.db.write() as tx:
        volume = _found(call, tx, id)
        if volume.status == states.ATTACHING and not volume.attachments:
            volumes.act(tx, volume, 'unreserve', '')


def begin_detaching(call: Call, id: str) -> None:
    """os-begin_detaching: the volume is being detached."""
    with call.db.write() as tx:
        attachments.begin_detaching(tx, _found(call, tx, id))


def roll_detaching(call: Call, id: str) -> None:
    """os-roll_detaching: the volume stays attached, and is in use again."""
    with call.db.write() as tx:
        volume = _found(call, tx, id)
        if volume.status == states.DETACHING:
            volumes.act(tx, volume, 'roll_detach', '')


def _act(call: Call, id: str, verb: str, sentence: str) -> None:
    with call.db.write() as tx:
        volumes.act(tx, _found(call, tx, id), verb, sentence.format(id=id))


def extend(call: Call, id: str) -> None:
    """os-extend: the volume is being extended, one in use since 3.42."""
    size, quotas = gibibytes('new_size', call.given['new_size']), call.parts.extra['volume_quotas']
    with call.db.write() as tx:
        volume = _found(call, tx, id)
        attached = call.speaks(GrowInUse) and volume.status == states.IN_USE
        if attached:
            call.check('volume:extend_attached_volume', project_id=volume.project_id)
        volumes.extend(tx, call.context, id, size, quotas, attached=attached)


def reset_status(call: Call, id: str) -> None:
    """os-reset_status: the volume has the states that an operator gave; nothing else changes."""
    values = _wished(call.given)
    with call.db.write() as tx:
        volume = _found(call, tx, id)
        if values.get('status') == 'deleting' or (values.get('status') == 'in-use' and not volume.attachments):
            why = '' if values['status'] == 'deleting' else ' because volume does not have any attachments.'
            raise errors.Invalid(f'Cannot reset-state to {values["status"]}{why}')
        if values.get('status') == 'available' or values.get('attach_status') == 'detached':
            for one in volume.attachments:
                attachments.check_deletable(call.context, one)
        volumes.reset(tx, id, values)


def _wished(given: dict[str, Any]) -> dict[str, Any]:
    """The states of the request, in lower case.  Raises Invalid."""
    values: dict[str, Any] = {name: value.lower() for name, value in given.items() if value}
    if not values:
        raise errors.Invalid("Must specify 'status', 'attach_status' or 'migration_status' for update.")
    for name, value in values.items():
        word, known = RESETTABLE[name]
        if value not in known:
            raise errors.Invalid(f'Volume {word}: {value} is invalid, valid statuses are: {", ".join(known)}.')
    if values.get('migration_status') == 'none':
        values['migration_status'] = None
    return values


def set_bootable(call: Call, id: str) -> None:
    """os-set_bootable: servers may boot from the volume, or not."""
    _set(call, id, bootable=truth(call.given['bootable']))


def retype(call: Call, id: str) -> None:
    """os-retype: the volume is of another type, and stays where it is whatever the policy of migration says."""
    with call.db.write() as tx:
        retypes.retype(tx, call.context, id, call.given['new_type'])


def update_readonly_flag(call: Call, id: str) -> None:
    """The volume is attached read-only from now on, or not."""
    with call.db.write() as tx:
        volume = _found(call, tx, id)
        if volume.status != states.AVAILABLE:
            raise errors.Invalid(
                f'Invalid volume: Volume {id} status must be available to update readonly flag, but current status is: '
                f'{volume.status}.'
            )
        volumes.change(tx, id, readonly=truth(call.given['readonly']))


def _set(call: Call, id: str, **values: Any) -> None:
    with call.db.write() as tx:
        _found(call, tx, id)
        volumes.change(tx, id, **values)


def force_delete(call: Call, id: str) -> None:
    """The volume is being deleted, whatever state it is in."""
    with call.db.write() as tx:
        volumes.delete(tx, call.context, id, force=True)


def set_image_metadata(call: Call, id: str) -> dict[str, Any]:
    """os-set_image_metadata: the volume's image metadata has these pairs too."""
    with call.db.write() as tx:
        image_metadata.remember(tx, _found(call, tx, id), call.given['metadata'])
        return {'metadata': image_pairs(_found(call, tx, id), call) or {}}


def show_image_metadata(call: Call, id: str) -> dict[str, Any]:
    """os-show_image_metadata: the volume's image metadata."""
    with call.db.read() as tx:
        return {'metadata': image_pairs(_found(call, tx, id), call) or {}}


def unset_image_metadata(call: Call, id: str) -> None:
    """os-unset_image_metadata: one pair is removed."""
    with call.db.write() as tx:
        image_metadata.forget(tx, _found(call, tx, id), call.given['key'])
