"""Snapshots over HTTP (/snapshots)."""

import functools
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE, Any_, Mapping, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.api.volume import filters, lists
from nimbus.api.volume.microversions import LikeFilters, SnapshotFilters, SnapshotSorts, UsedSnapshots
from nimbus.api.volume.volume_actions import BOOLEAN, truth
from nimbus.api.volume.volumes import PAIRS, trimmed
from nimbus.common import errors
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume.volumes import snapshot_search, snapshots

SORTS = ('id', 'status', 'volume_id', 'created_at', 'updated_at', 'display_name')
COLUMNS = {'display_name': 'name'}
OPEN = ('name', 'status', 'volume_id', 'metadata', 'availability_zone', 'consumes_quota')  # filters for all users
ATTRIBUTES = 'os-extended-snapshot-attributes'


class Snapshot(Noun):
    """A snapshot of a volume."""

    one, many = 'snapshot', 'snapshots'

    id = Text()
    created_at = Text(source=lambda row, call: iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: iso_micro(row.updated_at))
    name = Text(READ, CREATE, UPDATE, null=True)
    description = Text(READ, CREATE, UPDATE, null=True)
    display_name = Text(CREATE, UPDATE, null=True)
    display_description = Text(UPDATE, null=True)
    volume_id = Any_(READ, CREATE, schema={'type': ['string', 'null'], 'format': 'uuid'}, required=True)
    status = Text()
    size = Any_()
    metadata = Mapping(READ, CREATE, schema=PAIRS, null=True)
    force = Any_(CREATE, schema=BOOLEAN)
    group_snapshot_id = Text(source=lambda row, call: None, since=(3, 14))
    user_id = Text(since=(3, 41))
    consumes_quota = Any_(source=lambda row, call: True, since=(3, 65))

    @classmethod
    def _inner_schema(cls, verb: str, version: Version) -> dict[str, Any]:
        """The schema of the noun itself; an update changes something."""
        inner = super()._inner_schema(verb, version)
        if verb == UPDATE:
            inner['anyOf'] = [{'required': [name]} for name in inner['properties']]
        return inner


def _plain(call: Call, row: Any) -> dict[str, Any]:
    return Snapshot.view(call.version)(row, call)


def _shown(call: Call, row: Any) -> dict[str, Any]:
    """One snapshot as the asker may see it."""
    found = _plain(call, row)
    if call.allows('volume_extension:extended_snapshot_attributes', project_id=row.project_id):
        found[f'{ATTRIBUTES}:project_id'] = row.project_id
        found[f'{ATTRIBUTES}:progress'] = row.progress
    return found


def index(call: Call) -> dict[str, Any]:
    """A page of snapshots."""
    return lists.answer(call, 'snapshots', _page(call), snapshot_search, Snapshot.view(call.version))


def detail(call: Call) -> dict[str, Any]:
    """A page of snapshots in the detailed view."""
    return lists.answer(call, 'snapshots', _page(call), snapshot_search, lambda row, call: _shown(call, row))


def _page(call: Call) -> listing.Page:
    """The requested page with its filters.  Raises Invalid."""
    sorts = (*SORTS, 'name') if call.speaks(SnapshotSorts) else SORTS
    return lists.page(call, OPEN, sorts, functools.partial(_filter, call), COLUMNS)


def _filter(call: Call, name: str, value: str) -> dict[str, Any]:
    """{name: what a search takes}, or nothing where the version has no such filter."""
    if name == 'metadata':
        return {name: filters.pairs(name, value)} if call.speaks(SnapshotFilters) else {}
    if name == 'consumes_quota':
        return filters.of_quota(call, value)
    if name.endswith('~'):
        return {name: value} if call.speaks(LikeFilters) else {}
    if name in snapshot_search.PLAIN or name == 'availability_zone':
        return {name: value}
    return {name: value} if name == 'project_id' and filters.of_everyone(call) else {}


def show(call: Call, id: str) -> dict[str, Any]:
    """One snapshot."""
    with call.db.read() as tx:
        return {'snapshot': _shown(call, snapshots.show(tx, call.context, id))}


def create(call: Call) -> dict[str, Any]:
    """A snapshot is being created."""
    given = call.given
    in_use = _of_used(call)
    with call.db.write() as tx:
        row = snapshots.create(
            tx,
            call.context,
            given['volume_id'],
            quotas=call.parts.extra['volume_quotas'],
            name=trimmed(given.get('name', given.get('display_name'))),
            description=trimmed(given.get('description')),
            metadata=given.get('metadata') or {},
            in_use=in_use,
        )
    return {'snapshot': _plain(call, row)}


def _of_used(call: Call) -> bool:
    """Whether the volume may be with a server: where `force` says so, and since 3.66 always.  Raises Invalid."""
    force = call.given.get('force')
    if not call.speaks(UsedSnapshots):
        return force is not None and truth(force)
    if force is not None and not truth(force):
        raise errors.Invalid(
            "Since microversion 3.66 of the Block Storage API, the 'force' option is invalid for this request. For "
            "backward compatibility, however, when the 'force' flag is passed with a value evaluating to True, it is "
            'silently ignored.'
        )
    return True


def update(call: Call, id: str) -> dict[str, Any]:
    """The snapshot has another name or description."""
    given, values = call.given, {}
    for name in ('name', 'description'):
        for spelt in (name, f'display_{name}'):
            if spelt in given:
                values[name] = trimmed(given[spelt])
    with call.db.write() as tx:
        snapshots.change(tx, call.context, id, **values)
        return {'snapshot': _plain(call, snapshots.show(tx, call.context, id))}


def delete(call: Call, id: str) -> None:
    """The snapshot is being deleted."""
    with call.db.write() as tx:
        snapshots.delete(tx, call.context, id)


def _has(pairs: dict[str, str], id: str, key: str) -> None:
    if key not in pairs:
        raise errors.NotFound(f'Snapshot {id} has no metadata with key {key}.')


def metadata(call: Call, id: str) -> dict[str, Any]:
    """GET metadata: every pair."""
    with call.db.read() as tx:
        return {'metadata': snapshots.show(tx, call.context, id).metadata}


def show_metadata(call: Call, id: str, key: str) -> dict[str, Any]:
    """One pair."""
    found = metadata(call, id)['metadata']
    _has(found, id, key)
    return {'meta': {key: found[key]}}


def _write(call: Call, id: str, change: Any) -> dict[str, str]:
    with call.db.write() as tx:
        pairs: dict[str, str] = change(dict(snapshots.show(tx, call.context, id).metadata))
        snapshots.set_metadata(tx, id, pairs)
    return pairs


def add_metadata(call: Call, id: str) -> dict[str, Any]:
    """The given pairs are added to those that were there."""
    return {'metadata': _write(call, id, lambda pairs: {**pairs, **call.body['metadata']})}


def replace_metadata(call: Call, id: str) -> dict[str, Any]:
    """The given pairs replace all others."""
    return {'metadata': _write(call, id, lambda pairs: dict(call.body['metadata']))}


def update_metadata(call: Call, id: str, key: str) -> dict[str, Any]:
    """One pair has another value."""
    given = call.body['meta']
    if list(given) != [key]:
        raise errors.Invalid('Request body and URI mismatch')
    _write(call, id, lambda pairs: {**pairs, **given})
    return {'meta': given}


def delete_metadata(call: Call, id: str, key: str) -> None:
    """One pair is gone."""

    def without(pairs: dict[str, str]) -> dict[str, str]:
        _has(pairs, id, key)
        return {name: value for name, value in pairs.items() if name != key}

    _write(call, id, without)
