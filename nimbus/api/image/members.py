"""Image members over HTTP: the projects that an image is shared with."""

from typing import Any

from nimbus.api.image import access
from nimbus.api.image.nouns import Member
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.image.images import images, members


def _view(call: Call, row: Any) -> dict[str, Any]:
    return Member.view(call.version)(row, call)


def _shared(call: Call, tx: db.Tx, image_id: str, rule: str, doing: str) -> Any:
    """The image, once it is shared and the asker passes the rule for its members.  Raises NotFound, Forbidden."""
    try:
        image = images.show(tx, call.context, image_id)
    except errors.NotFound:
        raise errors.NotFound(f'Image {image_id} not found.') from None
    access.check(call, 'get_image', image)
    if image.visibility != 'shared':
        raise errors.Forbidden(f'Not allowed to {doing} image {image_id}: Only shared images have members.')
    if not call.allows(rule, **access.target(image)):
        raise errors.Forbidden(f'Not allowed to {doing} image {image_id}.')
    return image


def _only(call: Call, image: Any) -> str | None:
    """The only member that the asker may see, their own project; None where they may see all."""
    return None if call.context.is_admin or call.context.project_id == image.owner else call.context.project_id


def _member(call: Call, tx: db.Tx, image: Any, member: str) -> Any:
    """The membership, if it is one that the asker sees.  Raises NotFound."""
    if _only(call, image) not in (None, member):
        raise errors.NotFound(f'{member} not found in the member list of the image {image.id}.')
    return members.show(tx, image, member)


def index(call: Call, id: str) -> Any:
    """GET /v2/images/{id}/members."""
    with call.db.read() as tx:
        image = _shared(call, tx, id, 'get_members', 'list members for')
        found = members.find(tx, image, _only(call, image))
    return {'members': [_view(call, row) for row in found], 'schema': '/v2/schemas/members'}


def create(call: Call, id: str) -> Any:
    """POST /v2/images/{id}/members."""
    if not isinstance(call.body, dict):
        raise errors.Invalid('Expected a member in the form: {"member": "image_id"}')
    if 'member' not in call.body:
        raise errors.Invalid('Member to be added not specified')
    member = call.body['member']
    if not member or not isinstance(member, str) or len(member) > 255:
        raise errors.Invalid("Member can't be empty, and is a project id of at most 255 characters")
    with call.db.write() as tx:
        image = _shared(call, tx, id, 'add_member', 'create members for')
        return _view(call, members.add(tx, image, member, call.parts.extra['image'].limits.members))


def show(call: Call, id: str, member: str) -> Any:
    """GET /v2/images/{id}/members/{member}.  Raises NotFound for one that the asker may not see."""
    with call.db.read() as tx:
        try:
            image = _shared(call, tx, id, 'get_member', 'show members for')
        except errors.Forbidden as why:
            raise errors.NotFound(why.sentence) from why
        return _view(call, _member(call, tx, image, member))


def update(call: Call, id: str, member: str) -> Any:
    """PUT /v2/images/{id}/members/{member}: the member project accepts or rejects the image."""
    if not isinstance(call.body, dict):
        raise errors.Invalid('Expected a status in the form: {"status": "status"}')
    if 'status' not in call.body:
        raise errors.Invalid('Status not specified')
    with call.db.write() as tx:
        image = _shared(call, tx, id, 'get_member', 'update members for')
        _member(call, tx, image, member)
        if not call.allows('modify_member', **{**access.target(image), 'member_id': member}):
            raise errors.Forbidden(f'Not allowed to update members for image {id}.')
        return _view(call, members.decide(tx, image, member, call.body['status']))


def delete(call: Call, id: str, member: str) -> None:
    """DELETE /v2/images/{id}/members/{member}."""
    with call.db.write() as tx:
        image = _shared(call, tx, id, 'delete_member', 'delete members for')
        members.remove(tx, image, member)
