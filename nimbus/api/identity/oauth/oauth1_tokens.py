"""`/v3/OS-OAUTH1` request and access tokens, and `/v3/users/{user_id}/OS-OAUTH1/access_tokens`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import asked, authority
from nimbus.api.identity.roles import delegated, roles
from nimbus.api.identity.roles.trusts import ROLE
from nimbus.api.kit.fields import READ, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors
from nimbus.identity.oauth import oauth1, oauth1_tokens
from nimbus.identity.oauth.oauth1_tokens import Made

FORM = 'application/x-www-form-urlencoded'
AUTHORIZE = Shape({'type': ['object', 'null'], 'properties': {'roles': {'type': 'array', 'items': ROLE}}})
_BY_DELEGATION = 'Cannot {} with a token issued via delegation.'.format


class AccessToken(wire.KeystoneNoun):
    """An access token that a user authorized for a consumer; its secret is shown once."""

    one, many = 'access_token', 'access_tokens'
    id = Text(READ)
    consumer_id = Text(READ)
    authorizing_user_id = Text(READ, source='user_id')
    project_id = Text(READ)
    expires_at = Text(READ, source=lambda row, _: clock.iso_micro_z(row.expires_at))


def create_request_token(call: Call) -> Reply:
    """POST /OS-OAUTH1/request_token."""
    issuer, request = authority(call), asked(call, query=True)
    with call.db.read() as tx:
        project_id = call.header('Requested-Project-Id')
        signed = oauth1.asking(tx, request, project_id)
    with wire.writing(call) as tx:
        oauth1.spend(tx, signed, issuer.now())
        life = issuer.settings.oauth.request_token_duration
        made = oauth1_tokens.ask(tx, signed.consumer_id, project_id or '', life, issuer.now())
        return _reply(call, made)


def create_access_token(call: Call) -> Reply:
    """POST /OS-OAUTH1/access_token."""
    issuer, request = authority(call), asked(call, query=True)
    with call.db.read() as tx:
        signed = oauth1.exchanging(tx, request, issuer.now())
    with wire.writing(call) as tx:
        oauth1.spend(tx, signed, issuer.now())
        made = oauth1_tokens.exchange(tx, signed.token, issuer.settings.oauth.access_token_duration, issuer.now())
        return _reply(call, made)


def _reply(call: Call, made: Made) -> Reply:
    call.shown_id = made.id  # type: ignore[attr-defined]  # for the notification
    body = f'oauth_token={made.id}&oauth_token_secret={made.secret}'
    if made.expires_at:
        body += f'&oauth_expires_at={clock.iso_micro_z(made.expires_at)}'
    return Reply(body.encode(), 201, [('Content-Type', FORM)])


def authorize(call: Call, request_token_id: str) -> dict[str, Any]:
    """PUT /OS-OAUTH1/authorize/{request_token_id}: the asker authorizes the request token."""
    delegated.refuse_every(call, _BY_DELEGATION('authorize a request token'))
    given = (call.body or {}).get('roles', [])
    issuer = authority(call)
    with wire.writing(call) as tx:
        row = oauth1_tokens.request(tx, request_token_id, issuer.now())
        verifier = oauth1_tokens.authorize(tx, row, call.context.user_id or '', given)
    return {'token': {'oauth_verifier': verifier}}


def _shown(call: Call, _: Any, row: Any) -> dict[str, Any]:
    link = f'{call.root_url}/users/{row.user_id}/OS-OAUTH1/access_tokens/{row.id}'
    links = {'roles': f'{link}/roles', 'self': link}
    return {**AccessToken.view(call.version)(row, call), 'links': links}


def _check_whole(call: Call) -> None:
    delegated.refuse_every(call, _BY_DELEGATION('manage OAuth access tokens'))


def index(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/OS-OAUTH1/access_tokens."""
    _check_whole(call)
    with call.db.read() as tx:
        return wire.many(call, AccessToken, oauth1_tokens.of_user(tx, user_id), None, _shown)


def show(call: Call, user_id: str, access_token_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}."""
    _check_whole(call)
    with call.db.read() as tx:
        return {'access_token': _shown(call, None, _of(tx, user_id, access_token_id))}


def delete(call: Call, user_id: str, access_token_id: str) -> None:
    """DELETE /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}."""
    _check_whole(call)
    with wire.writing(call) as tx:
        _own(oauth1_tokens.show(tx, access_token_id), user_id)
        oauth1_tokens.delete(tx, access_token_id)


def list_roles(call: Call, user_id: str, access_token_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles."""
    with call.db.read() as tx:
        given = oauth1_tokens.roles_of(tx, _of(tx, user_id, access_token_id))
    return wire.many(call, roles.Role, given, None, lambda call, _, row: _role(call, row))


def show_role(call: Call, user_id: str, access_token_id: str, role_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}."""
    with call.db.read() as tx:
        row = oauth1_tokens.show(tx, access_token_id)
        _own(row, user_id)
        for role in oauth1_tokens.roles_of(tx, row):
            if role.id == role_id:
                return {'role': _role(call, role)}
    raise errors.NotFound(f'Could not find role: {role_id}.')


def _role(call: Call, row: Any) -> dict[str, Any]:
    shown = wire.shown(call, roles.Role, row)
    return {name: value for name, value in shown.items() if name != 'description'}


def _of(tx: Any, user_id: str, access_token_id: str) -> Any:
    """The access token's row.  Raises NotFound when another user authorized it."""
    row = oauth1_tokens.show(tx, access_token_id)
    if row.user_id != user_id:
        raise errors.NotFound('Access token not found')
    return row


def _own(row: Any, user_id: str) -> None:
    """Raises Unauthenticated when another user authorized it, even for an administrator, as Keystone does."""
    if row.user_id != user_id:
        raise errors.Unauthenticated('User IDs do not match')
