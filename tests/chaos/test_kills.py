"""Every daemon, and the broker, is killed in the middle of boot, delete and attach, and everything comes out whole.

A case arms one failpoint, asks for its operation, waits until the daemon has killed itself there, starts it
again, and from then on everything must be at rest and right within 30 seconds, as rows and fake hosts say.
"""

import itertools
import os
import shutil
import time

import pytest

from devstack import rabbitmq
from tests.chaos.cloud import LOST, Cloud, wait
from tests.chaos.truth import Truth

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(150),
    pytest.mark.skipif(os.geteuid() != 0, reason='broker and database run as users of their own: only root can'),
    pytest.mark.skipif(not os.path.exists(rabbitmq.SERVER), reason='rabbitmq-server is not installed here'),
    pytest.mark.skipif(not shutil.which('mariadbd'), reason='mariadbd is not installed here'),
]
WITHIN = 30.0  # seconds from a restart
NUMBER = itertools.count(1)
KILLS = [
    ('boot', 'api', 'api.compute.servers.create'),
    ('boot', 'api', 'nudge.conductor'),
    ('boot', 'identity', 'api.identity.tokens.issue'),
    ('boot', 'conductor', 'build_server.place.after'),
    ('boot', 'conductor', 'build_server.make_ports.after'),
    ('boot', 'conductor', 'build_server.boot.after'),
    ('boot', 'conductor', 'build_server.mark_active.after'),
    ('boot', 'conductor', 'desk.done'),
    ('boot', 'conductor', 'desk.kept'),
    ('boot', 'conductor', 'desk.applied'),
    ('boot', 'scheduler', 'scheduler.claim.before'),
    ('boot', 'scheduler', 'scheduler.claim.after'),
    ('boot', 'network', 'network.apply.before'),
    ('boot', 'network', 'network.apply.after'),
    ('boot', 'compute', 'errand.taken'),
    ('boot', 'compute', 'compute.spawn.after'),
    ('boot', 'compute', 'errand.told'),
    ('volume', 'volume', 'volume.publish'),
    ('attach', 'api', 'api.compute.volume_attachments.create'),
    ('attach', 'conductor', 'attach_volume.plug.after'),
    ('attach', 'conductor', 'attach_volume.mark_in_use.before'),
    ('attach', 'volume', 'volume.connect.after'),
    ('attach', 'compute', 'compute.attach.after'),
    ('delete', 'api', 'api.compute.servers.delete'),
    ('delete', 'conductor', 'delete_server.destroy_guest.after'),
    ('delete', 'conductor', 'delete_server.forget.before'),
    ('delete', 'conductor', 'delete_server.forget.after'),
    ('delete', 'compute', 'compute.destroy.after'),
    ('delete', 'network', 'network.apply.after'),
]
# The daemon stands still at the failpoint while the broker is killed.
OUTAGES = [
    ('boot', 'conductor', 'build_server.boot.before'),
    ('boot', 'compute', 'errand.done'),
    ('attach', 'conductor', 'attach_volume.plug.before'),
    ('delete', 'conductor', 'delete_server.destroy_guest.before'),
]


@pytest.fixture(scope='module')
def cloud():
    """The cloud of all cases, with a flavor, an image and a network."""
    points: dict[str, list[str]] = {}
    for _, daemon, point in KILLS + OUTAGES:
        points.setdefault(daemon, []).append(point)
    with Cloud(points) as made:
        made.user = User(made)
        yield made


