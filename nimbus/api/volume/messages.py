"""Messages over HTTP (/messages, since 3.3): what the asker's project is told of requests that failed later."""

from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call, Route
from nimbus.api.volume import filters, lists
from nimbus.api.volume.microversions import LikeFilters, MessagePages, Messages
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume import messages

SORTS = ('id', 'event_id', 'resource_uuid', 'resource_type', 'request_id', 'message_level', 'created_at', 'expires_at')


def _view(call: Call, row: Any) -> dict[str, Any]:
    return {
        'id': row.id,
        'event_id': row.event_id,
        'user_message': messages.text(row),
        'message_level': row.message_level,
        'created_at': iso_micro(row.created_at),
        'guaranteed_until': iso_micro(row.expires_at),
        'request_id': row.request_id,
        'resource_type': row.resource_type,
        'resource_uuid': row.resource_uuid,
        'links': lists.links(call, 'messages', row.id),
    }


def index(call: Call) -> dict[str, Any]:
    """A page of the project's messages; before 3.5 all of them."""
    page = _page(call) if call.speaks(MessagePages) else listing.Page(sorts=(('created_at', 'desc'),))
    with call.db.read() as tx:
        rows = messages.find(tx, call.context, page)
    found: dict[str, Any] = {'messages': [_view(call, row) for row in rows]}
    if more := paging.next_link(call, rows, page):
        found['messages_links'] = more
    return found


def _page(call: Call) -> listing.Page:
    filters.check_names(call, messages.PLAIN)
    known = {
        name: call.arg(name) or ''
        for name in call.query
        if name in messages.PLAIN or name.removesuffix('~') in messages.PLAIN and call.speaks(LikeFilters)
    }
    return listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT),
        marker=call.arg('marker') or None,
        offset=paging.part(call).start,
        sorts=filters.sorts(call, SORTS),
        filters=known,
    )


def show(call: Call, id: str) -> dict[str, Any]:
    """One message."""
    with call.db.read() as tx:
        return {'message': _view(call, messages.show(tx, call.context, id))}


def delete(call: Call, id: str) -> None:
    """The message is gone."""
    with call.db.write() as tx:
        messages.delete(tx, call.context, id)


ROUTES = (
    Route('GET', '/messages', index, 'message:get_all', since=Messages.number),
    Route('GET', '/messages/{id}', show, 'message:get', since=Messages.number),
    Route('DELETE', '/messages/{id}', delete, 'message:delete', 204, since=Messages.number),
)
