"""`/v3/users`, and changing one's own password."""

import datetime
from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Flag, Listing, Mapping, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity import revocations
from nimbus.identity.federation import federated_ids
from nimbus.identity.people import activity, groups, users
from nimbus.identity.roles.application_credentials import moment

_SWITCH = {'type': ['boolean', 'null']}
OPTIONS = {
    'properties': {
        **dict.fromkeys(
            (
                'ignore_change_password_upon_first_use',
                'ignore_password_expiry',
                'ignore_lockout_failure_attempts',
                'ignore_user_inactivity',
                'lock_password',
                'multi_factor_auth_enabled',
            ),
            _SWITCH,
        ),
        'multi_factor_auth_rules': {
            'type': ['array', 'null'],
            'items': {'type': 'array', 'items': {'type': 'string'}, 'minItems': 1, 'uniqueItems': True},
            'uniqueItems': True,
        },
    },
    'additionalProperties': False,
}
_AT_PROTOCOL = {
    'type': 'object',
    'properties': {
        'protocol_id': {'type': 'string', 'maxLength': 64},
        'unique_id': {'type': 'string', 'minLength': 1, 'maxLength': 255},
    },
    'required': ['protocol_id', 'unique_id'],
}
FEDERATED = {
    'type': 'object',
    'properties': {
        'idp_id': {'type': 'string', 'maxLength': 64},
        'protocols': {'type': 'array', 'items': _AT_PROTOCOL, 'minItems': 1, 'maxItems': 100},
    },
    'required': ['idp_id', 'protocols'],
}
_PASSWORDS = {'original_password': {'type': 'string'}, 'password': {'type': 'string'}}
CHANGE = Shape(
    {
        'type': 'object',
        'required': ['user'],
        'properties': {
            'user': {
                'type': 'object',
                'properties': _PASSWORDS,
                'required': sorted(_PASSWORDS),
                'additionalProperties': False,
            }
        },
    }
)


class User(wire.KeystoneNoun):
    """A user; an email address or a description is one of the extra attributes."""

    one, many = 'user', 'users'
    kept = {'description': {'type': ['string', 'null']}}
    id = Text(READ)
    name = Text(READ, CREATE, UPDATE, min=1, max=255, pattern=r'[\S]+', required=True, filter=True, sort=True)
    domain_id = Text(READ, CREATE, UPDATE, min=1, max=64, filter=True)
    enabled = Flag(READ, CREATE, UPDATE, filter=True, source=lambda row, call: is_enabled(row, call))
    default_project_id = Text(READ, CREATE, UPDATE, max=64, null=True, omit_none=True)
    password = Text(CREATE, UPDATE, max=65535, null=True)
    password_expires_at = Text(READ, source=lambda row, _: clock.iso_micro(row.password_expires_at))
    options = Mapping(READ, CREATE, UPDATE, schema=OPTIONS)
    federated = Listing(CREATE, UPDATE, items=FEDERATED, max=100)


def _one(call: Call, tx: db.Tx, user_id: str, row: Any = None) -> dict[str, Any]:
    """The user with federated ids."""
    given = wire.one(call, User, row or users.show(tx, user_id))
    if found := federated_ids.of_user(tx, user_id):
        given['user']['federated'] = found
    return given


def is_enabled(row: Any, call: Call) -> bool:
    """Whether the user is enabled, and not disabled by inactivity."""
    issuer = authority(call)
    return activity.judge(issuer.settings.compliance, issuer.now())(row)


def target(row: Any) -> dict[str, Any]:
    """The attributes of a user that policy rules may use."""
    return {'user__id': row.id, 'user__domain_id': row.domain_id}


def index(call: Call) -> dict[str, Any]:
    """GET /users."""
    wire.check(call, 'list_users', domain_id=call.context.domain_id or '')
    page = wire.page_of(call, User, **wire.within(call))
    authority(call).directories.refresh_list(page.value('domain_id'), 'user', page.value('name'))
    known = {name: value for name in federated_ids.FILTERS if (value := call.arg(name)) is not None}
    with call.db.read() as tx:
        federated = federated_ids.having(tx, known) if known else None
        return wire.many(call, User, users.find(tx, page, expires=_expires(call), federated=federated), page)


def _expires(call: Call) -> tuple[str, datetime.datetime] | None:
    """The comparison in `password_expires_at`, such as `lt:2030-01-01T00:00:00Z`.  Raises Invalid."""
    given = call.arg('password_expires_at')
    if given is None:
        return None
    how, _, text = given.partition(':')
    if how not in users.COMPARISONS:
        how, text = 'eq', given
    end = moment(text)
    return (how, end) if end else None


