"""Whether new security groups are stateful where nobody says: of one project, or of every one without its own word."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import standard_attributes
from nimbus.network.models_wiring import DefaultStatefulness

EVERYONE = '*'  # as a project: every one that has no word of its own
KIND = 'SecurityGroupDefaultStatefulness'


def show(tx: db.Tx, ctx: Context, setting_id: str) -> Any:
    """The setting of the asker's project, or for operators any.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, DefaultStatefulness, setting_id)
    if row is None:
        raise errors.NotFound(
            f'Security group default statefulness {setting_id} could not be found.', type=f'{KIND}NotFound'
        )
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the settings that the asker may see."""
    where = standard_attributes.scope(ctx, DefaultStatefulness)
    return standard_attributes.lists(tx, DefaultStatefulness, where, page)


def create(tx: db.Tx, project_id: str, stateful: bool) -> str:
    """New groups of the project begin so; returns the setting's id.  Raises Conflict where it has one."""
    setting_id = ids.dashed()
    try:
        with tx.trial():
            tx.insert(DefaultStatefulness, id=setting_id, project_id=project_id, stateful=stateful)
    except sa.exc.IntegrityError as why:
        whose = 'system-wide' if project_id == EVERYONE else project_id
        raise errors.Conflict(
            f"A security group default statefulness setting already exists for project '{whose}'.",
            type=f'{KIND}AlreadyExists',
        ) from why
    return setting_id


def update(tx: db.Tx, row: Any, stateful: bool) -> None:
    """New groups begin so from now on; those that are there stay as they are."""
    tx.update(DefaultStatefulness, DefaultStatefulness.id == row.id, stateful=stateful)


def delete(tx: db.Tx, row: Any) -> None:
    """The setting is gone."""
    tx.delete(DefaultStatefulness, DefaultStatefulness.id == row.id)


def of(tx: db.Tx, project_id: str) -> bool:
    """Whether a new group of the project is stateful where nobody says."""
    rows = tx.rows(sa.select(DefaultStatefulness).where(DefaultStatefulness.project_id.in_((project_id, EVERYONE))))
    found = {row.project_id: bool(row.stateful) for row in rows}
    return found.get(project_id, found.get(EVERYONE, True))
