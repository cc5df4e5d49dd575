"""May the asker do that with this very image: 404 for what they cannot see, 403 for what they can."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.image.images import images


def target(image: Any) -> dict[str, Any]:
    """What an image is to a policy rule."""
    return {
        'project_id': image.owner,
        'owner': image.owner,
        'visibility': image.visibility,
        'member_id': image.member,
        'id': image.id,
    }


def check(call: Call, rule: str, image: Any) -> None:
    """Nothing, when the asker passes the rule.  Raises NotFound when they may not even see it, else Forbidden."""
    facts = target(image)
    if call.allows(rule, **facts):
        return
    if rule == 'get_image' or not call.allows('get_image', **facts):
        raise errors.NotFound(f'No image found with ID {image.id}')
    raise errors.Forbidden(f'You are not authorized to complete {rule} action.', rule=rule)


def seen(call: Call, tx: db.Tx, image_id: str, rule: str = 'get_image') -> Any:
    """The image, which the asker may apply the rule to.  Raises NotFound, Forbidden."""
    image = images.show(tx, call.context, image_id)
    check(call, rule, image)
    return image


def check_visibility(call: Call, visibility: str, facts: dict[str, Any]) -> None:
    """Nothing, when the asker may give an image that visibility.  Raises Forbidden."""
    rule = {'public': 'publicize_image', 'community': 'communitize_image'}.get(visibility)
    if rule and not call.allows(rule, **facts):
        raise errors.Forbidden(f'You are not authorized to complete {rule} action.', rule=rule)
