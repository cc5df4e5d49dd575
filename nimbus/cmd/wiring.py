"""Makes a process's parts from its configuration, and its daemons from the parts."""

import contextlib
import ctypes
import fcntl
import gc
import ipaddress
import logging
import os
import pathlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

import sqlalchemy
from stevedore import driver as stevedore_driver
from stevedore import extension

from nimbus.api.kit import faults, wsgi
from nimbus.common import config, errors, folders, log, wakeups
from nimbus.common.database import db, dialects
from nimbus.common.messaging import notifier, rpc
from nimbus.common.parts import Parts

LOG = logging.getLogger(__name__)
STOP_WITHIN = 1.0  # seconds; neither a service manager nor somebody at a terminal should have to wait longer
COLLECTOR = (700, 10, 10)  # the garbage collector's thresholds at work: Python's own
M_ARENA_MAX = -8  # as malloc.h has it
ENVELOPES = {
    'compute': faults.named,
    'volume': faults.named,
    'network': faults.neutron,
    'image': faults.glance,
    'placement': faults.placement,
}


class Daemon(Protocol):
    """A part of a process that is started and stopped, such as an RPC server."""

    def start(self) -> None:
        """It works from now on, in threads of its own."""

    def stop(self) -> None:
        """It no longer works; what was under way has ended or can be resumed."""


def host_name(conf: Any) -> str:
    """This host's name on the bus."""
    return conf.host or socket.gethostname()


def database_url(conf: Any) -> str:
    """The URL of the one database."""
    return conf.database.url or f'sqlite:///{pathlib.Path(conf.state_path) / "nimbus.db"}'


def in_words(conf: Any, why: Exception) -> str:
    """An error as a sentence for the operator, with the database server's own message and the server's URL."""
    if not (words := dialects.words_of(why)):
        return str(why)
    url = sqlalchemy.make_url(database_url(conf)).render_as_string(hide_password=True)
    return f'{why} {url} says: {words}'


def set_up_logging(conf: Any, rotates: bool = True) -> None:
    """The process logs as configured from now on.  Raises OSError naming the option that is invalid.

    Of several that log to the same file one `rotates` it.
    """
    options = conf.log
    usual = log.SYSLOG_FORMAT if options.file == 'syslog' else log.FORMAT
    usual = log.at_debug(usual) if options.debug else usual
    try:
        formatter = log.Formatter(options.context_format or usual, options.default_format)
    except ValueError as why:
        raise OSError(f'[log] context_format or default_format is no format: {why}.') from why
    level = 'DEBUG' if options.debug else options.level
    rotate_mb = options.rotate_mb if rotates else 0
    log.setup(options.file, level, rotate_mb, options.keep, options.facility, formatter, conf.prog)


def make_parts(conf: Any, *, database: bool = True, processes: int = 1) -> Parts:
    """The parts of a process, one of so many of its daemon; an agent's have no database."""
    share_arenas()
    bus = rpc.transport(conf.bus)
    if database and not conf.database.url:
        _keep_private(pathlib.Path(conf.state_path) / 'nimbus.db')
    made: Any = db.Database(database_url(conf), conf.database.pool_size) if database else None
    parts = Parts(conf=conf, db=made, bus=bus)
    if made:
        if processes > 1 and made.sqlite:
            lock = pathlib.Path(conf.state_path) / 'nimbus.db-writer'
            _keep_private(lock)
            made.share_writes(lock)
        # Within one process a nudge never waits; a broker that hangs would block every request.
        made.wake = parts.wake if conf.bus.startswith('inproc:') else wakeups.Wakeups(parts.wake).wake
        made.limits = config.limits(conf)
        made.publisher = host_name(conf) if notifier.wanted(conf.notifications.driver) else None
    return parts


def _keep_private(path: pathlib.Path) -> None:
    """A file of the database is made with mode 0600 for its folder's owner; SQLite's files beside it get the same."""
    with contextlib.suppress(OSError):  # a folder that is missing or not ours is reported by the database itself
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        if os.geteuid() == 0:
            os.fchown(handle, path.parent.stat().st_uid, path.parent.stat().st_gid)
        os.close(handle)


