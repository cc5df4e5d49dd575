"""A hypervisor driver whose guests exist in memory only, for tests and demonstrations."""

import dataclasses
import os
import time
from collections.abc import Callable

from nimbus.common import errors
from nimbus.compute.agent.driver import PAUSED, RUNNING, SHUTDOWN, Driver, Missing, Refused
from nimbus.compute.agent.fake import copies
from nimbus.compute.agent.fake.evacuating import Evacuating
from nimbus.compute.agent.fake.guests import FakeSettings
from nimbus.compute.agent.fake.host import FakeGuest
from nimbus.compute.agent.fake.inside import Inside
from nimbus.compute.agent.fake.live_moves import FakeLiveMoves
from nimbus.compute.agent.fake.moves import FakeMoves
from nimbus.compute.agent.uptime import uptime
from nimbus.compute.guest import Guest, HostFacts, Nic, Rescue, Volume, traits_of


class FakeDriver(Evacuating, FakeMoves, FakeLiveMoves, Inside, Driver):
    """Guests of a FakeHost.  Like a real driver it holds nothing of theirs itself: another one finds them."""

    def __init__(self, settings: FakeSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(settings, sleep)
        self._watchers: list[Callable[[str, str], None]] = []

    def open(self) -> None:
        self._meet('open')
        self.host.listeners.append(self._report)

    def close(self) -> None:
        if self._report in self.host.listeners:
            self.host.listeners.remove(self._report)
        self.host.consoles.close()

    # ---------------------------------------------------------------- power
    def spawn(self, guest: Guest, root: str | None, progress: Callable[[int], None]) -> None:
        with self.host.lock(guest.id):
            known = self.host.find(guest.id)
            if known is None or known.state != RUNNING:
                progress(0)
                self._meet('spawn')
                self._check_room(guest)
                self.host.put(guest.id, self._made(guest, root))
            progress(100)

    def destroy(self, guest_id: str) -> None:
        with self.host.lock(guest_id):
            self._meet('destroy')
            copies.drop(copies.path_of(self.settings.folder, guest_id))
            self.host.drop(guest_id)

    def start(self, guest: Guest) -> None:
        with self.host.lock(guest.id):
            known = self._known(guest.id)
            if known.state == RUNNING:
                return
            self._meet('start')
            self._start(guest, known)

    def stop(self, guest_id: str, timeout: int) -> None:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if known.state in (RUNNING, PAUSED):
                self._meet('stop')
                self.host.put(guest_id, dataclasses.replace(known, state=SHUTDOWN))

    def reboot(self, guest: Guest, hard: bool, timeout: int) -> None:
        with self.host.lock(guest.id):
            known = self._known(guest.id)
            self._meet('reboot')
            if hard or known.state != RUNNING:
                self.host.put(guest.id, dataclasses.replace(known, state=SHUTDOWN))
                self._start(guest, known)
            else:
                text = known.console + _boot_text(guest.name)
                self.host.put(guest.id, dataclasses.replace(known, console=text))

    def rebuild(self, guest: Guest, root: str | None, preserve: bool, timeout: int) -> None:
        with self.host.lock(guest.id):
            self._meet('rebuild')
            self._check_room(guest)
            self.host.put(guest.id, self._made(guest, root))

    def state(self, guest_id: str) -> str:
        self._meet('state')
        return self._known(guest_id).state

    def guests(self) -> dict[str, str]:
        self._meet('guests')
        return {guest_id: guest.state for guest_id, guest in self.host.all().items()}

    def bases(self) -> set[str]:
        return {base for guest in self.host.all().values() for base in (guest.base, guest.rescue) if base}

    def watch(self, changed: Callable[[str, str], None]) -> None:
        self._watchers.append(changed)

    # ---------------------------------------------------------------- suspension
    def pause(self, guest_id: str) -> None:
        self._turn(guest_id, 'pause', RUNNING, PAUSED)

    def unpause(self, guest_id: str) -> None:
        self._turn(guest_id, 'unpause', PAUSED, RUNNING)

    def suspend(self, guest_id: str) -> None:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if known.state in (RUNNING, PAUSED):
                self._meet('suspend')
                self.host.put(guest_id, dataclasses.replace(known, state=SHUTDOWN, saved=True))

    def resume(self, guest: Guest) -> None:
        with self.host.lock(guest.id):
            known = self._known(guest.id)
            if known.state == RUNNING:
                return
            self._meet('resume')
            if known.saved or known.state == PAUSED:
                self.host.put(guest.id, dataclasses.replace(known, state=RUNNING, saved=False))
            else:
                self._start(guest, known)

    # ---------------------------------------------------------------- rescuing
    def rescue(self, guest: Guest, rescue: Rescue, root: str, timeout: int) -> None:
        with self.host.lock(guest.id):
            known = self._known(guest.id)
            self._meet('rescue')
            self.host.put(guest.id, dataclasses.replace(known, state=SHUTDOWN))
            self._start(guest, known)
            wanted = {volume.id: volume.device for volume in guest.volumes if rescue.device}
            known = dataclasses.replace(self._known(guest.id), rescue=root, volumes=wanted)
            self.host.put(guest.id, known)

    def unrescue(self, guest: Guest, running: bool) -> None:
        with self.host.lock(guest.id):
            known = self._known(guest.id)
            self._meet('unrescue')
            wanted = {volume.id: volume.device for volume in guest.volumes}
            known = dataclasses.replace(known, state=SHUTDOWN, rescue=None, volumes=wanted)
            self.host.put(guest.id, known)
            if running:
                self._start(guest, known)

    # ---------------------------------------------------------------- disks
    def attach(self, guest_id: str, volume: Volume) -> None:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if volume.id in known.volumes:
                return
            self._meet('attach')
            if volume.device in known.volumes.values() or (known.base and volume.device == 'vda'):
                raise Refused(f'Guest {guest_id} has another disk at {volume.device}.')
            volumes = {**known.volumes, volume.id: volume.device}
            self.host.put(guest_id, dataclasses.replace(known, volumes=volumes))

    def detach(self, guest_id: str, volume: Volume) -> None:
        with self.host.lock(guest_id):
            known = self.host.find(guest_id)
            if known is None or volume.id not in known.volumes:
                return
            self._meet('detach')
            volumes = {key: device for key, device in known.volumes.items() if key != volume.id}
            self.host.put(guest_id, dataclasses.replace(known, volumes=volumes))

    def grow_volume(self, guest_id: str, volume: Volume, size: int) -> None:
        with self.host.lock(guest_id):
            self._check_has(guest_id, volume.id)
            self._meet('grow_volume')

    def attached(self, guest_id: str) -> dict[str, str]:
        return dict(self._known(guest_id).volumes)

    # ---------------------------------------------------------------- sizes
    def resize(self, guest: Guest, move_id: str) -> None:
        with self.host.lock(guest.id):
            known = self._known(guest.id)
            kept = known.kept_gb if known.kept_for == move_id else known.disk_gb
            self._meet('resize')
            self._check_disk(guest)
            changes = {'state': SHUTDOWN, 'disk_gb': guest.local_gb, 'kept_gb': kept, 'kept_for': move_id}
            self.host.put(guest.id, dataclasses.replace(known, **changes))

    def unresize(self, guest_id: str, move_id: str) -> None:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            self._meet('unresize')
            changes = {'state': SHUTDOWN}
            if known.kept_for == move_id:
                changes |= {'disk_gb': known.kept_gb, 'kept_gb': 0, 'kept_for': None}
            self.host.put(guest_id, dataclasses.replace(known, **changes))

    def settle(self, guest_id: str) -> None:
        with self.host.lock(guest_id):
            self._meet('settle')
            known = self.host.find(guest_id)
            if known is not None:
                self.host.put(guest_id, dataclasses.replace(known, kept_gb=0, kept_for=None))

    # ---------------------------------------------------------------- snapshots
    def snapshot(self, guest_id: str, image_id: str, quiesce: str) -> str:
        path = copies.path_of(self.settings.folder, guest_id)
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if known.copied_for != image_id or not os.path.exists(path):
                self._meet('snapshot')
                if not known.base:
                    raise Refused(f'Guest {guest_id} has no root disk on this host.')
                copies.write(path, known.disk_gb)
                self.host.put(guest_id, dataclasses.replace(known, copied_for=image_id))
        return path

    def drop_snapshot(self, guest_id: str) -> None:
        with self.host.lock(guest_id):
            self._meet('drop_snapshot')
            copies.drop(copies.path_of(self.settings.folder, guest_id))
            known = self.host.find(guest_id)
            if known is not None:
                self.host.put(guest_id, dataclasses.replace(known, copied_for=None))

    def copy_volume(self, guest_id: str, volume: Volume, path: str, format: str, quiesce: str) -> None:
        with self.host.lock(guest_id):
            self._check_has(guest_id, volume.id)
            self._meet('copy_volume')

    def drop_volume_copy(self, guest_id: str, volume_id: str) -> None:
        self._meet('drop_volume_copy')

    def _check_has(self, guest_id: str, volume_id: str) -> None:
        if volume_id not in self._known(guest_id).volumes:
            raise Missing(f'Guest {guest_id} does not have volume {volume_id}.')

    # ---------------------------------------------------------------- cards
    def plug(self, guest_id: str, nic: Nic) -> None:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if nic.mac not in known.macs:
                self._meet('plug')
                self.host.put(guest_id, dataclasses.replace(known, macs=[*known.macs, nic.mac]))

    def unplug(self, guest_id: str, nic: Nic) -> None:
        with self.host.lock(guest_id):
            known = self.host.find(guest_id)
            if known is not None and nic.mac in known.macs:
                self._meet('unplug')
                self.host.put(guest_id, dataclasses.replace(known, macs=[mac for mac in known.macs if mac != nic.mac]))

    def plugged(self, guest_id: str) -> set[str]:
        return set(self._known(guest_id).macs)

    # ---------------------------------------------------------------- facts
    def facts(self) -> HostFacts:
        self._meet('facts')
        guests = self.host.all().values()
        running = [guest for guest in guests if guest.state == RUNNING]
        return HostFacts(
            hypervisor_hostname=self.host.name,
            hypervisor_type='fake',
            hypervisor_version=1000,
            vcpus=self.host.vcpus,
            memory_mb=self.host.memory_mb,
            disk_gb=self.host.disk_gb,
            disk_free_gb=self.host.disk_gb - sum(guest.disk_gb + guest.kept_gb for guest in guests),
            memory_used_mb=sum(guest.memory_mb for guest in running),
            host_ip=self.settings.host_ip,
            uptime=uptime(),
            traits=traits_of('x86_64'),
            cpu_info={
                'arch': 'x86_64',
                'model': 'fake',
                'vendor': 'fake',
                'features': [],
                'topology': {'sockets': 1, 'cores': self.host.vcpus, 'threads': 1},
            },
        )

    # ---------------------------------------------------------------- inside
    def _made(self, guest: Guest, root: str | None) -> FakeGuest:
        wanted = {volume.id: volume.device for volume in guest.volumes}
        text, macs = _boot_text(guest.name), [nic.mac for nic in guest.nics]
        return FakeGuest(guest.name, RUNNING, guest.vcpus, guest.memory_mb, guest.local_gb, wanted, root, text, macs)

    def _turn(self, guest_id: str, verb: str, before: str, after: str) -> None:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if known.state == after:
                return
            self._meet(verb)
            if known.state != before:
                raise errors.NimbusError(
                    f'The hypervisor did not {verb} guest {guest_id}.', inside=f'Guest {guest_id} is {known.state}.'
                )
            self.host.put(guest_id, dataclasses.replace(known, state=after))

    def _start(self, guest: Guest, known: FakeGuest) -> None:
        wanted = {volume.id: volume.device for volume in guest.volumes}
        self.host.put(
            guest.id,
            dataclasses.replace(
                known,
                name=guest.name,
                vcpus=guest.vcpus,
                memory_mb=guest.memory_mb,
                state=RUNNING,
                volumes=wanted,
                console=_boot_text(guest.name),
                macs=[nic.mac for nic in guest.nics],
                saved=False,
                offered=False,
                rescue=None,
            ),
        )

    def _check_room(self, guest: Guest) -> None:
        others = [other for guest_id, other in self.host.all().items() if guest_id != guest.id]
        memory = self.host.memory_mb - sum(other.memory_mb for other in others if other.state == RUNNING)
        if guest.memory_mb > memory:
            raise Refused(
                f'There is no memory left for guest {guest.id}.',
                inside=f'This host has {memory} MiB of memory left for guest {guest.id}, which needs '
                f'{guest.memory_mb}.',
            )
        self._check_disk(guest)

    def _check_disk(self, guest: Guest) -> None:
        others = [other for guest_id, other in self.host.all().items() if guest_id != guest.id]
        disk = self.host.disk_gb - sum(other.disk_gb + other.kept_gb for other in others)
        if guest.local_gb > disk:
            raise Refused(
                f'There is no disk space left for guest {guest.id}.',
                inside=f'This host has {disk} GiB of disk left for guest {guest.id}, which needs {guest.local_gb}.',
            )

    def _report(self, guest_id: str, state: str) -> None:
        for changed in self._watchers:
            changed(guest_id, state)


def _boot_text(name: str) -> str:
    steps = (
        'kernel',
        'memory',
        'disks',
        'root file system',
        'network',
        'address',
        'instance data',
        'ssh keys',
    )
    return ''.join(f'{name}: {step} ready\n' for step in steps) + f'fake guest\n{name} login: \n'
