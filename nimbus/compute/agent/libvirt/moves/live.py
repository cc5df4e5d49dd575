"""Running guests moved from libvirt to libvirt: the other host's libvirt is told by this one's, peer to peer."""

import dataclasses
import functools
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from nimbus.compute.agent.disks import nbd, qemu_img
from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.agent.libvirt import connection as events
from nimbus.compute.agent.libvirt.disks import BOOT_FILES, VOLUME_FORMATS, Folder
from nimbus.compute.agent.libvirt.libvirt_errors import in_kinds, refusal, sentence
from nimbus.compute.agent.libvirt.moves import checks
from nimbus.compute.agent.libvirt.moves.copies import CAME, CONFIG, Copying, is_sent_by_another, note
from nimbus.compute.agent.libvirt.resizes import disks_of
from nimbus.compute.guest import Guest

LOG = logging.getLogger(__name__)
MARK = '.mark-{}'  # the file by which two hosts find out whether they share their storage
LOOK = 0.5  # seconds between two looks at a move
STILL = 60.0  # seconds in which nothing moves after which it is given up
HARD = 10.0  # seconds after which one that was given up is cut off
FIGURES = ('memory_total', 'memory_processed', 'memory_remaining', 'disk_total', 'disk_processed', 'disk_remaining')


class LiveMoving(Copying):
    """The driver's verbs that move running guests."""

    # Before it moves

    @in_kinds
    def live_facts(self, guest_id: str) -> dict[str, Any]:
        with self._lock(guest_id):
            domain, folder = self._found(guest_id), self._folder(guest_id)
            if events.is_embedded(self.settings.uri):
                raise Refused(
                    'The host of the server runs guests without libvirtd, and cannot send any while they run.'
                )
            if not domain.isActive():
                raise Refused(f'Guest {guest_id} does not run.')
            xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
            root, connection = ET.fromstring(xml), self._libvirt()
            os_type = root.find('./os/type')
            assert os_type is not None
            beside = [name for name in (CONFIG, *BOOT_FILES.values()) if folder.has(name)]
            offered = [nbd.offer(self._channel, folder.file(name), 'raw') for name in beside]
            return {
                'xml': xml,
                'virt_type': root.get('type', ''),
                'arch': os_type.get('arch', ''),
                'machine': os_type.get('machine', ''),
                'host_cpu': _host_cpu(connection),
                'disks': [_disk(folder, name) for name in disks_of(folder.path) if name not in beside],
                'offered': [dataclasses.asdict(one) for one in offered],
                'instances_path': self.settings.instances_path,
                **checks.versions(connection),
            }

    @in_kinds
    def live_check(self, guest: Guest, move_id: str, facts: dict[str, Any]) -> dict[str, Any]:
        own, connection = self.settings, self._libvirt()
        if events.is_embedded(own.uri):
            raise Refused('The host there runs guests without libvirtd, and cannot take any that run.')
        checks.not_older(checks.versions(connection), facts)
        checks.machine_known(connection, facts)
        checks.cpu_fits(connection, facts)
        checks.name_free(connection, guest)
        checks.memory_fits(guest)
        checks.devices_known(guest)
        mark = MARK.format(guest.id)
        with open(os.path.join(own.instances_path, mark), 'w'):
            pass
        if not is_sent_by_another(self._folder(guest.id)):
            checks.disks_fit(own.instances_path, own.min_free_mb, facts)
        address = own.live_migration_inbound_addr or own.host_ip
        return {
            'mark': mark,
            'address': address,
            'uri': own.live_migration_uri.replace('%s', address),
            'instances_path': own.instances_path,
            'vnc': own.vnc_listen,
            'tls': own.live_migration_with_native_tls,
        }

    @in_kinds
    def live_reach(self, guest_id: str, target: dict[str, Any], block: bool | None) -> bool:
        if target['tls'] != self.settings.live_migration_with_native_tls:
            raise Refused(
                'The hosts do not agree on how to send guests.',
                inside='One of the two hosts has [libvirt] live_migration_with_native_tls and the other has not.',
            )
        checks.reached(target['uri'])
        shared = checks.is_shared(self.settings.instances_path, target['mark'])
        local = disks_of(self._folder(guest_id).path)
        if block is True and shared:
            raise Refused('Both hosts share the disks of the server, so that there is nothing to copy.')
        if block is False and not shared and local:
            raise Refused('The hosts do not share the disks of the server, and it was asked not to copy them.')
        return shared

    @in_kinds
    def live_prepare(self, guest: Guest, move_id: str, facts: dict[str, Any], target: dict[str, Any]) -> None:
        with self._lock(guest.id):
            folder = self._folder(guest.id)
            _unlink(os.path.join(self.settings.instances_path, target['mark']))
            if target['shared'] or note(folder, CAME) == f'{move_id} live' or self._is_active(guest.id):
                return
            try:
                self._erase(guest.id)
                self._check_room(guest)
                folder.begin()
                folder.fresh_console()
                for disk in facts['disks']:
                    _make(folder, disk)
                for one in facts['offered']:
                    offered = nbd.Offered(**one)
                    fetch = functools.partial(nbd.fetch, self._channel, offered, size=0)
                    folder.make(_beside(one['name']), fetch, mode=0o640)
                folder.write(CAME, f'{move_id} live')
            except BaseException as why:
                self._erase(guest.id)
                raise refusal(guest.id, self.settings.uri, why) from why

    # While it moves

    @in_kinds
    def live_move(
        self, guest: Guest, move_id: str, target: dict[str, Any], report: Callable[[dict[str, int]], None]
    ) -> None:
        # The guest's lock is not held: who breaks the move off comes by another thread.
        domain = self._find(guest.id)
        if domain is None or not domain.isActive():
            return
        outcome: list[BaseException | None] = []
        if domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE:
            send = functools.partial(self._send, domain, target, outcome)
            thread = threading.Thread(target=send, name='live-move', daemon=True)
            thread.start()
            self._watch(domain, guest, target, thread.is_alive, report)
        else:  # libvirt went on with it while this agent was away
            self._watch(domain, guest, target, lambda: _has_job(domain), report)
        if outcome and outcome[0] is not None:
            self._find(guest.id)  # raises while it is this host's own libvirt that went away, and not the other's
            text = f'Guest {guest.id} could not be moved'
            raise Refused(f'{text}.', inside=f'{text}: {sentence(outcome[0])}') from outcome[0]
        if self._is_active(guest.id):
            raise Refused(f'Guest {guest.id} could not be moved.')

    def _send(self, domain: libvirt.virDomain, target: dict[str, Any], outcome: list[BaseException | None]) -> None:
        try:
            flags, params = self._how(domain, target)
            domain.migrateToURI3(target['uri'], params, flags)
            outcome.append(None)
        except BaseException as why:  # it is raised where the move is watched
            outcome.append(why)

    def _how(self, domain: libvirt.virDomain, target: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        own = self.settings
        flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
        flags |= libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
        flags |= libvirt.VIR_MIGRATE_AUTO_CONVERGE if own.live_migration_permit_auto_converge else 0
        flags |= libvirt.VIR_MIGRATE_POSTCOPY if own.live_migration_permit_post_copy else 0
        flags |= libvirt.VIR_MIGRATE_TLS if own.live_migration_with_native_tls else 0
        there = functools.partial(_as_there, here=own.instances_path, target=target)
        params: dict[str, Any] = {
            libvirt.VIR_MIGRATE_PARAM_URI: f'tcp://{_bracketed(target["address"])}',
            libvirt.VIR_MIGRATE_PARAM_DEST_XML: there(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)),
            libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: there(
                domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_INACTIVE)
            ),
        }
        if own.live_migration_bandwidth:
            params[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = own.live_migration_bandwidth
        disks = _own_disks(domain.XMLDesc(), own.instances_path)
        if disks and not target['shared']:
            flags |= libvirt.VIR_MIGRATE_NON_SHARED_DISK
            params[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = disks
        return flags, params

    def _watch(
        self,
        domain: libvirt.virDomain,
        guest: Guest,
        target: dict[str, Any],
        goes_on: Callable[[], bool],
        report: Callable[[dict[str, int]], None],
    ) -> None:
        """The move has ended; it is told of, forced or given up when its time is over, and cut off when lost."""
        began = moved = time.monotonic()
        seen, given_up = -1, 0.0
        bound = self.settings.live_migration_completion_timeout * max(1, round(guest.memory_mb / 1024 + guest.local_gb))
        while goes_on():
            figures, now = _figures(domain), time.monotonic()
            if figures:
                report(figures)
            done = figures.get('memory_processed', 0) + figures.get('disk_processed', 0)
            moved = now if done != seen else moved
            seen = done
            if bound and now - began > bound and self.settings.live_migration_timeout_action == 'force_complete':
                began, bound = now, 0
                self._force(domain)
            elif not given_up and ((bound and now - began > bound) or now - moved > STILL):
                given_up = now
                _abort(domain)
            elif given_up and now - given_up > HARD:
                given_up = now
                _cut(target['address'])
            time.sleep(LOOK)

    def _force(self, domain: libvirt.virDomain) -> None:
        try:
            if self.settings.live_migration_permit_post_copy:
                domain.migrateStartPostCopy()
            else:
                domain.suspend()  # what stands still is soon copied; it runs on when it is there
        except libvirt.libvirtError as why:
            LOG.warning('The end of the move of guest %s cannot be forced: %s', domain.UUIDString(), why)

    @in_kinds
    def live_abort(self, guest_id: str) -> None:
        if (domain := self._find(guest_id)) is not None and _has_job(domain):
            _abort(domain)

    @in_kinds
    def live_force(self, guest_id: str) -> None:
        if _has_job(domain := self._found(guest_id)):
            self._force(domain)

    # After it moved

    @in_kinds
    def live_arrived(self, guest_id: str) -> None:
        with self._lock(guest_id):
            if not self._is_active(guest_id):
                raise Missing(f'Guest {guest_id} did not come to this host.')
            self._keep_xml(self._found(guest_id))
            folder = self._folder(guest_id)
            folder.take()
            folder.finish()

    @in_kinds
    def live_here(self, guest_id: str) -> bool:
        return self._is_active(guest_id)

    @in_kinds
    def live_drop(self, guest_id: str, shared: bool) -> None:
        with self._lock(guest_id):
            _unlink(os.path.join(self.settings.instances_path, MARK.format(guest_id)))
            if self._is_active(guest_id):
                return
            if not shared:
                self._erase(guest_id)
            elif (domain := self._find(guest_id)) is not None:
                domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)


def _host_cpu(connection: libvirt.virConnect) -> str:
    cpu = ET.fromstring(connection.getCapabilities()).find('./host/cpu')
    return '' if cpu is None else ET.tostring(cpu, encoding='unicode')


def _disk(folder: Folder, name: str) -> dict[str, Any]:
    """What another host must know to make an empty disk that this one can be copied to."""
    path, form = folder.file(name), folder.root_format() if name == 'disk' else 'raw'
    size = qemu_img.info(path, form)['virtual-size']
    return {'name': name, 'format': form, 'size': size, 'used': os.stat(path).st_blocks * 512}


def _make(folder: Folder, disk: dict[str, Any]) -> None:
    if not nbd.NAME.fullmatch(disk['name']) or disk['format'] not in VOLUME_FORMATS:
        raise Refused(f'Another host sends a disk {disk["name"][:40]!r} of format {disk["format"][:40]!r}.')
    if disk['name'] == 'disk':
        folder.note_root(disk['format'])
    folder.make(disk['name'], lambda part: qemu_img.create(part, disk['format'], int(disk['size'])))


def _beside(name: str) -> str:
    if name not in (CONFIG, *BOOT_FILES.values()):
        raise Refused(f'Another host sends a file {name[:40]!r}.')
    return name


def _own_disks(xml: str, instances_path: str) -> list[str]:
    """The device names of the disks that the host itself keeps and a guest writes to."""
    found = []
    for disk in ET.fromstring(xml).iterfind('./devices/disk'):
        source, target = disk.find('source'), disk.find('target')
        own = source is not None and source.get('file', '').startswith(instances_path + os.sep)
        if own and target is not None and disk.find('readonly') is None:
            found.append(target.get('dev', ''))
    return found


def _as_there(xml: str, here: str, target: dict[str, Any]) -> str:
    """The definition as the other host has it: its paths, its address for consoles, and disks that stand alone."""
    root = ET.fromstring(xml)
    for disk in root.iterfind('./devices/disk'):
        source = disk.find('source')
        if source is None or not source.get('file', '').startswith(here + os.sep):
            continue
        source.set('file', target['instances_path'] + source.get('file', '').removeprefix(here))
        if not target['shared']:
            for backing in disk.findall('backingStore'):
                disk.remove(backing)
            ET.SubElement(disk, 'backingStore')
    for name in ('nvram', 'kernel', 'initrd'):
        for file in root.iterfind(f'./os/{name}'):
            if (file.text or '').startswith(here + os.sep):
                file.text = target['instances_path'] + (file.text or '').removeprefix(here)
    for log in root.iterfind('./devices/*/log'):
        if log.get('file', '').startswith(here + os.sep):
            log.set('file', target['instances_path'] + log.get('file', '').removeprefix(here))
    for graphics in root.iterfind('./devices/graphics'):
        for listen in graphics.findall('listen'):
            graphics.remove(listen)
        graphics.set('listen', target['vnc'])
    return ET.tostring(root, encoding='unicode')


def _figures(domain: libvirt.virDomain) -> dict[str, int]:
    try:
        stats = domain.jobStats()
    except libvirt.libvirtError:
        return {}  # it has gone, or has not begun
    return {name: int(stats[name]) for name in FIGURES if name in stats}


def _has_job(domain: libvirt.virDomain) -> bool:
    try:
        return domain.jobInfo()[0] not in (libvirt.VIR_DOMAIN_JOB_NONE, libvirt.VIR_DOMAIN_JOB_COMPLETED)
    except libvirt.libvirtError:
        return False


def _abort(domain: libvirt.virDomain) -> None:
    try:
        domain.abortJob()
    except libvirt.libvirtError as why:
        LOG.warning('The move of guest %s is not broken off: %s', domain.UUIDString(), why)


def _cut(address: str) -> None:
    """No connection to the address is left: libvirt waits for a host that is lost without an end."""
    subprocess.run(['/usr/bin/ss', '-K', 'dst', address], stdin=subprocess.DEVNULL, capture_output=True)
    LOG.error('The host at %s is lost: the connections to it were cut', address)


def _bracketed(address: str) -> str:
    return f'[{address}]' if ':' in address else address


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
