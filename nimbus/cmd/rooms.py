"""Builds each daemon of the cloud from the process's parts; the same builders serve one process and many."""

import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from nimbus.cmd import wiring
from nimbus.common import jobs, outbox
from nimbus.common.context import Context
from nimbus.common.parts import Parts
from nimbus.conductor.rpc import Conductor

Fetch = Callable[[str], Iterator[bytes]]
RELAY = 1.0  # seconds between looks into the outbox when nobody nudges


class Nudged(Conductor):
    """The conductor's end of the bus: a nudge wakes the runner."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def nudge(self, context: Context) -> None:
        self._wake()


class Relay:
    """Publishes what waits in the outbox, in a thread of its own."""

    def __init__(self, parts: Parts, publish: Callable[[Any], None]) -> None:
        self._parts, self._publish = parts, publish
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='relay', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.wait(RELAY):
            try:
                outbox.relay(self._parts.db, self._publish)
            except Exception as why:
                wiring.LOG.warning('Notifications wait: %s', why)


class Poller:
    """Keeps a validator's view of the revocations fresh."""

    def __init__(self, validator: Any) -> None:
        self._validator = validator

    def start(self) -> None:
        self._validator.start()

    def stop(self) -> None:
        self._validator.stop()


def state_dir(conf: Any, *names: str) -> str:
    """A folder under state_path, made if it was not there."""
    path = pathlib.Path(conf.state_path, *names)
    path.mkdir(parents=True, exist_ok=True, mode=0o755)
    return str(path)


def service_session(conf: Any) -> keystone_session.Session:
    """A session of the service user, for what an agent fetches over the REST APIs."""
    told = conf.service_user
    auth = v3.Password(
        auth_url=told.auth_url or f'{wiring.url_of(conf, "identity")}/v3',
        username=told.username,
        password=told.password,
        user_domain_id='default',
        project_name=told.project,
        project_domain_id='default',
    )
    return keystone_session.Session(auth=auth, timeout=60)


def conductor(conf: Any, parts: Parts) -> wiring.Group:
    """The runner, its nudges and every service's desk."""
    from nimbus.compute.desk import ComputeDeskServer
    from nimbus.conductor.runner import Runner
    from nimbus.conductor.workflows import WORKFLOWS
    from nimbus.conductor.world import World
    from nimbus.network.desk import NetworkDeskServer
    from nimbus.volume.desk import VolumeDeskServer

    host = wiring.host_name(conf)
    runner = Runner(parts.db, WORKFLOWS, World(parts), workers=conf.conductor.workers, still=conf.conductor.still)
    return wiring.Group(
        runner,
        wiring.Listener(parts.bus, Nudged(runner.nudge), host),
        wiring.Listener(parts.bus, ComputeDeskServer(parts.db), host),
        wiring.Listener(parts.bus, NetworkDeskServer(parts.db), host),
        wiring.Listener(parts.bus, VolumeDeskServer(parts.db), host),
    )


assert jobs.TOPIC == Conductor.topic