def of_group(call: Call, group_id: str) -> dict[str, Any]:
    """GET /groups/{group_id}/users."""
    authority(call).directories.refresh(group_id, members=True)
    with call.db.read() as tx:
        wire.seen(
            call,
            'list_users_in_group',
            lambda: groups.show(tx, group_id),
            lambda row: {'group__id': row.id, 'group__domain_id': row.domain_id},
        )
        page = wire.page_of(call, User, **wire.within(call))
        return wire.many(call, User, users.find(tx, page, group_id, _expires(call)), page)


def show(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}."""
    authority(call).directories.refresh(user_id)
    with call.db.read() as tx:
        row = wire.seen(call, 'get_user', lambda: users.show(tx, user_id), target)
        return _one(call, tx, user_id, row)


def create(call: Call) -> Reply:
    """POST /users."""
    given, extra = wire.split(call, User)
    # A domain manager must give the domain, also where it is the default one.
    wire.check(call, 'create_user', **{f'user__{name}': given[name] for name in ('domain_id',) if name in given})
    given['domain_id'] = wire.home(call, given.get('domain_id'))
    authority(call).directories.refuse_write(given['domain_id'])
    hashed = _hash(call, given)
    with wire.writing(call) as tx:
        user_id = users.create(tx, given, extra, hashed, authority(call).settings.compliance)
        federated_ids.replace(tx, user_id, given.get('federated', []))
        return Reply(_one(call, tx, user_id), 201)


def _hash(call: Call, given: dict[str, Any]) -> str | None:
    """The hash of the password in the body.  Raises Forbidden when it is too long, Invalid when it is too weak."""
    password = given.pop('password', None)
    return None if password is None else _hashed(call, password)


def _hashed(call: Call, password: str) -> str:
    _check_length(call, password)
    authority(call).settings.compliance.check_strength(password)
    return authority(call).passwords.hash(password)


def _check_length(call: Call, password: str) -> None:
    most = authority(call).settings.max_password_length
    if len(password) > most:
        raise errors.Forbidden(
            f'The password length must be less than or equal to {most}. The server could not comply with the request '
            'because the password is invalid.'
        )


def update(call: Call, user_id: str) -> dict[str, Any]:
    """PATCH /users/{user_id}."""
    with call.db.read() as tx:
        wire.seen(call, 'update_user', lambda: users.show(tx, user_id), target)
    wire.require_change(call)
    wire.same_id(call, user_id)
    given, extra = wire.split(call, User)
    taken_away = 'password' in given and given['password'] is None
    hashed = _hash(call, given)
    with wire.writing(call) as tx:
        users.update(tx, user_id, given, extra, hashed, authority(call).settings.compliance)
        if taken_away:
            users.take_password(tx, user_id)
        federated_ids.replace(tx, user_id, given.get('federated', []))
        return _one(call, tx, user_id)


def delete(call: Call, user_id: str) -> None:
    """DELETE /users/{user_id}."""
    with wire.writing(call) as tx:
        wire.seen(call, 'delete_user', lambda: users.show(tx, user_id), target)
        users.delete(tx, user_id)


def revoke_tokens(call: Call, user_id: str) -> None:
    """DELETE /users/{user_id}/tokens: every token of the user is revoked; the user must log in again."""
    call.check('identity:revoke_tokens_for_user', user_id=user_id)
    with wire.writing(call) as tx:
        users.show(tx, user_id)
        revocations.revoke(tx, 'user', user_id)


def change_password(call: Call, user_id: str) -> None:
    """POST /users/{user_id}/password; the old password is needed, and no token."""
    given, issuer = call.body['user'], authority(call)
    rules = issuer.settings.compliance
    row = issuer.check_password(user_id, given['original_password'])
    _check_length(call, given['password'])
    rules.check_strength(given['password'])
    if row.options.get('lock_password'):
        raise errors.Invalid(
            'You cannot change your password at this time due to password policy disallowing password changes. Please '
            'contact your administrator to reset your password.'
        )
    rules.check_age(row, issuer.now())
    with call.db.read() as tx:
        past = rules.past(tx, row)
    if any(issuer.passwords.verify(given['password'], before) for before in past):
        raise rules.same_again()
    hashed = issuer.passwords.hash(given['password'])
    with wire.writing(call) as tx:
        users.set_password(tx, user_id, hashed, rules, by_admin=False)
