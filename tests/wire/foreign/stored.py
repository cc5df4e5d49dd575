"""What the routes of volumes, snapshots and volume types take, by endpoint."""

import base64
import json
from typing import Any

from nimbus.common import ids
from tests.wire.foreign.bodies import Body


def record() -> dict[str, str]:
    """The record of a backup that is not known."""
    told = json.dumps({'id': ids.dashed(), 'size': 1}).encode()
    return {'backup_service': 'nimbus.memory', 'backup_url': base64.b64encode(told).decode()}


PAIR: dict[str, Any] = {'k': 'v'}
BODIES: dict[str, Body] = {
    'volume POST /v3/backups': lambda t: {'backup': {'volume_id': t['backed volume']}},
    'volume POST /v3/backups/{id}/restore': lambda t: {'restore': {'volume_id': t['refilled volume']}},
    'volume POST /v3/backups/import_record': lambda t: {'backup-record': record()},
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
    'volume PUT /v3/backups/{id}': lambda t: {'backup': {'name': 'x'}},
    'volume PUT /v3/volumes/{id}': lambda t: {'volume': {'name': 'x'}},
    'volume PUT /v3/snapshots/{id}': lambda t: {'snapshot': {'name': 'x'}},
    **{
        f'volume {method} /v3/{many}/{{id}}/metadata': lambda t: {'metadata': PAIR}
        for many in ('volumes', 'snapshots')
        for method in ('POST', 'PUT')
    },
    **{f'volume PUT /v3/{many}/{{id}}/metadata/{{key}}': lambda t: {'meta': PAIR} for many in ('volumes', 'snapshots')},
}
