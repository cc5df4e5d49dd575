"""Volume types, their extra specs, who may choose private ones, and the default type, which always exists."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db
from nimbus.volume.models import DefaultType, TypeAccess, Volume, VolumeType

DEFAULT = '__DEFAULT__'


def ensure_default(tx: db.Tx) -> Any:
    """The default type, made if it was not there."""
    row = tx.row(sa.select(VolumeType).where(VolumeType.name == DEFAULT))
    if row is None:
        try:
            with tx.connection.begin_nested():
                _insert(tx, DEFAULT, 'Default Volume Type', True, {})
        except sa.exc.IntegrityError:
            pass  # another process made it first
        row = tx.row(sa.select(VolumeType).where(VolumeType.name == DEFAULT))
    return row


def defaults(tx: db.Tx) -> list[Any]:
    """The projects that have a default type of their own, each with it."""
    return list(tx.rows(sa.select(DefaultType).order_by(DefaultType.project_id)))


def default_of(tx: db.Tx, project_id: str) -> Any:
    """The project and its own default type.  Raises NotFound."""
    row = tx.row(sa.select(DefaultType).where(DefaultType.project_id == project_id))
    if row is None:
        raise errors.NotFound(f'Default type for project {project_id} not found.')
    return row


def set_default(tx: db.Tx, project_id: str, type_id: str) -> None:
    """The project's own default type is this one."""
    if not tx.update(DefaultType, DefaultType.project_id == project_id, type_id=type_id):
        tx.ensure(DefaultType, project_id=project_id, type_id=type_id)


def unset_default(tx: db.Tx, project_id: str) -> None:
    """The project has no default type of its own."""
    tx.delete(DefaultType, DefaultType.project_id == project_id)


def default_for(tx: db.Tx, ctx: context.Context) -> Any:
    """The type of a volume of the asker's that names none: his project's own default, or the cloud's."""
    query = sa.select(VolumeType).join(DefaultType, DefaultType.type_id == VolumeType.id)
    return tx.row(query.where(DefaultType.project_id == ctx.project_id)) or ensure_default(tx)


def find(tx: db.Tx, ctx: context.Context, is_public: bool | None = True) -> list[Any]:
    """The types the asker may choose, newest first; `is_public` None or False shows an operator all private ones."""
    query = sa.select(VolumeType).order_by(VolumeType.created_at.desc(), VolumeType.seq.desc())
    if not ctx.is_admin or is_public:
        query = query.where(sa.or_(VolumeType.is_public.is_(True), VolumeType.id.in_(_granted(ctx))))
    elif is_public is False:
        query = query.where(VolumeType.is_public.is_(False))
    return list(tx.rows(query))


def _granted(ctx: context.Context) -> Any:
    """A select of the ids of the private types that the asker's project may choose."""
    return sa.select(TypeAccess.type_id).where(TypeAccess.project_id == ctx.project_id)


def _may_choose(tx: db.Tx, ctx: context.Context, row: Any) -> bool:
    if row.is_public or ctx.is_admin:
        return True
    return tx.scalar(_granted(ctx).where(TypeAccess.type_id == row.id)) is not None


def show(tx: db.Tx, ctx: context.Context, type_id: str) -> Any:
    """One type.  Raises NotFound."""
    row = tx.row(sa.select(VolumeType).where(VolumeType.id == type_id))
    if row is None or not _may_choose(tx, ctx, row):
        raise errors.NotFound(f'Volume type {type_id} could not be found.')
    return row


def by_name_or_id(tx: db.Tx, ctx: context.Context, wanted: str) -> Any:
    """The type with that id or name.  Raises NotFound."""
    row = tx.row(sa.select(VolumeType).where(sa.or_(VolumeType.id == wanted, VolumeType.name == wanted)))
    if row is None or not _may_choose(tx, ctx, row):
        raise errors.NotFound(f'Volume type with name {wanted} could not be found.')
    return row


def names(tx: db.Tx, type_ids: set[str]) -> dict[str, str]:
    """The names of types by their ids."""
    found = tx.rows(sa.select(VolumeType.id, VolumeType.name).where(VolumeType.id.in_(type_ids)))
    return {row.id: row.name for row in found}


