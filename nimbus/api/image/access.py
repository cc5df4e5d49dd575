"""Policy checks for a single image: 404 for an image that the asker cannot see, 403 for one that they can."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.image.images import images


def target(image: Any) -> dict[str, Any]:
    """The target of the policy rules for an image."""
    return {
        'project_id': image.owner,
        'owner': image.owner,
        'visibility': image.visibility,
        'member_id': image.member,
        'id': image.id,
        'image_location': image.properties.get('image_location', ''),
    }


def check(call: Call, rule: str, image: Any) -> None:
    """Raises NotFound when the asker may not see the image, Forbidden when only the rule does not allow it."""
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
    """Raises Forbidden when the asker may not give an image that visibility."""
    rule = {'public': 'publicize_image', 'community': 'communitize_image'}.get(visibility)
    if rule and not call.allows(rule, **facts):
        raise errors.Forbidden(f'You are not authorized to complete {rule} action.', rule=rule)
