"""`/v3/auth`: tokens, the catalog, and the scopes that a token's user may request."""

from typing import Any

from nimbus.api.identity import notifications, wire
from nimbus.api.identity.authentication import asked, authority
from nimbus.api.identity.people import domains, projects
from nimbus.api.kit.encoding import encode
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import clock, errors, numbers
from nimbus.identity import revocations
from nimbus.identity.catalog import catalog
from nimbus.identity.roles.access_rules import as_shown
from nimbus.identity.tokens import receipts, scopes
from nimbus.identity.tokens.subjects import Place, Subject
from nimbus.identity.tokens.tokens import Entry

SUBJECT = 'X-Subject-Token'
ACCESS_RULES = 'OpenStack-Identity-Access-Rules'  # a version, sent by services that enforce access rules
_NAMED = {'type': 'object', 'properties': {'id': {'type': 'string'}, 'name': {'type': 'string'}}}
_IN_DOMAIN = {'type': 'object', 'properties': {**_NAMED['properties'], 'domain': _NAMED}}
_USER = {'type': 'object', 'properties': {**_IN_DOMAIN['properties'], 'password': {'type': 'string'}}}
_PASSCODE = {'type': 'object', 'properties': {**_IN_DOMAIN['properties'], 'passcode': {'type': 'string'}}}
LOGIN = Shape(
    {
        'type': 'object',
        'required': ['auth'],
        'properties': {
            'auth': {
                'type': 'object',
                'required': ['identity'],
                'properties': {
                    'identity': {
                        'type': 'object',
                        'required': ['methods'],
                        'properties': {
                            'methods': {'type': 'array', 'items': {'type': 'string'}},
                            'password': {'type': 'object', 'properties': {'user': _USER}},
                            'totp': {'type': 'object', 'properties': {'user': _PASSCODE}},
                            'token': {
                                'type': 'object',
                                'properties': {'id': {'type': 'string'}},
                                'required': ['id'],
                            },
                            'oauth1': {'type': 'object'},
                            'application_credential': {
                                'type': 'object',
                                'properties': {
                                    **_NAMED['properties'],
                                    'secret': {'type': 'string'},
                                    'user': _IN_DOMAIN,
                                },
                            },
                        },
                    },
                    'scope': {
                        'type': ['object', 'string'],
                        'properties': {
                            'project': _IN_DOMAIN,
                            'domain': _NAMED,
                            'system': {'type': 'object', 'properties': {'all': {'type': 'boolean'}}},
                            'OS-TRUST:trust': {'type': 'object', 'properties': {'id': {'type': 'string'}}},
                        },
                    },
                },
            },
        },
    }
)


def issue(call: Call) -> Reply:
    """POST /auth/tokens."""
    auth = call.body['auth']
    receipt = call.header(receipts.HEADER)
    try:
        token, subject = authority(call).login(auth['identity'], auth.get('scope'), receipt, asked(call))
    except (errors.Unauthenticated, errors.NotFound, errors.Forbidden) as why:
        notifications.logged_in(call, auth['identity'], None, why)
        if isinstance(why, receipts.Insufficient):
            return _ask_for_more(call, why)
        raise
    notifications.logged_in(call, auth['identity'], subject.user_id, None)
    return Reply(whole(call, subject, catalog_of(call, subject)), 201, [(SUBJECT, token)])


def _ask_for_more(call: Call, why: receipts.Insufficient) -> Reply:
    """The answer to an incomplete multi-factor login: a receipt, and the sets of methods of which one is needed."""
    receipt, user = why.receipt, why.user
    body = {
        'receipt': {
            'methods': list(receipt.methods),
            'user': {
                'id': user.user_id,
                'name': user.user_name,
                'domain': {'id': user.user_domain_id, 'name': user.user_domain_name},
            },
            'expires_at': clock.iso_micro_z(receipt.expires_at),
            'issued_at': clock.iso_micro_z(receipt.issued_at),
        },
        'required_auth_methods': why.required,
    }
    return Reply(body, 401, [(receipts.HEADER, receipts.encrypt(authority(call).validator.keys, receipt))])


