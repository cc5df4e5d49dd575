"""List servers: filters, sorting and paging."""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, numbers, times
from nimbus.common.database import db, listing, patterns
from nimbus.compute import states
from nimbus.compute.devices.block_requests import truth
from nimbus.compute.models import Server, ServerTag
from nimbus.network.ports import server_ports

TABLE = db.table_of(Server)
BRIEF = (TABLE.c.seq, TABLE.c.id, TABLE.c.name)
# Columns that only some views show and that take long to read: large ones, and those that are kept as JSON.
COSTLY = ('user_data', 'flavor', 'image', 'hints')
# Columns that no view of a list shows.
HIDDEN = (
    'personality',
    'key',
    'networks',
    'security_groups',
    'admin_pass',
    'guest_password',
    'generation',
    'forced_host',
    'forced_node',
    'locked_by',
    'progress',
    'shelved_image_id',
    'shelved_at',
)
OF_PROJECT = (Server.project_id == sa.bindparam('of_project'),)
THERE = (Server.deleted_at.is_(None), Server.vm_state != states.SOFT_DELETED)
COLUMNS = tuple(column for column in TABLE.columns if column.key not in (*COSTLY, *HIDDEN))
SORTS = {
    'access_ip_v4': 'access_ip_v4',
    'access_ip_v6': 'access_ip_v6',
    'auto_disk_config': 'disk_config',
    'availability_zone': 'zone',
    'config_drive': 'config_drive',
    'created_at': 'created_at',
    'display_description': 'description',
    'display_name': 'name',
    'host': 'host',
    'hostname': 'hostname',
    'image_ref': 'image_id',
    'instance_type_id': 'flavor_id',
    'key_name': 'key_name',
    'launch_index': 'launch_index',
    'launched_at': 'launched_at',
    'locked': 'locked',
    'locked_by': 'locked_by',
    'node': 'node',
    'power_state': 'power_state',
    'progress': 'progress',
    'project_id': 'project_id',
    'root_device_name': 'root_device',
    'task_state': 'task_state',
    'terminated_at': 'deleted_at',
    'updated_at': 'updated_at',
    'user_id': 'user_id',
    'uuid': 'id',
    'vm_state': 'vm_state',
}


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which servers are asked for; `filters` by the wire's names, each a string or a list of them."""

    page: listing.Page
    filters: dict[str, Any] = dataclasses.field(default_factory=dict)
    every_project: bool = False
    deleted: bool | None = False  # None: those too
    kept: bool = False  # those too that were deleted and may be restored
    statuses: tuple[str, ...] | None = None
    since: datetime.datetime | None = None
    before: datetime.datetime | None = None
    locked: bool | None = None
    brief: bool = False  # only what the short list shows
    costly: tuple[str, ...] = ()  # which of the costly columns the rows have


def find(tx: db.Tx, asker: context.Context, wanted: Wanted) -> list[Any]:
    """One page of the servers that match.  Raises Invalid on an unknown marker."""
    where, narrowed = conditions(wanted), () if wanted.deleted is not False or wanted.kept else THERE
    addresses = {name: wanted.filters[name] for name in ('ip', 'ip6') if wanted.filters.get(name)}
    if addresses:
        where.append(Server.id.in_(_with_address(tx, [*_seen(asker, wanted), *where, *narrowed], addresses)))
    columns = BRIEF if wanted.brief else (*COLUMNS, *(TABLE.c[name] for name in wanted.costly))
    return listing.rows(
        tx,
        Server,
        where,
        wanted.page,
        seen=(),
        columns=columns,
        fixed=() if wanted.every_project else OF_PROJECT,
        narrowed=narrowed,
        values={} if wanted.every_project else {'of_project': asker.project_id},
        shares=True,
    )


def _seen(asker: context.Context, wanted: Wanted) -> list[Any]:
    """The condition of the servers that the asker sees."""
    return [] if wanted.every_project else [Server.project_id == asker.project_id]


def conditions(wanted: Wanted) -> list[Any]:
    """The SQL conditions that the servers meet, beside those of every usual list.  Raises Invalid."""
    where: list[Any] = []
    if wanted.deleted:
        where.append(_gone(wanted))
    elif wanted.deleted is not None and wanted.kept:
        where.append(Server.deleted_at.is_(None))
    if wanted.statuses is not None:
        where.append(_in_status(list(wanted.statuses)))
    # A client that asks again from the time at which it asked last misses nothing of that second.
    where += [Server.updated_at >= times.second_of(wanted.since)] if wanted.since else []
    where += [listing.SECONDS['lte'](Server.updated_at, wanted.before)] if wanted.before else []
    where += [Server.locked.is_(wanted.locked)] if wanted.locked is not None else []
    for name, value in wanted.filters.items():
        if name in EXACT:
            values = value if isinstance(value, list) else [value]
            where.append(EXACT[name].in_(values))
        elif name in MATCHES:
            where.append(patterns.matches(MATCHES[name], str(value)))
        elif name in SPECIAL:
            where.append(SPECIAL[name](value))
    return where


