"""Guests by libvirt and QEMU: embedded in this process, or through libvirtd."""

import dataclasses
import logging
import shutil
import threading
from collections.abc import Callable
from typing import Any

import libvirt

from nimbus.common import errors, folders
from nimbus.compute.agent.disks import ownership, qemu_img
from nimbus.compute.agent.driver import CRASHED, PAUSED, RUNNING, SHUTDOWN, Driver, Missing, Refused
from nimbus.compute.agent.libvirt import connection as events
from nimbus.compute.agent.libvirt import facts as libvirt_facts
from nimbus.compute.agent.libvirt import rescue_disks, suspension, volumes
from nimbus.compute.agent.libvirt import xml as libvirt_xml
from nimbus.compute.agent.libvirt.cards import Plugging
from nimbus.compute.agent.libvirt.disks import VARIABLES, Folder, guest_folders, has_direct_io, volume_disk
from nimbus.compute.agent.libvirt.inside import Inside
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal
from nimbus.compute.agent.libvirt.moves.copies import is_sent_by_another, withhold
from nimbus.compute.agent.libvirt.moves.evacuating import Evacuating
from nimbus.compute.agent.libvirt.moves.live import LiveMoving
from nimbus.compute.agent.libvirt.rescuing import Rescuing
from nimbus.compute.agent.libvirt.resizes import Resizing
from nimbus.compute.agent.libvirt.restorer import Restorer
from nimbus.compute.agent.libvirt.settings import LibvirtSettings
from nimbus.compute.agent.libvirt.snapshots import Snapshotting
from nimbus.compute.agent.libvirt.suspension import Suspending
from nimbus.compute.agent.libvirt.wishes import firmware
from nimbus.compute.guest import Guest, HostFacts, Rescue, Volume

LOG = logging.getLogger(__name__)

UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM  # it goes with the folder, which another host may have
)
STATES = {
    libvirt.VIR_DOMAIN_PAUSED: PAUSED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PAUSED,
    libvirt.VIR_DOMAIN_SHUTOFF: SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: CRASHED,
}
# A QEMU that is killed counts as failed, one that aborts as crashed.
DEATHS = (libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED, libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED)
EVENT_STATES = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: RUNNING,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: RUNNING,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: PAUSED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: SHUTDOWN,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: CRASHED,
}


