"""The JSON schemas of images, members and tasks that the Image API publishes (/v2/schemas)."""

from typing import Any

from nimbus.api.image import tasks as wire_tasks
from nimbus.api.image.nouns import Image, Member, Task
from nimbus.api.kit.fields import CREATE, Noun
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import HIGHEST

IMAGE_LINKS = [
    {'rel': 'self', 'href': '{self}'},
    {'rel': 'enclosure', 'href': '{file}'},
    {'rel': 'describedby', 'href': '{schema}'},
]


def properties(noun: type[Noun]) -> dict[str, Any]:
    """The properties a noun's schema lists."""
    found: dict[str, Any] = noun.schema(CREATE, HIGHEST)['properties']
    return found


def image_schema() -> dict[str, Any]:
    """The schema of one image."""
    return {
        'name': 'image',
        'properties': properties(Image),
        'additionalProperties': {'type': 'string'},
        'links': IMAGE_LINKS,
    }


def member_schema() -> dict[str, Any]:
    """The schema of one member."""
    return {'name': 'member', 'properties': properties(Member)}


def _collection(name: str, item: dict[str, Any], paged: bool) -> dict[str, Any]:
    """The schema of a list; one in pages has links to them."""
    names = ('first', 'next', 'schema') if paged else ('schema',)
    links = [{'rel': rel, 'href': f'{{{rel}}}'} for rel in ('first', 'next') if paged]
    return {
        'name': name,
        'properties': {name: {'type': 'array', 'items': item}, **{each: {'type': 'string'} for each in names}},
        'links': [*links, {'rel': 'describedby', 'href': '{schema}'}],
    }


def image(call: Call) -> Any:
    """GET /v2/schemas/image."""
    return image_schema()


def images(call: Call) -> Any:
    """GET /v2/schemas/images."""
    return _collection('images', image_schema(), paged=True)


def member(call: Call) -> Any:
    """GET /v2/schemas/member."""
    return member_schema()


def members(call: Call) -> Any:
    """GET /v2/schemas/members."""
    return _collection('members', member_schema(), paged=False)


def task(call: Call) -> Any:
    """GET /v2/schemas/task."""
    return {'name': 'task', 'properties': properties(Task)}


def tasks(call: Call) -> Any:
    """GET /v2/schemas/tasks."""
    listed = {name: schema for name, schema in properties(Task).items() if name not in wire_tasks.WHOLE}
    return _collection('tasks', {'name': 'task', 'properties': listed}, paged=True)
