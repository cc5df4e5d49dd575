"""The compute agent: runs the guests of one host, carries out the conductor's errands, and reports their states."""

import contextlib
import dataclasses
import functools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from nimbus.common import errors, failpoints
from nimbus.common.agents.desk import Heartbeat
from nimbus.common.agents.errands import ACCEPTED, Errands
from nimbus.common.context import Context
from nimbus.compute.agent import monitors
from nimbus.compute.agent.driver import Driver, Missing, Refused
from nimbus.compute.agent.evacuation_errands import EvacuationErrands
from nimbus.compute.agent.heal import Healer
from nimbus.compute.agent.live_errands import LiveErrands
from nimbus.compute.agent.move_errands import MoveErrands
from nimbus.compute.agent.progress import Progress
from nimbus.compute.agent.volume_errands import VolumeErrands
from nimbus.compute.guest import Guest, Image, Nic, Rescue, Volume

LOG = logging.getLogger(__name__)
T = TypeVar('T')
BINARY = 'nova-compute'
FETCHED = 80  # percent of a guest's making that fetching its image is
TIDY = 600.0  # seconds between looks for what is not needed any more
# Seconds since the last order for a guest: longer than any job lives, so that no late order is still on its way.
FENCE_AGE = 86400.0
WIRING = 60.0  # seconds in which the ports of guests that were off at the start are wired


class Images(Protocol):
    """Where base images come from, and where copies of guests' disks go."""

    def get(self, image: Image, progress: Any = None, root_gb: int = 0) -> str:
        """The path of the image's base on this host."""

    def put(self, image_id: str, path: str) -> None:
        """The image is active and holds what the file holds.  Raises NotFound, Unavailable and Refused."""

    def prune(self, in_use: set[str], max_age: float) -> list[str]:
        """Bases older than that which are not in use are gone; returns their paths."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the agent of one host behaves."""

    reserved: dict[str, int] = dataclasses.field(default_factory=dict)  # vcpus, memory_mb, disk_gb
    ratios: dict[str, float] = dataclasses.field(default_factory=dict)
    resume: bool = False  # start guests again that are found off at the agent's start
    shutdown_timeout: int = 60
    report_interval: float = 10
    heal_interval: float = 60
    image_age: float = 86400  # seconds that a base image is kept which no guest stands on
    aside_age: float = 604800  # seconds that disks are kept which an evacuated guest left here
    monitors: tuple[str, ...] = ()  # which measure the host
    workers: int = 8

    @classmethod
    def of(cls, conf: Any) -> 'Settings':
        """What the options [compute] say."""
        return cls(
            reserved={
                'vcpus': conf.compute.reserved_host_cpus,
                'memory_mb': conf.compute.reserved_host_memory_mb,
                'disk_gb': conf.compute.reserved_host_disk_gb,
            },
            ratios={
                'vcpus': conf.compute.cpu_allocation_ratio,
                'memory_mb': conf.compute.ram_allocation_ratio,
                'disk_gb': conf.compute.disk_allocation_ratio,
            },
            resume=conf.compute.resume_guests_state_on_host_boot,
            shutdown_timeout=conf.compute.shutdown_timeout,
            report_interval=conf.report_interval,
            heal_interval=conf.compute.heal_interval,
            image_age=conf.compute.image_cache_age,
            aside_age=conf.compute.evacuated_disk_age,
            monitors=tuple(conf.compute.compute_monitors),
        )