class LibvirtDriver(Plugging, Resizing, LiveMoving, Evacuating, Snapshotting, Suspending, Rescuing, Inside, Driver):
    """Guests of one libvirt; its verbs may be called from any thread."""

    def __init__(self, settings: LibvirtSettings) -> None:
        super().__init__(settings)
        self._reboots: dict[str, int] = {}
        self._reported: dict[str, str] = {}
        self._watchers: list[Callable[[str, str], None]] = []
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._cpu: dict[str, Any] = {}
        self._hostname = settings.hostname
        self._restorer = self._made_restorer()

    # ---------------------------------------------------------------- life
    def open(self) -> None:
        folders.make(self.settings.instances_path)
        self._closing.clear()
        self._restorer = self._made_restorer()
        self._machine = libvirt_xml.Machine(
            self.settings.virt_type,
            self.settings.machine_type,
            self.settings.cpu_mode or ('maximum' if self.settings.virt_type == 'qemu' else 'host-model'),
            self.settings.tb_cache_mb,
            self.settings.num_pcie_ports,
            'none' if has_direct_io(self.settings.instances_path) else 'writeback',
            self.settings.vnc_listen,
            firmware.known(),
        )
        try:
            self.own()
        except errors.Unavailable as why:
            raise OSError(why.inside) from why
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (
                ('console-trimmer', self._trim_consoles),
                ('libvirt-capabilities', self._learn_cpu),
            )
        ]
        for thread in self._threads:
            thread.start()
        self._restorer.start()

    def close(self) -> None:
        self._closing.set()
        self._restorer.stop()
        for thread in self._threads:
            thread.join(30)
        self._disconnect()

    # ---------------------------------------------------------------- power
    @in_kinds
    def spawn(self, guest: Guest, root: str | None, progress: Callable[[int], None]) -> None:
        folder = self._folder(guest.id)
        with self._lock(guest.id):
            if self._is_active(guest.id):
                self.unpause(guest.id)
                folder.finish()
                progress(100)
                return
            progress(0)
            try:
                self._check_room(guest)
                folder.begin()
                folder.make_disks(guest, root)
                progress(60)
                self._run(guest, folder)
                folder.finish()
            except BaseException as why:
                if folder.is_building():
                    self._erase(guest.id)
                raise refusal(guest.id, self.settings.uri, why) from why
            progress(100)

    @in_kinds
    def destroy(self, guest_id: str) -> None:
        with self._lock(guest_id):
            self._erase(guest_id)

    @in_kinds
    def rebuild(self, guest: Guest, root: str | None, preserve: bool, timeout: int) -> None:
        folder = self._folder(guest.id)
        self._shut_down(guest.id, timeout)
        with self._lock(guest.id):
            try:
                self._power_off(guest.id)
                folder.begin()
                folder.drop_disks(preserve)
                folder.make_disks(guest, root)
                self._run(guest, folder)
                folder.finish()
            except (libvirt.libvirtError, OSError, qemu_img.Failed, ValueError) as why:
                raise refusal(guest.id, self.settings.uri, why) from why

    @in_kinds
    def start(self, guest: Guest) -> None:
        folder = self._folder(guest.id)
        with self._lock(guest.id):
            if self._is_active(guest.id):
                self.unpause(guest.id)
                return
            if not folder.exists():
                raise Missing(f'Guest {guest.id} is not on this host.')
            try:
                withhold(folder)
                folder.drop_rescue()
                folder.make_disks(guest, None)
                self._run(guest, folder)
            except (libvirt.libvirtError, OSError, qemu_img.Failed, ValueError) as why:
                raise refusal(guest.id, self.settings.uri, why) from why

    @in_kinds
    def stop(self, guest_id: str, timeout: int) -> None:
        domain = self._find(guest_id)
        if domain is None and not self._folder(guest_id).exists():
            raise Missing(f'Guest {guest_id} is not on this host.')
        if not self._shut_down(guest_id, timeout):
            with self._lock(guest_id):
                self._power_off(guest_id)

    @in_kinds
    def reboot(self, guest: Guest, hard: bool, timeout: int) -> None:
        if not hard and self._is_active(guest.id):
            before = self._reboots.get(guest.id, 0)
            done = self._ask(
                guest.id,
                timeout,
                lambda d: d.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN),
                lambda: self._reboots.get(guest.id, 0) > before or not self._is_active(guest.id),
            )
            if done and self._is_active(guest.id):
                return
        with self._lock(guest.id):
            self._power_off(guest.id)
            self.start(guest)

    @in_kinds
    def state(self, guest_id: str) -> str:
        domain = self._find(guest_id)
        if domain is not None:
            return _state_of(domain)
        if self._folder(guest_id).exists():
            return SHUTDOWN
        raise Missing(f'Guest {guest_id} is not on this host.')

    def guests(self) -> dict[str, str]:
        ids = guest_folders(self.settings.instances_path)
        found = {guest_id: SHUTDOWN for guest_id in ids if self._folder(guest_id).is_ours()}
        for domain in self._libvirt().listAllDomains():
            try:
                if domain.UUIDString() not in found:
                    domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, libvirt_xml.NOVA)
                found[domain.UUIDString()] = _state_of(domain)
            except libvirt.libvirtError as why:
                # Not one of ours, or gone since it was listed.
                if why.get_error_code() not in (
                    libvirt.VIR_ERR_NO_DOMAIN_METADATA,
                    libvirt.VIR_ERR_NO_DOMAIN,
                ):
                    raise
        return found

    def watch(self, changed: Callable[[str, str], None]) -> None:
        self._watchers.append(changed)

    def bases(self) -> set[str]:
        own = self.settings.instances_path
        tops = (own, *ownership.asides(own))
        return {base for top in tops for guest_id in guest_folders(top) for base in Folder(top, guest_id).bases()}

    # ---------------------------------------------------------------- disks
    @in_kinds
    def attach(self, guest_id: str, volume: Volume) -> None:
        with self._lock(guest_id):
            domain = self._found(guest_id)
            volumes.plug(domain, volume_disk(volume), self._machine.cache, self._waits)
            self._keep_xml(domain)

    @in_kinds
    def detach(self, guest_id: str, volume: Volume) -> None:
        with self._lock(guest_id):
            domain = self._find(guest_id)
            if domain is not None:
                volumes.unplug(domain, volume.id, self.settings.detach_timeout, self._waits)
                self._keep_xml(domain)

    @in_kinds
    def grow_volume(self, guest_id: str, volume: Volume, size: int) -> None:
        with self._lock(guest_id):
            try:
                volumes.grow(self._found(guest_id), volume, size << 30, self._waits)
            except (OSError, qemu_img.Failed) as why:
                raise refusal(guest_id, self.settings.uri, why) from why

    @in_kinds
    def attached(self, guest_id: str) -> dict[str, str]:
        return volumes.volumes(self._found(guest_id))

    # ---------------------------------------------------------------- facts
    def facts(self) -> HostFacts:
        own = self.settings
        cpu = self._cpu or libvirt_facts.plain_cpu()
        connection = self._libvirt()
        if self._hostname is None:
            # Once: each time libvirt complains in the log where it finds no whole name.
            self._hostname = connection.getHostname()
        found = libvirt_facts.read(connection, own.instances_path, self._hostname, own.host_ip, cpu)
        return dataclasses.replace(found, traits=sorted([*found.traits, *firmware.traits(self._machine.firmwares)]))

    # ---------------------------------------------------------------- inside
    def _made_restorer(self) -> Restorer:
        return Restorer(self.guests, self._find, self._lock, self._waits)

    def _check_room(self, guest: Guest) -> None:
        free = shutil.disk_usage(self.settings.instances_path).free // 1024**2
        if free < self.settings.min_free_mb:
            raise Refused(
                f'There is no disk space left for guest {guest.id}.',
                inside=f'This host has {free} MiB of disk left for guest {guest.id}, and keeps '
                f'{self.settings.min_free_mb} MiB free.',
            )

    def _define(self, guest: Guest, folder: Folder, rescue: Rescue | None = None) -> libvirt.virDomain:
        cdrom_bus = 'sata' if 'q35' in self._machine_type(guest) else 'ide'
        disks = rescue_disks.layout(folder, guest, rescue, cdrom_bus) if rescue else folder.layout(guest, cdrom_bus)
        files = libvirt_xml.Files(folder.console, folder.file(VARIABLES), folder.boot_files(guest))
        xml = libvirt_xml.domain(guest, self._machine, disks, files, self._serial_port())
        folder.write('libvirt.xml', xml)
        folder.take()
        return self._libvirt().defineXML(xml)

    def _run(self, guest: Guest, folder: Folder, rescue: Rescue | None = None) -> None:
        def create() -> None:
            domain = self._define(guest, folder, rescue)
            folder.fresh_console()
            domain.create()

        self._waits.past_collisions(create)

    def _machine_type(self, guest: Guest) -> str:
        return guest.properties.get('hw_machine_type') or self.settings.machine_type

    def _shut_down(self, guest_id: str, timeout: int) -> bool:
        """Whether the guest is off, by itself, within `timeout` seconds."""
        return self._ask(
            guest_id,
            timeout,
            lambda d: d.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN),
            lambda: not self._is_active(guest_id),
        )

    def _power_off(self, guest_id: str) -> None:
        domain = self._find(guest_id)
        try:
            if domain is not None and domain.isActive():
                self._waits.again(domain, domain.destroy)
            elif domain is not None:
                suspension.forget(domain)
        except libvirt.libvirtError:
            # An adopted guest that dies while its monitor is being connected is not running any more.
            if domain.isActive():
                raise

    def _erase(self, guest_id: str) -> None:
        self._undefine(guest_id)
        folder = self._folder(guest_id)
        if folder.is_ours() and not is_sent_by_another(folder):
            withhold(folder)
            folder.remove()

    def _undefine(self, guest_id: str) -> None:
        self._power_off(guest_id)
        domain = self._find(guest_id)
        if domain is not None:
            domain.undefineFlags(UNDEFINE)
        self._reboots.pop(guest_id, None)
        self._reported.pop(guest_id, None)

    def _ask(self, guest_id: str, timeout: int, ask: Callable, done: Callable[[], bool]) -> bool:
        """Whether the guest did what it was asked for within `timeout`; no lock is held meanwhile."""

        def request() -> bool:
            domain = self._find(guest_id)
            if domain is None or domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
                return False  # a paused guest hears nothing
            try:
                self._waits.again(domain, lambda: ask(domain))
            except libvirt.libvirtError as why:
                # It went down by itself between the look and the request.
                if why.get_error_code() not in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
                    raise
            return True

        return self._waits.ask(request, done, timeout)

    def _on_event(self, guest_id: str, kind: str, values: tuple) -> None:
        if kind == events.REBOOTED:
            self._reboots[guest_id] = self._reboots.get(guest_id, 0) + 1
        if kind == events.REMOVED:
            self._restorer.look(guest_id)
        self._waits.wake()
        if kind == events.LIFECYCLE and values[0] in EVENT_STATES:
            state = EVENT_STATES[values[0]]
            if state == SHUTDOWN and values[1] in DEATHS:
                state = CRASHED
            if self._reported.get(guest_id) == state:
                return  # libvirt reports a start twice: started, resumed
            self._reported[guest_id] = state
            for changed in self._watchers:
                changed(guest_id, state)

    def _learn_cpu(self) -> None:
        try:
            self._cpu = libvirt_facts.learn(self._libvirt(), self.settings.virt_type, self._closing)
        except libvirt.libvirtError as why:
            LOG.warning('libvirt does not report its capabilities: %s', why)

    def _trim_consoles(self) -> None:
        # A guest writes its console at a few MB a second at most, so none grows far between two looks.
        while not self._closing.wait(5):
            for guest_id in guest_folders(self.settings.instances_path):
                self._folder(guest_id).trim_console(self.settings.console_bytes)


def _state_of(domain: libvirt.virDomain) -> str:
    state, reason = domain.state()
    if state == libvirt.VIR_DOMAIN_SHUTOFF and reason == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED:
        return CRASHED
    return STATES.get(state, RUNNING)
