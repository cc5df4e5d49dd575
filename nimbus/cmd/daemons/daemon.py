"""The main of every daemon: reads the configuration, runs until a signal, and stops in order."""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from nimbus.cmd import wiring
from nimbus.common import config, errors
from nimbus.common.parts import Parts

LOG = logging.getLogger(__name__)


def configure(program: str, sentence: str, argv: list[str] | None = None) -> Any:
    """The configuration the command line names, with logging set up by it."""
    parser = argparse.ArgumentParser(prog=program, description=sentence)
    parser.add_argument('--config-file', action='append', help='nimbus.conf; may be given several times')
    parser.add_argument('--log-file', help='a path, - for standard error, or syslog')
    parser.add_argument('--debug', action='store_true', help='log at DEBUG')
    args = parser.parse_args(sys.argv[1:] if argv is None else argv)
    try:
        conf = config.load([], program, args.config_file)
        if args.log_file:
            conf.set_override('file', args.log_file, group='log')
        if args.debug:
            conf.set_override('debug', True, group='log')
        wiring.set_up_logging(conf)
    except (OSError, config.Unusable) as why:
        parser.exit(1, f'{program} cannot start: {why}\n')
    if conf.log.debug:
        conf.log_opt_values(LOG, logging.DEBUG)
    return conf


def run(program: str, sentence: str, build: Callable[[Any], wiring.Daemon]) -> int:
    """Run one daemon without REST APIs until a signal; 1 with a sentence when it cannot start."""
    # Several libraries import eventlet wherever it is installed, and without a REST API nothing here uses it.
    sys.modules.setdefault('eventlet', None)  # type: ignore[arg-type]
    conf = configure(program, sentence)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the signal reloads the policy, and there is none here
    try:
        made = build(conf)
        made.start()
        wiring.settle_memory()
    except (OSError, LookupError, errors.NimbusError) as why:
        wiring.give_up(program, wiring.in_words(conf, why))
    wiring.notify('READY=1')
    LOG.info('%s is at work', program)
    while not stop.wait(wiring.pulse()):
        wiring.notify('WATCHDOG=1')
    wiring.notify('STOPPING=1')
    return wiring.leave(0, wiring.stop_in_time(made.stop))


def run_control(program: str, sentence: str, build: Callable[[Any, Parts], wiring.Daemon]) -> int:
    """Run a daemon that has the database."""

    def made(conf: Any) -> wiring.Daemon:
        parts = wiring.make_parts(conf)
        wiring.weigh_connections(parts)
        return build(conf, parts)

    return run(program, sentence, made)


def run_agent(room: str, sentence: str) -> int:
    """Run the agent of a service on this host; it has no database."""
    from nimbus.cmd import services

    def build(conf: Any) -> wiring.Daemon:
        parts = wiring.make_parts(conf, database=False)
        return services.agent(room, conf, parts.bus, wiring.host_name(conf))

    return run(f'nimbus-{room}', sentence, build)


def run_api(program: str, sentence: str, names: list[str] | None = None) -> int:
    """Serve the named services' REST APIs, those of [api] services when none are named."""
    from nimbus.api.kit import policy
    from nimbus.cmd import services, serving
    from nimbus.cmd.processes import apis

    conf = configure(program, sentence)
    try:
        names = names or conf.api.services
        sockets = apis.bind(conf, names)
        others = apis.beside(conf, sockets)
        parts = wiring.make_parts(conf, processes=others.count)
        wiring.weigh_connections(parts, others.count)
        wiring.weigh_address(conf)
        services.fill(conf, parts, identity='identity' in names, peers=others.peers)
        server = serving.Server(serving.Settings.of(conf), others.peers)
        apis.add_apps(server, conf, parts, sockets)
    except (OSError, LookupError, errors.NimbusError) as why:
        wiring.give_up(program, wiring.in_words(conf, why))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: (others.leave(), server.stop()))
    signal.signal(signal.SIGHUP, lambda *_: (others.reload(), policy.read_again()))
    wiring.settle_memory()

    def ready() -> None:
        others.start()
        wiring.notify('READY=1')
        LOG.info('%s is at work', program)

    server.run(ready, wiring.pulse(), lambda: wiring.notify('WATCHDOG=1'))
    wiring.notify('STOPPING=1')
    return wiring.leave(0, wiring.stop_in_time(others.stop, lambda: services.empty(parts), parts.db.close))
