"""`/v3/credentials`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.roles import delegated
from nimbus.api.kit.fields import CREATE, READ, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.login import credentials

BLOB = {'type': 'string', 'maxLength': 65535}
# Nothing else of a credential can be changed: for another user or type it is created anew.
CHANGE = Shape(
    {
        'type': 'object',
        'required': ['credential'],
        'properties': {
            'credential': {
                'type': 'object',
                'properties': {'blob': BLOB},
                'required': ['blob'],
                'additionalProperties': False,
            }
        },
    }
)


class Credential(wire.KeystoneNoun):
    """A credential of a user, such as an EC2 key or a TOTP seed."""

    one, many, beside = 'credential', 'credentials', (CREATE,)
    id = Text(READ)
    user_id = Text(READ, CREATE, min=1, max=64, required=True, filter=True)
    project_id = Text(READ, CREATE, max=64, null=True)
    type = Text(READ, CREATE, max=255, required=True, filter=True)
    blob = Text(READ, CREATE, max=65535, required=True)


def check(call: Call, rule: str, user_id: str) -> None:
    """Raises Forbidden when policy does not allow it, or the asker's token is a delegated one."""
    wire.check(call, rule, credential__user_id=user_id)
    if delegated.is_lent(call):
        raise errors.Forbidden(rule='Delegated tokens cannot access credentials directly')


def _check_owner(call: Call, rule: str, credential_id: str) -> None:
    """Raises Forbidden when policy does not allow it, and NotFound only for an asker who may see every credential."""
    try:
        with call.db.read() as tx:
            owner_id = credentials.owner_of(tx, credential_id)
    except errors.NotFound:
        check(call, rule, '')
        raise
    check(call, rule, owner_id)


def index(call: Call) -> dict[str, Any]:
    """GET /credentials: all of them where policy allows it, else the asker's own."""
    me = call.context.user_id or ''
    wire.check(call, 'list_credentials', credential__user_id=me)
    page = wire.page_of(call, Credential)
    everyones = call.allows('identity:get_credential', **{'target.credential.user_id': ''})
    if delegated.is_lent(call):
        return wire.many(call, Credential, [], page)
    with call.db.read() as tx:
        rows = credentials.find(tx, page, None if everyones else me)
    return wire.many(call, Credential, rows, page)


def show(call: Call, credential_id: str) -> dict[str, Any]:
    """GET /credentials/{credential_id}."""
    _check_owner(call, 'get_credential', credential_id)
    with call.db.read() as tx:
        return wire.one(call, Credential, credentials.show(tx, credential_id))


def create(call: Call) -> Reply:
    """POST /credentials."""
    given, extra = wire.split(call, Credential)
    check(call, 'create_credential', given['user_id'])
    with wire.writing(call) as tx:
        credential_id = credentials.create(tx, given, extra, authority(call).settings.credential_limit)
        return Reply(wire.one(call, Credential, credentials.show(tx, credential_id)), 201)


def update(call: Call, credential_id: str) -> dict[str, Any]:
    """PATCH /credentials/{credential_id}."""
    _check_owner(call, 'update_credential', credential_id)
    with wire.writing(call) as tx:
        credentials.update(tx, credential_id, call.body['credential']['blob'])
        return wire.one(call, Credential, credentials.show(tx, credential_id))


def delete(call: Call, credential_id: str) -> None:
    """DELETE /credentials/{credential_id}."""
    _check_owner(call, 'delete_credential', credential_id)
    with wire.writing(call) as tx:
        credentials.delete(tx, credential_id)
