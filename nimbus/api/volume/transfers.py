"""Transfers of volumes to other projects over HTTP (/volume-transfers and its older name /os-volume-transfer)."""

from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.fields import Shape, ShapeByVersion
from nimbus.api.kit.routes import Call, Route
from nimbus.api.volume import filters, lists
from nimbus.api.volume.microversions import TransferHistory, TransferPages, TransfersWithSnapshots
from nimbus.api.volume.volume_actions import BOOLEAN, truth
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume.volumes import transfers

PATHS = ('/os-volume-transfer', '/volume-transfers')
SORTS = ('id', 'name', 'volume_id', 'created_at', 'no_snapshots')
NAME = {'type': ['string', 'null'], 'pattern': r'^\s*\S', 'maxLength': 255}


def _shape(noun: str, required: str, **properties: Any) -> Shape:
    inner = {'type': 'object', 'properties': properties, 'required': [required], 'additionalProperties': False}
    return Shape({'type': 'object', 'properties': {noun: inner}, 'required': [noun], 'additionalProperties': False})


GIVEN: dict[str, Any] = {'volume_id': {'type': 'string', 'format': 'uuid'}, 'name': NAME}
OFFER = _shape('transfer', 'volume_id', **GIVEN)
OFFERS = {
    PATHS[0]: OFFER,
    PATHS[1]: ShapeByVersion(
        ((3, 0), OFFER), (TransfersWithSnapshots.number, _shape('transfer', 'volume_id', **GIVEN, no_snapshots=BOOLEAN))
    ),
}
ACCEPT = _shape('accept', 'auth_key', auth_key={'type': ['string', 'integer'], 'maxLength': 255})


def _summary(call: Call, row: Any) -> dict[str, Any]:
    links = lists.links(call, 'os-volume-transfer', row.id)
    return {'id': row.id, 'volume_id': row.volume_id, 'name': row.name, 'links': links}


def _whole(call: Call, row: Any) -> dict[str, Any]:
    """An offer with all that its owner sees; one that is there has not been accepted."""
    found = {**_summary(call, row), 'created_at': iso_micro(row.created_at)}
    if call.speaks(TransfersWithSnapshots):
        found['no_snapshots'] = row.no_snapshots
    if call.speaks(TransferHistory):
        found |= {'source_project_id': row.project_id, 'destination_project_id': None, 'accepted': False}
    return found


def index(call: Call) -> dict[str, Any]:
    """A page of offers in the short view."""
    return _list(call, _summary)


def detail(call: Call) -> dict[str, Any]:
    """A page of offers in the detailed view."""
    return _list(call, _whole)


def _list(call: Call, view: Any) -> dict[str, Any]:
    paged = call.route.path.startswith(PATHS[1]) and call.speaks(TransferPages)
    found = {name: call.arg(name) for name in call.query if name not in filters.CONTROLS}
    if 'no_snapshots' in found:
        found['no_snapshots'] = filters.flag(call, 'no_snapshots')  # type: ignore[assignment]
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT),
        marker=(call.arg('marker') or None) if paged else None,
        offset=paging.part(call).start if paged else 0,
        sorts=filters.sorts(call, SORTS) if paged else (('created_at', 'asc'),),
        filters=found,
    )
    with call.db.read() as tx:
        rows = transfers.find(tx, call.context, page, everyone=filters.of_everyone(call))
    told: dict[str, Any] = {'transfers': [view(call, row) for row in rows]}
    if paged and (more := paging.next_link(call, rows, page)):
        told['transfers_links'] = more
    return told


def show(call: Call, id: str) -> dict[str, Any]:
    """One offer."""
    with call.db.read() as tx:
        return {'transfer': _whole(call, transfers.show(tx, call.context, id))}


def create(call: Call) -> dict[str, Any]:
    """A volume is on offer; this answer alone has the key."""
    given = call.body['transfer']
    no_snapshots = truth(given.get('no_snapshots', False))
    name = given.get('name')
    with call.db.write() as tx:
        row, key = transfers.create(
            tx, call.context, given['volume_id'], name.strip() if name else None, no_snapshots=no_snapshots
        )
    return {'transfer': {**_whole(call, row), 'auth_key': key}}


def accept(call: Call, id: str) -> dict[str, Any]:
    """The volume is the asker's."""
    key = str(call.body['accept']['auth_key'])
    with call.db.write() as tx:
        row = transfers.accept(tx, call.context, id, key, call.parts.extra['volume_quotas'])
    return {'transfer': _summary(call, row)}


def delete(call: Call, id: str) -> None:
    """The offer is withdrawn."""
    with call.db.write() as tx:
        transfers.delete(tx, call.context, id)


ROUTES = tuple(
    route
    for path in PATHS
    for route in (
        Route('GET', path, index, 'volume:get_all_transfers'),
        Route('GET', f'{path}/detail', detail, 'volume:get_all_transfers'),
        Route('POST', path, create, 'volume:create_transfer', 202, shape=OFFERS[path]),
        Route('GET', f'{path}/{{id}}', show, 'volume:get_transfer'),
        Route('POST', f'{path}/{{id}}/accept', accept, 'volume:accept_transfer', 202, shape=ACCEPT),
        Route('DELETE', f'{path}/{{id}}', delete, 'volume:delete_transfer', 202),
    )
)
