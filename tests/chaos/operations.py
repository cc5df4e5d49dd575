"""What the cases ask of the cloud, what it has promised, and what must be so at the end."""

import hashlib
import itertools
import os
import time

from tests.chaos.cloud import LOST, Cloud
from tests.chaos.truth import Truth

WITHIN = 30.0  # seconds from a restart
NUMBER = itertools.count(1)
LARGE = 3 << 20  # bytes of an image that is not brought or fetched in one piece
KIND = {'Content-Type': 'application/octet-stream'}


class User:
    """What the cases ask of the cloud, and what the cloud has promised."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.client = cloud, cloud.client()
        self.promised: set[str] = set()  # servers and volumes that were acknowledged
        self.dismissed: set[str] = set()  # servers whose deletion was
        self.doomed: set[str] = set()  # servers that were asked to go, whether an answer came or not
        self.images: dict[str, str] = {}  # images whose bytes were acknowledged, and their hashes
        ask = self.client.post
        self.flavor = ask('compute', '/flavors', {'flavor': {'name': 'c', 'ram': 64, 'vcpus': 1, 'disk': 1}})['flavor']
        self.image = self.new_image()
        assert self.upload(self.image, b'\0' * 65536)
        self.network = ask('network', '/v2.0/networks', {'network': {'name': 'net'}})['network']['id']
        subnet = {'subnet': {'network_id': self.network, 'cidr': '10.9.0.0/24', 'ip_version': 4}}
        ask('network', '/v2.0/subnets', subnet)
        project = self.client.session.get_project_id()
        limits = {'quota_set': {'instances': -1, 'cores': -1, 'ram': -1}}
        self.client.put('compute', f'/os-quota-sets/{project}', limits)
        self.client.put('volume', f'/os-quota-sets/{project}', {'quota_set': {'volumes': -1}})

    def new_image(self) -> str:
        """An image that waits for its bytes."""
        body = {'name': f'i{next(NUMBER)}', 'disk_format': 'raw', 'container_format': 'bare'}
        return self.client.post('image', '/v2/images', body)['id']

    def upload(self, image: str, data: bytes) -> bool:
        """Whether the image service said that it has the bytes."""
        try:
            answer = self.client.request('PUT', 'image', f'/v2/images/{image}/file', data=data, headers=KIND)
        except LOST:
            return False
        assert answer.status_code in (204, 409, 410, 503), answer.text
        return answer.status_code == 204

    def server(self) -> str:
        """A server that is at rest on the first host, a new one where none is left."""
        query = 'SELECT id FROM servers WHERE deleted_at IS NULL AND host = :host AND vm_state = :state AND id NOT IN '
        query += '(SELECT server_id FROM volume_attachments) LIMIT 1'
        found = self.cloud.sql(query, host=self.cloud.hosts[0], state='active')
        if found:
            return found[0].id
        Boot(self).ask()
        assert not settled(self.cloud)
        return self.server()

    def volume(self) -> str:
        """A volume that nobody has, a new one where none is left."""
        found = self.cloud.sql("SELECT id FROM volumes WHERE status = 'available' LIMIT 1")
        if found:
            return found[0].id
        MakeVolume(self).ask()
        assert not settled(self.cloud)
        return self.volume()

    def post(self, service: str, path: str, body: dict) -> dict | None:
        """The answer to a request, None when it was lost on the way.  Raises AssertionError on a refusal but 503."""
        try:
            answer = self.client.request('POST', service, path, body, '2.37' if service == 'compute' else None)
        except LOST:
            return None
        assert answer.status_code < 300 or answer.status_code == 503, answer.text
        return answer.json() if answer.status_code < 300 else None


class Boot:
    """A server is asked for."""

    def __init__(self, user: User) -> None:
        self.user, self.name = user, f's{next(NUMBER)}'
        self.zone = {'availability_zone': f'nova:{user.cloud.hosts[0]}'}  # whose agents have failpoints
        self.image = user.image
        self.volumes: list[str] = []

    def anywhere(self) -> None:
        """The scheduler chooses the host."""
        self.zone = {}

    def ask(self) -> bool:
        """Whether it was promised."""
        user = self.user
        wanted = {'name': self.name, 'flavorRef': user.flavor['id'], 'imageRef': self.image, **self.zone}
        if self.volumes:
            root = {'boot_index': 0, 'source_type': 'image', 'destination_type': 'local', 'uuid': self.image}
            more = [
                {'boot_index': -1, 'source_type': 'volume', 'destination_type': 'volume', 'uuid': one}
                for one in self.volumes
            ]
            wanted['block_device_mapping_v2'] = [root, *more]
        told = user.post('compute', '/servers', {'server': {**wanted, 'networks': [{'uuid': user.network}]}})
        if told:
            user.promised.add(told['server']['id'])
        return bool(told)

    def begun(self) -> bool:
        """Whether the database knows of it."""
        return bool(self.user.cloud.sql('SELECT id FROM servers WHERE name = :name', name=self.name))

    def outcome(self) -> str:
        """What became of it."""
        rows = self.user.cloud.sql('SELECT vm_state FROM servers WHERE name = :name', name=self.name)
        assert len(rows) == 1, f'{len(rows)} servers are named {self.name}.'
        return rows[0].vm_state


class BootAnew(Boot):
    """A server is asked for whose image no host has yet."""

    def __init__(self, user: User) -> None:
        super().__init__(user)
        self.image = user.new_image()
        assert user.upload(self.image, os.urandom(LARGE))


class Upload:
    """An image's bytes are brought."""

    def __init__(self, user: User) -> None:
        self.user, self.image, self.data = user, user.new_image(), os.urandom(LARGE)

    def ask(self) -> bool:
        """Whether they were taken; then they are what the image says of itself."""
        if not self.user.upload(self.image, self.data):
            return False
        self.user.images[self.image] = hashlib.sha512(self.data).hexdigest()
        return True

    def begun(self) -> bool:
        """Never to be waited for: who was not answered brings the bytes again."""
        return False

    def outcome(self) -> str:
        """What became of the image."""
        return self.user.cloud.sql('SELECT status FROM images WHERE id = :id', id=self.image)[0].status


