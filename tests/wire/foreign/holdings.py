"""What a tenant has of volumes that are passed on, and what the routes for it take, by endpoint."""

from typing import Any

TRANSFERS = ('os-volume-transfer', 'volume-transfers')
BODIES: dict[str, Any] = {
    f'volume POST /v3/{path}': lambda t: {'transfer': {'volume_id': t['volume']}} for path in TRANSFERS
}
IN_PATHS: dict[str, Any] = {
    f'volume POST /v3/{path}/{{id}}/accept': lambda t: {'accept': {'auth_key': t['transfer key']}} for path in TRANSFERS
}


def settle(maker: Any, whose: str) -> None:
    """The tenant has a volume on offer, and the offer's key."""
    volume = maker.make('volume', '/v3/volumes', 'volume', 'offered volume', size=1, name=f'{whose} offered volume')
    maker.await_status('volume', f'/v3/volumes/{volume["id"]}', 'available')
    made = maker.make('volume', '/v3/volume-transfers', 'transfer', volume_id=volume['id'], name=f'{whose} offer')
    maker.things['transfer key'] = made['auth_key']
