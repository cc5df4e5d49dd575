"""`nimbus up`: the whole cloud in one process, with SQLite and an in-process bus."""

import argparse
import contextlib
import functools
import logging
import os
import pathlib
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from nimbus.api.kit import policy
from nimbus.cmd import ready_files, schema, services, serving, wiring
from nimbus.cmd.fake import ports, seeding
from nimbus.cmd.processes import apis
from nimbus.common import config, errors

LOG = logging.getLogger(__name__)
APIS = ('identity', 'compute', 'metadata', 'network', 'image', 'volume', 'placement')
LONGEST = 3600  # seconds that a simulated change may be made to take
CHEAP = 4  # the cost of a password's hash where it protects nothing: a login of 1 ms instead of 250
FOR_TESTS = ('seed', 'least_time', 'port', 'ready_file', 'controls', 'chance_seed')  # what goes with a fake cloud alone
FAKE_STATE = '~/.local/state/nimbus-fake'


def main(argv: list[str]) -> int:
    """Run until interrupted; 0 after a clean stop, 1 with a sentence when it cannot start."""
    began = time.monotonic()
    args = _arguments(argv)
    try:
        conf = configure(args)
        args.seed = seeding.read(args.seed) if args.seed else {}
        if args.ready_file:
            ready_files.prepare_ready(args.ready_file)
        wiring.set_up_logging(conf)
        if args.log_requests:
            logging.getLogger(serving.ACCESS).setLevel(logging.INFO)
        state = pathlib.Path(conf.state_path)
        with wiring.one_at_a_time(state):
            return run(conf, args, began)
    except (OSError, LookupError, errors.NimbusError) as why:
        wiring.give_up('nimbus', _sentence(why, args))
    except KeyboardInterrupt:
        wiring.give_up('nimbus', 'interrupted.')
    except Exception as why:  # the parts' threads would keep the process
        LOG.exception('Nothing expects this of a start')
        wiring.give_up('nimbus', why)


def _sentence(why: Exception, args: argparse.Namespace) -> str:
    if isinstance(why, PermissionError) and not args.fake and os.geteuid() != 0:
        return f'{why}; run it as root, or `nimbus up --fake`, which needs no rights.'
    return str(why)


def _arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, read and checked."""
    parser = _parser()
    args = parser.parse_args(argv)
    if not args.fake and any(getattr(args, name) is not None for name in FOR_TESTS):
        words = ', '.join(f'--{name.replace("_", "-")}' for name in FOR_TESTS)
        parser.error(f'these go with --fake: {words}')
    if args.port is not None and args.port_offset is not None:
        parser.error('--port and --port-offset exclude each other')
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='nimbus up', description=__doc__)
    parser.add_argument('--config-file', action='append', help='nimbus.conf; may be given several times')
    parser.add_argument('--fake', action='store_true', help='simulate guests, networks and disks: no root needed')
    parser.add_argument('--hosts', type=_count, default=1, help='number of simulated compute hosts (with --fake)')
    parser.add_argument('--state', help=f'where everything is kept (with --fake: {FAKE_STATE})')
    parser.add_argument('--fresh', action='store_true', help='delete the state of an earlier run first (with --fake)')
    parser.add_argument('--listen', help='address to bind the REST endpoints to')
    parser.add_argument('--log-requests', action='store_true', help='a line on standard error for each request')
    parser.add_argument('--port-offset', type=int, help='added to every usual port')
    _add_for_tests(parser)
    return parser


def _add_for_tests(parser: argparse.ArgumentParser) -> None:
    """What goes with a fake cloud alone."""
    parser.add_argument(
        '--seed',
        metavar='NAME|FILE',
        help='what the cloud has from its beginning: devstack, or a file that describes it (with --fake)',
    )
    parser.add_argument(
        '--least-time',
        type=_seconds,
        metavar='SECONDS',
        help='how long each change of a simulated guest or volume takes at least (with --fake)',
    )
    parser.add_argument(
        '--port',
        type=_port,
        help='the first of the ports, which follow each other; 0 takes any that are free (with --fake)',
    )
    parser.add_argument(
        '--ready-file',
        metavar='FILE',
        type=pathlib.Path,
        help='written when the cloud is ready, with its URLs and credentials as JSON (with --fake)',
    )
    parser.add_argument(
        '--controls',
        action='store_true',
        default=None,
        help='serve what steers the cloud for tests: see `nimbus fake --help` (with --fake)',
    )
    parser.add_argument(
        '--chance-seed',
        type=int,
        metavar='N',
        help='what is drawn by chance is drawn as at an earlier run (with --fake)',
    )


def _port(text: str) -> int:
    """The first port on the command line."""
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f'{text} is no port: 0 for free ones, or 1 to 65535')
    return int(text)


def _seconds(text: str) -> float:
    """A length of time on the command line, as argparse takes it."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f'{text} is no number of seconds from 0 to {LONGEST}')
    return seconds


