"""What a tenant has of volumes that are passed on or failed, and what the routes for it take, by endpoint."""

from typing import Any

TRANSFERS = ('os-volume-transfer', 'volume-transfers')
BODIES: dict[str, Any] = {
    **{f'volume POST /v3/{path}': lambda t: {'transfer': {'volume_id': t['volume']}} for path in TRANSFERS},
    'volume PUT /v3/default-types/{project}': lambda t: {'default_type': {'volume_type': t['volume_type']}},
    'volume PUT /v3/os-services/freeze': lambda t: {'host': t['host']},
    'volume PUT /v3/os-services/thaw': lambda t: {'host': t['host']},
    'volume POST /v3/volumes/{id}/action os-initialize_connection': lambda t: {
        'os-initialize_connection': {'connector': {'host': 'x'}}
    },
    'volume POST /v3/volumes/{id}/action os-terminate_connection': lambda t: {
        'os-terminate_connection': {'connector': {'host': 'x'}}
    },
    'volume POST /v3/volumes/{id}/action os-force_detach': lambda t: {'os-force_detach': {}},
    'volume POST /v3/volumes/{id}/action os-retype': lambda t: {'os-retype': {'new_type': t['volume_type']}},
    'volume POST /v3/qos-specs': lambda t: {'qos_specs': {'name': 'x'}},
    'volume PUT /v3/qos-specs/{id}': lambda t: {'qos_specs': {'k': 'x'}},
    'volume PUT /v3/qos-specs/{id}/delete_keys': lambda t: {'keys': ['k']},
    'volume POST /v3/workers/cleanup': lambda t: {'binary': 'cinder-volume'},
}
IN_PATHS: dict[str, Any] = {
    f'volume POST /v3/{path}/{{id}}/accept': lambda t: {'accept': {'auth_key': t['transfer key']}} for path in TRANSFERS
}

# What is asked at another volume than the first.
PLACES = {'volume POST /v3/volumes/{id}/action os-force_detach': {'id': 'server volume'}}


def settle(maker: Any, whose: str) -> None:
    """The tenant has a volume on offer with the offer's key, and a message of one that no host could take."""
    volume = maker.make('volume', '/v3/volumes', 'volume', 'offered volume', size=1, name=f'{whose} offered volume')
    maker.await_status('volume', f'/v3/volumes/{volume["id"]}', 'available')
    made = maker.make('volume', '/v3/volume-transfers', 'transfer', volume_id=volume['id'], name=f'{whose} offer')
    maker.things['transfer key'] = made['auth_key']
    told = {'size': 1, 'name': f'{whose} failed volume', 'volume_type': 'for no host'}
    volume = maker.make('volume', '/v3/volumes', 'volume', 'failed volume', **told)
    maker.await_status('volume', f'/v3/volumes/{volume["id"]}', 'error')
    rows = maker.ask('volume', 'GET', '/v3/messages', OPENSTACK_API_VERSION='volume 3.44').json['messages']
    maker.things['message'] = rows[0]['id']
