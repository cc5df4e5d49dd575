"""Backups over HTTP (/backups)."""

import functools
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE, Any_, Mapping, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.api.volume import filters, lists
from nimbus.api.volume.microversions import BackupProjects, BackupSorts, BackupUsers, LikeFilters
from nimbus.api.volume.volume_actions import truth
from nimbus.api.volume.volumes import PAIRS, trimmed
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume.backups import backups, search
from nimbus.volume.backups.backups import Wanted

SORTS = ('id', 'status', 'volume_id', 'size', 'created_at', 'updated_at')
OPEN = ('name', 'status', 'volume_id')  # filters for all users
BOOLEAN = {
    'type': ['boolean', 'string'],
    'enum': [True, False, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't',
             'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f'],
}  # fmt: skip
UUID = {'type': 'string', 'format': 'uuid'}


class Summary(Noun):
    """A backup in a short list, and when it was asked for."""

    one, many = 'backup', 'backups'
    id = Text()
    name = Text()
    links = Any_(source=lambda row, call: lists.links(call, 'backups', row.id))


class Backup(Noun):
    """A backup of a volume."""

    one, many = 'backup', 'backups'

    id = Text()
    status = Text()
    size = Any_()
    object_count = Any_()
    availability_zone = Text()
    container = Text(READ, CREATE, null=True)
    created_at = Text(source=lambda row, call: iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: iso_micro(row.updated_at))
    name = Text(READ, CREATE, UPDATE, null=True)
    description = Text(READ, CREATE, UPDATE, null=True)
    fail_reason = Text(source='trouble')
    volume_id = Any_(READ, CREATE, schema=UUID, required=True)
    links = Any_(source=lambda row, call: lists.links(call, 'backups', row.id))
    is_incremental = Any_(source=lambda row, call: row.parent_id is not None)
    has_dependent_backups = Any_(source=lambda row, call: row.dependents > 0)
    snapshot_id = Any_(READ, CREATE, schema={**UUID, 'type': ['string', 'null']})
    data_timestamp = Text(source=lambda row, call: iso_micro(row.data_timestamp))
    metadata = Mapping(READ, CREATE, schema=PAIRS, null=True, since=(3, 43))
    incremental = Any_(CREATE, schema=BOOLEAN)
    force = Any_(CREATE, schema=BOOLEAN)


class NewBackup(Backup):
    """A backup that is asked for; from 3.51 on in a zone."""

    availability_zone = Text(READ, CREATE, null=True, since=(3, 51))


class ChangedBackup(Backup):
    """A backup that is changed."""

    metadata = Mapping(READ, UPDATE, schema=PAIRS, since=(3, 43))


def _shown(call: Call, row: Any) -> dict[str, Any]:
    """One backup as the asker may see it."""
    found = Backup.view(call.version)(row, call)
    if call.speaks(BackupProjects) and call.allows('backup:backup_project_attribute', project_id=row.project_id):
        found['os-backup-project-attr:project_id'] = row.project_id
        if call.speaks(BackupUsers):
            found['user_id'] = row.user_id
    return found


def summary(call: Call, row: Any) -> dict[str, Any]:
    """One backup in the short view."""
    return {'backup': Summary.view(call.version)(row, call)}


def index(call: Call) -> dict[str, Any]:
    """A page of backups in the short view."""
    return lists.answer(call, 'backups', _page(call), search, Summary.view(call.version))


def detail(call: Call) -> dict[str, Any]:
    """A page of backups in the detailed view."""
    return lists.answer(call, 'backups', _page(call), search, lambda row, call: _shown(call, row))


def _page(call: Call) -> listing.Page:
    """The requested page with its filters.  Raises Invalid."""
    sorts = (*SORTS, 'name') if call.speaks(BackupSorts) else SORTS
    return lists.page(call, OPEN, sorts, functools.partial(_filter, call))


def _filter(call: Call, name: str, value: str) -> dict[str, Any]:
    """{name: what a search takes}, or nothing where the version has no such filter."""
    if name.endswith('~'):
        return {name: value} if call.speaks(LikeFilters) and name[:-1] in search.LIKE else {}
    if name == 'size':
        return {name: filters.sized(value)}
    if name in search.PLAIN:
        return {name: value}
    return {name: value} if name == 'project_id' and filters.of_everyone(call) else {}


def show(call: Call, id: str) -> dict[str, Any]:
    """One backup."""
    with call.db.read() as tx:
        return {'backup': _shown(call, backups.show(tx, call.context, id))}


def create(call: Call) -> dict[str, Any]:
    """A backup is being made."""
    given = call.given
    wanted = Wanted(
        given['volume_id'],
        snapshot_id=given.get('snapshot_id'),
        name=trimmed(given.get('name')),
        description=trimmed(given.get('description')),
        container=given.get('container'),
        zone=given.get('availability_zone') or None,
        incremental=truth(given.get('incremental')),
        force=truth(given.get('force')),
        metadata=given.get('metadata') or {},
    )
    with call.db.write() as tx:
        return summary(call, backups.create(tx, call.context, wanted, call.parts.extra['volume_quotas']))


def update(call: Call, id: str) -> dict[str, Any]:
    """The backup has another name, description or metadata."""
    given = call.given
    values = {name: trimmed(given[name]) for name in ('name', 'description') if name in given}
    with call.db.write() as tx:
        backups.change(tx, call.context, id, **values)
        if 'metadata' in given:
            backups.set_metadata(tx, id, given['metadata'])
        return summary(call, backups.show(tx, call.context, id))


def delete(call: Call, id: str) -> None:
    """The backup is being deleted."""
    with call.db.write() as tx:
        backups.delete(tx, call.context, id)
