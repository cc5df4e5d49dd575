"""Rescue servers: start one from another image, its own disk beside it, so that it can be repaired."""

import dataclasses
from typing import Any

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.guest import Rescue
from nimbus.compute.models import Server
from nimbus.compute.servers import guests, lookups, servers

DEVICES = ('disk', 'cdrom')
BUSES = ('virtio', 'scsi', 'sata', 'ide', 'usb')


def rescue(
    tx: db.Tx, asker: context.Context, server_id: str, *, image_id: str | None, admin_pass: str, on_volume: bool
) -> None:
    """The server is being started from the image, or from its own without one.

    `on_volume`: whether a server that boots from a volume may be.  Raises NotFound, Conflict, WrongState and Invalid.
    """
    before = servers.begin(tx, asker, server_id, 'rescue')
    facts = _image(tx, asker, image_id) if image_id else before.image
    properties = (facts or {}).get('properties') or {}
    device, bus = properties.get('hw_rescue_device'), properties.get('hw_rescue_bus')
    if guests.boots_from_volume(servers.spec(tx, server_id)) and not (on_volume and device and bus):
        raise _not_rescuable(server_id, 'Cannot rescue a volume-backed instance')
    found = guests.image(facts) if facts and facts.get('id') else None
    if found is None:
        raise _not_rescuable(server_id, 'It has no image of its own, and none was named')
    if device and device not in DEVICES:
        raise _not_rescuable(server_id, f'A rescue device must be {" or ".join(DEVICES)}, not {device}')
    if bus and bus not in BUSES:
        raise _not_rescuable(server_id, f'The bus of a rescue device must be one of {", ".join(BUSES)}, not {bus}')
    wanted = Rescue(found, device or ('disk' if bus else ''), bus or '')
    tx.update(Server, Server.id == server_id, admin_pass=admin_pass)
    running = before.vm_state == states.ACTIVE
    jobs.start(tx, asker, 'rescue_server', server_id, rescue=dataclasses.asdict(wanted), running=running)


def _image(tx: db.Tx, asker: context.Context, image_id: str) -> dict[str, Any] | None:
    try:
        return lookups.image(tx, asker, image_id)
    except errors.Invalid:
        raise errors.Invalid(f"Requested rescue image '{image_id}' is not supported") from None


def _not_rescuable(server_id: str, why: str) -> errors.Invalid:
    return errors.Invalid(f'Instance {server_id} cannot be rescued: {why}')


def rescued(tx: db.Tx, server_id: str) -> None:
    """The server runs from the other image, and its admin password is removed from the row."""
    servers.finished(tx, server_id, 'rescue', admin_pass=None)


def unrescue(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being started from its own disk again.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'unrescue')
    jobs.start(tx, asker, 'unrescue_server', server_id)
