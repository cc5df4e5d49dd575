"""Traits: what hosts are and can, by names that are standard or an operator's own."""

import datetime
import functools
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.scheduler.claims import BINARY
from nimbus.scheduler.models import Host, Trait

CUSTOM = re.compile(r'CUSTOM_[A-Z0-9_]+')
DISABLED = 'COMPUTE_STATUS_DISABLED'
REQUIRED, FORBIDDEN = 'required', 'forbidden'
SCOPE = 'trait:'  # what the extra specs and properties begin with that ask for traits


@functools.cache
def standard() -> frozenset[str]:
    """The names that are known everywhere."""
    return frozenset((importlib.resources.files('nimbus') / 'etc' / 'standard_traits.txt').read_text().split())


def names(tx: db.Tx) -> frozenset[str]:
    """Every trait that there is."""
    return standard() | set(tx.column(sa.select(Trait.name)))


def find(tx: db.Tx) -> list[str]:
    """Every trait that there is, in the order of their names."""
    return sorted(names(tx))


def show(tx: db.Tx, name: str) -> datetime.datetime | None:
    """When the trait was made, None for a standard one.  Raises NotFound."""
    if name in standard():
        return None
    row = tx.row(sa.select(Trait).where(Trait.name == name))
    if row is None:
        raise errors.NotFound(f'No such trait(s): {name}.')
    made: datetime.datetime = row.created_at
    return made


def create(tx: db.Tx, name: str) -> bool:
    """The trait is there; returns whether it was made now.  Raises Invalid for a name that is no operator's own."""
    if len(name) > 255 or not CUSTOM.fullmatch(name):
        raise errors.Invalid(
            'The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix '
            '"CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"'
        )
    if tx.row(sa.select(Trait.seq).where(Trait.name == name)) is not None:
        return False
    tx.ensure(Trait, name=name, created_at=clock.Clock().now())
    return True


def delete(tx: db.Tx, name: str) -> None:
    """The trait is gone.  Raises NotFound, Invalid for a standard one, and Conflict while a host has it."""
    show(tx, name)
    if name in standard():
        raise errors.Invalid(f'Cannot delete standard trait {name}.')
    if any(name in of(row) for row in tx.rows(sa.select(Host))):
        raise errors.Conflict(f'The trait {name} is in use by a resource provider.')
    tx.delete(Trait, Trait.name == name)


def give(tx: db.Tx, host_id: str, given: Sequence[str], generation: int | None = None) -> None:
    """An operator gives the host these traits and no other; those that its driver reports it has all the same.

    Raises Invalid for a trait that is not there, and Stale where the host's generation is another.
    """
    if unknown := sorted(set(given) - names(tx)):
        raise errors.Invalid(f'No such trait {", ".join(unknown)}')
    where = [Host.id == host_id, *([] if generation is None else [Host.generation == generation])]
    values: dict[str, Any] = {'given_traits': sorted(set(given)), 'generation': Host.generation + 1}
    if not tx.update(Host, *where, updated_at=clock.Clock().now(), **values):
        raise errors.Stale(
            "Resource provider's generation already changed. Please update the generation and try again.",
            code='placement.concurrent_update',
        )


def of(row: Any, disabled: bool = False) -> frozenset[str]:
    """The traits of the host: what its driver reports, what an operator gave it, and whether it is switched off."""
    return frozenset([*(row.facts.get('traits') or ()), *(row.given_traits or ()), *([DISABLED] if disabled else [])])


def disabled(tx: db.Tx) -> set[str]:
    """The names of the hosts that are switched off."""
    service = services.Service
    query = sa.select(service.host).where(service.binary == BINARY, service.disabled.is_(True))
    return set(tx.column(query))


def wanted(*asking: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The traits that extra specs and properties of images require, and those that they forbid."""
    told = [
        (name.removeprefix(SCOPE), str(value).strip().lower())
        for each in asking
        for name, value in each.items()
        if name.startswith(SCOPE)
    ]
    required, forbidden = ({name for name, value in told if value == word} for word in (REQUIRED, FORBIDDEN))
    return required, forbidden
