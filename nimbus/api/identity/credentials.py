"""`/v3/credentials`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.tokens import authority
from nimbus.api.kit.fields import CREATE, READ, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity import credentials
from nimbus.identity.ec2 import METHOD as BY_EC2

BLOB = {'type': 'string', 'maxLength': 65535}
# Nothing else of a credential changes: to be another's, or of another type, it is made anew.
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
    """A secret that a user left here."""

    one, many = 'credential', 'credentials'
    id = Text(READ)
    user_id = Text(READ, CREATE, min=1, max=64, required=True, filter=True)
    project_id = Text(READ, CREATE, max=64, null=True)
    type = Text(READ, CREATE, max=255, required=True, filter=True)
    blob = Text(READ, CREATE, max=65535, required=True)


def check(call: Call, rule: str, user_id: str) -> None:
    """Raises Forbidden when the asker may not, or comes by a delegation and not as the user."""
    wire.check(call, rule, credential__user_id=user_id)
    if delegated(call):
        raise errors.Forbidden(rule='Delegated tokens cannot access credentials directly')


def delegated(call: Call) -> bool:
    """Whether the asker's token came of a credential that somebody else may hold, and not of a login."""
    if call.context.token is None:
        return False
    subject = authority(call).validator.entry(call.context.token).subject
    return subject.credential is not None or subject.trust is not None or BY_EC2 in subject.claims.methods


def _seen(call: Call, rule: str, credential_id: str) -> credentials.Credential:
    """The credential, if the asker may.  Raises Forbidden, and NotFound for who sees every credential."""

    def find() -> credentials.Credential:
        with call.db.read() as tx:
            return credentials.show(tx, credential_id)

    try:
        row = find()
    except errors.NotFound:
        check(call, rule, '')
        raise
    check(call, rule, row.user_id)
    return row


def index(call: Call) -> dict[str, Any]:
    """GET /credentials: all of them for who may see all, else the asker's own."""
    me = call.context.user_id or ''
    wire.check(call, 'list_credentials', credential__user_id=me)
    page = wire.page_of(call, Credential)
    everyones = call.allows('identity:get_credential', **{'target.credential.user_id': ''})
    if delegated(call):
        return wire.many(call, Credential, [], page)
    with call.db.read() as tx:
        rows = credentials.find(tx, page, None if everyones else me)
    return wire.many(call, Credential, rows, page)


def show(call: Call, credential_id: str) -> dict[str, Any]:
    """GET /credentials/{credential_id}."""
    return wire.one(call, Credential, _seen(call, 'get_credential', credential_id))


def create(call: Call) -> Reply:
    """POST /credentials."""
    given, extra = wire.split(call, Credential)
    check(call, 'create_credential', given['user_id'])
    with wire.writing(call) as tx:
        credential_id = credentials.create(tx, given, extra, authority(call).settings.credential_limit)
        return Reply(wire.one(call, Credential, credentials.show(tx, credential_id)), 201)


def update(call: Call, credential_id: str) -> dict[str, Any]:
    """PATCH /credentials/{credential_id}."""
    _seen(call, 'update_credential', credential_id)
    with wire.writing(call) as tx:
        credentials.update(tx, credential_id, call.body['credential']['blob'])
        return wire.one(call, Credential, credentials.show(tx, credential_id))


def delete(call: Call, credential_id: str) -> None:
    """DELETE /credentials/{credential_id}."""
    _seen(call, 'delete_credential', credential_id)
    with wire.writing(call) as tx:
        credentials.delete(tx, credential_id)