class User:
    """What the cases ask of the cloud, and what the cloud has promised."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.client = cloud, cloud.client()
        self.promised: set[str] = set()  # servers and volumes that were acknowledged
        self.dismissed: set[str] = set()  # servers whose deletion was
        self.doomed: set[str] = set()  # servers that were asked to go, whether an answer came or not
        ask = self.client.post
        self.flavor = ask('compute', '/flavors', {'flavor': {'name': 'c', 'ram': 64, 'vcpus': 1, 'disk': 1}})['flavor']
        body = {'name': 'nothing', 'disk_format': 'raw', 'container_format': 'bare'}
        self.image = ask('image', '/v2/images', body)['id']
        kind = {'Content-Type': 'application/octet-stream'}
        path = f'/v2/images/{self.image}/file'
        assert self.client.request('PUT', 'image', path, data=b'\0' * 65536, headers=kind).status_code == 204
        self.network = ask('network', '/v2.0/networks', {'network': {'name': 'net'}})['network']['id']
        subnet = {'subnet': {'network_id': self.network, 'cidr': '10.9.0.0/24', 'ip_version': 4}}
        ask('network', '/v2.0/subnets', subnet)
        project = self.client.session.get_project_id()
        limits = {'quota_set': {'instances': -1, 'cores': -1, 'ram': -1}}
        self.client.put('compute', f'/os-quota-sets/{project}', limits)
        self.client.put('volume', f'/os-quota-sets/{project}', {'quota_set': {'volumes': -1}})

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

    def anywhere(self) -> None:
        """The scheduler chooses the host."""
        self.zone = {}

    def ask(self) -> bool:
        """Whether it was promised."""
        user = self.user
        wanted = {'name': self.name, 'flavorRef': user.flavor['id'], 'imageRef': user.image, **self.zone}
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
    assert not cloud.user.dismissed & there, 'What was deleted is there.'


def names(case: tuple[str, str, str]) -> str:
    """How a case is called."""
    return '-'.join(case)


@pytest.mark.parametrize(('operation', 'daemon', 'point'), KILLS, ids=map(names, KILLS))
def test_a_killed_daemon_loses_nothing(cloud, operation, daemon, point, record_property):
    kind, outcomes = OPERATIONS[operation]
    asked = kind(cloud.user)
    if operation == 'boot' and daemon in ('conductor', 'scheduler'):
        asked.anywhere()
    if daemon == 'identity':
        cloud.user.client = cloud.client()  # which has no token yet
    cloud.arm(daemon, point)
    promised = asked.ask()
    wait(lambda: cloud.met(daemon, point) and not cloud.registry.get(daemon), WITHIN, f'{daemon} died at {point}')
    began = time.monotonic()
    cloud.start(daemon)
    if point.startswith('api.compute'):
        assert asked.begun() and not promised, f'{daemon} died before its commit or after its answer.'
    while not promised and not asked.begun():
        assert time.monotonic() - began < WITHIN, 'Nobody took the request again.'
        promised = asked.ask()
    wait(lambda: cloud.serves(daemon), WITHIN, f'{daemon} serves again')
    wrong = settled(cloud, WITHIN - (time.monotonic() - began))
    took = round(time.monotonic() - began, 1)
    assert not wrong, '\n'.join([*wrong, cloud.log(daemon), cloud.log('conductor')])
    record_property('recovered', took)
    record_property('outcome', asked.outcome())
    print(f'{operation:8} {daemon:10} {point:36} {asked.outcome():10} {took} s')
    assert asked.outcome() in outcomes
    check_promises(cloud)


@pytest.mark.parametrize(('operation', 'daemon', 'point'), OUTAGES, ids=map(names, OUTAGES))
def test_a_killed_broker_loses_nothing(cloud, operation, daemon, point, record_property):
    kind, outcomes = OPERATIONS[operation]
    asked = kind(cloud.user)
    cloud.kill(daemon)
    cloud.start(daemon, 'sleep:2')
    wait(lambda: cloud.serves(daemon), WITHIN, f'{daemon} serves again')
    cloud.arm(daemon, point)
    promised = asked.ask()
    wait(lambda: cloud.met(daemon, point), WITHIN, f'{daemon} came to {point}')
    cloud.kill('rabbitmq')
    rabbitmq.up(cloud.place, cloud.registry)
    began = time.monotonic()
    assert promised
    wrong = settled(cloud, WITHIN)
    took = round(time.monotonic() - began, 1)
    assert not wrong, '\n'.join([*wrong, cloud.log(daemon), cloud.log('conductor')])
    record_property('recovered', took)
    record_property('outcome', asked.outcome())
    print(f'{operation:8} {"rabbitmq":10} {point:36} {asked.outcome():10} {took} s')
    assert asked.outcome() in outcomes
    check_promises(cloud)
