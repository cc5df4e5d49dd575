"""Lists of volumes, snapshots and backups: the page that is asked for, what is told of it, and links to items."""

from collections.abc import Callable
from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call
from nimbus.api.volume import filters
from nimbus.api.volume.microversions import Counts
from nimbus.common.database import listing


def page(
    call: Call,
    known: tuple[str, ...],
    sorts: tuple[str, ...],
    read: Callable[[str, str], dict[str, Any]],
    columns: dict[str, str] | None = None,
) -> listing.Page:
    """The requested page with its filters.  Raises Invalid.

    `known` are the filters of all users, `sorts` the keys to sort by, whose columns are named so or as `columns` says.
    `read` gets the name and value of a filter, and returns {name: what a search takes}, or nothing.
    """
    filters.check_names(call, known)
    found: dict[str, Any] = {}
    for name in call.query:
        if call.context.is_admin or name.removesuffix('~') in known:
            found |= read(name, call.arg(name) or '')
    columns = columns or {}
    return listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT),
        marker=call.arg('marker') or None,
        offset=paging.part(call).start,
        sorts=tuple((columns.get(key, key), way) for key, way in filters.sorts(call, sorts)),
        filters=found,
    )


def answer(call: Call, many: str, asked: listing.Page, search: Any, view: Callable[[Any, Call], Any]) -> dict[str, Any]:
    """The body of a list: the rows as `view` shows them, the link to the next page, and the count where it is wanted.

    `search` finds a page's rows and says how many match in all.
    """
    everyone = filters.of_everyone(call)
    with call.db.read() as tx:
        rows = search.find(tx, call.context, asked, everyone=everyone)
        counted = (
            search.total(tx, call.context, asked.filters, everyone=everyone)
            if call.speaks(Counts) and filters.flag(call, 'with_count')
            else None
        )
    found: dict[str, Any] = {many: [view(row, call) for row in rows]}
    if more := paging.next_link(call, rows, asked):
        found[f'{many}_links'] = more
    if counted is not None:
        found['count'] = counted
    return found


def links(call: Call, many: str, id: str) -> list[dict[str, str]]:
    """The links to one item, with the project id in their paths as Cinder's clients expect."""
    path = f'{call.context.project_id}/{many}/{id}'
    return [{'rel': 'self', 'href': f'{call.root_url}/{path}'}, {'rel': 'bookmark', 'href': f'{call.host_url}/{path}'}]