def weigh_connections(parts: Parts, processes: int = 1) -> None:
    """Logs a warning when the database server could not give so many processes all the connections of their pools."""
    size = parts.conf.database.pool_size * processes
    try:
        spare = parts.db.spare_connections()
    except errors.Unavailable as why:
        LOG.warning('%s', in_words(parts.conf, why))
        return
    if spare is not None and spare < size:
        LOG.warning(
            'The database server takes %d more connections and this daemon may want %d: raise its max_connections, or '
            'lower [database] pool_size or [api] workers.',
            spare,
            size,
        )


def is_loopback(host: str) -> bool:
    """Whether the name or address leads to the machine itself wherever it is used."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == 'localhost'


def weigh_address(conf: Any) -> None:
    """Logs a warning when daemons on other hosts, if there are any, could not reach the APIs."""
    if not conf.bus.startswith('rabbit'):
        return
    if is_loopback(conf.api.listen):
        LOG.warning(
            'The APIs listen on %s, where no other host reaches them, and the bus is one for several hosts: '
            'set [api] listen to an address of this host or 0.0.0.0, and [api] public_host to what others know it by.',
            conf.api.listen,
        )
    elif not conf.api.public_host and conf.api.listen in ('0.0.0.0', '::'):
        LOG.warning(
            '[api] public_host is empty, so the catalog names %s, where nobody can be reached.', conf.api.listen
        )


def load_driver(room: str, name: str) -> Any:
    """The class behind a driver's entry point.  Raises LookupError naming the option, the name and what there is."""
    namespace = f'nimbus.{room}.drivers'
    try:
        return stevedore_driver.DriverManager(namespace, name, on_load_failure_callback=_raise).driver
    except stevedore_driver.NoMatches as why:
        known = ', '.join(sorted(extension.ExtensionManager(namespace).names()))
        raise LookupError(f'[{room}] driver is {name}, and there is no such driver. There are {known}.') from why


def _raise(_manager: Any, _entry: Any, why: Exception) -> None:
    raise why


def paste_config(conf: Any) -> str:
    """The path of the api-paste.ini in force."""
    return conf.api.paste_config or str(config.shipped('api-paste.ini'))


def load_apps(conf: Any, parts: Parts, names: list[str]) -> dict[str, Callable[..., Any]]:
    """The named services' pipelines."""
    return wsgi.load_all(names, parts, paste_config(conf))


def costly(name: str) -> Callable[[dict[str, Any]], bool] | None:
    """A function that recognizes a service's costly requests by their environment, None where it has none."""
    if name != 'identity':
        return None
    from nimbus.api.identity.app import hashes_a_password

    return hashes_a_password


def envelope(name: str) -> faults.Envelope:
    """The envelope of a service's errors, also for requests that do not reach its application."""
    return ENVELOPES.get(name, faults.keystone)


def port_of(conf: Any, name: str) -> int:
    """The TCP port of a service's REST API."""
    return getattr(conf.api, f'{name}_port') + conf.api.port_offset


def url_of(conf: Any, name: str) -> str:
    """The address under which clients reach a service's REST API."""
    host = conf.api.public_host or conf.api.listen
    host = f'[{host}]' if ':' in host else host
    return f'http://{host}:{port_of(conf, name)}'


