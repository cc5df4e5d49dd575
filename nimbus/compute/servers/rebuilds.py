"""Rebuild servers: new disks from an image, on the same host, with the same addresses and volumes."""

import dataclasses
import types
from typing import Any

from nimbus.common import clock, context, errors, jobs
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.devices import device_names
from nimbus.compute.devices.block_requests import ROOT
from nimbus.compute.models import Server
from nimbus.compute.servers import boot_checks, guests, lookups, servers
from nimbus.volume.volumes import volumes


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A request to rebuild a server; its schema and policy are checked already."""

    image_id: str
    admin_pass: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)  # columns of the server that are to change
    changes_key: bool = False
    key_name: str | None = None  # None with `changes_key`: the server has no key any more
    personality: tuple[dict[str, str], ...] = ()
    preserve_ephemeral: bool = False
    writes_root_volume: bool = False  # whether the disk of a server that boots from a volume is to be written too
    may_have_no_disk: bool = False


def rebuild(tx: db.Tx, asker: context.Context, server_id: str, wanted: Wanted) -> Any:
    """The server is being rebuilt; returns its row.

    Raises NotFound, Conflict, WrongState, Invalid, Forbidden and OverQuota.
    """
    before = servers.begin(tx, asker, server_id, 'rebuild')
    spec = servers.spec(tx, server_id)
    root = next((device for device in spec['bdms'] if device['boot_index'] == ROOT), None)
    values = dict(wanted.values)
    if guests.boots_from_volume(spec):
        image = _image_of_volume(tx, before, root, wanted)
    else:
        image = lookups.image(tx, asker, wanted.image_id)
        values |= {'image_id': wanted.image_id, 'image': image, 'root_device': device_names.root(image, spec['bdms'])}
        _fits(before, image, wanted)
    if wanted.changes_key:
        values |= {'key_name': wanted.key_name, 'key': lookups.key(tx, asker, wanted.key_name)}
    boot_checks.limits(tx, asker, values.get('properties', {}), wanted.personality)
    values['config_drive'] = before.config_drive or boot_checks.wants_config_drive(image)
    values |= {'personality': list(wanted.personality), 'admin_pass': wanted.admin_pass, 'progress': 0}
    tx.update(Server, Server.id == server_id, **values)
    stopped = before.vm_state == states.STOPPED
    jobs.start(tx, asker, 'rebuild_server', server_id, stopped=stopped, preserve=wanted.preserve_ephemeral)
    return servers.row_of(tx, server_id)


def _image_of_volume(tx: db.Tx, before: Any, root: dict[str, Any] | None, wanted: Wanted) -> dict[str, Any] | None:
    """The image that the root volume was made from, which is what it stays.  Raises Invalid."""
    made_from = None
    if root and root['volume_id']:
        made_from = (volumes.show(tx, context.internal(), root['volume_id']).image or {}).get('image_id')
    if wanted.writes_root_volume:
        raise _unacceptable(wanted.image_id, 'This cloud does not write the root volume of a server anew.')
    if made_from != wanted.image_id:
        raise _unacceptable(wanted.image_id, 'Unable to rebuild with a different image for a volume-backed server.')
    found: dict[str, Any] | None = before.image
    return found


def _unacceptable(image_id: str, why: str) -> errors.Invalid:
    return errors.Invalid(f'Image {image_id} is unacceptable: {why}')


def _fits(before: Any, image: dict[str, Any] | None, wanted: Wanted) -> None:
    """Nothing, when the server's flavor is large enough for the image and its wishes can be met.  Raises Invalid."""
    flavor = types.SimpleNamespace(**before.flavor)
    boot_checks.image_fits(image, flavor, wanted.may_have_no_disk, None)
    boot_checks.wishes_can_be_met(flavor, image)


def finish(tx: db.Tx, server_id: str, *, stopped: bool) -> None:
    """The server runs on its new disks, or is off as it was, and its admin password is removed from the row."""
    values: dict[str, Any] = {'launched_at': clock.Clock().now(), 'fault': None, 'admin_pass': None}
    if stopped:
        values |= {'vm_state': states.STOPPED, 'power_state': states.SHUTDOWN}
    servers.finished(tx, server_id, 'rebuild', **values)
