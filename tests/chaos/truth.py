"""What must always hold, looked for in the database's own rows and on the fake hosts' disks."""

import collections
import contextlib
import hashlib
import json
from typing import Any

from tests.chaos.cloud import Cloud

RESOURCES = {'vcpus': 'vcpus', 'memory_mb': 'ram', 'disk_gb': 'disk'}  # of a host -> of a flavor
RESTS = ('active', 'stopped', 'error')


class Truth:
    """One look at the whole cloud from outside."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.servers = {row.id: row for row in cloud.sql('SELECT * FROM servers WHERE deleted_at IS NULL')}
        self.volumes = {row.id: row for row in cloud.sql('SELECT * FROM volumes')}
        self.images = {row.id: row for row in cloud.sql("SELECT * FROM images WHERE status != 'deleted'")}
        self.attachments = cloud.sql('SELECT * FROM volume_attachments')
        self.ports = {row.id: row for row in cloud.sql('SELECT * FROM ports')}
        self.guests = {host: self._guests(host) for host in cloud.hosts}

    def _guests(self, host: str) -> dict[str, Any]:
        folder = self.cloud.path / 'fake' / host / 'hypervisor'
        found = {}
        for path in folder.glob('*.json'):
            with contextlib.suppress(FileNotFoundError):  # it went between the look and the reading
                found[path.stem] = json.loads(path.read_text())
        return found

    def violations(self) -> list[str]:
        """A sentence for everything that is not as it must be."""
        checks = (
            self._jobs,
            self._servers,
            self._claims,
            self._quotas,
            self._placed,
            self._wired,
            self._disks,
            self._stored,
        )
        return [sentence for check in checks for sentence in check()]

    def _jobs(self) -> list[str]:
        rows = self.cloud.sql("SELECT * FROM jobs WHERE heading NOT IN ('done', 'undone')")
        return [f'Job {row.workflow} of {row.subject} is {row.heading} at {row.cursor}: {row.error}' for row in rows]

    def _servers(self) -> list[str]:
        found = []
        for row in self.servers.values():
            if row.vm_state not in RESTS or row.task_state is not None:
                found.append(f'Server {row.id} is {row.vm_state} and {row.task_state}.')
            if row.vm_state == 'error' and not (row.fault and json.loads(row.fault).get('message')):
                found.append(f'Server {row.id} is in ERROR and does not say why.')
        return found

    def _claims(self) -> list[str]:
        found, sums = [], collections.defaultdict(collections.Counter)
        claims = self.cloud.sql('SELECT c.*, h.host FROM claims c JOIN hosts h ON h.id = c.host_id')
        for claim in claims:
            server = self.servers.get(claim.server_id)
            if server is None or server.host != claim.host:
                found.append(f"The claim of {claim.server_id} on {claim.host} is nobody's.")
                continue
            for name, word in RESOURCES.items():
                sums[claim.host][name] += json.loads(server.flavor)[word]
        for server_id in {row.id for row in self.servers.values() if row.host} - {row.server_id for row in claims}:
            found.append(f'Server {server_id} is placed and claims nothing.')
        for host in self.cloud.sql('SELECT * FROM hosts'):
            for name in RESOURCES:
                used, whole = getattr(host, f'used_{name}'), getattr(host, name)
                room = (whole - getattr(host, f'reserved_{name}')) * getattr(host, f'{name}_ratio')
                if used != sums[host.host][name] or used > room:
                    found.append(f'{name} of {host.host}: {used} used, {sums[host.host][name]} claimed, {room} there.')
        return found

    def _quotas(self) -> list[str]:
        counted: dict[Any, int] = collections.Counter()
        for row in self.servers.values():
            flavor = json.loads(row.flavor)
            for name, n in {'instances': 1, 'cores': flavor['vcpus'], 'ram': flavor['ram']}.items():
                counted[row.project_id, 'compute', name] += n
        for row in self.volumes.values():
            counted[row.project_id, 'volume', 'volumes'] += 1
            counted[row.project_id, 'volume', 'gigabytes'] += row.size
        for row in self.ports.values():
            if row.device_owner != 'network:dhcp':  # what the cloud makes for itself counts for nobody
                counted[row.project_id, 'network', 'port'] += 1
        resources = {name for _, _, name in counted} | {'instances', 'cores', 'ram', 'volumes', 'gigabytes', 'port'}
        rows = self.cloud.sql('SELECT * FROM quota_uses')
        used = {(row.project_id, row.service, row.resource): row.used for row in rows if row.resource in resources}
        return [
            f'Quota {key[2]} of project {key[0]}: {used.get(key, 0)} used, {counted.get(key, 0)} there.'
            for key in sorted(set(used) | set(counted))
            if key[0] and used.get(key, 0) != counted.get(key, 0)
        ]

    def _placed(self) -> list[str]:
        found, where = [], collections.defaultdict(list)
        for host, guests in self.guests.items():
            for guest_id, guest in guests.items():
                where[guest_id].append(host)
                server = self.servers.get(guest_id)
                if server is None or server.host != host:
                    found.append(f'Guest {guest_id} is on {host} and does not belong there.')
                elif (guest['state'] == 'running') != (server.vm_state == 'active'):
                    found.append(f'Guest {guest_id} is {guest["state"]} and its server {server.vm_state}.')
        found += [f'Server {guest_id} has guests on {hosts}.' for guest_id, hosts in where.items() if len(hosts) > 1]
        for row in self.servers.values():
            if row.vm_state in ('active', 'stopped') and row.host not in where[row.id]:
                found.append(f'Server {row.id} is {row.vm_state} and has no guest on {row.host}.')
        return found

    def _wired(self) -> list[str]:
        found, bound = [], collections.defaultdict(set)
        theirs = collections.Counter()
        for port in self.ports.values():
            if not port.device_owner.startswith('compute:'):
                continue
            server = self.servers.get(port.device_id)
            theirs[port.device_id] += 1
            bound[port.host].add(port.id)
            if server is None or server.host != port.host or port.status != 'ACTIVE':
                found.append(f'Port {port.id} is {port.status} on {port.host} for server {port.device_id}.')
        for row in self.servers.values():
            wanted = len(json.loads(row.networks)) if row.vm_state in ('active', 'stopped') else 0
            if theirs[row.id] != wanted:
                found.append(f'Server {row.id} has {theirs[row.id]} ports and should have {wanted}.')
        for host in self.cloud.hosts:
            path = self.cloud.path / 'fake' / host / 'switch' / 'network.json'
            there = json.loads(path.read_text())['ports'] if path.exists() else []
            wired = {port['id'] for port in there}
            if wired != bound[host]:
                found.append(f'{host} wires {sorted(wired - bound[host])} more and {sorted(bound[host] - wired)} less.')
        return found

    def _disks(self) -> list[str]:
        found = []
        files = {path.name for path in (self.cloud.path / 'volumes').iterdir()}
        if differ := files ^ {f'volume-{row.id}' for row in self.volumes.values() if row.status != 'error'}:
            found.append(f'Files and volumes differ by {sorted(differ)}.')
        held = {row.volume_id: row for row in self.attachments}
        for row in self.volumes.values():
            wanted = 'in-use' if row.id in held else 'available'
            if row.status != wanted and not (row.status == 'error' and row.trouble):
                found.append(f'Volume {row.id} is {row.status} and should be {wanted}.')
        plugged = {
            (volume, guest): f'/dev/{device}'
            for guests in self.guests.values()
            for guest, told in guests.items()
            for volume, device in told['volumes'].items()
        }
        attached = {(row.volume_id, row.server_id): row.device for row in self.attachments if row.status == 'attached'}
        if len(attached) != len(self.attachments) or attached != plugged:
            found.append(f'Attachments are {attached}, of {len(self.attachments)}, and the guests have {plugged}.')
        known = self.cloud.sql('SELECT server_id, volume_id FROM block_devices WHERE attachment_id IS NOT NULL')
        living = {(row.volume_id, row.server_id) for row in known if row.server_id in self.servers}
        if living != set(attached):
            found.append(f'Block devices are {living} and attachments {set(attached)}.')
        return found

    def _stored(self) -> list[str]:
        """Images are active with the bytes they say, or have none."""
        folder = self.cloud.path / 'images'
        files = {path.name: path for path in folder.iterdir() if path.is_file()}
        found = [f'{path.name} was left half-brought.' for path in (folder / 'parts').iterdir()]
        for row in self.images.values():
            path = files.pop(row.id, None)
            if row.status == 'active' and path is None:
                found.append(f'Image {row.id} is active and has no bytes.')
            elif row.status == 'active' and hashlib.sha512(path.read_bytes()).hexdigest() != row.os_hash_value:
                found.append(f'The bytes of image {row.id} are not what it says.')
            elif row.status == 'queued' and path is not None:
                found.append(f'Image {row.id} is queued and has bytes.')
            elif row.status not in ('active', 'queued'):
                found.append(f'Image {row.id} is {row.status}.')
        return found + [f'The image file {name} is of no image.' for name in files]
