"""Security groups: their rows, their ports, and each project's default group, which is made at first use."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, generations, quotas, standard_attributes
from nimbus.network.models import DefaultGroup, Group, Member, Rule
from nimbus.network.security_groups import default_rules, rules, statefulness

DEFAULT = 'default'
KIND = 'security_group'
OF_PORTS = db.Gathering(sa.select(Member.port_id, Member.group_id).order_by(Member.group_id), Member.port_id)
DEFAULT_OF = db.Fixed(sa.select(DefaultGroup.group_id).where(DefaultGroup.project_id == sa.bindparam('of')))
DEFAULTS = db.Gathering(sa.select(DefaultGroup.group_id), DefaultGroup.group_id)
PUT_IN = sa.insert(db.table_of(Member))


# What compute asks


def ensure_default(tx: db.Tx, ctx: Context, project_id: str) -> str:
    """The id of the project's default group, which is made if this is its first use, whoever races for it."""
    if found := default_of(tx, project_id):
        return found
    values = {**standard_attributes.stamp(ctx, project_id), 'name': DEFAULT, 'description': 'Default security group'}
    try:
        with tx.trial():
            tx.insert(DefaultGroup, project_id=project_id, group_id=values['id'])
    except sa.exc.IntegrityError:
        return default_of(tx, project_id) or ''
    given = default_rules.of_group(tx, ctx, values['id'], default=True)
    quotas.QUOTAS.hold(tx, project_id, security_group=1, security_group_rule=len(given))
    tx.insert(Group, stateful=True, **values)
    for rule in given:
        rules.insert(tx, ctx, project_id, values['id'], rule)
    return values['id']


def default_of(tx: db.Tx, project_id: str) -> str | None:
    """The id of the project's default group, None before its first use."""
    return tx.scalar(DEFAULT_OF, {'of': project_id})


def defaults(tx: db.Tx, group_ids: Sequence[str]) -> set[str]:
    """Which of the groups are their projects' default ones."""
    return {row[0] for row in DEFAULTS.rows(tx, list(dict.fromkeys(group_ids)))}


def resolve(tx: db.Tx, ctx: Context, names_or_ids: Sequence[str]) -> list[str]:
    """The ids of the asker's groups of those names or ids; the default group when none is named.

    Raises Invalid when there is no such group, Conflict when a name means several.
    """
    default = ensure_default(tx, ctx, ctx.project_id or '')
    found = []
    for word in dict.fromkeys(names_or_ids):
        rows = tx.rows(
            sa.select(Group.id, Group.name).where(
                Group.project_id == ctx.project_id, sa.or_(Group.id == word, Group.name == word)
            )
        )
        ids = [row.id for row in rows if row.id == word] or [row.id for row in rows]
        if not ids:
            raise errors.Invalid(f'Security group {word} not found for project {ctx.project_id}.')
        if len(ids) > 1:
            raise errors.Conflict(f"Multiple security groups found matching '{word}'. Use an ID to be more specific.")
        found.append(ids[0])
    return list(dict.fromkeys(found)) or [default]


# What users ask


