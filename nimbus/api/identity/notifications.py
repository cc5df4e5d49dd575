"""Notifications of every write and every login: Keystone's, with CADF events as their payloads."""

from typing import Any

from nimbus.api.kit import faults
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors, ids
from nimbus.common.database import db
from nimbus.common.messaging import outbox

CADF = 'http://schemas.dmtf.org/cloud/audit/1.0/event'
ACCOUNT = 'service/security/account/user'
FEDERATED = 'http://docs.oasis-open.org/security/saml/v2.0'  # CADF's type of a federated login, by any protocol
# First or last noun of a path -> its resource type in notifications, and its type URI in CADF.
NOUNS = {
    'users': ('user', 'data/security/account/user'),
    'groups': ('group', 'data/security/group'),
    'projects': ('project', 'data/security/project'),
    'domains': ('domain', 'data/security/domain'),
    'roles': ('role', 'data/security/role'),
    'regions': ('region', 'data/security/region'),
    'services': ('service', 'data/security/service'),
    'endpoints': ('endpoint', 'data/security/endpoint'),
    'application_credentials': ('application_credential', 'data/security/credential'),
    'trusts': ('OS-TRUST:trust', 'data/security/trust'),
    'policies': ('policy', 'data/security/policy'),
    'credentials': ('credential', 'data/security/credential'),
    'consumers': ('OS-OAUTH1:consumer', ACCOUNT),
    'request_token': ('OS-OAUTH1:request_token', 'data/security/credential'),
    'authorize': ('OS-OAUTH1:request_token', 'data/security/credential'),
    'access_token': ('OS-OAUTH1:access_token', 'data/security/credential'),
    'access_tokens': ('OS-OAUTH1:access_token', 'data/security/credential'),
    'identity_providers': ('identity_provider', 'data/security/identity-provider'),
    'mappings': ('mapping', 'data/security/mapping'),
    'service_providers': ('service_provider', 'data/security/service-provider'),
    'auth': ('token', 'data/security/credential'),
}
DONE = {'POST': 'created', 'PUT': 'created', 'PATCH': 'updated', 'DELETE': 'deleted'}


def wrote(call: Call, tx: db.Tx, made: str | None) -> None:
    """A notification of what this request changed is sent after the commit; `made` is the id of a new resource."""
    if tx.publisher is None:
        return
    words, named = _words(call), _named(call)
    if 'role_id' in named and len(words) > 2:
        return _granted(call, tx, named)
    plain = [name for name in words if not name.startswith('OS-')] or words
    noun = next((name for name in ('application_credentials', 'access_tokens') if name in words), plain[0])
    word, kind = NOUNS.get(noun, (noun.removesuffix('s'), 'unknown'))
    # A path below a noun, such as its tags, members or password, is a change of that noun.
    is_part = noun == plain[0] and len(plain) > 1 and noun != 'auth' or noun == 'authorize'
    done = 'updated' if is_part else DONE[call.route.method]
    first = next(iter(named.values()), '')
    own = named.get(f'{word.rpartition(":")[2]}_id') or named.get('prior_role_id')
    subject = own or (first if is_part else made or first)
    if noun == 'auth':
        subject = call.context.request_id
    target = {'typeURI': kind, 'id': subject}
    return _post(call, tx, f'identity.{word}.{done}', f'{done}.{word}', target, resource_info=subject)


def _granted(call: Call, tx: db.Tx, named: dict[str, str]) -> None:
    done = DONE[call.route.method]
    more: dict[str, Any] = {name.removesuffix('_id'): value for name, value in named.items()}
    more['inherited_to_projects'] = 'OS-INHERIT' in call.route.path
    target = {'typeURI': ACCOUNT, 'id': named.get('user_id') or named.get('group_id') or ''}
    _post(call, tx, f'identity.role_assignment.{done}', f'{done}.role_assignment', target, **more)


def _words(call: Call) -> list[str]:
    """The fixed parts of the request's path, OS-INHERIT left out."""
    parts = call.route.path.strip('/').split('/')
    return [part for part in parts if not part.startswith('{') and part != 'OS-INHERIT']


def _named(call: Call) -> dict[str, str]:
    """The ids in the request's path, by their names."""
    pairs = zip(call.route.path.strip('/').split('/'), call.path.strip('/').split('/'), strict=False)
    return {name[1:-1]: value for name, value in pairs if name.startswith('{')}


def logged_in(call: Call, identity: dict[str, Any], user_id: str | None, why: errors.NimbusError | None) -> None:
    """A notification of a login is sent: who logged in, or why it was refused; never with a secret."""
    if call.db.publisher is None:
        return
    given = _claimed(identity)
    user_id = user_id or given.get('id')
    who = {'id': user_id or 'unknown', 'user_id': user_id, 'user_name': given.get('name')}
    who['credential'] = _from_outside(identity, user_id)
    reason = {'reasonType': why.sentence, 'reasonCode': str(faults.status_of(why))} if why else None
    with call.db.write() as tx:
        target = {'typeURI': ACCOUNT, 'id': user_id or 'unknown'}
        _post(call, tx, 'identity.authenticate', 'authenticate', target, who=who, reason=reason)


def _claimed(identity: dict[str, Any]) -> dict[str, str]:
    """The id and name of the user in a login request."""
    for method in ('password', 'application_credential', 'oauth2_credential'):
        user = (identity.get(method) or {}).get('user')
        if isinstance(user, dict):
            return {name: user[name] for name in ('id', 'name') if isinstance(user.get(name), str)}
    return {}


def _from_outside(identity: dict[str, Any], user_id: str | None) -> dict[str, Any] | None:
    """The identity provider and the protocol of a federated login."""
    for method in ('mapped', 'saml2', 'openid'):
        given = identity.get(method)
        if isinstance(given, dict) and isinstance(given.get('identity_provider'), str):
            protocol = {'protocol': given['protocol']} if isinstance(given.get('protocol'), str) else {}
            return {'type': FEDERATED, 'identity_provider': given['identity_provider'], 'user': user_id, **protocol}
    return None


def _post(
    call: Call,
    tx: db.Tx,
    event_type: str,
    action: str,
    target: dict[str, Any],
    *,
    who: dict[str, Any] | None = None,
    reason: dict[str, str] | None = None,
    **more: Any,
) -> None:
    asker = call.context
    address = asker.remote_address or call.environ.get('REMOTE_ADDR')
    initiator = {
        'typeURI': ACCOUNT,
        'id': asker.user_id or 'unknown',
        'user_id': asker.user_id,
        'project_id': asker.project_id,
        'domain_id': asker.domain_id,
        'request_id': asker.request_id,
        'global_request_id': asker.global_request_id,
        'username': asker.user_name,
        'host': {'address': address, 'agent': call.header('User-Agent')},
    }
    event = {
        'typeURI': CADF,
        'id': ids.dashed(),
        'eventType': 'activity',
        'eventTime': clock.Clock().now().isoformat(timespec='microseconds') + '+0000',
        'action': action,
        'outcome': 'failure' if reason else 'success',
        'initiator': {name: value for name, value in {**initiator, **(who or {})}.items() if value is not None},
        'target': target,
        'observer': {'typeURI': 'service/security', 'id': _service_id(call)},
        **({'reason': reason} if reason else {}),
        **more,
    }
    outbox.post(tx, asker, 'identity', event_type, lambda: event)


def _service_id(call: Call) -> str:
    """The identity service's own id in the catalog."""
    shown = call.parts.extra['identity'].endpoints()
    return next((one.service_id for one in shown if one.service_type == 'identity'), 'identity')