def show(call: Call) -> Reply:
    """GET and HEAD /auth/tokens."""
    rule = 'check_token' if call.environ['REQUEST_METHOD'] == 'HEAD' else 'validate_token'
    token, entry = _subject(call, rule)
    headers = [(SUBJECT, token)]
    if 'nocatalog' in call.query:
        return Reply(whole(call, entry.subject, None), 200, headers)
    generation = authority(call).validator.catalog_generation
    if entry.body is None or entry.body_at != generation:
        entry.body = encode(whole(call, entry.subject, catalog_of(call, entry.subject)))
        entry.body_at = generation
    return Reply(entry.body, 200, headers)


def revoke(call: Call) -> None:
    """DELETE /auth/tokens."""
    _, entry = _subject(call, 'revoke_token')
    with wire.writing(call) as tx:
        revocations.revoke(tx, 'audit', entry.subject.claims.audit_ids[0])


def public_keys(call: Call) -> Reply:
    """GET /auth/keys: the public keys of signed tokens as a JWK set, empty where tokens are not signed."""
    return Reply(authority(call).validator.signed.published(), headers=[('Cache-Control', 'public, max-age=60')])


def _subject(call: Call, rule: str) -> tuple[str, Entry]:
    """The subject token in the header.  Raises NotFound when it is not valid, Forbidden by policy."""
    token = call.header(SUBJECT)
    if not token:
        wire.check(call, rule)
        raise errors.NotFound('No token in the request')
    expired = wire.wanted(call, 'allow_expired') and call.context.is_service
    try:
        entry = authority(call).validator.entry(token, expired)
    except errors.Unauthenticated:
        raise errors.NotFound('Failed to validate token') from None
    trust = entry.subject.trust
    owner_id = trust.trustee_user_id if trust and call.context.user_id == trust.trustee_user_id else None
    wire.check(call, rule, token__user_id=owner_id or entry.subject.user_id)
    if rule != 'revoke_token' and entry.subject.rules is not None and not _knows_access_rules(call):
        raise errors.NotFound('Failed to validate token')
    return token, entry


def _knows_access_rules(call: Call) -> bool:
    """Whether the asking service enforces access rules; for others a token with access rules is not found."""
    given = (call.header(ACCESS_RULES) or '').partition('.')[0]
    return (numbers.read(given) or 0) >= 1


def show_catalog(call: Call) -> dict[str, Any]:
    """GET /auth/catalog."""
    wire.check(call, 'get_auth_catalog')
    context = call.context
    if not context.project_id:
        raise errors.Forbidden('A project-scoped token is required to produce a service catalog.')
    shown = authority(call).endpoints(context.project_id)
    links = {'self': f'{call.root_url}/auth/catalog'}
    return {'catalog': catalog.as_shown(shown, context.user_id or '', context.project_id), 'links': links}


def _groups(call: Call) -> tuple[str, ...]:
    """The ids of the groups in the asker's token, which a federated login mapped to."""
    token = call.context.token
    return authority(call).validator.entry(token, True).subject.claims.group_ids if token else ()


def list_projects(call: Call) -> dict[str, Any]:
    """GET /auth/projects and /OS-FEDERATION/projects."""
    wire.check(call, 'get_auth_projects')
    with call.db.read() as tx:
        return projects.listed(call, tx, scopes.projects_of(tx, call.context.user_id or '', _groups(call)))


def list_domains(call: Call) -> dict[str, Any]:
    """GET /auth/domains and /OS-FEDERATION/domains."""
    wire.check(call, 'get_auth_domains')
    with call.db.read() as tx:
        return domains.listed(call, tx, scopes.domains_of(tx, call.context.user_id or '', _groups(call)))


