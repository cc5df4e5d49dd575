"""Pausing and suspending a server: actions of `POST /servers/{id}/action`."""

from nimbus.api.compute import shapes
from nimbus.api.kit.routes import Call
from nimbus.compute.servers import suspension

PAUSE, UNPAUSE = shapes.bare('pause'), shapes.bare('unpause')
SUSPEND, RESUME = shapes.bare('suspend'), shapes.bare('resume')


def pause(call: Call, id: str) -> None:
    """The server is being paused."""
    with call.db.write() as tx:
        suspension.pause(tx, call.context, id)


def unpause(call: Call, id: str) -> None:
    """The server is being let go on."""
    with call.db.write() as tx:
        suspension.unpause(tx, call.context, id)


def suspend(call: Call, id: str) -> None:
    """The server is being suspended."""
    with call.db.write() as tx:
        suspension.suspend(tx, call.context, id)


def resume(call: Call, id: str) -> None:
    """The server is being brought back with its memory."""
    with call.db.write() as tx:
        suspension.resume(tx, call.context, id)
