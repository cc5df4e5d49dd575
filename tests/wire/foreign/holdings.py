"""What a tenant has of the volume service beside volumes and snapshots."""

from typing import Any


def settle(maker: Any, whose: str) -> None:
    """The tenant has a volume on offer, and the offer's key."""
    volume = maker.make('volume', '/v3/volumes', 'volume', 'offered volume', size=1, name=f'{whose} offered volume')
    maker.await_status('volume', f'/v3/volumes/{volume["id"]}', 'available')
    made = maker.make('volume', '/v3/volume-transfers', 'transfer', volume_id=volume['id'], name=f'{whose} offer')
    maker.things['transfer key'] = made['auth_key']
