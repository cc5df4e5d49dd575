"""Conntrack helpers: protocols that a router's connection tracking follows, so that what belongs to them passes."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import generations, standard_attributes
from nimbus.network.hosts import scheduling
from nimbus.network.models import Router
from nimbus.network.models_traffic import ConntrackHelper

# What each of the kernel's helpers follows.
ALLOWED = {
    'amanda': ('tcp',),
    'ftp': ('tcp',),
    'h323': ('udp', 'tcp'),
    'irc': ('tcp',),
    'netbios-ns': ('udp',),
    'pptp': ('tcp',),
    'sane': ('tcp',),
    'sip': ('udp', 'tcp'),
    'snmp': ('udp',),
    'tftp': ('udp',),
}


def show(tx: db.Tx, router: Any, helper_id: str) -> Any:
    """The helper of the router.  Raises NotFound."""
    own = (ConntrackHelper.id == helper_id, ConntrackHelper.router_id == router.id)
    row = tx.row(sa.select(ConntrackHelper).where(*own))
    if row is None:
        raise errors.NotFound(f'Conntrack helper {helper_id} could not be found.', type='ConntrackHelperNotFound')
    return row


def find(tx: db.Tx, router: Any, page: listing.Page) -> list[Any]:
    """One page of the router's helpers."""
    return standard_attributes.lists(tx, ConntrackHelper, [ConntrackHelper.router_id == router.id], page)


def of(tx: db.Tx, router_ids: Sequence[str]) -> dict[str, list[Any]]:
    """The helpers of each router that has any."""
    found: dict[str, list[Any]] = {}
    query = sa.select(ConntrackHelper).where(ConntrackHelper.router_id.in_(list(router_ids)))
    for row in tx.rows(query.order_by(ConntrackHelper.seq)) if router_ids else ():
        found.setdefault(row.router_id, []).append(row)
    return found


def create(tx: db.Tx, ctx: Context, router: Any, **values: Any) -> str:
    """The router follows the protocol; returns the helper's id.  Raises Invalid on one that it cannot follow."""
    _check(values['helper'], values['protocol'])
    stamp = standard_attributes.stamp(ctx, router.project_id)
    with _once(tx, values):
        tx.insert(ConntrackHelper, router_id=router.id, description='', **values, **stamp)
    _tell(tx, router)
    return str(stamp['id'])


def update(tx: db.Tx, router: Any, row: Any, **values: Any) -> None:
    """The helper has the values.  Raises Invalid on what the router cannot follow."""
    after = {name: values.get(name, getattr(row, name)) for name in ('protocol', 'port', 'helper')}
    _check(after['helper'], after['protocol'])
    with _once(tx, after):
        standard_attributes.touch(tx, ConntrackHelper, row.id, **after)
    _tell(tx, router)


def delete(tx: db.Tx, router: Any, row: Any) -> None:
    """The router does not follow the protocol there any more."""
    tx.delete(ConntrackHelper, ConntrackHelper.id == row.id)
    _tell(tx, router)


def _check(helper: str, protocol: str) -> None:
    if helper not in ALLOWED:
        raise errors.Invalid(
            f"Conntrack helper '{helper}' is not one of {', '.join(ALLOWED)}.", type='ConntrackHelperNotAllowed'
        )
    if protocol not in ALLOWED[helper]:
        raise errors.Invalid(
            f"Conntrack helper '{helper}' follows {' and '.join(ALLOWED[helper])}, and not {protocol}.",
            type='InvalidProtocolForHelper',
        )


@contextlib.contextmanager
def _once(tx: db.Tx, values: dict[str, Any]) -> Iterator[None]:
    """Within it a helper that the router has already is refused.  Raises Invalid."""
    try:
        with tx.trial():
            yield
    except sa.exc.IntegrityError as why:
        raise errors.Invalid(
            'Bad conntrack_helper request: the router follows {protocol} at port {port} by {helper} already.'.format(
                **values
            ),
            type='BadRequest',
        ) from why


def _tell(tx: db.Tx, router: Any) -> None:
    """The router's host knows."""
    standard_attributes.touch(tx, Router, router.id)
    generations.bump(tx, [scheduling.host_of(tx, 'router', router.id)], (generations.ROUTER, router.id))