def _count(word: str) -> int:
    """A whole number from 1."""
    if not word.isascii() or not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f'{word} is no whole number from 1')
    return int(word)


def configure(args: argparse.Namespace) -> Any:
    """The configuration, overridden by the command line."""
    conf = config.load([], 'nimbus', args.config_file)
    if args.fake:
        state = pathlib.Path(args.state or FAKE_STATE).expanduser().resolve()
        conf.set_override('state_path', str(state))
        if args.fresh:
            _forget(state)
        for room in ('compute', 'network', 'volume'):
            conf.set_override('driver', 'fake', group=room)
        conf.set_override('level', 'WARNING', group='log')
        conf.set_default('bcrypt_rounds', CHEAP, group='identity')
        if args.least_time is not None:
            conf.set_override('least_seconds', args.least_time, group='fake')
        if args.controls:
            conf.set_override('workers', 1, group='api')  # what is chosen is chosen in one process
    elif args.state:
        conf.set_override('state_path', args.state)
    if args.hosts == 1:
        conf.set_default('allow_resize_to_same_host', True, group='compute')  # there is no other one
    if args.listen:
        conf.set_override('listen', args.listen, group='api')
    if args.port_offset is not None:
        conf.set_override('port_offset', args.port_offset, group='api')
    _check_ports(conf)
    return conf


def _check_ports(conf: Any) -> None:
    """Raises LookupError naming an API whose port would be out of range."""
    for name in APIS:
        if not 0 <= (port := wiring.port_of(conf, name)) <= 65535:
            raise LookupError(
                f'With a port_offset of {conf.api.port_offset} the port of {name} is {port}; it can be 0 to 65535.'
            )


def _forget(state: pathlib.Path) -> None:
    """The state of a fake cloud is deleted; no other folder than one that a fake cloud made is touched."""
    import shutil

    if (state / 'nimbus.lock').exists():
        shutil.rmtree(state)


