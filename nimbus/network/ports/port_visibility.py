"""Find one port or list ports, of those that the asker may see."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import standard_attributes
from nimbus.network.models import Address, Member, Network, Port


def show(tx: db.Tx, ctx: Context, port_id: str) -> Any:
    """The port.  Raises NotFound where the asker owns neither it nor its network."""
    row = standard_attributes.find(tx, ctx, Port, port_id, seen=lambda: _on_own_network(ctx))
    if row is None:
        raise standard_attributes.missing('Port', port_id)
    return row


def _on_own_network(ctx: Context) -> Any:
    return Port.network_id.in_(sa.select(Network.id).where(Network.project_id == ctx.project_id))


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the ports that are the asker's or on a network of theirs."""
    return standard_attributes.lists(
        tx, Port, standard_attributes.scope(ctx, Port, _on_own_network(ctx)), page, FILTERS
    )


def _by_address(column: Any, like: bool = False) -> Any:
    def condition(values: Sequence[str]) -> Any:
        match = sa.or_(*(column.contains(v, autoescape=True) for v in values)) if like else column.in_(values)
        return sa.exists().where(Address.port_id == Port.id, match)

    return condition


FILTERS = {
    'ip_address': _by_address(Address.ip_address),
    'ip_address_substr': _by_address(Address.ip_address, like=True),
    'subnet_id': _by_address(Address.subnet_id),
    'security_groups': lambda values: sa.exists().where(Member.port_id == Port.id, Member.group_id.in_(values)),
}