def wishes(tx: db.Tx, type_id: str | None) -> dict[str, Any]:
    """The extra specs of the type, which its volumes' hosts must satisfy."""
    return tx.scalar(sa.select(VolumeType.extra_specs).where(VolumeType.id == type_id)) or {}


def create(
    tx: db.Tx, name: str, description: str | None, is_public: bool = True, extra_specs: dict[str, str] | None = None
) -> Any:
    """A new type stands.  Raises Conflict when its name is taken."""
    if tx.scalar(sa.select(VolumeType.seq).where(VolumeType.name == name)) is not None:
        raise errors.Conflict(f'Volume Type {name} already exists.')
    return show(tx, context.internal(), _insert(tx, name, description, is_public, extra_specs or {}))


def _insert(tx: db.Tx, name: str, description: str | None, is_public: bool, extra_specs: dict[str, str]) -> str:
    type_id = ids.dashed()
    tx.insert(
        VolumeType,
        id=type_id,
        name=name,
        description=description,
        is_public=is_public,
        extra_specs=extra_specs,
        created_at=clock.Clock().now(),
    )
    return type_id


def change(tx: db.Tx, type_id: str, **values: Any) -> Any:
    """The type has the values.  Raises NotFound and Conflict."""
    taken = sa.select(VolumeType.seq).where(VolumeType.name == values.get('name'), VolumeType.id != type_id)
    if 'name' in values and tx.scalar(taken) is not None:
        raise errors.Conflict(f'Volume Type {values["name"]} already exists.')
    if not tx.update(VolumeType, VolumeType.id == type_id, updated_at=clock.Clock().now(), **values):
        raise errors.NotFound(f'Volume type {type_id} could not be found.')
    return show(tx, context.internal(), type_id)


def check_unused(tx: db.Tx, type_id: str, sentence: str) -> None:
    """Nothing, when no volume is of the type.  Raises Invalid with the sentence."""
    if tx.scalar(sa.select(Volume.seq).where(Volume.type_id == type_id).limit(1)) is not None:
        raise errors.Invalid(sentence)


def delete(tx: db.Tx, type_id: str) -> None:
    """The type is gone.  Raises NotFound, and Invalid for the default one and one in use."""
    row = show(tx, context.internal(), type_id)
    if row.name == DEFAULT:
        raise errors.Invalid(f'The volume type {row.id} is the default volume type and cannot be deleted.')
    if tx.row(sa.select(DefaultType.project_id).where(DefaultType.type_id == type_id).limit(1)):
        raise errors.Invalid(f'The volume type {row.id} is a default volume type and cannot be deleted.')
    check_unused(tx, type_id, 'Target volume type is still in use.')
    tx.delete(TypeAccess, TypeAccess.type_id == type_id)
    tx.delete(VolumeType, VolumeType.id == type_id)


def projects(tx: db.Tx, ctx: context.Context, type_id: str) -> list[str]:
    """The projects that may choose the private type.  Raises NotFound for one that is not there or public."""
    if show(tx, ctx, type_id).is_public:
        raise errors.NotFound('Access list not available for public volume types.')
    query = sa.select(TypeAccess.project_id).where(TypeAccess.type_id == type_id)
    return list(tx.column(query.order_by(TypeAccess.project_id)))


def grant(tx: db.Tx, ctx: context.Context, type_id: str, project_id: str) -> None:
    """The project may choose the private type.  Raises NotFound, Invalid for a public one, and Conflict."""
    _check_private(tx, ctx, type_id)
    if project_id in projects(tx, ctx, type_id):
        raise errors.Conflict(f'Volume type access for {type_id} / {project_id} combination already exists.')
    tx.insert(TypeAccess, type_id=type_id, project_id=project_id)


def revoke(tx: db.Tx, ctx: context.Context, type_id: str, project_id: str) -> None:
    """The project may not choose the private type any more.  Raises NotFound, and Invalid for a public one."""
    _check_private(tx, ctx, type_id)
    if not tx.delete(TypeAccess, TypeAccess.type_id == type_id, TypeAccess.project_id == project_id):
        raise errors.NotFound(f'Volume type access not found for {type_id} / {project_id} combination.')


def _check_private(tx: db.Tx, ctx: context.Context, type_id: str) -> None:
    if show(tx, ctx, type_id).is_public:
        raise errors.Invalid('Invalid volume type: Type access modification is not applicable to public volume type.')
