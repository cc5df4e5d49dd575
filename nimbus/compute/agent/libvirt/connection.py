"""The connection to libvirt, with the thread that runs its events."""

import logging
import os
import queue
import threading
import urllib.parse
from collections.abc import Callable

import libvirt

from nimbus.common import folders

LOG = logging.getLogger(__name__)

# The embedded driver runs QEMU as the process's own user: no changes of ownership, no security driver, and
# console logs written by QEMU itself for want of virtlogd.
QEMU_CONF = """user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = %s
stdio_handler = "file"
vnc_listen = "127.0.0.1"
max_core = 0
"""
SHARING = '/sys/fs/cgroup/cpu/cgroup.procs'  # the first version of control groups
LIFECYCLE, REBOOTED, REMOVED, REMOVAL_FAILED = 'lifecycle', 'rebooted', 'removed', 'removal-failed'


class EventLoop:
    """libvirt's event loop, one for the process however many connections it has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._registered = False
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def acquire(self) -> None:
        """Events are being handled; to be called before a connection is opened."""
        with self._lock:
            if not self._registered:
                libvirt.virEventRegisterDefaultImpl()
                # libvirt would print every error to stderr beside raising it.
                libvirt.registerErrorHandler(lambda *_: None, None)
                self._registered = True
            self._users += 1
            if self._thread is None:
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name='libvirt-events', daemon=True)
                self._thread.start()

    def release(self) -> None:
        """The loop has ended if nobody else needs it."""
        with self._lock:
            self._users -= 1
            if self._users or self._thread is None:
                return
            thread, self._thread = self._thread, None
            self._stop.set()
        thread.join(5)

    def _run(self) -> None:
        # A loop without timers waits for ever; this one looks twice a second whether it should end.
        timer = libvirt.virEventAddTimeout(500, lambda *_: None, None)
        while not self._stop.is_set():
            if libvirt.virEventRunDefaultImpl() < 0:
                LOG.error('libvirt stopped handling events: %s', libvirt.virGetLastErrorMessage())
                break
        libvirt.virEventRemoveTimeout(timer)


LOOP = EventLoop()
Listener = Callable[[str, str, tuple], None]


class Connection:
    """An open connection that passes its guests' events to a listener, in a thread of its own.

    libvirt's own callback only queues: a listener that called back into libvirt from the event loop
    would wait for itself.
    """

    def __init__(self, uri: str, listener: Listener) -> None:
        prepare_embedded(uri)
        self._listener = listener
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        LOOP.acquire()
        try:
            self.raw = libvirt.open(uri)
        except libvirt.libvirtError as why:
            LOOP.release()
            raise OSError(f'libvirt at {uri} cannot be reached: {why}.') from why
        self._ids = [
            self.raw.domainEventRegisterAny(None, event, callback, None)
            for event, callback in (
                (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on(LIFECYCLE)),
                (libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, self._on(REBOOTED)),
                (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._on(REMOVED)),
                (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, self._on(REMOVAL_FAILED)),
            )
        ]
        if not is_embedded(uri):
            self.raw.setKeepAlive(5, 3)
        self._thread = threading.Thread(target=self._deliver, name='libvirt-listener', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The connection and its thread are gone; guests run on."""
        for number in self._ids:
            try:
                self.raw.domainEventDeregisterAny(number)
            except libvirt.libvirtError:
                pass  # the other side is gone, and its callbacks with it
        self._events.put(None)
        self._thread.join(5)
        self.raw.close()
        LOOP.release()

    def _on(self, kind: str) -> Callable:
        def callback(_connection, domain, *values) -> None:
            self._events.put((domain.UUIDString(), kind, values[:-1]))

        return callback

    def _deliver(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._listener(*event)
            except Exception:
                LOG.exception('An event of guest %s was not handled', event[0])


def is_embedded(uri: str) -> bool:
    """Whether `uri` runs the QEMU driver inside this process."""
    return urllib.parse.urlsplit(uri).path == '/embed'


def prepare_embedded(uri: str) -> None:
    """The root folder of an embedded `uri` has the configuration it needs; others are left alone."""
    if not is_embedded(uri):
        return
    roots = urllib.parse.parse_qs(urllib.parse.urlsplit(uri).query).get('root')
    if not roots or not os.path.isabs(roots[0]):
        raise OSError(f'{uri} names no absolute root folder; write qemu:///embed?root=/an/absolute/path.')
    folder = os.path.join(roots[0], 'etc')
    folders.make(roots[0])
    os.makedirs(folder, mode=0o700, exist_ok=True)
    part = os.path.join(folder, 'qemu.conf.part')
    with open(part, 'w') as out:
        out.write(QEMU_CONF % _controllers())
    os.replace(part, os.path.join(folder, 'qemu.conf'))


def _controllers() -> str:
    """Which control groups guests are put into: those that share processors, where this process may make some.

    A flavor's `quota:cpu_*` needs them.  Under systemd the second version of them is not this process's to change.
    """
    return '["cpu", "cpuacct"]' if os.access(SHARING, os.W_OK) else '[]'
