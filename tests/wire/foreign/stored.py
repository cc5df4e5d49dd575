"""What the routes of snapshots, transfers and volume types take, by endpoint."""

from typing import Any

from tests.wire.foreign.bodies import Body

PAIR: dict[str, Any] = {'k': 'v'}
BODIES: dict[str, Body] = {
    'volume POST /v3/snapshots': lambda t: {'snapshot': {'volume_id': t['volume']}},
    'volume POST /v3/volumes/{id}/action revert': lambda t: {'revert': {'snapshot_id': t['snapshot']}},
    **{
        f'volume POST /v3/types/{{id}}/action {action}': lambda t, action=action: {action: {'project': t['project']}}
        for action in ('addProjectAccess', 'removeProjectAccess')
    },
    **{
        f'volume POST /v3/{path}': lambda t: {'transfer': {'volume_id': t['volume']}}
        for path in ('os-volume-transfer', 'volume-transfers')
    },
}
IN_PATHS: dict[str, Body] = {
    'volume PUT /v3/snapshots/{id}': lambda t: {'snapshot': {'name': 'x'}},
    **{f'volume {method} /v3/snapshots/{{id}}/metadata': lambda t: {'metadata': PAIR} for method in ('POST', 'PUT')},
    'volume PUT /v3/snapshots/{id}/metadata/{key}': lambda t: {'meta': PAIR},
    **{
        f'volume POST /v3/{path}/{{id}}/accept': lambda t: {'accept': {'auth_key': t['transfer key']}}
        for path in ('os-volume-transfer', 'volume-transfers')
    },
}
