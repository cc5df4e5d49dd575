"""`/v3/groups`, and their members."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity.people import groups, users
from nimbus.identity.roles import assignments


class Group(wire.KeystoneNoun):
    """A group."""

    one, many = 'group', 'groups'
    id = Text(READ)
    name = Text(READ, CREATE, UPDATE, min=1, max=64, pattern=r'[\S]+', required=True, filter=True, sort=True)
    domain_id = Text(READ, CREATE, UPDATE, min=1, max=64, filter=True)
    description = Text(READ, CREATE, UPDATE, max=65535, null=True)


def target(row: Any) -> dict[str, Any]:
    """The attributes of a group that policy rules may use."""
    return {'group__id': row.id, 'group__domain_id': row.domain_id}


def index(call: Call) -> dict[str, Any]:
    """GET /groups."""
    wire.check(call, 'list_groups', group__domain_id=call.context.domain_id or '')
    page = wire.page_of(call, Group, **wire.within(call))
    authority(call).directories.refresh_list(page.value('domain_id'), 'group', page.value('name'))
    with call.db.read() as tx:
        return wire.many(call, Group, groups.find(tx, page), page)


def of_user(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/groups."""
    authority(call).directories.refresh(user_id)
    with call.db.read() as tx:
        try:
            user = users.show(tx, user_id)
        except errors.NotFound:
            call.check('identity:list_groups_for_user', user_id=user_id)
            raise
        call.check('identity:list_groups_for_user', user_id=user_id, **{'target.user.domain_id': user.domain_id})
        page = wire.page_of(call, Group, **wire.within(call))
        ends = assignments.memberships_of(tx, user_id)

        def view(call: Call, noun: type[wire.KeystoneNoun], row: Any) -> dict[str, Any]:
            return {**wire.shown(call, noun, row), 'membership_expires_at': clock.iso_micro_z(ends.get(row.id))}

        return wire.many(call, Group, groups.find(tx, page, user_id), page, view)


def show(call: Call, group_id: str) -> dict[str, Any]:
    """GET /groups/{group_id}."""
    authority(call).directories.refresh(group_id)
    with call.db.read() as tx:
        return wire.one(call, Group, wire.seen(call, 'get_group', lambda: groups.show(tx, group_id), target))


def create(call: Call) -> Reply:
    """POST /groups."""
    given, extra = wire.split(call, Group)
    # A domain manager must give the domain, also where it is the default one.
    wire.check(call, 'create_group', **{f'group__{name}': given[name] for name in ('domain_id',) if name in given})
    given['domain_id'] = wire.home(call, given.get('domain_id'))
    authority(call).directories.refuse_write(given['domain_id'])
    with wire.writing(call) as tx:
        group_id = groups.create(tx, given, extra)
        return Reply(wire.one(call, Group, groups.show(tx, group_id)), 201)


def update(call: Call, group_id: str) -> dict[str, Any]:
    """PATCH /groups/{group_id}."""
    with wire.writing(call) as tx:
        wire.seen(call, 'update_group', lambda: groups.show(tx, group_id), target)
        wire.require_change(call)
        wire.same_id(call, group_id)
        groups.update(tx, group_id, *wire.split(call, Group))
        return wire.one(call, Group, groups.show(tx, group_id))


def delete(call: Call, group_id: str) -> None:
    """DELETE /groups/{group_id}."""
    with wire.writing(call) as tx:
        wire.check(call, 'delete_group', **target(groups.show(tx, group_id)))
        groups.delete(tx, group_id)


def _pair(call: Call, tx: db.Tx, rule: str, group_id: str, user_id: str) -> None:
    """Raises NotFound when either does not exist, Forbidden when policy does not allow it."""
    wire.seen(
        call,
        rule,
        lambda: (groups.show(tx, group_id), users.show(tx, user_id)),
        lambda rows: {'group__domain_id': rows[0].domain_id, 'user__domain_id': rows[1].domain_id},
    )


def add(call: Call, group_id: str, user_id: str) -> None:
    """PUT /groups/{group_id}/users/{user_id}."""
    with wire.writing(call) as tx:
        _pair(call, tx, 'add_user_to_group', group_id, user_id)
        groups.add(tx, group_id, user_id)


def check(call: Call, group_id: str, user_id: str) -> None:
    """GET and HEAD /groups/{group_id}/users/{user_id}."""
    with call.db.read() as tx:
        _pair(call, tx, 'check_user_in_group', group_id, user_id)
        if not groups.has(tx, group_id, user_id):
            raise errors.NotFound(f'User {user_id} not found in group {group_id}')


def remove(call: Call, group_id: str, user_id: str) -> None:
    """DELETE /groups/{group_id}/users/{user_id}."""
    with wire.writing(call) as tx:
        _pair(call, tx, 'remove_user_from_group', group_id, user_id)
        groups.remove(tx, group_id, user_id)