def list_system(call: Call) -> dict[str, Any]:
    """GET /auth/system."""
    wire.check(call, 'get_auth_system')
    with call.db.read() as tx:
        system = [{'all': True}] if scopes.system_of(tx, call.context.user_id or '', _groups(call)) else []
    return {'system': system, 'links': {'self': f'{call.root_url}/auth/system'}}


def catalog_of(call: Call, subject: Subject) -> list[dict[str, Any]] | None:
    """The subject's catalog; None where `nocatalog` is set or the token is unscoped."""
    if 'nocatalog' in call.query or subject.claims.scope == 'unscoped':
        return None
    user_id = subject.trust.trustor_user_id if subject.trust else subject.user_id
    project_id = subject.project.id if subject.project else None
    return catalog.as_shown(authority(call).endpoints(project_id), user_id, project_id)


def whole(call: Call, subject: Subject, shown: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The body of an answer with a token and the enabled service providers."""
    given = describe(subject, shown)
    if others := authority(call).service_providers():
        given['service_providers'] = others
    return {'token': given}


def describe(subject: Subject, shown: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The representation of a token on the wire."""
    claims = subject.claims
    body: dict[str, Any] = {
        'methods': list(claims.methods),
        'user': _user(subject),
        'audit_ids': list(claims.audit_ids),
        'expires_at': clock.iso_micro_z(claims.expires_at),
        'issued_at': clock.iso_micro_z(claims.issued_at),
    }
    if subject.project:
        body['project'] = _project(subject.project)
        if subject.trust is None:
            body['is_domain'] = subject.project.is_domain
    if subject.domain:
        body['domain'] = {'id': subject.domain.id, 'name': subject.domain.name}
    if subject.system:
        body['system'] = {'all': True}
    if subject.roles:
        body['roles'] = [{'id': role_id, 'name': name} for role_id, name in subject.roles]
    if shown is not None:
        body['catalog'] = shown
    return {**body, **_lent(subject)}


def _user(subject: Subject) -> dict[str, Any]:
    user: dict[str, Any] = {
        'domain': {'id': subject.user_domain_id, 'name': subject.user_domain_name},
        'id': subject.user_id,
        'name': subject.user_name,
    }
    claims = subject.claims
    if claims.identity_provider_id:
        user['OS-FEDERATION'] = {
            'groups': [{'id': group_id} for group_id in claims.group_ids],
            'identity_provider': {'id': claims.identity_provider_id},
            'protocol': {'id': claims.protocol_id},
        }
    else:
        user['password_expires_at'] = clock.iso_micro(subject.password_expires_at)
    return user


def _lent(subject: Subject) -> dict[str, Any]:
    """The fields for the delegation that the token was made by, or its certificate; {} for a user's own login."""
    body: dict[str, Any] = {}
    if subject.credential is not None:
        body['application_credential'] = {
            'id': subject.credential.id,
            'name': subject.credential.name,
            'restricted': not subject.credential.unrestricted,
        }
        if subject.rules is not None:
            body['application_credential']['access_rules'] = [as_shown(rule) for rule in subject.rules]
    if subject.trust is not None:
        body['OS-TRUST:trust'] = {
            'id': subject.trust.id,
            'trustor_user': {'id': subject.trust.trustor_user_id},
            'trustee_user': {'id': subject.trust.trustee_user_id},
            'impersonation': subject.trust.impersonation,
        }
    if subject.access_token is not None:
        access = subject.access_token
        body['OS-OAUTH1'] = {'access_token_id': access.id, 'consumer_id': access.consumer_id}
    if subject.claims.thumbprint:
        body['oauth2_credential'] = {'x5t#S256': subject.claims.thumbprint}
    return body


def _project(place: Place) -> dict[str, Any]:
    if place.is_domain:
        return {'domain': None, 'id': place.id, 'name': place.name}
    return {'domain': {'id': place.domain_id, 'name': place.domain_name}, 'id': place.id, 'name': place.name}