def show(tx: db.Tx, ctx: Context, group_id: str) -> Any:
    """The group: the asker's own or one that is shared with their project.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Group, group_id, seen=lambda: access.seen(ctx, Group))
    if row is None:
        raise absent(group_id)
    return row


def own(tx: db.Tx, ctx: Context, group_id: str) -> Any:
    """The group, which the asker may change.  Raises NotFound for one that is only shared with them."""
    row = show(tx, ctx, group_id)
    if row.project_id != ctx.project_id and not ctx.is_admin and not ctx.is_service:
        raise absent(group_id)
    return row


def absent(group_id: str) -> errors.NotFound:
    """Neutron's answer for a group that is not there."""
    return errors.NotFound(f'Security group {group_id} does not exist', type='SecurityGroupNotFound')


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the groups the asker may see."""
    scope = standard_attributes.scope(ctx, Group, access.seen(ctx, Group))
    return standard_attributes.lists(tx, Group, scope, page, access.by_shared(ctx, Group))


def rules_of(tx: db.Tx, group_ids: Sequence[str]) -> dict[str, list[Any]]:
    """The rules of each group."""
    found: dict[str, list[Any]] = {}
    for start in range(0, len(group_ids), 1000):
        part = list(group_ids[start : start + 1000])
        for row in tx.rows(sa.select(Rule).where(Rule.security_group_id.in_(part)).order_by(Rule.seq)):
            found.setdefault(row.security_group_id, []).append(row)
    return found


def create(
    tx: db.Tx,
    ctx: Context,
    *,
    name: str,
    description: str = '',
    project_id: str | None = None,
    stateful: bool | None = None,
) -> str:
    """A group with the default rules stands; returns its id.  Raises Conflict on the name default, OverQuota."""
    values = standard_attributes.stamp(ctx, project_id)
    ensure_default(tx, ctx, values['project_id'])
    if name == DEFAULT:
        raise errors.Conflict('Default security group already exists.', type='SecurityGroupDefaultAlreadyExists')
    given = default_rules.of_group(tx, ctx, values['id'], default=False)
    quotas.take(tx, values['project_id'], security_group=1, security_group_rule=len(given))
    stateful = statefulness.of(tx, values['project_id']) if stateful is None else stateful
    tx.insert(Group, name=name, description=description, stateful=stateful, **values)
    for rule in given:
        rules.insert(tx, ctx, values['project_id'], values['id'], rule)
    return values['id']


def update(tx: db.Tx, ctx: Context, group_id: str, **values: Any) -> None:
    """The group has the values.  Raises NotFound, Conflict when the default group would get another name."""
    row = own(tx, ctx, group_id)
    if 'name' in values and values['name'] != row.name:
        if row.name == DEFAULT:
            raise errors.Conflict(
                'Updating default security group not allowed.', type='SecurityGroupCannotUpdateDefault'
            )
        if values['name'] == DEFAULT:
            raise errors.Conflict('Default security group already exists.', type='SecurityGroupDefaultAlreadyExists')
    if 'stateful' in values and values['stateful'] != row.stateful and _in_use(tx, group_id):
        raise errors.Conflict(f'Security Group {group_id} in use.', type='SecurityGroupInUse')
    standard_attributes.touch(tx, Group, group_id, **values)


def delete(tx: db.Tx, ctx: Context, group_id: str) -> None:
    """The group, its rules and the rules that name it are gone.

    Raises NotFound, Conflict while a port is in it, or when it is the default one and the asker no operator.
    """
    row = own(tx, ctx, group_id)
    if _in_use(tx, group_id):
        raise errors.Conflict(f'Security Group {group_id} in use.', type='SecurityGroupInUse')
    if row.name == DEFAULT and not ctx.is_admin:
        raise errors.Conflict(
            'Insufficient rights for removing default security group.', type='SecurityGroupCannotRemoveDefault'
        )
    naming = tx.column(sa.select(Rule.security_group_id).where(Rule.remote_group_id == group_id).distinct())
    generations.bump(tx, generations.of_peers(tx, [group_id]), *((generations.RULES, one) for one in naming))
    gone = tx.rows(
        sa.select(Rule.project_id, sa.func.count().label('n'))
        .where(sa.or_(Rule.security_group_id == group_id, Rule.remote_group_id == group_id))
        .group_by(Rule.project_id)
    )
    tx.delete(Rule, sa.or_(Rule.security_group_id == group_id, Rule.remote_group_id == group_id))
    tx.delete(DefaultGroup, DefaultGroup.group_id == group_id)
    try:
        with tx.trial():
            tx.delete(Group, Group.id == group_id)
    except sa.exc.IntegrityError as why:
        raise errors.Conflict(f'Security Group {group_id} in use.', type='SecurityGroupInUse') from why
    standard_attributes.forget_tags(tx, group_id)
    access.take(tx, KIND, group_id)
    quotas.give_back(tx, row.project_id, security_group=1)
    for counted in gone:
        quotas.give_back(tx, counted.project_id, security_group_rule=counted.n)


def _in_use(tx: db.Tx, group_id: str) -> bool:
    return tx.row(sa.select(Member.port_id).where(Member.group_id == group_id).limit(1)) is not None


# Ports in groups


def of_ports(tx: db.Tx, port_ids: Sequence[str]) -> dict[str, list[str]]:
    """The groups of each port that is in any."""
    found: dict[str, list[str]] = {}
    for port_id, group_id in OF_PORTS.rows(tx, port_ids):
        found.setdefault(port_id, []).append(group_id)
    return found


def join(tx: db.Tx, ctx: Context, port_id: str, project_id: str, group_ids: Sequence[str]) -> None:
    """The port is in these groups and no other.  Raises NotFound for a group that its project may not use."""
    wanted = list(dict.fromkeys(group_ids))
    if wanted:
        usable = sa.or_(Group.project_id == project_id, Group.id.in_(access.given(project_id)))
        query = sa.select(Group.id).where(Group.id.in_(wanted), *([] if ctx.is_admin else [usable]))
        known = set(tx.column(query))
        for group_id in wanted:
            if group_id not in known:
                raise absent(group_id)
    refuse_mixture(tx, wanted)
    tx.delete(Member, Member.port_id == port_id)
    put_in(tx, port_id, wanted)


def refuse_mixture(tx: db.Tx, group_ids: Sequence[str]) -> None:
    """Nothing, when all of the groups track connections or none does.  Raises Conflict."""
    query = sa.select(Group.stateful).where(Group.id.in_(group_ids)).distinct()
    if len(group_ids) > 1 and len(tx.column(query)) > 1:
        raise errors.Conflict(
            'Error Cannot apply both stateful and stateless security groups on the same port at the same time while '
            'attempting the operation.',
            type='SecurityGroupConflict',
        )


def put_in(tx: db.Tx, port_id: str, wanted: Sequence[str]) -> None:
    """The port, which is in none of them, is in these groups, which are its project's."""
    if wanted:
        tx.execute(PUT_IN, [{'port_id': port_id, 'group_id': group_id} for group_id in wanted])
