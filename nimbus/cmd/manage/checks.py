"""The checks of `nimbus-manage doctor` and `nimbus-status` on a control host; each reports and changes nothing."""

import dataclasses
import os
import pathlib
import pwd
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nimbus.cmd import owner, schema, wiring
from nimbus.common import clock, errors, jobs
from nimbus.common.agents import services
from nimbus.compute.servers.moves.evacuations import unforsaken
from nimbus.network.hosts import local_networks
from nimbus.scheduler import hosts as known

GOOD, WARNING, FAILURE = 0, 1, 2
KEY_AGE = 90  # days after which a key that encrypts is old
SKEW = 5  # seconds by which clocks may differ; messages may be delayed by more
FREE = 0.05  # of the disk that keeps the state
UNITS = {'vcpus': 'virtual CPUs', 'memory_mb': 'MiB of memory', 'disk_gb': 'GiB of disk'}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result of a check: a level, the checked thing and a sentence."""

    level: int
    what: str
    sentence: str


Check = Callable[[Any, Any], Iterable[Finding]]


def run(conf: Any, parts: Any, checks: Iterable[Check]) -> Iterator[Finding]:
    """The findings of all checks; a check that cannot run is a failure."""
    for check in checks:
        what = check.__name__.replace('_', ' ')
        try:
            found = list(check(conf, parts))
        except (OSError, LookupError, errors.NimbusError) as why:
            found = [Finding(FAILURE, what, f'It cannot be checked: {wiring.in_words(conf, why)}')]
        yield from found or [Finding(GOOD, what, 'Nothing is wrong.')]


def line(finding: Finding) -> str:
    """A finding as a line of a report."""
    return f'{("ok", "WARNING", "FAILURE")[finding.level]:8} {finding.what:21} {finding.sentence}'


def database_schema(_conf: Any, parts: Any) -> Iterator[Finding]:
    """The schema is this version's."""
    at, newest = schema.revision(parts.db), schema.newest()
    if at != newest:
        state = f'at revision {at}' if at else 'empty'
        yield Finding(FAILURE, 'database schema', f'It is {state}, and this version needs {newest}: run db upgrade.')


def database_connections(conf: Any, parts: Any) -> Iterator[Finding]:
    """The database server has room for one more process of this size."""
    spare, size = parts.db.spare_connections(), conf.database.pool_size
    if spare is not None and spare < size:
        yield Finding(WARNING, 'database connections', f'The server takes {spare} more, and a process may want {size}.')


def keys(conf: Any, _parts: Any) -> Iterator[Finding]:
    """The keys of tokens and credentials exist, are not old, and only their owner can read them."""
    from nimbus.identity.options import Settings

    settings = Settings.of(conf)
    wanted = [('token keys', settings.key_repository), ('credential keys', settings.credential_key_repository)]
    if settings.token_format == 'jws':
        wanted.append(('signing keys', settings.jws_key_repository))
    user = owner.of_state(conf)
    for what, place in wanted:
        yield from _keys_in(what, pathlib.Path(place), user)


def _keys_in(what: str, folder: pathlib.Path, user: pwd.struct_passwd | None) -> Iterator[Finding]:
    names = [name for name in (os.listdir(folder) if folder.is_dir() else ()) if name.isdigit()]
    if not names:
        yield Finding(FAILURE, what, f'There are none in {folder}.')
        return
    for path in (folder, *(folder / name for name in sorted(names))):
        yield from _private(what, path)
        yield from _usable(what, path, user)
    age = (time.time() - (folder / max(names, key=int)).stat().st_mtime) / 86400
    if age > KEY_AGE:
        yield Finding(WARNING, what, f'The newest in {folder} is {age:.0f} days old: rotate them.')


