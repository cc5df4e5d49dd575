"""Tags of every noun that has them, over HTTP."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import networks, ports, values
from nimbus.api.network.addressing import subnet_pools, subnets
from nimbus.api.network.attributes import bad
from nimbus.api.network.qos import policies
from nimbus.api.network.resources import Resource
from nimbus.api.network.routing import floatingips, routers
from nimbus.api.network.security import security_groups
from nimbus.api.network.wiring import trunks
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network.networks import tags

TAGGED = {
    'networks': networks.NETWORKS,
    'subnets': subnets.SUBNETS,
    'ports': ports.PORTS,
    'routers': routers.ROUTERS,
    'floatingips': floatingips.FLOATING_IPS,
    'policies': policies.POLICIES,
    'subnetpools': subnet_pools.SUBNET_POOLS,
    'trunks': trunks.TRUNKS,
    'security_groups': security_groups.GROUPS,
    'security-groups': security_groups.GROUPS,
}


def _resource(kind: str) -> Resource:
    if kind not in TAGGED:
        raise errors.NotFound('The resource could not be found.', type='HTTPNotFound')
    return TAGGED[kind]


def _row(call: Call, tx: db.Tx, kind: str, id: str, verb: str) -> Any:
    """The tagged resource's row, where the asker may do that.  Raises NotFound, Forbidden."""
    resource = _resource(kind)
    row = resource.show_row(tx, call.context, id)
    call.check(f'{verb}_{resource.noun.one}:tags', project_id=row.project_id)
    return row


def _words(call: Call) -> list[str]:
    body = call.body
    if not isinstance(body, dict) or set(body) != {'tags'}:
        raise bad('Invalid tags body')
    try:
        return values.listing(values.text(tags.LONGEST), 'tag')(body['tags'])
    except ValueError as why:
        raise bad(f'Invalid input for tags. Reason: {why}.') from why


def index(call: Call, kind: str, id: str) -> Any:
    """GET of all."""
    with call.db.read() as tx:
        return {'tags': tags.of(tx, _row(call, tx, kind, id, 'get').id)}


def replace(call: Call, kind: str, id: str) -> Any:
    """PUT of all: these and no other."""
    words = _words(call)
    with call.db.write() as tx:
        row = _row(call, tx, kind, id, 'update')
        tags.replace(tx, kind, row.id, words)
        return {'tags': tags.of(tx, row.id)}


def add_all(call: Call, kind: str, id: str) -> Any:
    """POST: these too."""
    words = _words(call)
    with call.db.write() as tx:
        row = _row(call, tx, kind, id, 'update')
        tags.add(tx, kind, row.id, words)
        return {'tags': tags.of(tx, row.id)}


def drop_all(call: Call, kind: str, id: str) -> Any:
    """DELETE of all."""
    with call.db.write() as tx:
        tags.replace(tx, kind, _row(call, tx, kind, id, 'delete').id, [])
    return Reply()


def show(call: Call, kind: str, id: str, tag: str) -> Any:
    """GET of one: 204 where it is there."""
    with call.db.read() as tx:
        if tag not in tags.of(tx, _row(call, tx, kind, id, 'get').id):
            raise errors.NotFound(f'Tag {tag} could not be found.', type='TagNotFound')
    return Reply()


def add(call: Call, kind: str, id: str, tag: str) -> Any:
    """PUT of one."""
    try:
        values.text(tags.LONGEST)(tag)
    except ValueError as why:
        raise bad(f'Invalid input for tag. Reason: {why}.') from why
    with call.db.write() as tx:
        tags.add(tx, kind, _row(call, tx, kind, id, 'update').id, [tag])
    return Reply()


def drop(call: Call, kind: str, id: str, tag: str) -> Any:
    """DELETE of one."""
    with call.db.write() as tx:
        tags.drop(tx, kind, _row(call, tx, kind, id, 'delete').id, tag)
    return Reply()


ROUTES = (
    Route('GET', '/{kind}/{id}/tags', index, None),
    Route('PUT', '/{kind}/{id}/tags', replace, None),
    Route('POST', '/{kind}/{id}/tags', add_all, None, 201),
    Route('DELETE', '/{kind}/{id}/tags', drop_all, None, 204),
    Route('GET', '/{kind}/{id}/tags/{tag}', show, None, 204),
    Route('PUT', '/{kind}/{id}/tags/{tag}', add, None, 201),
    Route('DELETE', '/{kind}/{id}/tags/{tag}', drop, None, 204),
)