def _gone(wanted: Wanted) -> Any:
    return sa.or_(Server.deleted_at.is_not(None), Server.vm_state == states.SOFT_DELETED)


def _in_status(statuses: list[str]) -> Any:
    pairs, _ = states.states_of(statuses)
    options = []
    for state, tasks in pairs:
        here = Server.vm_state == state
        if tasks is not None:
            options.append(sa.and_(here, Server.task_state.in_(tasks)))
        elif busy := states.told_instead(state):
            options.append(sa.and_(here, sa.or_(Server.task_state.is_(None), Server.task_state.not_in(busy))))
        else:
            options.append(here)
    return sa.or_(*options) if options else sa.false()


def _with_address(tx: db.Tx, where: list[Any], wanted: dict[str, Any]) -> list[str]:
    """The ids of the servers that have an address containing one of the texts."""
    candidates = tx.column(sa.select(Server.id).where(*where))
    texts = [str(pattern).strip('^$').replace('\\', '') for pattern in wanted.values()]
    return [
        server_id
        for server_id, held in server_ports.addresses(tx, candidates).items()
        if any(text in one['ip'] for one in held for text in texts if one['type'] == 'fixed')
    ]


def _tags_all(value: Any) -> Any:
    return sa.and_(*(Server.id.in_(_tagged([tag])) for tag in _words(value)))


def _tagged(tags: list[str]) -> Any:
    return sa.select(ServerTag.server_id).where(ServerTag.tag.in_(tags))


def _words(value: Any) -> list[str]:
    return (value[-1] if isinstance(value, list) else str(value)).split(',')


def _flag(column: Any) -> Callable[[Any], Any]:
    return lambda value: column.is_(truth(value))


def _number(column: Any) -> Callable[[Any], Any]:
    return lambda value: sa.false() if (number := numbers.read(str(value))) is None else column == number


def _moment(column: Any) -> Callable[[Any], Any]:
    """The column is that moment; a text that is no time matches nothing."""

    def at(value: Any) -> Any:
        told = times.read(str(value))
        return sa.false() if told is None else listing.SECONDS['eq'](column, told)

    return at


EXACT = {
    'user_id': Server.user_id,
    'project_id': Server.project_id,
    'tenant_id': Server.project_id,
    'image': Server.image_id,
    'image_ref': Server.image_id,
    'flavor': Server.flavor_id,
    'reservation_id': Server.reservation_id,
    'vm_state': Server.vm_state,
    'task_state': Server.task_state,
    'host': Server.host,
    'uuid': Server.id,
}
MATCHES = {
    'name': Server.name,
    'display_name': Server.name,
    'description': Server.description,
    'display_description': Server.description,
    'hostname': Server.hostname,
    'key_name': Server.key_name,
    'node': Server.node,
    'availability_zone': Server.zone,
    'locked_by': Server.locked_by,
    'root_device_name': Server.root_device,
    'access_ip_v4': Server.access_ip_v4,
    'access_ip_v6': Server.access_ip_v6,
}


def _boot_file(kind: str) -> Callable[[Any], Any]:
    found = sa.func.coalesce(Server.image[(kind, 'id')].as_string(), '')
    return lambda value: found == str(value or '')


SPECIAL: dict[str, Callable[[Any], Any]] = {
    'tags': _tags_all,
    'tags-any': lambda value: Server.id.in_(_tagged(_words(value))),
    'not-tags': lambda value: sa.not_(_tags_all(value)),
    'not-tags-any': lambda value: Server.id.not_in(_tagged(_words(value))),
    'launch_index': _number(Server.launch_index),
    'power_state': _number(Server.power_state),
    'progress': _number(sa.literal(0)),  # as every server shows it
    'config_drive': _flag(Server.config_drive),
    'auto_disk_config': lambda value: Server.disk_config == ('AUTO' if truth(value) else 'MANUAL'),
    'created_at': _moment(Server.created_at),
    'launched_at': _moment(Server.launched_at),
    'terminated_at': _moment(Server.deleted_at),
    'kernel_id': _boot_file('kernel'),
    'ramdisk_id': _boot_file('ramdisk'),
}


def used_by(tx: db.Tx, project_id: str) -> dict[str, int]:
    """What the living servers of the project hold, counted: for comparing with the quota's counters."""
    rows = tx.rows(sa.select(Server.flavor).where(Server.project_id == project_id, Server.deleted_at.is_(None)))
    return {
        'instances': len(rows),
        'cores': sum(row.flavor['vcpus'] for row in rows),
        'ram': sum(row.flavor['ram'] for row in rows),
    }