class Agent(MoveErrands, LiveErrands, EvacuationErrands, VolumeErrands):
    """Serves topic `compute` on one host."""

    def __init__(
        self, host: str, driver: Driver, images: Images, desk: Any, state_path: str, settings: Settings | None = None
    ) -> None:
        """`desk` is a client of ComputeDesk; `state_path` is a folder of this agent's alone."""
        self.host, self.driver, self.images, self.desk = host, driver, images, desk
        self.settings = settings or Settings()
        self.monitors = monitors.named(self.settings.monitors)
        self.errands = Errands(desk.done, os.path.join(state_path, 'fences'), self.settings.workers)
        self.healer = Healer(
            host,
            driver,
            desk,
            resume=self.settings.resume,
            shutdown_timeout=self.settings.shutdown_timeout,
            busy=self.busy,
        )
        self.heartbeat = Heartbeat(desk, host, BINARY, self.facts, self.settings.report_interval)
        self._doomed: set[str] = set()  # guests that are to go while they are still being made
        self._at_work: dict[str, int] = {}
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._heal, name='compute-heal', daemon=True)

    def start(self) -> None:
        """The driver is open, the host reports to the desk and its guests are looked after.  Raises OSError."""
        self.driver.open()
        self.driver.watch(self.healer.seen)
        self.heartbeat.start()
        self._thread.start()

    def stop(self) -> None:
        """No errand is begun any more and nothing is reported; guests run on."""
        self._stop.set()
        self.heartbeat.stop()
        self.errands.close()
        self._thread.join(timeout=5)
        self.driver.close()

    def facts(self) -> dict[str, Any]:
        """What the host has, and how much of it may be claimed."""
        facts = dataclasses.asdict(self.driver.facts())
        told = {'reserved': self.settings.reserved, 'ratios': self.settings.ratios}
        metrics = {name: value for each in self.monitors for name, value in each.read().items()}
        return {**facts, **told, **({'metrics': metrics} if self.monitors else {})}

    def busy(self, server_id: str) -> bool:
        """Whether an errand for the guest is being worked on."""
        with self._lock:
            return server_id in self._at_work

    def _take(self, job_id: str, key: str, subject: str, fence: int, verb: str, do: Any) -> str:
        """The errand is accepted, and its guest counts as busy until it is done."""

        def errand() -> dict[str, Any]:
            failpoints.hit(f'compute.{verb}.before')
            try:
                found = do() or {}
            finally:
                self._count(subject, -1)
            failpoints.hit(f'compute.{verb}.after')
            return found

        self._count(subject, 1)
        answer = None
        try:
            answer = self.errands.take(job_id, key, subject, fence, errand)
            return answer
        finally:
            if answer != ACCEPTED:
                self._count(subject, -1)

    def _change(self, job_id: str, key: str, fence: int, verb: str, server_id: str, do: Callable[[], None]) -> str:
        """An errand that changes what the guest does, and reports its power, is accepted."""

        def changed() -> dict[str, Any]:
            do()
            return {'power': self.driver.state(server_id)}

        return self._take(job_id, key, server_id, fence, verb, changed)

    def _count(self, subject: str, change: int) -> None:
        with self._lock:
            left = self._at_work.pop(subject, 0) + change
            if left:
                self._at_work[subject] = left

    # Errands

    def spawn(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any]) -> str:
        made = Guest.from_dict(guest)

        def do() -> dict[str, Any]:
            progress, fetched = Progress(lambda percent: self._report(made.id, percent)), FETCHED if made.image else 0
            fetching = self._unless_doomed(made.id, progress.part(0, fetched))
            root = self.images.get(made.image, fetching, made.root_gb) if made.image else None
            failpoints.hit('compute.spawn.image')
            self.driver.spawn(self._furnished(made), root, self._unless_doomed(made.id, progress.part(fetched, 100)))
            return {'power': self.driver.state(made.id)}

        return self._take(job_id, key, made.id, fence, 'spawn', do)

    def fetch(self, context: Context, job_id: str, key: str, fence: int, image: dict[str, Any]) -> str:
        wanted = Image(**image)
        return self._take(job_id, key, wanted.id, fence, 'fetch', lambda: {'base': self.images.get(wanted)})

    def rebuild(
        self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], preserve: bool, timeout: int
    ) -> str:
        made = Guest.from_dict(guest)

        def do() -> None:
            base = self._base_of(made.id, made.image, made.root_gb)
            self.driver.rebuild(self._furnished(made), base, preserve, timeout)

        return self._change(job_id, key, fence, 'rebuild', made.id, do)

    def destroy(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        def do() -> None:
            self._doomed.discard(server_id)
            self.driver.destroy(server_id)

        self.errands.fences.pass_(server_id, fence)
        if self.busy(server_id):
            self._doomed.add(server_id)
        return self._take(job_id, key, server_id, fence, 'destroy', do)

    def power_on(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any]) -> str:
        made = Guest.from_dict(guest)
        return self._change(job_id, key, fence, 'start', made.id, lambda: self.driver.start(made))

    def power_off(self, context: Context, job_id: str, key: str, fence: int, server_id: str, timeout: int) -> str:
        return self._change(job_id, key, fence, 'stop', server_id, lambda: self.driver.stop(server_id, timeout))

    def reboot(
        self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], hard: bool, timeout: int
    ) -> str:
        made = Guest.from_dict(guest)
        return self._change(job_id, key, fence, 'reboot', made.id, lambda: self.driver.reboot(made, hard, timeout))

    def pause(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        return self._change(job_id, key, fence, 'pause', server_id, lambda: self.driver.pause(server_id))

    def unpause(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        return self._change(job_id, key, fence, 'unpause', server_id, lambda: self.driver.unpause(server_id))

    def suspend(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        return self._change(job_id, key, fence, 'suspend', server_id, lambda: self.driver.suspend(server_id))

    def resume(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any]) -> str:
        made = Guest.from_dict(guest)
        return self._change(job_id, key, fence, 'resume', made.id, lambda: self.driver.resume(made))

    def rescue(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        rescue: dict[str, Any],
        timeout: int,
    ) -> str:
        made, wanted = Guest.from_dict(guest), Rescue.from_dict(rescue)

        def do() -> None:
            base = self._base_of(made.id, wanted.image)
            self.driver.rescue(made, wanted, base or '', timeout)

        return self._change(job_id, key, fence, 'rescue', made.id, do)

    def unrescue(
        self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], running: bool
    ) -> str:
        made = Guest.from_dict(guest)
        return self._change(job_id, key, fence, 'unrescue', made.id, lambda: self.driver.unrescue(made, running))

    def attach(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, volume: dict[str, Any]
    ) -> str:
        wanted = Volume(**volume)

        def do() -> dict[str, Any]:
            self.driver.attach(server_id, wanted)
            return {'device': self.driver.attached(server_id).get(wanted.id, wanted.device)}

        return self._take(job_id, key, server_id, fence, 'attach', do)

    def detach(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, volume: dict[str, Any]
    ) -> str:
        def do() -> None:
            try:
                self.driver.detach(server_id, Volume(**volume))
            except Missing:
                LOG.info('Guest %s is gone and has let go of volume %s', server_id, volume['id'])

        return self._take(job_id, key, server_id, fence, 'detach', do)

    def snapshot(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, image_id: str, quiesce: str
    ) -> str:
        def do() -> None:
            self.driver.snapshot(server_id, image_id, quiesce)

        return self._take(job_id, key, server_id, fence, 'snapshot', do)

    def upload_snapshot(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, image_id: str, quiesce: str
    ) -> str:
        def do() -> None:
            self.images.put(image_id, self.driver.snapshot(server_id, image_id, quiesce))

        return self._take(job_id, key, server_id, fence, 'upload_snapshot', do)

    def drop_snapshot(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        drop = functools.partial(self.driver.drop_snapshot, server_id)
        return self._take(job_id, key, server_id, fence, 'drop_snapshot', drop)

    def plug(self, context: Context, job_id: str, key: str, fence: int, server_id: str, nic: dict[str, Any]) -> str:
        return self._take(job_id, key, server_id, fence, 'plug', lambda: self.driver.plug(server_id, Nic(**nic)))

    def unplug(self, context: Context, job_id: str, key: str, fence: int, server_id: str, nic: dict[str, Any]) -> str:
        def do() -> None:
            try:
                self.driver.unplug(server_id, Nic(**nic))
            except Missing:
                LOG.info('Guest %s is gone and has let go of port %s', server_id, nic['port_id'])

        return self._take(job_id, key, server_id, fence, 'unplug', do)

    # Questions

    def set_password(self, context: Context, server_id: str, user: str, password: str) -> None:
        self._told(server_id, 'guest', lambda: self.driver.set_password(server_id, user, password))

    def inject_nmi(self, context: Context, server_id: str) -> None:
        self._told(server_id, 'guest', lambda: self.driver.inject_nmi(server_id))

    def diagnostics(self, context: Context, server_id: str) -> dict[str, Any]:
        return dataclasses.asdict(self._told(server_id, 'guest', lambda: self.driver.diagnostics(server_id)))

    def console(self, context: Context, server_id: str, lines: int | None) -> str:
        return self._told(server_id, 'console', lambda: self.driver.console(server_id, lines))

    def console_address(self, context: Context, server_id: str, kind: str) -> dict[str, Any]:
        ask = functools.partial(self.driver.console_address, server_id, kind)
        return dataclasses.asdict(self._told(server_id, 'console', ask))

    def _told(self, server_id: str, what: str, ask: Callable[[], T]) -> T:
        """The driver's answer.  Raises NotFound where the guest is not here."""
        try:
            return ask()
        except Missing:
            raise errors.NotFound(
                f'Instance {server_id} has no {what}.', inside=f'Guest {server_id} is not on host {self.host}.'
            ) from None

    # What goes on by itself

    def _base_of(self, server_id: str, image: Image | None, root_gb: int = 0) -> str | None:
        """The path of the image's base, fetched unless its server is to go; None without an image."""
        return self.images.get(image, self._unless_doomed(server_id, lambda _: None), root_gb) if image else None

    def _unless_doomed(self, server_id: str, progress: Callable[[int], None]) -> Callable[[int], None]:
        """The progress of work that ends with Refused when its server is to go."""

        def check(percent: int) -> None:
            if server_id in self._doomed:
                raise Refused('The server is deleted while its guest is still being made.')
            progress(percent)

        return check

    def _report(self, server_id: str, percent: int) -> None:
        with contextlib.suppress(errors.Unavailable):  # only shown, never acted on
            self.desk.progress(self.host, server_id, percent)

    def tidy(self) -> None:
        """What is not needed is gone: base images, disks that evacuated guests left, fences that no job is for."""
        for path in self.driver.forget_forsaken(self.settings.aside_age):
            LOG.info('%s was left by an evacuated guest and is gone after %d seconds', path, self.settings.aside_age)
        for base in self.images.prune(self.driver.bases(), self.settings.image_age):
            LOG.info('Base image %s was not needed for %d seconds and is gone', base, self.settings.image_age)
        here = self.driver.guests()
        old = [subject for subject in self.errands.fences.older_than(FENCE_AGE) if subject not in here]
        if old:
            self.errands.fences.forget(self.desk.strangers(self.host, old))

    def _heal(self) -> None:
        starting, pause = True, 1.0
        wired_by, tidy_at = time.monotonic() + WIRING, time.monotonic()
        while not self._stop.is_set():
            try:
                soon = self.healer.heal(starting, time.monotonic() < wired_by)
                if not soon and time.monotonic() >= tidy_at:
                    self.tidy()
                    tidy_at = time.monotonic() + TIDY
                starting, pause = False, 0.5 if soon else self.settings.heal_interval
            except errors.NimbusError as why:
                LOG.warning('Which guests this host should have is not known: %s', why)
                pause = 2.0
            except Exception:
                LOG.exception('The guests of this host cannot be compared with its servers')
                pause = self.settings.heal_interval
            self._stop.wait(pause)
