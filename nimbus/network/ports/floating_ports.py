"""The ports with which floating IPs hold their addresses: gone with them, and with the network outside."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import quotas, standard_attributes
from nimbus.network.models import FloatingIp
from nimbus.network.ports import ports


def give_up(tx: db.Tx, ctx: Context, row: Any) -> None:
    """The floating IP is gone, and its address is the external network's again."""
    if tx.delete(FloatingIp, FloatingIp.id == row.id):
        ports.drop(tx, ctx, row.floating_port_id)
        standard_attributes.forget_tags(tx, row.id)
        quotas.give_back(tx, row.project_id, floatingip=1)


def give_up_idle(tx: db.Tx, ctx: Context, network_id: str) -> None:
    """Floating IPs of the network that lead nowhere are gone: nothing is lost with them but the network itself."""
    idle = (FloatingIp.floating_network_id == network_id, FloatingIp.router_id.is_(None))
    for row in tx.rows(sa.select(FloatingIp).where(*idle)):
        give_up(tx, ctx, row)
