"""Rows by what they belong to, as the parts of a host's desired state need them."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network.models import Address

Found = dict[str, list[Any]]
OF_PORTS = db.Gathering(sa.select(Address).order_by(Address.seq), Address.port_id)


def by(rows: Iterable[Any], key: str, value: str | None = None) -> Found:
    """The rows, or one value of each, by a key."""
    found: Found = {}
    for row in rows:
        found.setdefault(getattr(row, key), []).append(getattr(row, value) if value else row)
    return found


def addresses_at(tx: db.Tx, port_ids: Iterable[str]) -> Found:
    """The addresses of those ports, by port."""
    return by(OF_PORTS.rows(tx, sorted(port_ids)), 'port_id')


def addresses_of(tx: db.Tx, where: Any) -> Found:
    """The addresses that meet the condition, by port."""
    return by(tx.rows(sa.select(Address).where(where).order_by(Address.seq)), 'port_id')


def values_of(addresses: Found, port_id: str) -> list[dict[str, str]]:
    """A port's addresses as its value has them."""
    return [{'ip': a.ip_address, 'subnet_id': a.subnet_id} for a in addresses.get(port_id, ())]