def share_arenas() -> None:
    """The threads that begin from now on share two of malloc's arenas, where the C library has that setting.

    By default it gives each of many threads an arena of its own, and what one has freed no other can use: a process
    under load keeps growing for hours.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def settle_memory() -> None:
    """The garbage collector skips all objects that exist by now, since they stay for good."""
    gc.collect(0)  # of all, a tenth of a start would be spent to find some hundred KiB
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


class Group:
    """Several daemons as one; started in order, stopped in the opposite one, or all at once."""

    def __init__(self, *daemons: Daemon, together: bool = False) -> None:
        """`together` is for daemons that do not need each other."""
        self._daemons, self._together = list(daemons), together
        self._started: list[Daemon] = []

    def add(self, daemon: Daemon) -> None:
        """The daemon belongs to the group."""
        self._daemons.append(daemon)

    def every(self) -> Iterator[Any]:
        """Each daemon, those of groups within too."""
        for daemon in self._daemons:
            yield from daemon.every() if isinstance(daemon, Group) else (daemon,)

    def start(self) -> None:
        try:
            for daemon in self._daemons:
                daemon.start()
                self._started.append(daemon)
        except BaseException:
            self.stop()  # a group that contains this one does not count it as started
            raise

    def stop(self) -> None:
        listeners = [daemon for daemon in self._started if isinstance(daemon, Listener)]
        while self._started:
            batch = [self._started.pop()]
            while self._started and (self._together or _listen(batch[-1], self._started[-1])):
                batch.append(self._started.pop())
            at_once([daemon.stop for daemon in batch])
        at_once([listener.settle for listener in listeners])


def _listen(*daemons: Daemon) -> bool:
    """Whether all of them are listeners, which take up to a second to stop and do not need each other."""
    return all(isinstance(daemon, Listener) for daemon in daemons)


def at_once(works: list[Callable[[], None]]) -> None:
    """Every function has run, in parallel; failures are in the log."""
    threads = [threading.Thread(target=_do, args=(work,), name='stop', daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _do(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        LOG.exception('%s did not stop cleanly', type(getattr(work, '__self__', work)).__name__)


class Listener:
    """An RPC server as a daemon."""

    def __init__(self, bus: Any, server: rpc.Contract, host: str, threads: int = 16) -> None:
        self._make = lambda: rpc.serve(bus, server, host, threads)
        self._listener: Any = None

    def start(self) -> None:
        self._listener = self._make()

    def stop(self) -> None:
        """No more messages are taken; those under way go on, and `settle` waits for them."""
        if self._listener:
            self._listener.stop()

    def settle(self) -> None:
        """Every message that was taken has been handled."""
        if self._listener:
            self._listener.wait()


def stop_in_time(*stops: Callable[[], None], seconds: float = STOP_WITHIN) -> bool:
    """Everything was stopped, one after the other; False when that was not done after so many seconds."""
    thread = threading.Thread(target=lambda: [stop() for stop in stops], name='stop', daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def leave(code: int, in_order: bool) -> int:
    """The process's exit code; ends the process at once where threads are busy with what would delay its end.

    Their work can be interrupted anywhere and is resumed after the next start, as after a power cut.
    """
    mine = threading.current_thread()
    if in_order and all(thread.daemon or thread is mine for thread in threading.enumerate()):
        return code
    LOG.info('Some work was still under way, and is resumed after the next start')
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def one_at_a_time(path: pathlib.Path):
    """This process holds the lock on the state under `path`.  Raises OSError when another one does."""
    if not path.exists():
        folders.make(path)
    with open(path / 'nimbus.lock', 'a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise OSError(f'Process {file.read().strip()} already runs with the state in {path}.') from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def catalog_urls(conf: Any) -> dict[str, str]:
    """The endpoint of each service type, as the catalog shows it.

    Identity's names no version: clients append one, or find it by discovery.
    """
    return {
        'identity': url_of(conf, 'identity'),
        'compute': f'{url_of(conf, "compute")}/v2.1',
        'image': url_of(conf, 'image'),
        'network': url_of(conf, 'network'),
        'block-storage': f'{url_of(conf, "volume")}/v3',
        'placement': url_of(conf, 'placement'),
    }


def notify(state: str) -> None:
    """The service manager, where there is one, is notified of the state, such as READY=1."""
    address = os.environ.get('NOTIFY_SOCKET')
    if not address:
        return
    address = '\0' + address[1:] if address.startswith('@') else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError as why:
            print(f'The service manager cannot be notified of {state}: {why}', file=sys.stderr)


def give_up(program: str, why: object) -> NoReturn:
    """The process has printed why it cannot start and ended, whatever threads its parts have begun."""
    print(f'{program} cannot start: {why}', file=sys.stderr, flush=True)
    logging.shutdown()
    os._exit(1)


def pulse() -> float | None:
    """Seconds between this process's WATCHDOG=1 notifications to the service manager; None where it expects none."""
    wanted = os.environ.get('WATCHDOG_USEC', '')
    mine = os.environ.get('WATCHDOG_PID', str(os.getpid())) == str(os.getpid())
    return int(wanted) / 2_000_000 if wanted.isdigit() and mine else None  # twice as often as it must be sent
