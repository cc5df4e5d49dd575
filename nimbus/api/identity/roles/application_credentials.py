"""`/v3/users/{user_id}/application_credentials`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.roles import delegated
from nimbus.api.kit.fields import CREATE, READ, Flag, Listing, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity.login import auth
from nimbus.identity.roles import access_rules
from nimbus.identity.roles import application_credentials as credentials

ROLE = {
    'type': 'object',
    'properties': {'id': {'type': 'string'}, 'name': {'type': 'string'}},
    'minProperties': 1,
    'maxProperties': 1,
    'additionalProperties': False,
}
RULE = {
    'type': 'object',
    'properties': {
        'id': {'type': 'string', 'minLength': 1, 'maxLength': 64, 'pattern': '^[a-zA-Z0-9-]+$'},
        'path': {'type': 'string', 'minLength': 1, 'maxLength': 225, 'pattern': '^/'},
        'service': {'type': 'string', 'minLength': 1, 'maxLength': 64, 'pattern': '^[a-zA-Z0-9-]+$'},
        'method': {'enum': ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT']},
    },
    'additionalProperties': False,
}
MAX_RULES = 256  # of one credential; each is compared with every request that its tokens make


class ApplicationCredential(wire.KeystoneNoun):
    """An application credential; its secret is shown once."""

    one, many = 'application_credential', 'application_credentials'
    extras = False
    id = Text(READ)
    name = Text(READ, CREATE, min=1, max=255, required=True, filter=True)
    description = Text(READ, CREATE, max=65535, null=True)
    secret = Text(CREATE, max=4096, null=True)
    project_id = Text(READ, CREATE, max=64)
    expires_at = Text(READ, CREATE, null=True, source=lambda row, _: clock.iso_micro(row.expires_at))
    unrestricted = Flag(READ, CREATE)
    access_rules = Listing(CREATE, items=RULE, max=MAX_RULES)
    roles = Listing(READ, CREATE, items=ROLE, source=lambda row, _: [])


def _owned(call: Call, rule: str, user_id: str) -> None:
    call.check(f'identity:{rule}', user_id=user_id)
    delegated.refuse_trust(call)


def _shown(call: Call, rows: list[Any], roles: dict[str, Any], rules: dict[str, Any]) -> list[dict[str, Any]]:
    bodies = []
    for row in rows:
        body = wire.shown(call, ApplicationCredential, row)
        lent = [roles[role_id] for role_id in row.role_ids if role_id in roles]
        body['roles'] = [{'id': role.id, 'name': role.name, 'domain_id': role.domain_id or None} for role in lent]
        if row.access_rules:
            body['access_rules'] = [access_rules.as_shown(rules[one]) for one in row.access_rules if one in rules]
        body['user_id'] = row.user_id
        body['system'] = None
        link = f'{call.root_url}/users/{row.user_id}/application_credentials/{row.id}'
        bodies.append({**body, 'links': {'self': link}})
    return bodies


def index(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/application_credentials."""
    _owned(call, 'list_application_credentials', user_id)
    page = wire.page_of(call, ApplicationCredential)
    with call.db.read() as tx:
        rows = credentials.find(tx, user_id, page)
        roles, rules = credentials.roles_of(tx, rows), access_rules.of(tx, rows)
    return wire.many(call, ApplicationCredential, rows, page, lambda call, _, row: _shown(call, [row], roles, rules)[0])


def show(call: Call, user_id: str, application_credential_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/application_credentials/{application_credential_id}."""
    _owned(call, 'get_application_credential', user_id)
    with call.db.read() as tx:
        _check_path(call, tx, 'get_application_credential', user_id, application_credential_id)
        row = credentials.show(tx, user_id, application_credential_id)
        (body,) = _shown(call, [row], credentials.roles_of(tx, [row]), access_rules.of(tx, [row]))
    return {'application_credential': body}


def create(call: Call, user_id: str) -> Reply:
    """POST /users/{user_id}/application_credentials."""
    _owned(call, 'create_application_credential', user_id)
    _refuse_delegated(call)
    given = dict(call.given)
    found = given.pop('access_rules', None)
    given |= {'project_id': call.context.project_id, 'role_ids': _lent(call, given.pop('roles', None))}
    given['expires_at'] = credentials.moment(given.get('expires_at'))
    chosen = given.pop('secret', None)
    secret = chosen or credentials.new_secret()
    issuer = authority(call)
    hashed = issuer.passwords.hash(secret) if chosen else auth.hash_made_up(secret)
    with wire.writing(call) as tx:
        given['access_rules'] = access_rules.take(tx, user_id, found) if found else None
        limit = issuer.settings.application_credential_limit
        credential_id = credentials.create(tx, user_id, given, hashed, limit)
        row = credentials.show(tx, user_id, credential_id)
        (body,) = _shown(call, [row], credentials.roles_of(tx, [row]), access_rules.of(tx, [row]))
    return Reply({'application_credential': {**body, 'secret': secret}}, 201)


def delete(call: Call, user_id: str, application_credential_id: str) -> None:
    """DELETE /users/{user_id}/application_credentials/{application_credential_id}."""
    _owned(call, 'delete_application_credential', user_id)
    _refuse_delegated(call)
    with wire.writing(call) as tx:
        _check_path(call, tx, 'delete_application_credential', user_id, application_credential_id)
        credentials.delete(tx, user_id, application_credential_id)


def _check_path(call: Call, tx: db.Tx, rule: str, user_id: str, credential_id: str) -> None:
    """Raises Forbidden when the credential is of a user not in the path, unless policy allows it for that user."""
    owner_id = credentials.owner_of(tx, credential_id)
    if owner_id not in (None, user_id):
        call.check(f'identity:{rule}', user_id=owner_id)


def _refuse_delegated(call: Call) -> None:
    """Raises Forbidden when the asker's token is of an application credential that is not unrestricted."""
    if call.context.token is None:
        return
    credential = authority(call).validator.entry(call.context.token).subject.credential
    if credential is not None and not credential.unrestricted:
        raise errors.Forbidden(
            "Using method 'application_credential' is not allowed for managing additional application credentials."
        )


def _lent(call: Call, given: list[dict[str, str]] | None) -> list[str]:
    """The ids of the roles that the credential delegates: those given, or all of the asker's.  Raises Invalid."""
    if call.context.token is None:
        raise errors.Forbidden('An application credential is made with a token.')
    held = authority(call).validator.entry(call.context.token).subject.roles
    if not given:  # clients send an empty list where no role was chosen
        return [role_id for role_id, _ in held]
    found = []
    for one in given:
        match = next((pair[0] for pair in held if one.get('id', pair[0]) == pair[0]
                      and one.get('name', pair[1]) == pair[1]), None)  # fmt: skip
        if match is None:
            raise errors.Invalid(
                'Invalid application credential: Could not find role assignment with role: '
                f'{one.get("id") or one.get("name")}, user or group: {call.context.user_id}, '
                f'project, domain, or system: {call.context.project_id}.'
            )
        found.append(match)
    return found
