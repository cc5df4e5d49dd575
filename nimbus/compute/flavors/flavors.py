"""Flavors: the sizes that servers come in, their extra specs and who may use them."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db, listing, patterns
from nimbus.compute.models import Flavor, FlavorAccess

GRANTED = sa.select(FlavorAccess.flavor_id).where(FlavorAccess.project_id == sa.bindparam('project'))
USABLE = sa.or_(Flavor.is_public, Flavor.id.in_(GRANTED))
PUBLIC, PRIVATE = Flavor.is_public.is_(True), Flavor.is_public.is_(False)
ONE = db.Fixed(sa.select(db.table_of(Flavor)).where(Flavor.id == sa.bindparam('flavor')))
FACTS = ('seq', 'id', 'name', 'vcpus', 'ram', 'disk', 'ephemeral', 'swap', 'rxtx_factor', 'extra_specs')


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A flavor as an operator asks for it."""

    name: str
    vcpus: int
    ram: int
    disk: int
    id: str | None = None
    ephemeral: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    description: str | None = None


def find(
    tx: db.Tx,
    asker: context.Context,
    page: listing.Page,
    *,
    public: bool | None = True,
    min_ram: int = 0,
    min_disk: int = 0,
    name: str | None = None,
) -> list[Any]:
    """One page of the flavors the asker may use, public ones or not; None lists both.  A name is a regular expression.

    Raises Invalid on an unknown marker.
    """
    where: list[Any] = [Flavor.ram >= min_ram, Flavor.disk >= min_disk] if min_ram or min_disk else []
    where += [patterns.matches(Flavor.name, name)] if name is not None else []
    if public is True and not asker.is_admin:
        return listing.rows(tx, Flavor, where, page, seen=(), fixed=(USABLE,), values={'project': asker.project_id})
    fixed = () if public is None else (PUBLIC,) if public else (PRIVATE,)
    return listing.rows(tx, Flavor, where, page, seen=(), fixed=fixed)


def show(tx: db.Tx, asker: context.Context, flavor_id: str) -> Any:
    """The flavor's row, if it is there and the asker may use it.  Raises NotFound."""
    row = tx.row(ONE, {'flavor': flavor_id})
    if row is None or not (row.is_public or asker.is_admin or _has_access(tx, flavor_id, asker.project_id)):
        raise _missing(flavor_id)
    return row


def _missing(flavor_id: str) -> errors.NotFound:
    return errors.NotFound(f'Flavor {flavor_id} could not be found.')


def _has_access(tx: db.Tx, flavor_id: str, project_id: str | None) -> bool:
    where = (FlavorAccess.flavor_id == flavor_id, FlavorAccess.project_id == project_id)
    return tx.row(sa.select(FlavorAccess.flavor_id).where(*where)) is not None


def facts(row: Any) -> dict[str, Any]:
    """The values of the flavor that are kept with the server."""
    return {name: getattr(row, name) for name in FACTS}


def numbers(tx: db.Tx) -> dict[str, int]:
    """The number of each flavor that there is, by its id: old views of other things show it."""
    return {row.id: row.seq for row in tx.rows(sa.select(Flavor.id, Flavor.seq))}


def create(tx: db.Tx, wanted: Wanted) -> Any:
    """The flavor stands; returns its row.  Raises Conflict when its name or id is taken."""
    flavor_id = wanted.id or ids.dashed()
    for column, value, what in ((Flavor.id, flavor_id, 'ID'), (Flavor.name, wanted.name, 'name')):
        if tx.row(sa.select(Flavor.seq).where(column == value)) is not None:
            raise errors.Conflict(f'Flavor with {what} {value} already exists.')
    values = dataclasses.asdict(wanted) | {'id': flavor_id, 'created_at': clock.Clock().now()}
    try:
        tx.insert(Flavor, **values, disabled=False, extra_specs={})
    except sa.exc.IntegrityError:
        raise errors.Conflict(f'Flavor with name {wanted.name} already exists.') from None
    return tx.row(sa.select(Flavor).where(Flavor.id == flavor_id))


def describe(tx: db.Tx, flavor_id: str, description: str | None) -> Any:
    """The flavor has the description; returns its row.  Raises NotFound."""
    if not tx.update(Flavor, Flavor.id == flavor_id, description=description, updated_at=clock.Clock().now()):
        raise _missing(flavor_id)
    return tx.row(sa.select(Flavor).where(Flavor.id == flavor_id))


def delete(tx: db.Tx, flavor_id: str) -> None:
    """No new server can have the flavor; those that have it keep it.  Raises NotFound."""
    if not tx.delete(Flavor, Flavor.id == flavor_id):
        raise _missing(flavor_id)
    tx.delete(FlavorAccess, FlavorAccess.flavor_id == flavor_id)


def specify(tx: db.Tx, flavor_id: str, specs: dict[str, str]) -> dict[str, str]:
    """The flavor's extra specs have these values beside the ones it had.  Raises NotFound."""
    kept = _specs_to_change(tx, flavor_id) | specs
    tx.update(Flavor, Flavor.id == flavor_id, extra_specs=kept, updated_at=clock.Clock().now())
    return kept


def unspecify(tx: db.Tx, flavor_id: str, key: str) -> None:
    """The flavor has no such extra spec.  Raises NotFound when it had none."""
    kept = _specs_to_change(tx, flavor_id)
    if kept.pop(key, None) is None:
        raise errors.NotFound(f'Flavor {flavor_id} has no extra specs with key {key}.')
    tx.update(Flavor, Flavor.id == flavor_id, extra_specs=kept, updated_at=clock.Clock().now())


def _specs_to_change(tx: db.Tx, flavor_id: str) -> dict[str, Any]:
    row = tx.row(sa.select(Flavor.extra_specs).where(Flavor.id == flavor_id).with_for_update())
    if row is None:
        raise _missing(flavor_id)
    return dict(row.extra_specs)


def access(tx: db.Tx, flavor_id: str) -> list[str]:
    """The projects that may use the flavor.  Raises NotFound when there is none or everybody may."""
    row = tx.row(sa.select(Flavor.is_public).where(Flavor.id == flavor_id))
    if row is None:
        raise _missing(flavor_id)
    if row.is_public:
        raise errors.NotFound('Access list not available for public flavors.')
    return granted_to(tx, flavor_id)


def granted_to(tx: db.Tx, flavor_id: str) -> list[str]:
    """The projects that were granted the flavor."""
    where = FlavorAccess.flavor_id == flavor_id
    return tx.column(sa.select(FlavorAccess.project_id).where(where).order_by(FlavorAccess.project_id))


def grant(tx: db.Tx, asker: context.Context, flavor_id: str, project_id: str) -> None:
    """The project may use the flavor.  Raises NotFound, and Conflict when it might already."""
    show(tx, asker, flavor_id)
    if _has_access(tx, flavor_id, project_id):
        raise errors.Conflict(
            f'Flavor access already exists for flavor {flavor_id} and project {project_id} combination.'
        )
    tx.insert(FlavorAccess, flavor_id=flavor_id, project_id=project_id)


def withdraw(tx: db.Tx, asker: context.Context, flavor_id: str, project_id: str) -> None:
    """The project may not use the flavor any more.  Raises NotFound when it might not."""
    show(tx, asker, flavor_id)
    where = (FlavorAccess.flavor_id == flavor_id, FlavorAccess.project_id == project_id)
    if not tx.delete(FlavorAccess, *where):
        raise errors.NotFound(f'Flavor access not found for {flavor_id} / {project_id} combination.')