class MakeVolume:
    """A volume is asked for."""

    def __init__(self, user: User) -> None:
        self.user, self.name = user, f'v{next(NUMBER)}'

    def ask(self) -> bool:
        told = self.user.post('volume', '/volumes', {'volume': {'name': self.name, 'size': 1}})
        if told:
            self.user.promised.add(told['volume']['id'])
        return bool(told)

    def begun(self) -> bool:
        return bool(self.user.cloud.sql('SELECT id FROM volumes WHERE name = :name', name=self.name))

    def outcome(self) -> str:
        rows = self.user.cloud.sql('SELECT status FROM volumes WHERE name = :name', name=self.name)
        assert len(rows) == 1
        return rows[0].status


class Attach:
    """A volume is asked for at a server."""

    def __init__(self, user: User) -> None:
        self.user, self.server, self.volume = user, user.server(), user.volume()

    def ask(self) -> bool:
        body = {'volumeAttachment': {'volumeId': self.volume}}
        return bool(self.user.post('compute', f'/servers/{self.server}/os-volume_attachments', body))

    def begun(self) -> bool:
        query = 'SELECT id FROM volume_attachments WHERE volume_id = :volume'
        return bool(self.user.cloud.sql(query, volume=self.volume))

    def outcome(self) -> str:
        return self.user.cloud.sql('SELECT status FROM volumes WHERE id = :id', id=self.volume)[0].status


class Delete:
    """A server is asked to go."""

    def __init__(self, user: User) -> None:
        self.user, self.server = user, user.server()

    def ask(self) -> bool:
        self.user.doomed.add(self.server)
        try:
            status = self.user.client.request('DELETE', 'compute', f'/servers/{self.server}').status_code
        except LOST:
            return False
        assert status in (204, 503)
        if status == 204:
            self.user.dismissed.add(self.server)
        return status == 204

    def begun(self) -> bool:
        query = "SELECT id FROM jobs WHERE subject = :server AND workflow = 'delete_server'"
        return bool(self.user.cloud.sql(query, server=self.server))

    def outcome(self) -> str:
        row = self.user.cloud.sql('SELECT vm_state, deleted_at FROM servers WHERE id = :id', id=self.server)[0]
        return 'gone' if row.deleted_at else row.vm_state


OPERATIONS = {
    'boot': (Boot, {'active', 'error'}),
    'boot-anew': (BootAnew, {'active', 'error'}),
    'upload': (Upload, {'active'}),
    'volume': (MakeVolume, {'available', 'error'}),
    'attach': (Attach, {'in-use', 'available'}),
    'delete': (Delete, {'gone', 'error'}),
}


def settled(cloud: Cloud, seconds: float = WITHIN) -> list[str]:
    """What was still wrong after so many seconds: nothing as soon as nothing is."""
    end = time.monotonic() + seconds
    while found := Truth(cloud).violations():
        if time.monotonic() > end:
            return found
        time.sleep(0.2)
    return []


def check_promises(cloud: Cloud) -> None:
    """What was acknowledged is there, and what was dismissed is gone."""
    truth = Truth(cloud)
    there = set(truth.servers) | set(truth.volumes)
    assert not cloud.user.promised - cloud.user.doomed - there, 'What was acknowledged is lost.'
    lost = {id for id, hash in cloud.user.images.items() if truth.images[id].os_hash_value != hash}
    assert not lost, 'Images that were acknowledged are not what was brought.'
    assert not cloud.user.dismissed & there, 'What was deleted is there.'
