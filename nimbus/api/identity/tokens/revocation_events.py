"""`/v3/OS-REVOKE/events`."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors
from nimbus.identity import revocations
from nimbus.identity.roles.application_credentials import moment

# The attribute of each kind of subject on the wire; other kinds are internal to this cloud.
NAMES = {
    'audit': 'audit_id',
    'chain': 'audit_chain_id',
    'user': 'user_id',
    'project': 'project_id',
    'domain': 'domain_id',
    'trust': 'OS-TRUST:trust_id',
    'consumer': 'OS-OAUTH1:consumer_id',
    'access_token': 'OS-OAUTH1:access_token_id',
}


def index(call: Call) -> dict[str, Any]:
    """GET /OS-REVOKE/events: a page, the oldest first, marked as truncated where more follow; see `since`."""
    since = call.arg('since') or None
    try:
        start = moment(since)
    except errors.Invalid:
        raise errors.Invalid(f'invalidate date format {since}') from None
    with call.db.read() as tx:
        rows = revocations.refused(tx, tuple(NAMES), start)
    links = {'next': None, 'self': f'{call.root_url}/OS-REVOKE/events', 'previous': None}
    more = {'truncated': True} if len(rows) == revocations.PAGE else {}
    return {'events': [_shown(row) for row in rows], 'links': links, **more}


def _shown(row: Any) -> dict[str, Any]:
    return {
        NAMES[row.kind]: row.subject,
        'issued_before': clock.iso_micro_z(row.before),
        'revoked_at': clock.iso_micro_z(row.created_at),
    }
