"""Export what is known of a backup, and take it in again where the database has lost it."""

import base64
import binascii
import json
import re
from typing import Any

from nimbus.common import clock, context, errors, ids, jobs, times
from nimbus.common.database import db
from nimbus.volume import hosts, notifications
from nimbus.volume.backups import backups, progress
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import AVAILABLE

LARGEST = 2147483647  # GiB
TEXTS = ('display_name', 'display_description', 'container', 'host')
IDS = ('id', 'volume_id', 'snapshot_id', 'parent_id', 'service_metadata', 'parent_service_metadata')
SURROGATE = re.compile('[\ud800-\udfff]')
Pairs = dict[str, str]


def export(backup: Any) -> dict[str, str]:
    """The record of the backup: {'backup_service', 'backup_url'}.  Raises Invalid when it is not available."""
    if backup.status != AVAILABLE:
        raise errors.Invalid(f'Invalid backup: Backup status must be available and not {backup.status}.')
    told = {
        'id': backup.id,
        'volume_id': backup.volume_id,
        'snapshot_id': backup.snapshot_id,
        'display_name': backup.name,
        'display_description': backup.description,
        'container': backup.container,
        'size': backup.size,
        'host': backup.host,
        'service': backup.service,
        'service_metadata': backup.place,
        'parent_id': backup.parent_id,
        'parent_service_metadata': backup.parent_place,
        'bootable': backup.bootable,
        'image': backup.image,
        'metadata': backup.metadata,
        'data_timestamp': clock.iso(backup.data_timestamp),
    }
    return {
        'backup_service': backup.service,
        'backup_url': base64.b64encode(json.dumps(told, separators=(',', ':')).encode()).decode(),
    }


def take_in(tx: db.Tx, ctx: context.Context, service: str, url: str, quotas: VolumeQuotas | None = None) -> Any:
    """The backup of the record is being looked for in its store, and is one of the asker's project.

    Raises Invalid for a record that says nothing or of a backup that is known, OverQuota, and Unavailable when no host
    has such a store.
    """
    told = _decoded(url)
    if progress.look(tx, told['id']) is not None:
        raise errors.Invalid('Invalid backup: Backup already exists in database.')
    keeper = hosts.keeper_of(tx, service, told['host'])
    (quotas or VolumeQuotas()).hold_backup(tx, ctx.project_id or '', told['size'])
    now = clock.Clock().now()
    backups.insert(
        tx,
        ctx,
        told['metadata'],
        id=told['id'],
        volume_id=told['volume_id'] or told['id'],
        snapshot_id=told['snapshot_id'],
        name=told['display_name'],
        description=told['display_description'],
        container=told['container'],
        size=told['size'],
        availability_zone=keeper.zone,
        host=keeper.host,
        service=service,
        shared=keeper.facts['backup_shared'],
        place=told['service_metadata'] or told['id'],
        parent_id=told['parent_id'],
        parent_place=told['parent_service_metadata'] or told['parent_id'],
        bootable=told['bootable'],
        image=told['image'],
        data_timestamp=told['data_timestamp'] or now,
        created_at=now,
    )
    jobs.start(tx, ctx, 'import_backup', told['id'])
    notifications.notify_backup(tx, told['id'], 'import.start', ctx)
    return backups.show(tx, ctx, told['id'])


def _decoded(url: str) -> dict[str, Any]:
    """What the record says, each name with a value of its kind.  Raises Invalid."""
    try:
        told = json.loads(base64.b64decode(url, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _refused("Can't parse backup record.") from None
    if not isinstance(told, dict):
        raise _refused("Can't parse backup record.")
    for name, what in (('id', 'an id'), ('size', 'size attribute')):
        if name not in told:
            raise _refused(f'Provided backup record is missing {what}')
    found = {name: _text(told, name) for name in TEXTS} | {name: _id(told, name) for name in IDS}
    if found['id'] is None:
        raise _refused('Provided backup record is missing an id')
    size, moment = told['size'], _text(told, 'data_timestamp')
    if type(size) is not int or not 1 <= size <= LARGEST:
        raise _refused(f'The size of a backup record is whole GiB, 1 to {LARGEST}.')
    found |= {'size': size, 'data_timestamp': times.read(moment) if moment else None}
    found |= {'bootable': told.get('bootable') is True, 'image': _image(told.get('image'))}
    return found | {'metadata': _pairs('metadata', told.get('metadata') or {})}


def _text(told: dict[str, Any], name: str) -> str | None:
    value = told.get(name)
    if value is not None and not _plain(value):
        raise _refused(f'The {name} of a backup record is a text of at most 255 characters.')
    return value


def _plain(value: Any) -> bool:
    """Whether it is a text that every database keeps."""
    return isinstance(value, str) and len(value) <= 255 and '\0' not in value and not SURROGATE.search(value)


def _id(told: dict[str, Any], name: str) -> str | None:
    value = _text(told, name)
    if value is not None and not ids.is_uuid(value):
        raise _refused(f'The {name} of a backup record is a UUID.')
    return value


def _image(value: Any) -> dict[str, Any] | None:
    """The facts of the image that the volume was made from."""
    if value is None:
        return None
    if not isinstance(value, dict) or len(value) > 64:
        raise _refused('The image of a backup record is a mapping.')
    facts = {name: one for name, one in value.items() if name != 'properties'}
    if not all(_plain(name) and (one is None or type(one) is int or _plain(one)) for name, one in facts.items()):
        raise _refused('The image of a backup record has texts and numbers.')
    return {**facts, 'properties': _pairs('properties', value.get('properties') or {})}


def _pairs(name: str, value: Any) -> Pairs:
    if not isinstance(value, dict) or len(value) > 256:
        raise _refused(f'The {name} of a backup record is a mapping of at most 256 texts.')
    if not all(_plain(key) and _plain(one) for key, one in value.items()):
        raise _refused(f'The {name} of a backup record has texts of at most 255 characters.')
    return value


def _refused(sentence: str) -> errors.Invalid:
    return errors.Invalid(f'Invalid input received: {sentence}')