def _private(what: str, path: pathlib.Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(FAILURE, what, f'{path} has mode {mode:o}: others than its owner can use it.')


def _usable(what: str, path: pathlib.Path, user: pwd.struct_passwd | None) -> Iterator[Finding]:
    """Daemons can read the path, and write to the folder, where they lock and rotate keys."""
    if not owner.may(user, path, os.R_OK | os.W_OK | os.X_OK if path.is_dir() else os.R_OK):
        name = user.pw_name if user else 'nobody'
        yield Finding(
            FAILURE,
            what,
            f'{path} cannot be used by {name}, whom the state folder belongs to and daemons run as: '
            f'chown it, with what is in it, to {name}.',
        )


def files(conf: Any, parts: Any) -> Iterator[Finding]:
    """Files with secrets can be read by the daemons, and not by every user."""
    database = parts.db.writer.url.database if parts.db.sqlite else None
    user = owner.of_state(conf)
    for path in [
        *map(pathlib.Path, getattr(conf, 'config_file', None) or ()),
        *([pathlib.Path(database)] if database else []),
    ]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o004:
            yield Finding(WARNING, 'files', f'{path} has mode {mode:o}: every user of this host can read its secrets.')
        yield from _usable('files', path, user)


def disk_space(conf: Any, _parts: Any) -> Iterator[Finding]:
    """The file system of state_path has free space."""
    use = shutil.disk_usage(conf.state_path)
    if use.free < FREE * use.total:
        yield Finding(WARNING, 'disk space', f'{conf.state_path} has {use.free >> 20} of {use.total >> 20} MiB left.')


def ports(conf: Any, _parts: Any) -> Iterator[Finding]:
    """Every REST API of the cloud accepts connections."""
    host = conf.api.listen if conf.api.listen not in ('0.0.0.0', '::') else 'localhost'
    for name in ('identity', 'image', *conf.api.services):
        port = wiring.port_of(conf, name)
        try:
            socket.create_connection((host, port), timeout=3).close()
        except OSError as why:
            yield Finding(WARNING, 'ports', f'The {name} API does not answer at {host}:{port}: {why}.')


def daemons(conf: Any, parts: Any) -> Iterator[Finding]:
    """Every daemon that ever reported still does."""
    with parts.db.read() as tx:
        rows = services.find(tx)
    for row in rows:
        if not services.is_up(row, conf.service_down_time):
            yield Finding(WARNING, 'daemons', f'{row.binary} on {row.host} was last seen at {clock.iso(row.seen_at)}.')


def clocks(conf: Any, parts: Any) -> Iterator[Finding]:
    """The clocks of the hosts agree with that of the conductors."""
    with parts.db.read() as tx:
        rows = services.find(tx)
    worst: dict[str, float] = {}
    for row in rows:
        skew = (row.facts or {}).get(services.SKEW)
        if skew is not None and abs(skew) > abs(worst.get(row.host, SKEW)):
            worst[row.host] = skew
    for host, skew in sorted(worst.items()):
        side = 'ahead' if skew > 0 else 'behind'
        yield Finding(WARNING, 'clocks', f'The clock of {host} is {abs(skew):.0f} seconds {side}: set it by NTP.')


def stuck_jobs(_conf: Any, parts: Any) -> Iterator[Finding]:
    """No job is stuck: an operator must look at one whose undo failed."""
    with parts.db.read() as tx:
        rows = jobs.stuck(tx)
    for job in rows:
        yield Finding(WARNING, 'stuck jobs', f'{job.workflow} of {job.subject} could not be undone: {job.error}')


def networks(_conf: Any, parts: Any) -> Iterator[Finding]:
    """Every network's guests reach each other, and get their addresses."""
    with parts.db.read() as tx:
        apart, unserved = local_networks.apart(tx), local_networks.unserved(tx)
    for network_id, hosts in apart.items():
        text = f'Network {network_id} is local to each host and has guests on {", ".join(hosts)}: they do not reach '
        yield Finding(WARNING, 'networks', text + 'those on another host.')
    for network_id, hosts in unserved.items():
        text = (
            f'Network {network_id} has guests on {", ".join(hosts)} that get no address: its DHCP does not stand there.'
        )
        yield Finding(WARNING, 'networks', text)


def evacuations(conf: Any, parts: Any) -> Iterator[Finding]:
    """No host may still run guests of servers that were evacuated from it."""
    with parts.db.read() as tx:
        left = unforsaken(tx)
        up = {row.host for row in services.find(tx, 'compute') if services.is_up(row, conf.service_down_time)}
    for host, count in sorted(left.items()):
        many = f'{count} server{"s were" if count != 1 else " was"} evacuated from {host}, '
        if host in up:
            text = (
                'which is up and has not yet said that it runs none of their guests: see the log of its nimbus-compute.'
            )
        else:
            text = (
                'which is down and may still run their guests: keep it off the network until its nimbus-compute runs.'
            )
        yield Finding(WARNING, 'evacuations', many + text)


def capacity(_conf: Any, parts: Any) -> Iterator[Finding]:
    """No host has more claimed of it than its reserves and ratios allow by now."""
    with parts.db.read() as tx:
        found = known.over(tx)
    for row, resource, most in found:
        used = getattr(row, f'used_{resource}')
        text = f'Servers hold {used} {UNITS[resource]} of {row.host}, which may give {most}: what is placed stays, and '
        yield Finding(WARNING, 'capacity', text + 'nothing is added before there is room.')


UPGRADE: tuple[Check, ...] = (database_schema, keys, stuck_jobs)
EVERY: tuple[Check, ...] = (
    *UPGRADE,
    database_connections,
    files,
    disk_space,
    ports,
    daemons,
    clocks,
    networks,
    evacuations,
    capacity,
)
