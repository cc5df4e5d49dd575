"""Deleting a server for good and restoring one: actions of `POST /servers/{id}/action`."""

from nimbus.api.compute import shapes
from nimbus.api.kit.routes import Call
from nimbus.compute.servers import deletion

FORCE_DELETE, RESTORE = shapes.bare('forceDelete'), shapes.bare('restore')


def force_delete(call: Call, id: str) -> None:
    """The server is being deleted at once, one that was kept for a while too."""
    with call.db.write() as tx:
        deletion.delete(tx, call.context, id)


def restore(call: Call, id: str) -> None:
    """The deleted server is being started again."""
    with call.db.write() as tx:
        deletion.restore(tx, call.context, id)
