"""Shelving a server and bringing it back: actions of `POST /servers/{id}/action`."""

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit.fields import ShapeByVersion
from nimbus.api.kit.routes import Call
from nimbus.compute.servers.images import shelving

SHELVE, OFFLOAD = shapes.bare('shelve'), shapes.bare('shelveOffload')
ZONE: shapes.Schema = {'type': 'string', 'minLength': 1, 'maxLength': 255}
UNSHELVE = ShapeByVersion(
    ((2, 1), shapes.bare('unshelve')),
    (
        microversions.UnshelveToZone.number,
        shapes.action(
            'unshelve',
            {**shapes.closed({'availability_zone': ZONE}, ['availability_zone']), 'type': ['object', 'null']},
        ),
    ),
    (
        microversions.UnshelveToHost.number,
        shapes.action(
            'unshelve',
            {
                **shapes.closed({'availability_zone': {**ZONE, 'type': ['string', 'null']}, 'host': shapes.FQDN}),
                'type': ['object', 'null'],
                'minProperties': 1,
            },
        ),
    ),
)


def shelve(call: Call, id: str) -> None:
    """The server is being put away."""
    settings = call.parts.extra['compute']
    with call.db.write() as tx:
        shelving.shelve(tx, call.context, id, settings.image_quotas, offload=settings.shelved_offload_time == 0)


def offload(call: Call, id: str) -> None:
    """The shelved server is being taken off its host."""
    with call.db.write() as tx:
        shelving.begin_offload(tx, call.context, id)


def unshelve(call: Call, id: str) -> None:
    """The server is being brought back."""
    asked = (call.given or {}) if call.speaks(microversions.UnshelveToZone) else {}
    if asked.get('host'):
        call.check(policies.API + 'os-shelve:unshelve_to_host')
    zone = asked.get('availability_zone')
    place = shelving.Place(zone, 'availability_zone' in asked and zone is None, asked.get('host'))
    with call.db.write() as tx:
        shelving.unshelve(tx, call.context, id, place)
