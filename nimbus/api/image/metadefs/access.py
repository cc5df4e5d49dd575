"""Policy checks for namespaces of metadata definitions: one that the asker may not see is not found."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.image.metadefs import namespaces


def facts(call: Call, space: Any = None) -> dict[str, Any]:
    """The target of the rules: the namespace, or the asker's own project where there is none yet."""
    if space is None:
        return {'project_id': call.context.project_id}
    return {'project_id': space.owner, 'visibility': space.visibility}


def check(call: Call, rule: str, space: Any = None) -> None:
    """Raises NotFound when the asker may not see the namespace, Forbidden when only the rule does not allow it."""
    told = facts(call, space)
    if call.allows(rule, **told):
        return
    if rule == 'get_metadef_namespace' or not call.allows('get_metadef_namespace', **told):
        raise errors.NotFound('The resource could not be found.')
    raise errors.Forbidden(f'You are not authorized to complete {rule} action.', rule=rule)


def seen(call: Call, tx: db.Tx, name: str, *rules: str) -> Any:
    """The namespace, which the asker may apply the rules to.  Raises NotFound, Forbidden."""
    space = namespaces.show(tx, call.context, name)
    for rule in rules:
        check(call, rule, space)
    return space
