"""What the routes of volumes, snapshots and volume types take, by endpoint."""

from typing import Any

from tests.wire.foreign.bodies import Body

PAIR: dict[str, Any] = {'k': 'v'}
BODIES: dict[str, Body] = {
    'volume POST /v3/snapshots': lambda t: {'snapshot': {'volume_id': t['volume']}},
    'volume POST /v3/volumes/{id}/action os-volume_upload_image': lambda t: {
        'os-volume_upload_image': {'image_name': 'x'}
    },
    'volume POST /v3/volumes/{id}/action revert': lambda t: {'revert': {'snapshot_id': t['snapshot']}},
    **{
        f'volume POST /v3/types/{{id}}/action {action}': lambda t, action=action: {action: {'project': t['project']}}
        for action in ('addProjectAccess', 'removeProjectAccess')
    },
}
PLACES = {
    'volume POST /v3/types/{id}/action addProjectAccess': {'id': 'free type'},
    'volume POST /v3/types/{id}/action removeProjectAccess': {'id': 'granted type'},
}
IN_PATHS: dict[str, Body] = {
    'volume PUT /v3/volumes/{id}': lambda t: {'volume': {'name': 'x'}},
    'volume PUT /v3/snapshots/{id}': lambda t: {'snapshot': {'name': 'x'}},
    **{
        f'volume {method} /v3/{many}/{{id}}/metadata': lambda t: {'metadata': PAIR}
        for many in ('volumes', 'snapshots')
        for method in ('POST', 'PUT')
    },
    **{f'volume PUT /v3/{many}/{{id}}/metadata/{{key}}': lambda t: {'meta': PAIR} for many in ('volumes', 'snapshots')},
}
