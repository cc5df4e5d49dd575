"""`/v3/OS-TRUST/trusts`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.roles import delegated, roles
from nimbus.api.kit.fields import CREATE, READ, Flag, Int, Listing, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity.roles import trusts
from nimbus.identity.roles.application_credentials import moment

ROLE = {
    'type': 'object',
    'properties': {
        'id': {'type': 'string', 'minLength': 1, 'maxLength': 64},
        'name': {'type': 'string', 'minLength': 1, 'maxLength': 255},
    },
    'minProperties': 1,
    'maxProperties': 1,
    'additionalProperties': False,
}
MAX_COUNT = 2**31 - 1


class Trust(wire.KeystoneNoun):
    """A trust; the trustee gets tokens by requesting it as their scope."""

    one, many = 'trust', 'trusts'
    id = Text(READ)
    trustor_user_id = Text(READ, CREATE, max=64, required=True)
    trustee_user_id = Text(READ, CREATE, max=64, required=True)
    impersonation = Flag(READ, CREATE, required=True)
    project_id = Text(READ, CREATE, max=64, null=True)
    expires_at = Text(READ, CREATE, null=True, source=lambda row, _: clock.iso_micro_z(row.expires_at))
    deleted_at = Text(READ, source=lambda row, _: None)
    remaining_uses = Int(READ, CREATE, min=1, max=MAX_COUNT, null=True)
    allow_redelegation = Flag(CREATE, null=True)
    redelegation_count = Int(READ, CREATE, min=0, max=MAX_COUNT, null=True)
    redelegated_trust_id = Text(READ, CREATE, max=64, null=True)
    roles = Listing(CREATE, items=ROLE)


def _shown(call: Call, row: Any) -> dict[str, Any]:
    link = f'{call.root_url}/OS-TRUST/trusts/{row.id}'
    return {**Trust.view(call.version)(row, call), 'links': {'self': link}}


def _roles(call: Call, tx: db.Tx, row: Any) -> dict[str, Any]:
    links = {'self': f'{call.root_url}/OS-TRUST/trusts/{row.id}/roles', 'next': None, 'previous': None}
    return {'roles': [wire.shown(call, roles.Role, role) for role in trusts.roles_of(tx, row)], 'links': links}


def _whole(call: Call, tx: db.Tx, row: Any) -> dict[str, Any]:
    lent = _roles(call, tx, row)
    return {'trust': {**_shown(call, row), 'roles': lent['roles'], 'roles_links': lent['links']}}


def _parties(row: Any) -> dict[str, str]:
    return {'trust__trustor_user_id': row.trustor_user_id, 'trust__trustee_user_id': row.trustee_user_id}


def _seen(call: Call, tx: db.Tx, rule: str, trust_id: str) -> Any:
    """The trust's row, if policy allows it.  Raises NotFound before Forbidden, as Keystone does."""
    row = trusts.show(tx, trust_id)
    wire.check(call, rule, **_parties(row))
    delegated.refuse_credential(call)
    return row


def index(call: Call) -> dict[str, Any]:
    """GET /OS-TRUST/trusts."""
    trustor, trustee = call.arg('trustor_user_id'), call.arg('trustee_user_id')
    filters = {}
    if trustor:
        filters['trustor_user_id'] = trustor
        wire.check(call, 'list_trusts_for_trustor', trust__trustor_user_id=trustor)
    elif trustee:
        filters['trustee_user_id'] = trustee
        wire.check(call, 'list_trusts_for_trustee', trust__trustee_user_id=trustee)
    else:
        wire.check(call, 'list_trusts')
    delegated.refuse_credential(call)
    if trustor and trustee:
        filters['trustee_user_id'] = trustee
    with call.db.read() as tx:
        return wire.many(call, Trust, trusts.find(tx, **filters), None, lambda call, _, row: _shown(call, row))


def show(call: Call, trust_id: str) -> dict[str, Any]:
    """GET /OS-TRUST/trusts/{trust_id}."""
    with call.db.read() as tx:
        return _whole(call, tx, _seen(call, tx, 'get_trust', trust_id))


def create(call: Call) -> Reply:
    """POST /OS-TRUST/trusts."""
    given = dict(call.given)
    wire.check(call, 'create_trust', trust__trustor_user_id=given['trustor_user_id'])
    delegated.refuse_credential(call)
    if given.get('project_id') and not given.get('roles'):
        raise errors.Forbidden(
            'You are not authorized to perform the requested action: At least one role should be specified.'
        )
    given['expires_at'] = moment(given.get('expires_at'))
    issuer = authority(call)
    source = delegated.trust_of(call)
    with wire.writing(call) as tx:
        given['role_ids'] = trusts.named_roles(tx, given.pop('roles', None) or [])
        trust_id = trusts.create(tx, given, source.id if source else None, issuer.settings.max_redelegation_count)
        return Reply(_whole(call, tx, trusts.show(tx, trust_id)), 201)


def delete(call: Call, trust_id: str) -> None:
    """DELETE /OS-TRUST/trusts/{trust_id}."""
    with wire.writing(call) as tx:
        _seen(call, tx, 'delete_trust', trust_id)
        trusts.delete(tx, trust_id)


def list_roles(call: Call, trust_id: str) -> dict[str, Any]:
    """GET /OS-TRUST/trusts/{trust_id}/roles."""
    with call.db.read() as tx:
        return _roles(call, tx, _seen(call, tx, 'list_roles_for_trust', trust_id))


def show_role(call: Call, trust_id: str, role_id: str) -> dict[str, Any]:
    """GET and HEAD /OS-TRUST/trusts/{trust_id}/roles/{role_id}."""
    with call.db.read() as tx:
        row = _seen(call, tx, 'get_role_for_trust', trust_id)
        for role in trusts.roles_of(tx, row):
            if role.id == role_id:
                return wire.one(call, roles.Role, role)
    raise errors.NotFound(f'Could not find role: {role_id}.')
