"""Address groups over HTTP, and the changes of their ranges."""

import ipaddress
from collections.abc import Callable
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, Given, Standard, attribute, bad
from nimbus.api.network.resources import Resource
from nimbus.common.database import db
from nimbus.network.security_groups import address_groups


def address(value: Any) -> str:
    """A range; an address alone is a range of one.  Raises ValueError."""
    try:
        if not isinstance(value, str) or '%' in value:
            raise ValueError
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{str(value)[:80]}' is not a valid IP subnet") from None


ADDRESSES = values.listing(address, 'address')  # of an action
RANGES = values.listing(values.prefix, 'address')  # of a new group, where each says its length


class AddressGroup(Standard):
    """A set of ranges that rules of security groups name."""

    one, many = 'address_group', 'address_groups'
    tagged = False

    name = attribute(*BOTH, take=values.text(), default='')
    addresses = attribute(READ, CREATE, take=RANGES, default=(), filter=False)


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The group has the values."""
    address_groups.update(tx, call.context, row.id, **given)


ADDRESS_GROUPS = Resource(
    noun=AddressGroup,
    find=address_groups.find,
    show_row=address_groups.show,
    children=lambda call, tx, rows: {},
    add=lambda call, tx, given, parent: address_groups.create(tx, call.context, **given),
    change=change,
    remove=lambda call, tx, row: address_groups.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
    secret=True,
)


def _changed(call: Call, id: str, rule: str, by: Callable[..., None]) -> Any:
    """The group once `by` has been done to it with the ranges that the body names."""
    given = call.body.get('addresses') if isinstance(call.body, dict) else None
    if not isinstance(given, list):
        raise bad('Request body contains invalid data')
    try:
        ranges = ADDRESSES(given)
    except ValueError as why:
        raise bad(f'Invalid input for addresses. Reason: {why}.') from why
    with call.db.write() as tx:
        row = address_groups.show(tx, call.context, id)
        call.check(rule, project_id=row.project_id)
        notifications.notify(call, tx, 'address_group.update.start', {**call.body, 'id': id})
        by(tx, call.context, id, ranges)
        answer = {'address_group': ADDRESS_GROUPS.views(call, tx, [id])[0]}
        notifications.notify(call, tx, 'address_group.update.end', answer)
        return answer


def add_addresses(call: Call, id: str) -> Any:
    """PUT add_addresses: the group has these ranges too."""
    return _changed(call, id, 'add_addresses', address_groups.add)


def remove_addresses(call: Call, id: str) -> Any:
    """PUT remove_addresses: the group has none of these ranges."""
    return _changed(call, id, 'remove_addresses', address_groups.remove)


ROUTES = (
    *ADDRESS_GROUPS.routes('/address-groups'),
    Route('PUT', '/address-groups/{id}/add_addresses', add_addresses, 'add_addresses'),
    Route('PUT', '/address-groups/{id}/remove_addresses', remove_addresses, 'remove_addresses'),
)
