"""A server's addresses, security groups, metadata, tags and password over HTTP."""

from typing import Any
from urllib.parse import quote

from nimbus.api.compute import shapes
from nimbus.api.compute.proxies import security_groups as proxies
from nimbus.api.compute.servers.views import Related, addresses_of
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.compute.servers import metadata_and_tags, passwords, servers
from nimbus.compute.servers.networking import security_groups
from nimbus.network.ports import server_ports

METADATA = shapes.under('metadata', shapes.METADATA)
META = shapes.under('meta', {**shapes.METADATA, 'minProperties': 1, 'maxProperties': 1})
TAGS = shapes.under('tags', {'type': 'array', 'items': shapes.TAG, 'maxItems': metadata_and_tags.MAX_TAGS})
ONE_TAG = Shape(shapes.TAG)


def ips(call: Call, id: str) -> dict[str, Any]:
    """The server's addresses by network."""
    with call.db.read() as tx:
        return {'addresses': _addresses(call, tx, id)}


def ip(call: Call, id: str, network: str) -> dict[str, Any]:
    """The server's addresses on one network."""
    with call.db.read() as tx:
        found = _addresses(call, tx, id)
    if network not in found:
        raise errors.NotFound('Instance is not a member of specified network')
    return {network: found[network]}


def _addresses(call: Call, tx: db.Tx, server_id: str) -> dict[str, list[dict[str, Any]]]:
    row = servers.show(tx, call.context, server_id)
    related = Related('', '', addresses=server_ports.addresses(tx, [server_id]))
    return {
        name: [{'version': address['version'], 'addr': address['addr']} for address in held]
        for name, held in addresses_of(row, related).items()
    }


def groups(call: Call, id: str) -> dict[str, Any]:
    """The security groups that the server's ports are in, in the old form."""
    with call.db.read() as tx:
        rows = security_groups.find(tx, call.context, id)
        return {'security_groups': proxies.group_views(tx, rows)}


def metadata(call: Call, id: str) -> dict[str, Any]:
    """The server's metadata."""
    with call.db.read() as tx:
        return {'metadata': servers.show(tx, call.context, id).properties}


def meta(call: Call, id: str, key: str) -> dict[str, Any]:
    """One item of metadata."""
    with call.db.read() as tx:
        held = servers.show(tx, call.context, id).properties
    if key not in held:
        raise errors.NotFound('Metadata item was not found')
    return {'meta': {key: held[key]}}


def add_metadata(call: Call, id: str) -> dict[str, Any]:
    """The metadata with what was given."""
    with call.db.write() as tx:
        return {'metadata': metadata_and_tags.put(tx, call.context, id, call.body['metadata'])}


def set_metadata(call: Call, id: str) -> dict[str, Any]:
    """The metadata that was given, and nothing else."""
    with call.db.write() as tx:
        return {'metadata': metadata_and_tags.put(tx, call.context, id, call.body['metadata'], only=True)}


def set_meta(call: Call, id: str, key: str) -> dict[str, Any]:
    """The item that was given."""
    if key not in call.body['meta']:
        raise errors.Invalid('Request body and URI mismatch')
    with call.db.write() as tx:
        metadata_and_tags.put(tx, call.context, id, call.body['meta'])
    return {'meta': call.body['meta']}


def remove_meta(call: Call, id: str, key: str) -> None:
    """The server has no such item."""
    with call.db.write() as tx:
        metadata_and_tags.remove(tx, call.context, id, key)


def tags(call: Call, id: str) -> dict[str, Any]:
    """The server's tags."""
    return {'tags': _tags(call, id)}


def _tags(call: Call, server_id: str) -> list[str]:
    with call.db.read() as tx:
        servers.show(tx, call.context, server_id)
        return metadata_and_tags.tags(tx, [server_id]).get(server_id, [])


def has_tag(call: Call, id: str, tag: str) -> None:
    """204 when the server has the tag."""
    if tag not in _tags(call, id):
        raise errors.NotFound(f"Server {id} has no tag '{tag}'")


def set_tags(call: Call, id: str) -> dict[str, Any]:
    """The tags that were given, and no others."""
    with call.db.write() as tx:
        return {'tags': metadata_and_tags.set_tags(tx, call.context, id, call.body['tags'])}


def add_tag(call: Call, id: str, tag: str) -> Reply:
    """201 when the tag is new, 204 when it was there."""
    try:
        ONE_TAG.check(tag)
    except errors.Invalid:
        raise errors.Invalid(
            f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ',' of at most 60 "
            'characters.'
        ) from None
    with call.db.write() as tx:
        new = metadata_and_tags.add_tag(tx, call.context, id, tag)
    if not new:
        return Reply(status=204)
    return Reply(status=201, headers=[('Location', f'{call.root_url}/servers/{id}/tags/{quote(tag)}')])


def remove_tag(call: Call, id: str, tag: str) -> None:
    """The server has no such tag."""
    with call.db.write() as tx:
        metadata_and_tags.remove_tag(tx, call.context, id, tag)


def clear_tags(call: Call, id: str) -> None:
    """The server has no tags."""
    with call.db.write() as tx:
        metadata_and_tags.clear_tags(tx, call.context, id)


def password(call: Call, id: str) -> dict[str, Any]:
    """The guest's password, encrypted with its user's public key."""
    with call.db.read() as tx:
        return {'password': passwords.show(tx, call.context, id)}


def clear_password(call: Call, id: str) -> None:
    """The cloud no longer has the password."""
    with call.db.write() as tx:
        passwords.clear(tx, call.context, id)