def secret(path: pathlib.Path) -> str:
    """The secret kept in a file only its owner reads; made if there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        made = secrets.token_urlsafe(24)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), 'w') as file:
            file.write(made + '\n')
        return made


def set_secrets(conf: Any) -> str:
    """The cloud's own secrets are part of the configuration, made at the first start; returns the admin's password."""
    state = pathlib.Path(conf.state_path)
    admin = os.environ.get('OS_BOOTSTRAP_PASSWORD') or secret(state / 'admin-password')
    service = conf.service_user.password or secret(state / 'service-password')
    conf.set_override('password', service, group='service_user')
    if not conf.metadata.shared_secret:
        conf.set_override('shared_secret', secret(state / 'metadata-secret'), group='metadata')
    return admin


def prepare(conf: Any, parts: Any, admin: str) -> None:
    """Schema, keys, first users, services and endpoints exist."""
    service = conf.service_user.password
    at = schema.revision(parts.db)
    hasher = services.passwords(conf, () if at else (admin, service))
    if at != schema.newest():
        schema.upgrade(parts.db)
    schema.load_models()
    services.bootstrap(conf, parts, admin, service, hasher)


def run(conf: Any, args: argparse.Namespace, began: float) -> int:
    """Serve until a signal to stop; returns the exit code."""
    admin = set_secrets(conf)
    sockets, kept = _sockets(conf, args)
    others = apis.beside(conf, sockets)
    parts = wiring.make_parts(conf, processes=others.count)
    prepare(conf, parts, admin)
    server = serving.Server(serving.Settings.of(conf), others.peers)
    agents, around = _agents(conf, args, parts)
    cloud = services.everything(conf, parts, agents, others.peers)
    apis.add_apps(server, conf, parts, sockets, around(cloud))

    def ready() -> None:
        others.start()
        if args.seed:
            threading.Thread(target=_seed, args=(conf, args, admin, began), name='seed', daemon=True).start()
        else:
            _announce(conf, args, admin, began)

    try:
        cloud.start()
        kept.close()
        wiring.settle_memory()
        # Until here a signal ends the process; there is no server yet that could be stopped.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: (others.leave(), server.stop()))
        signal.signal(signal.SIGHUP, lambda *_: (others.reload(), policy.read_again()))
        server.run(ready, wiring.pulse(), lambda: wiring.notify('WATCHDOG=1'))
    finally:
        wiring.notify('STOPPING=1')
        in_order = wiring.stop_in_time(others.stop, cloud.stop, lambda: services.empty(parts), parts.db.close)
    return wiring.leave(0, in_order)


def _sockets(conf: Any, args: argparse.Namespace) -> tuple[apis.Sockets, contextlib.ExitStack]:
    """The sockets of the APIs, and what keeps a port for the consoles until they listen."""
    kept = contextlib.ExitStack()
    if args.port is None:
        return apis.bind(conf, list(APIS)), kept
    sockets, for_consoles = ports.take(conf, list(APIS), args.port)
    kept.enter_context(for_consoles)
    return sockets, kept


def _agents(conf: Any, args: argparse.Namespace, parts: Any) -> tuple[wiring.Group, Callable[..., Any]]:
    """The agents of all hosts, and what puts the controls of the cloud that is made with them before its APIs."""
    hosts = _hosts(conf, args)
    if not args.controls:
        return services.agents_of(conf, parts.bus, hosts), lambda cloud: lambda name, app: app
    from nimbus.cmd.fake import application, controls
    from nimbus.cmd.fake.hosts import Hosts

    seed = secrets.randbelow(1 << 31) if args.chance_seed is None else args.chance_seed
    made = controls.Controls(pathlib.Path(conf.state_path), parts, pretended := Hosts(conf, parts, hosts), seed)
    print(f'What happens by chance can be repeated with --chance-seed {seed}.', file=sys.stderr, flush=True)
    return pretended, functools.partial(application.around, made)


def _hosts(conf: Any, args: argparse.Namespace) -> list[str]:
    """The names of the hosts; more than one only makes sense with fake drivers."""
    name = wiring.host_name(conf)
    if not args.fake:
        return [name]
    return seeding.hosts(args.seed, [name, *(f'{name}-{n}' for n in range(2, args.hosts + 1))])


def _seed(conf: Any, args: argparse.Namespace, admin: str, began: float) -> None:
    """The cloud has what its seed describes and is announced, or the process has ended with a sentence."""
    try:
        seeding.plant(conf, args.seed, admin)
        _announce(conf, args, admin, began)
    except Exception as why:  # nobody else would hear of it
        wiring.give_up('nimbus', why)


def _announce(conf: Any, args: argparse.Namespace, admin: str, began: float) -> None:
    """Whoever waits for the cloud knows that it is ready, and how to log in."""
    seconds = time.monotonic() - began
    clouds, users = pathlib.Path(conf.state_path) / 'clouds.yaml', seeding.users(args.seed or {}, admin)
    ready_files.write_clouds(clouds, conf, admin, users)
    if args.ready_file:
        ready_files.write_ready(args.ready_file, conf, admin, users)
    wiring.notify('READY=1')
    LOG.info('The cloud is ready after %.1f s', seconds)
    if args.fake:
        print(
            f'nimbus is ready after {seconds:.1f} s.\n  export OS_CLIENT_CONFIG_FILE={clouds} OS_CLOUD=nimbus',
            flush=True,
        )
