"""Evacuating a server from a host that is down: an action of `POST /servers/{id}/action`."""

from typing import Any

from nimbus.api.compute import microversions, move_versions, shapes
from nimbus.api.compute.servers import requests
from nimbus.api.kit.fields import ShapeByVersion
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.compute.servers.moves import evacuations

PASSWORD: shapes.Schema = {'type': 'string', 'maxLength': 255}
FIELDS: shapes.Schema = {'host': shapes.FQDN, 'adminPass': PASSWORD}
EVACUATE = ShapeByVersion(
    (
        (2, 1),
        shapes.action('evacuate', shapes.closed({**FIELDS, 'onSharedStorage': shapes.BOOLEAN}, ['onSharedStorage'])),
    ),
    (microversions.EvacuationFindsDisks.number, shapes.action('evacuate', shapes.closed(FIELDS))),
    (
        microversions.EvacuationAsksFilters.number,
        shapes.action('evacuate', shapes.closed({**FIELDS, 'force': shapes.BOOLEAN})),
    ),
    (move_versions.NoForcedMoves.number, shapes.action('evacuate', shapes.closed(FIELDS))),
)


def evacuate(call: Call, id: str) -> dict[str, Any] | None:
    """The server is being brought to another host; until 2.13 the answer has the password of a new disk."""
    asked, told = call.given, not call.speaks(microversions.EvacuationFindsDisks)
    shared = shapes.flag(asked['onSharedStorage']) if told else None
    if shared and 'adminPass' in asked:
        raise errors.Invalid("admin password can't be changed on existing disk")
    host = asked.get('host')
    if shapes.flag(asked.get('force', False)) and not host:
        raise errors.Invalid("Can't force to a non-provided destination")
    password = None if shared else asked.get('adminPass') or requests.password()
    wanted = evacuations.Wanted(
        down_time=call.parts.extra['compute'].down_time,
        host=host,
        forced=bool(host) and _passes_over_filters(call, asked),
        shared=shared,
        admin_pass=password,
        stopped=call.speaks(microversions.EvacuatedStopped),
    )
    with call.db.write() as tx:
        evacuations.evacuate(tx, call.context, id, wanted)
    return {'adminPass': password} if told else None


def _passes_over_filters(call: Call, asked: dict[str, Any]) -> bool:
    """Whether the host that is named is taken whatever the scheduler's filters say of it."""
    return not call.speaks(microversions.EvacuationAsksFilters) or shapes.flag(asked.get('force', False))
