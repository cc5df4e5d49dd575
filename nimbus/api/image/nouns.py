"""Images and their members in requests and responses, with their published schema."""

from typing import Any

from nimbus.api.kit.fields import CREATE, READ, Field, Noun
from nimbus.common import clock
from nimbus.image.images.members import STATUSES
from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS
from nimbus.image.states import ALL
from nimbus.image.tasks.tasks import STATUSES as STATUSES_OF_TASKS
from nimbus.image.tasks.tasks import TYPES

UUID = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'
INT32 = 2**31 - 1


def _field(kind: str | list[str], about: str, source: Any = None, fixed: bool = False, **more: Any) -> Field:
    """A field of an image; a read-only one is refused in requests."""
    schema = {'type': kind, 'description': about, **more} | ({'readOnly': True} if fixed else {})
    return Field(schema, (READ, CREATE), source=source)


def _moment(name: str) -> Any:
    return lambda row, call: clock.iso(getattr(row, name))


def _link(tail: str = '') -> Any:
    return lambda row, call: f'/v2/images/{row.id}{tail}'


TEXT, NUMBER = ['null', 'string'], ['null', 'integer']


class Image(Noun):
    """Glance's image: its own fields, and any others as strings."""

    one, many, wrapped = 'image', 'images', False

    id = _field('string', 'The id of the image.', pattern=UUID)
    name = _field(TEXT, 'What the image is called.', maxLength=255)
    status = _field('string', 'The state of the image.', fixed=True, enum=sorted(ALL))
    visibility = _field('string', 'Who sees the image.', enum=['community', 'public', 'private', 'shared'])
    protected = _field('boolean', 'Whether deleting the image is refused.')
    os_hidden = _field('boolean', 'Whether lists leave the image out unless asked.')
    checksum = _field(TEXT, 'The md5 of the bytes.', fixed=True, maxLength=32)
    os_hash_algo = _field(TEXT, 'The algorithm behind os_hash_value.', fixed=True, maxLength=64)
    os_hash_value = _field(TEXT, 'The hash of the bytes.', fixed=True, maxLength=128)
    owner = _field(TEXT, 'The project the image belongs to.', maxLength=255)
    size = _field(NUMBER, 'Bytes of the file.', fixed=True)
    virtual_size = _field(NUMBER, 'Bytes of the disk in the file.', fixed=True)
    container_format = _field(TEXT, 'What the disk is wrapped in.', enum=[None, *CONTAINER_FORMATS])
    disk_format = _field(TEXT, 'How the disk is written.', enum=[None, *DISK_FORMATS])
    created_at = _field('string', 'When the image was made.', _moment('created_at'), fixed=True)
    updated_at = _field('string', 'When the image last changed.', _moment('updated_at'), fixed=True)
    tags = _field('array', 'Words attached to the image.', items={'type': 'string', 'maxLength': 255})
    min_ram = _field('integer', 'MiB of memory a server needs at least.', maximum=INT32)
    min_disk = _field('integer', 'GiB of disk a server needs at least.', maximum=INT32)
    self = _field('string', 'Where the image is found.', _link(), fixed=True)
    file = _field('string', 'Where its bytes are found.', _link('/file'), fixed=True)
    schema_url = Field(
        {'type': 'string', 'description': 'Where this schema is found.', 'readOnly': True},
        (READ, CREATE),
        source=lambda row, call: '/v2/schemas/image',
        wire='schema',
    )

    @classmethod
    def _inner_schema(cls, verb: str, version: Any) -> dict[str, Any]:
        return {**super()._inner_schema(verb, version), 'additionalProperties': {'type': 'string'}}


def image_view(call: Any, image: Any) -> dict[str, Any]:
    """An image as Glance shows it: properties beside the fields."""
    found = {**image.properties, **Image.view(call.version)(image, call)}
    stores = call.parts.extra['image'].stores
    if stores.named and image.size is not None and image.status in ('active', 'deactivated'):
        found['stores'] = image.stores or stores.default
    return found


class Task(Noun):
    """An import that goes on beside the requests."""

    one, many, wrapped = 'task', 'tasks', False

    id = _field('string', 'The id of the task.', pattern=UUID)
    type = _field('string', 'What kind of work it is.', enum=list(TYPES))
    status = _field('string', 'How far the task is.', enum=list(STATUSES_OF_TASKS))
    input = _field(['null', 'object'], 'What was asked for.')
    result = _field(['null', 'object'], 'What came of it.')
    owner = _field('string', 'The project that asked for it.')
    message = _field('string', 'Why it failed, where it did.')
    image_id = _field('string', 'The image whose data it brings.')
    request_id = _field('string', 'The request that asked for it.')
    user_id = _field('string', 'The user who asked for it.')
    expires_at = _field(TEXT, 'When it is forgotten.', _moment('expires_at'))
    created_at = _field('string', 'When it was asked for.', _moment('created_at'))
    updated_at = _field('string', 'When it last changed.', _moment('updated_at'))
    self = _field('string', 'Where the task is found.', lambda row, call: f'/v2/tasks/{row.id}', fixed=True)
    schema_url = Field(
        {'type': 'string', 'readOnly': True}, (READ, CREATE), source=lambda r, c: '/v2/schemas/task', wire='schema'
    )


class Member(Noun):
    """A project that an image is shared with."""

    one, many, wrapped = 'member', 'members', False

    member_id = _field('string', 'The project the image is shared with.')
    image_id = _field('string', 'The image.', pattern=UUID)
    status = _field('string', 'What the project made of the offer.', enum=list(STATUSES))
    created_at = _field('string', 'When the image was shared.', _moment('created_at'))
    updated_at = _field('string', 'When this last changed.', _moment('updated_at'))
    schema_url = Field(
        {'type': 'string', 'readOnly': True}, (READ, CREATE), source=lambda r, c: '/v2/schemas/member', wire='schema'
    )
