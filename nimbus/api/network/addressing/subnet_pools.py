"""Subnet pools over HTTP, and the changes of their ranges."""

from collections.abc import Callable, Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, bad
from nimbus.api.network.resources import Resource
from nimbus.common.database import db
from nimbus.network import access, standard_attributes
from nimbus.network.addressing import subnet_pools
from nimbus.network.networks import networks

LENGTH = values.maybe(values.whole(0, 128))
PREFIXES = values.listing(values.prefix, 'prefix')


def name(value: Any) -> str:
    """A name that is not blank.  Raises ValueError."""
    text: str = values.text()(value)
    if not text.strip():
        raise ValueError(f"'{text}' Blank strings are not permitted")
    return text


def length(column: str) -> Callable[[Any, Call], str]:
    """A source: the length of a prefix, in digits as upstream shows it."""
    return lambda row, call: str(getattr(row, column))


class SubnetPool(Tagged):
    """Ranges out of which subnets are allocated."""

    one, many = 'subnetpool', 'subnetpools'

    name = attribute(*BOTH, take=name, required=True)
    prefixes = attribute(*BOTH, take=PREFIXES, required=True, filter=False)
    ip_version = attribute(sift=values.number)
    min_prefixlen = attribute(*BOTH, take=LENGTH, source=length('min_prefixlen'), default=None, sift=values.number)
    max_prefixlen = attribute(*BOTH, take=LENGTH, source=length('max_prefixlen'), default=None, sift=values.number)
    default_prefixlen = attribute(
        *BOTH, take=LENGTH, source=length('default_prefixlen'), default=None, sift=values.number
    )
    default_quota = attribute(*BOTH, take=values.maybe(values.whole(0, 2**31 - 1)), default=None, sift=values.number)
    is_default = attribute(*BOTH, take=values.flag, default=False, ruled=(CREATE, UPDATE))
    shared = attribute(
        READ,
        CREATE,
        take=values.flag,
        source=lambda row, call: row.id in call.children['shared'],
        default=False,
        sort=False,
        ruled=(CREATE,),
    )
    address_scope_id = attribute(*BOTH, take=values.maybe(values.uuid), default=None)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of pools need beside their rows."""
    found = [row.id for row in rows]
    return {'tags': standard_attributes.tags_of(tx, found), 'shared': access.shared(tx, call.context, found)}


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The pool has the values."""
    subnet_pools.update(tx, call.context, row.id, **given)


SUBNET_POOLS = Resource(
    noun=SubnetPool,
    find=subnet_pools.find,
    show_row=subnet_pools.show,
    children=children,
    add=lambda call, tx, given, parent: subnet_pools.create(tx, call.context, **given),
    change=change,
    remove=lambda call, tx, row: subnet_pools.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
)


def _changed(call: Call, id: str, rule: str, by: Callable[[db.Tx], Any]) -> Any:
    """What `by` answers once the asker may do it to the pool."""
    with call.db.write() as tx:
        row = subnet_pools.show(tx, call.context, id)
        call.check(rule, project_id=row.project_id)
        notifications.notify(call, tx, 'subnetpool.update.start', {**call.body, 'id': id})
        answer = by(tx)
        views = SUBNET_POOLS.views(call, tx, [id])
        notifications.notify(call, tx, 'subnetpool.update.end', {'subnetpool': views[0]})
        return answer


def _prefixes(call: Call) -> list[str]:
    """The ranges that the body names.  Raises Invalid."""
    given = call.body.get('prefixes') if isinstance(call.body, dict) else None
    if not given or not isinstance(given, list):
        raise bad('Request body contains invalid data')
    try:
        return PREFIXES(given)  # type: ignore[no-any-return]
    except ValueError as why:
        raise bad(f'Invalid input for prefixes. Reason: {why}.') from why


def add_prefixes(call: Call, id: str) -> Any:
    """PUT add_prefixes: the pool has these ranges too."""
    given = _prefixes(call)
    added = _changed(call, id, 'add_prefixes', lambda tx: subnet_pools.add_prefixes(tx, call.context, id, given))
    return {'prefixes': added}


def remove_prefixes(call: Call, id: str) -> Any:
    """PUT remove_prefixes: the pool has none of these addresses."""
    given = _prefixes(call)
    left = _changed(call, id, 'remove_prefixes', lambda tx: subnet_pools.remove_prefixes(tx, call.context, id, given))
    return {'prefixes': left}


def onboard(call: Call, id: str) -> Any:
    """PUT onboard_network_subnets: the subnets of a network are the pool's."""
    try:
        network_id = values.uuid(call.body.get('network_id') if isinstance(call.body, dict) else None)
    except ValueError as why:
        raise bad(f'Invalid input for network_id. Reason: {why}.') from why

    def take(tx: db.Tx) -> Any:
        return subnet_pools.onboard(tx, call.context, id, networks.show(tx, call.context, network_id))

    return _changed(call, id, 'onboard_network_subnets', take)


ROUTES = (
    *SUBNET_POOLS.routes('/subnetpools'),
    Route('PUT', '/subnetpools/{id}/add_prefixes', add_prefixes, 'add_prefixes'),
    Route('PUT', '/subnetpools/{id}/remove_prefixes', remove_prefixes, 'remove_prefixes'),
    Route('PUT', '/subnetpools/{id}/onboard_network_subnets', onboard, 'onboard_network_subnets'),
)
