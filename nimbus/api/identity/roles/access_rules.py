"""`/v3/users/{user_id}/access_rules`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.roles import delegated
from nimbus.api.kit.fields import READ, Text
from nimbus.api.kit.routes import Call
from nimbus.identity.people import users
from nimbus.identity.roles import access_rules


class AccessRule(wire.KeystoneNoun):
    """A kind of request that application credentials of the user may be restricted to."""

    one, many = 'access_rule', 'access_rules'
    id = Text(READ)
    service = Text(READ, filter=True)
    path = Text(READ, filter=True)
    method = Text(READ, filter=True)


def _check(call: Call, rule: str, user_id: str) -> None:
    """Raises Forbidden, also for a user who does not exist, unless the rule allows the asker whatever the user is."""
    with call.db.read() as tx:
        wire.seen(call, rule, lambda: users.show(tx, user_id), lambda row: {'user__id': row.id})
    delegated.refuse_trust(call)


def _shown(call: Call, _: Any, row: Any) -> dict[str, Any]:
    link = f'{call.root_url}/users/{row.user_id}/access_rules/{row.id}'
    return {**AccessRule.view(call.version)(row, call), 'links': {'self': link}}


def index(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/access_rules."""
    _check(call, 'list_access_rules', user_id)
    page = wire.page_of(call, AccessRule)
    with call.db.read() as tx:
        return wire.many(call, AccessRule, access_rules.find(tx, user_id, page), page, _shown)


def show(call: Call, user_id: str, access_rule_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/access_rules/{access_rule_id}."""
    _check(call, 'get_access_rule', user_id)
    with call.db.read() as tx:
        return {'access_rule': _shown(call, None, access_rules.show(tx, user_id, access_rule_id))}


def delete(call: Call, user_id: str, access_rule_id: str) -> None:
    """DELETE /users/{user_id}/access_rules/{access_rule_id}."""
    _check(call, 'delete_access_rule', user_id)
    with wire.writing(call) as tx:
        access_rules.delete(tx, user_id, access_rule_id)
