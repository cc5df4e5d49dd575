"""`/v3/users/{user_id}/credentials/OS-EC2`, and `/v3/ec2tokens` and `/v3/s3tokens`, which verify signatures."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.roles import delegated
from nimbus.api.identity.tokens import tokens
from nimbus.api.identity.tokens.credentials import check
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors
from nimbus.identity.login import credentials, ec2
from nimbus.identity.login.credentials import EC2, Credential
from nimbus.identity.people import projects, users

CREATE = Shape(
    {
        'type': 'object',
        'properties': {'tenant_id': {'type': 'string', 'minLength': 1, 'maxLength': 64}},
        'required': ['tenant_id'],
    }
)
_TEXTS = {'type': 'object', 'additionalProperties': {'type': 'string'}}
_REQUEST = {
    'type': 'object',
    'properties': {
        **dict.fromkeys(('access', 'signature', 'host', 'verb', 'path', 'body_hash', 'token'), {'type': 'string'}),
        'params': _TEXTS,
        'headers': _TEXTS,
    },
}
# The three attributes in which clients may send the signed request.
NAMES = ('credentials', 'credential', 'ec2Credentials')
SIGNED = Shape({'type': 'object', 'minProperties': 1, 'properties': dict.fromkeys(NAMES, _REQUEST)})
DEFAULTS: dict[str, Any] = {'host': '', 'verb': 'GET', 'path': '/', 'body_hash': '', 'params': {}, 'headers': {}}


def _shown(call: Call, row: Credential) -> dict[str, Any]:
    kept = ec2.contents(row)
    link = f'{call.root_url}/users/{row.user_id}/credentials/OS-EC2/{kept["access"]}'
    return {
        'user_id': row.user_id,
        'tenant_id': row.project_id,
        'access': kept['access'],
        'secret': kept.get('secret'),
        'trust_id': kept.get('trust_id'),
        'links': {'self': link},
    }


def index(call: Call, user_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/credentials/OS-EC2."""
    call.check('identity:ec2_list_credentials', user_id=user_id)
    if delegated.is_lent(call):
        raise errors.Forbidden(rule='Delegated tokens cannot access credentials directly')
    with call.db.read() as tx:
        users.show(tx, user_id)
        rows = credentials.of_user(tx, user_id, EC2)
    links = {'self': f'{call.root_url}{call.path}', 'previous': None, 'next': None}
    return {'credentials': [_shown(call, row) for row in rows], 'links': links}


def create(call: Call, user_id: str) -> Reply:
    """POST /users/{user_id}/credentials/OS-EC2."""
    check(call, 'ec2_create_credential', user_id)
    with wire.writing(call) as tx:
        users.show(tx, user_id)
        project_id = projects.show(tx, call.body['tenant_id']).id
        access = ec2.create(tx, user_id, project_id, authority(call).settings.credential_limit)
        return Reply({'credential': _shown(call, ec2.show(tx, access))}, 201)


def show(call: Call, user_id: str, credential_id: str) -> dict[str, Any]:
    """GET /users/{user_id}/credentials/OS-EC2/{credential_id}."""
    return {'credential': _shown(call, _seen(call, 'ec2_get_credential', credential_id))}


def delete(call: Call, user_id: str, credential_id: str) -> None:
    """DELETE /users/{user_id}/credentials/OS-EC2/{credential_id}."""
    row = _seen(call, 'ec2_delete_credential', credential_id)
    with wire.writing(call) as tx:
        credentials.delete(tx, row.id)


def _seen(call: Call, rule: str, access: str) -> Credential:
    """The credential with the access key, under the path of whichever user.

    Raises NotFound before Forbidden, so that whoever knows an access key learns that it exists.
    """
    with call.db.read() as tx:
        row = ec2.show(tx, access)
    check(call, rule, row.user_id)
    return row


def check_ec2(call: Call) -> Reply:
    """POST /ec2tokens."""
    token, body = _token_for(call, s3=False)
    return Reply(body, 200, [(tokens.SUBJECT, token)])


def check_s3(call: Call) -> Reply:
    """POST /s3tokens: who signed the request, without a token, as S3 services do not use one."""
    return Reply(_token_for(call, s3=True)[1], 200)


def _token_for(call: Call, s3: bool) -> tuple[str, dict[str, Any]]:
    """A token for the user who signed the request in the body, and its subject."""
    given = next((call.body[name] for name in NAMES if call.body.get(name)), {})
    if 'access' not in given:
        raise errors.Unauthenticated('EC2 Signature not supplied')
    issuer = authority(call)
    with call.db.read() as tx:
        moment = call.parts.clock or clock.Clock()
        proof, project_id = ec2.prove(tx, {**DEFAULTS, **given}, s3, issuer.settings.credential_auth_ttl, moment)
    token, subject = issuer.issue(proof, ('project', project_id))
    return token, tokens.whole(call, subject, tokens.catalog_of(call, subject))
