"""Key pairs over HTTP."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Flag, Int, Noun, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import Version
from nimbus.common import clock
from nimbus.common.database import listing
from nimbus.compute import keypairs

BEFORE_TYPES = (2, 1)


class KeypairListed(Noun):
    """A key pair in a list."""

    one, many = 'keypair', 'keypairs'
    name = Text()
    public_key = Text()
    fingerprint = Text()
    type = Text(since=microversions.KeyTypes.number)


class KeypairMade(KeypairListed):
    """A key pair that was just added."""

    user_id = Text()


class KeypairShown(KeypairMade):
    """A key pair."""

    id = Int(source='seq')
    created_at = Text(source=lambda row, call: clock.iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: None)
    deleted = Flag(source=lambda row, call: False)
    deleted_at = Text(source=lambda row, call: None)


class CreateShapes:
    """The shape of a new key pair, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        signs = r'^[_\-@. a-zA-Z0-9]+$' if version >= microversions.KeysImportedOnly.number else r'^[_\- a-zA-Z0-9]+$'
        name = {'allOf': [shapes.NAME, {'pattern': signs}]}
        fields: dict[str, Any] = {'name': name, 'public_key': {'type': 'string', 'maxLength': 65535}}
        if version >= microversions.KeyTypes.number:
            fields['type'] = {'type': 'string', 'enum': ['ssh', 'x509']}
        if version >= microversions.KeysOfOthers.number:
            fields['user_id'] = shapes.PROJECT
        required = ['name'] + (['public_key'] if version >= microversions.KeysImportedOnly.number else [])
        return shapes.under('keypair', shapes.closed(fields, required))


def _whose(call: Call, verb: str, asked: str | None = None) -> str:
    """The id of the user whose keys the request is for: the asker, or whom an operator names.  Raises Forbidden."""
    if call.speaks(microversions.KeysOfOthers):
        asked = asked or (call.query.get('user_id') or [None])[0]
    else:
        asked = None
    user_id = asked or call.context.user_id or ''
    call.check(f'{policies.API}os-keypairs:{verb}', user_id=user_id)
    return user_id


def _strict(call: Call, *names: str) -> None:
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, *names)


def index(call: Call) -> dict[str, Any]:
    """The user's key pairs."""
    _strict(call, 'user_id', 'limit', 'marker')
    user_id = _whose(call, 'index')
    paged = call.speaks(microversions.KeyPages)
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT) if paged else None,
        marker=call.arg('marker') or None if paged else None,
    )
    with call.db.read() as tx:
        rows = keypairs.find(tx, user_id, page)
    view = KeypairListed.view(call.version)
    found: dict[str, Any] = {'keypairs': [{'keypair': view(row, call)} for row in rows]}
    if links := paging.next_link(call, rows, page, key='name'):
        found['keypairs_links'] = links
    return found


def show(call: Call, name: str) -> dict[str, Any]:
    """One key pair."""
    _strict(call, 'user_id')
    user_id = _whose(call, 'show')
    with call.db.read() as tx:
        return call.view(KeypairShown, keypairs.show(tx, user_id, name))


def create(call: Call) -> Reply:
    """The key pair, with its private key where none was given and the version still makes them."""
    given = call.body['keypair']
    user_id = _whose(call, 'create', given.get('user_id'))
    kind, public, private = given.get('type', keypairs.SSH), given.get('public_key'), None
    if public is None:
        private, public = keypairs.generate(kind, user_id)
    with call.db.write() as tx:
        row = keypairs.add(tx, call.context, user_id, given['name'], public, kind)
    body = call.view(KeypairMade, row)
    if private is not None:
        body['keypair']['private_key'] = private
    return Reply(body, status=201 if call.speaks(microversions.KeyTypes) else 200)


def delete(call: Call, name: str) -> Reply:
    """The user has no such key pair."""
    _strict(call, 'user_id')
    user_id = _whose(call, 'delete')
    with call.db.write() as tx:
        keypairs.delete(tx, user_id, name)
    return Reply(status=204 if call.speaks(microversions.KeyTypes) else 202)
