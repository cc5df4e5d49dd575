"""A server's metadata (the user's key-value pairs) and tags."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors
from nimbus.common.database import db
from nimbus.compute import states, user_quotas
from nimbus.compute.models import Server, ServerTag
from nimbus.compute.servers import servers

MAX_TAGS = 50
TAGS = db.Gathering(
    sa.select(ServerTag.server_id, ServerTag.tag).order_by(ServerTag.tag),
    ServerTag.server_id,
)


def put(
    tx: db.Tx, asker: context.Context, server_id: str, items: dict[str, str], *, only: bool = False
) -> dict[str, str]:
    """The server has these properties, beside those it had or, if `only`, instead of them; returns all of them.

    Raises NotFound, Conflict when it is locked, WrongState and OverQuota.
    """
    row = _changing(tx, asker, server_id, 'update metadata')
    kept = items if only else {**row.properties, **items}
    allowed = user_quotas.limits(tx, row.project_id, asker.user_id or '')['metadata_items']
    if allowed != -1 and len(kept) > allowed:
        raise errors.OverQuota(f'Maximum number of metadata items exceeds {allowed}')
    tx.update(Server, Server.id == server_id, properties=kept, updated_at=clock.Clock().now())
    return kept


def remove(tx: db.Tx, asker: context.Context, server_id: str, key: str) -> None:
    """The server has no such property.  Raises NotFound when it had none, Conflict and WrongState."""
    row = _changing(tx, asker, server_id, 'delete metadata')
    if key not in row.properties:
        raise errors.NotFound('Metadata item was not found')
    kept = {name: value for name, value in row.properties.items() if name != key}
    tx.update(Server, Server.id == server_id, properties=kept, updated_at=clock.Clock().now())


def _changing(tx: db.Tx, asker: context.Context, server_id: str, verb: str) -> Any:
    """The server's row, which nobody else changes until the transaction ends."""
    row = servers.show(tx, asker, server_id)
    servers.unlocked(asker, row)
    if not states.MACHINE.allows(verb, row.vm_state, row.task_state):
        raise errors.WrongState(f"Cannot '{verb}' instance {server_id} while it is in vm_state {row.vm_state}")
    return tx.row(sa.select(Server).where(Server.id == server_id).with_for_update())


def tags(tx: db.Tx, server_ids: list[str]) -> dict[str, list[str]]:
    """The tags of each of many servers, sorted, by one query."""
    found: dict[str, list[str]] = {}
    for server_id, tag in TAGS.rows(tx, server_ids):
        found.setdefault(server_id, []).append(tag)
    return found


def set_tags(tx: db.Tx, asker: context.Context, server_id: str, words: list[str]) -> list[str]:
    """The server has these tags and no others.  Raises NotFound and WrongState."""
    _tagging(tx, asker, server_id, 'update tags')
    tx.delete(ServerTag, ServerTag.server_id == server_id)
    for word in sorted(set(words)):
        tx.insert(ServerTag, server_id=server_id, tag=word)
    return sorted(set(words))


def add_tag(tx: db.Tx, asker: context.Context, server_id: str, word: str) -> bool:
    """The server has the tag; returns whether it is new.

    Raises NotFound, WrongState, and Invalid when it has as many as it may.
    """
    _tagging(tx, asker, server_id, 'update tag')
    held = tags(tx, [server_id]).get(server_id, [])
    if word in held:
        return False
    if len(held) >= MAX_TAGS:
        raise errors.Invalid(f'The number of tags exceeded the per-server limit {MAX_TAGS}')
    tx.insert(ServerTag, server_id=server_id, tag=word)
    return True


def remove_tag(tx: db.Tx, asker: context.Context, server_id: str, word: str) -> None:
    """The server has no such tag.  Raises NotFound when it had none, and WrongState."""
    _tagging(tx, asker, server_id, 'delete tag')
    if not tx.delete(ServerTag, ServerTag.server_id == server_id, ServerTag.tag == word):
        raise errors.NotFound(f"Server {server_id} has no tag '{word}'")


def clear_tags(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server has no tags.  Raises NotFound and WrongState."""
    _tagging(tx, asker, server_id, 'delete tags')
    tx.delete(ServerTag, ServerTag.server_id == server_id)


def _tagging(tx: db.Tx, asker: context.Context, server_id: str, verb: str) -> None:
    """The server's row is held, so that its tags are changed by one at a time."""
    row = servers.show(tx, asker, server_id)
    if row.vm_state not in states.SETTLED:
        raise errors.WrongState(f"Cannot '{verb}' instance {server_id} while it is in vm_state {row.vm_state}")
    tx.row(sa.select(Server.seq).where(Server.id == server_id).with_for_update())
