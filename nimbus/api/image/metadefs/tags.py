"""Tags of a namespace over HTTP: words that resources may be tagged with."""

from typing import Any

from oslo_utils import strutils

from nimbus.api.image.metadefs import access, views
from nimbus.api.image.metadefs.namespaces import MAX_LIMIT, sorts, visibility
from nimbus.api.image.metadefs.shapes import matching, read
from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call
from nimbus.common.database.listing import Page
from nimbus.image.metadefs import contents
from nimbus.image.metadefs.contents import TAG

SORTS = ('name', 'created_at', 'updated_at')


def index(call: Call, namespace: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/tags."""
    visibility(call, ('public', 'private', 'shared'))
    limit = paging.limit(call, MAX_LIMIT) if call.arg('limit') else None
    page = Page(limit=limit, marker=call.arg('marker') or None, sorts=sorts(call, SORTS))
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'get_metadef_tags')
        found = contents.find(tx, space, TAG, page)
    return {'tags': [{'name': row.name} for row in found]}


def create_many(call: Call, namespace: str) -> Any:
    """POST /v2/metadefs/namespaces/{namespace}/tags: instead of those there are, or with X-Openstack-Append beside."""
    names = [matching(tag, 'tag')['name'] for tag in read(call.body, 'tags')['tags']]
    append = strutils.bool_from_string(call.header('X-Openstack-Append'))
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'add_metadef_tags')
        contents.add_tags(tx, space, names, append)
    return {'tags': [{'name': name} for name in names]}


def create(call: Call, namespace: str, tag: str) -> Any:
    """POST /v2/metadefs/namespaces/{namespace}/tags/{tag}."""
    matching({'name': tag}, 'tag')
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'add_metadef_tag')
        return views.named(contents.add(tx, space, TAG, tag))


def show(call: Call, namespace: str, tag: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/tags/{tag}."""
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'get_metadef_tag')
        return views.named(contents.show(tx, space, TAG, tag))


def update(call: Call, namespace: str, tag: str) -> Any:
    """PUT /v2/metadefs/namespaces/{namespace}/tags/{tag}: it has another name."""
    body = read(call.body, 'tag')
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'modify_metadef_tag')
        row = contents.show(tx, space, TAG, tag)
        return views.named(contents.change(tx, space, TAG, row, body['name']))


def delete(call: Call, namespace: str, tag: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/tags/{tag}."""
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'delete_metadef_tag')
        contents.remove(tx, space, TAG, contents.show(tx, space, TAG, tag))
