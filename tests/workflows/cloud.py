"""A cloud whose database, nouns, scheduler and agents are real, and in which everything happens when a test says so.

The agents stand outside: their hypervisor and disks are fakes that outlive a conductor, their errands are done and
reported at once.  Time is told.
"""

import json
import pathlib
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, ids, jobs
from nimbus.common.agents import services
from nimbus.common.agents.errands import outcome_of
from nimbus.common.clock import Clock, FakeClock
from nimbus.common.parts import Parts
from nimbus.common.quotas import QuotaUse
from nimbus.compute import states
from nimbus.compute.agent.fake.driver import FakeDriver, FakeSettings
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.compute.agent.manager import Agent, Settings
from nimbus.compute.desk import ComputeDeskServer
from nimbus.compute.flavors import flavors
from nimbus.compute.models import BlockDevice, Flavor, Server
from nimbus.compute.quotas import RECOUNT
from nimbus.compute.rpc import Compute
from nimbus.compute.servers import boots, guests, servers
from nimbus.compute.servers.moves import moves
from nimbus.conductor.environment import Environment
from nimbus.conductor.runner import Runner
from nimbus.conductor.workflows import WORKFLOWS
from nimbus.image.models import Image
from nimbus.network import generations
from nimbus.network.desk import NetworkDeskServer
from nimbus.network.models import Arrival, Port
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import ports
from nimbus.scheduler.manager import SchedulerServer
from nimbus.scheduler.models import Claim, Host
from nimbus.scheduler.rpc import Scheduler
from nimbus.volume.agent.fake.driver import FakeDriver as FakeDisks
from nimbus.volume.agent.fake.store import MemoryStore
from nimbus.volume.agent.manager import Agent as VolumeAgent
from nimbus.volume.desk import VolumeDeskServer
from nimbus.volume.models import Attachment, Backup, Snapshot, Volume
from nimbus.volume.rpc import Volume as VolumeContract
from nimbus.volume.volumes import volumes
from tests import databases
from tests.conftest import MEMBER
from tests.workflows.bases import EMPTY, Bases

TWICE = {'vcpus': 2, 'ram': 1024, 'disk': 2}
IMAGE, VOLUME_HOST = '11111111-1111-4111-8111-111111111111', 'v1'


class Death(BaseException):
    """The conductor's process is gone in the middle of a step."""


class Direct:
    """Speaks to a server as over the bus: plain JSON both ways, and Unavailable when nobody is there."""

    def __init__(self, server: Any, asker: context.Context) -> None:
        self._server, self._asker = server, asker

    def __getattr__(self, verb: str) -> Any:
        def send(*args: Any, **named: Any) -> Any:
            if self._server is None:
                raise errors.Unavailable('Nobody answers.')
            args, named = json.loads(json.dumps([args, named]))
            found = getattr(self._server, verb)(self._asker, *args, **named)
            return json.loads(json.dumps(found))

        return send


class Prompt:
    """Errands that are done and reported before they are acknowledged, one fence a subject as on disk."""

    def __init__(self, errands: Any, desk: Any) -> None:
        self.fences, self._desk = errands.fences, desk

    def take(self, job_id: str, key: str, subject: str, fence: int, do: Any) -> str:
        self.fences.pass_(subject, fence)
        self._desk.done(job_id, key, **outcome_of(job_id, do))
        return 'accepted'


class CloudEnvironment(Environment):
    """Steps reach the cloud's parts directly."""

    def __init__(self, cloud: 'Cloud') -> None:
        super().__init__(Parts(conf=None, db=cloud.db, bus=None, clock=cloud.clock))
        self.cloud = cloud

    def client(self, contract: Any, asker: context.Context, host: str | None = None) -> Any:
        servers = {Scheduler: lambda: self.cloud.scheduler, Compute: lambda: self.cloud.agents.get(host)}
        servers[VolumeContract] = lambda: self.cloud.volume_agent
        return Direct(servers[contract](), asker)

    def scheduler(self, asker: context.Context) -> Any:
        return self.client(Scheduler, asker)

    def compute(self, asker: context.Context, host: str) -> Any:
        return self.client(Compute, asker, host)

    def volume(self, asker: context.Context, host: str) -> Any:
        return self.client(VolumeContract, asker, host)


class Cloud:
    """Hosts h1.., a flavor, an image, a network, and a runner that moves when told."""

    def __init__(self, path: pathlib.Path, hosts: int = 2) -> None:
        self.path, self.name = path, ids.plain()
        self.db = databases.new(path / 'nimbus.db')
        self.clock = FakeClock(Clock().now())
        self.scheduler = SchedulerServer(self.db, down_time=3600)
        self.desk = ComputeDeskServer(self.db)
        self.network_desk = NetworkDeskServer(self.db)
        self.agents: dict[str, Agent] = {}
        self.disks, self.kept, self.backups = dict[str, Any](), dict[str, Any](), dict[str, Any]()
        for number in range(1, hosts + 1):
            self.add_host(f'h{number}')
        self.volume_agent = self._volume_agent()
        self._stock()
        self.env = CloudEnvironment(self)
        self.workflows: dict[str, Any] = dict(WORKFLOWS)
        self.new_runner()

    def close(self) -> None:
        FakeHost.forget()
        self.volume_agent.driver._scratch.cleanup()
        self.db.close()

    # What there is

    def add_host(self, name: str, **size: int) -> None:
        """A compute host with its agent has reported."""
        FakeHost.named(f'{self.name}-{name}', **size)
        driver = FakeDriver(FakeSettings(f'{self.name}-{name}'))
        desk = Direct(self.desk, context.internal())
        agent = Agent(name, driver, Bases(self.db), desk, str(self.path / name), Settings())
        agent.errands = Prompt(agent.errands, desk)
        driver.open()
        self.agents[name] = agent
        desk.alive(name, 'nova-compute', agent.facts(), True)

    def host(self, name: str) -> FakeHost:
        """What runs on a host, whatever its agent says."""
        return FakeHost.named(f'{self.name}-{name}')

    def stay(self, host: str) -> None:
        """Servers are placed on that host alone, and may be resized there."""
        self.env.resize_to_same_host = True
        with self.db.write() as tx:
            for row in services.find(tx, 'compute'):
                services.change(tx, row.id, disabled=row.host != host)

    def _volume_agent(self) -> Any:
        desk = Direct(VolumeDeskServer(self.db), context.internal())
        driver, store = FakeDisks(self.disks, kept=self.kept), MemoryStore(self.backups)
        given = str(self.path / 'v'), lambda _: iter([b'']), Bases(self.db).put
        agent = VolumeAgent(driver, desk, VOLUME_HOST, *given, backups=store)
        agent.errands = Prompt(agent.errands, desk)
        desk.alive(VOLUME_HOST, 'cinder-volume', agent.facts(), True)
        return agent

    def _stock(self) -> None:
        now = Clock().now()
        flavor = dict(id='1', name='tiny', vcpus=1, ram=512, disk=1, ephemeral=0, swap=0, rxtx_factor=1.0)
        image = dict(id=IMAGE, name='cirros', owner='o', status='active', visibility='public', protected=False)
        image |= dict(os_hidden=False, disk_format='raw', container_format='bare', min_disk=0, min_ram=0, size=0)
        image |= dict(os_hash_algo='sha512', os_hash_value=EMPTY, created_at=now, updated_at=now)
        with self.db.write() as tx:
            tx.insert(Flavor, **flavor, is_public=True, disabled=False, extra_specs={}, created_at=now)
            tx.insert(Image, **image)
            self.network = networks.create(tx, MEMBER, mtu=1450, name='net')
            subnet = {'cidr': '10.0.0.0/24', 'ip_version': 4, 'enable_dhcp': True, 'name': ''}
            subnet |= {'dns_nameservers': ['9.9.9.9'], 'host_routes': [], 'description': ''}
            subnets.create(tx, MEMBER, networks.show(tx, MEMBER, self.network), subnet)

    # What is asked for

    def boot(self, **wanted: Any) -> str:
        """A server is asked for; its id."""
        wanted = {'name': 's', 'flavor_id': '1', 'image_id': IMAGE, **wanted}
        wanted['devices'] = tuple(dict.fromkeys(DEVICE) | device for device in wanted.get('devices', ()))
        with self.db.write() as tx:
            return boots.boot(tx, MEMBER, boots.Wanted(**wanted))[0].id

    def server(self, **wanted: Any) -> str:
        """A server that is ACTIVE; its id."""
        made = self.boot(**wanted)
        self.settle()
        assert self.row(made).vm_state == states.ACTIVE, self.row(made).fault
        return made

    def flavor(self, flavor_id: str = '2', **size: int) -> str:
        """A flavor of twice the first one's size, but for what is told; its id."""
        with self.db.write() as tx:
            return flavors.create(tx, flavors.Wanted(**{**TWICE, 'id': flavor_id, 'name': flavor_id, **size})).id

    def volume(self, size: int = 1, **wanted: Any) -> str:
        """A volume that is available; its id."""
        made = self.ask(volumes.create, size=size, **wanted).id
        self.settle()
        return made

    def ask(self, verb: Any, *args: Any, **named: Any) -> Any:
        """A noun's verb in a transaction of its own, asked for by a member."""
        with self.db.write() as tx:
            return verb(tx, MEMBER, *args, **named)

    # What goes on

    def new_runner(self) -> Runner:
        """A conductor is up; one that was there before is gone and does not know it."""
        self.runner = Runner(self.db, self.workflows, self.env, clock=self.clock, still=8)
        return self.runner

    def wire(self) -> None:
        """Every host's network agent has caught up."""
        for host in self.agents:
            with self.db.read() as tx:
                wired = tx.column(sa.select(Port.id).where(Port.host == host))
                wired += tx.column(sa.select(Arrival.port_id).where(Arrival.host == host))
                generation = generations.of(tx, host)
            self.network_desk.applied(context.internal(), host, generation, wired, {}, None)

    def settle(self, most: int = 60) -> None:
        """Everything under way has come to its end, and the hosts are healed.  Fails when it does not."""
        for _ in range(most):
            try:
                self.runner.run_due()
            except Death:
                self.new_runner()
            self.wire()
            if not self.under_way():
                break
            self.clock.advance(5)
        else:
            raise AssertionError(f'still under way: {self.under_way()}')
        for agent in self.agents.values():
            agent.healer.heal()

    def under_way(self) -> list[Any]:
        """The jobs that have not ended."""
        with self.db.read() as tx:
            query = sa.select(jobs.Job.workflow, jobs.Job.heading, jobs.Job.cursor, jobs.Job.error)
            return list(tx.rows(query.where(jobs.Job.heading.in_(jobs.UNDER_WAY))))

    # What is there

    def row(self, server_id: str) -> Any:
        """The server's row."""
        with self.db.read() as tx:
            return servers.row_of(tx, server_id)

    def job(self, subject: str, workflow: str) -> Any:
        """The newest job of that kind for a subject."""
        with self.db.read() as tx:
            return next(job for job in jobs.history(tx, subject) if job.workflow == workflow)

    def volume_row(self, volume_id: str) -> Any:
        """The volume's row."""
        with self.db.read() as tx:
            return tx.row(sa.select(Volume).where(Volume.id == volume_id))

    def held(self) -> dict[str, Any]:
        """Everything that servers and volumes hold of the cloud, without the servers themselves."""
        with self.db.read() as tx:
            used = {
                row.host: (row.used_vcpus, row.used_memory_mb, row.used_disk_gb) for row in tx.rows(sa.select(Host))
            }
            found = {
                'claims': sorted(tx.column(sa.select(Claim.server_id))),
                'used': used,
                'ports': sorted(
                    tuple(row) for row in tx.rows(sa.select(Port.id, Port.device_id, Port.host).where(OWNED))
                ),
                'volumes': sorted(tuple(row) for row in tx.rows(sa.select(Volume.id, Volume.status))),
                'snapshots': sorted(tuple(row) for row in tx.rows(sa.select(Snapshot.id, Snapshot.status))),
                'backups': sorted(tuple(row) for row in tx.rows(sa.select(Backup.id, Backup.status))),
                'held_volumes': tx.column(sa.select(Volume.id).where(Volume.copied_for.is_not(None))),
                'attachments': sorted(
                    tuple(row)
                    for row in tx.rows(sa.select(Attachment.volume_id, Attachment.server_id, Attachment.status))
                ),
                'devices': sorted(
                    (row.server_id, row.volume_id or '')
                    for row in tx.rows(sa.select(BlockDevice))
                    if row.volume_id and row.attachment_id
                ),
                'quota': sorted(
                    (row.service, row.resource, row.used)
                    for row in tx.rows(sa.select(QuotaUse))
                    if row.service != 'compute'
                    and row.used
                    and row.resource not in ('security_group', 'security_group_rule')
                ),
            }
        found['guests'] = {
            name: {guest: sorted(known.volumes) for guest, known in self.host(name).all().items()}
            for name in self.agents
        }
        found['images'] = self.images()
        disks = {key: sorted(disk['connected']) for key, disk in sorted(self.disks.items())}
        return {**found, 'disks': disks, 'kept': sorted(self.kept), 'stored': sorted(self.backups)}

    def images(self) -> list[tuple[str, str]]:
        """The id and state of every image, the oldest first."""
        with self.db.read() as tx:
            rows = tx.rows(sa.select(Image.id, Image.status).where(Image.status != 'deleted').order_by(Image.seq))
            return [tuple(row) for row in rows]

    def check(self) -> None:
        """What must always hold, holds: claims, quota, guests and volumes agree with the rows."""
        held = self.held()
        with self.db.read() as tx:
            rows = tx.rows(sa.select(Server).where(Server.deleted_at.is_(None)))
            cards = {row.id: sorted(port.mac_address for port in ports.of_server(tx, row.id)) for row in rows}
            local = {row.id: guests.local_gb(servers.spec(tx, row.id)) for row in rows}
            open_moves = {move.server_id: move for row in rows if (move := moves.of(tx, row.id))}
        assert set(open_moves) == {row.id for row in rows if row.vm_state == states.RESIZED}, 'a move for ever'
        self._check_claims(held, [row for row in rows if row.host], open_moves, local)
        self._check_quota([row for row in rows if row.vm_state != states.SOFT_DELETED], open_moves)
        kept = {
            (move.source_host, server) for server, move in open_moves.items() if move.source_host != move.target_host
        }
        for host, server in kept:
            left = self.host(host).all().get(server)
            assert left is None or left.state == 'shutdown', 'what is kept runs'
        running = [guest for host, there in held['guests'].items() for guest in there if (host, guest) not in kept]
        assert len(running) == len(set(running)), 'a server has two guests'
        copies = [guest for host in self.agents for guest in self.host(host).all().values() if guest.copied_for]
        assert copies == [], 'a copy of a disk for ever'
        assert {status for _, status in held['images']} <= {'active'}, 'an image that waits for bytes for ever'
        for row in rows:
            assert row.task_state is None, f'{row.task_state} for ever'
            if row.vm_state == states.ACTIVE:
                guest = self.host(row.host).all()[row.id]
                assert guest.state == 'running', 'ACTIVE without a running guest'
                assert sorted(guest.macs) == cards[row.id], 'the guest has other cards than its server has ports'
            if row.vm_state == states.PAUSED:
                assert self.host(row.host).all()[row.id].state == 'paused', 'PAUSED and its guest is not'
            if row.vm_state in (states.STOPPED, states.SHELVED, states.SOFT_DELETED) and row.host:
                assert self.host(row.host).all()[row.id].state == 'shutdown', 'SHUTOFF and running'
        self._check_volumes(held)

    def _check_claims(
        self, held: dict[str, Any], placed: list[Any], open_moves: dict[str, Any], local: dict[str, int]
    ) -> None:
        kept = [move.id for move in open_moves.values()]
        assert held['claims'] == sorted([*(row.id for row in placed), *kept]), 'claims and places differ'
        for host, (vcpus, memory, disk) in held['used'].items():
            mine = [row for row in placed if row.host == host]
            before = [move.old_flavor for move in open_moves.values() if move.source_host == host]
            held_for = [*(row.flavor for row in mine), *before]
            assert vcpus == sum(flavor['vcpus'] for flavor in held_for), f'counters of {host}'
            assert memory == sum(flavor['ram'] for flavor in held_for), f'counters of {host}'
            disks = [*(local[row.id] for row in mine), *(flavor['disk'] for flavor in before)]
            assert disk == sum(disks), f'counters of {host}'

    def _check_quota(self, counted: list[Any], open_moves: dict[str, Any]) -> None:
        with self.db.read() as tx:
            rows = tx.rows(sa.select(QuotaUse).where(QuotaUse.service == 'compute'))
            assert RECOUNT.suspects(tx) == [], 'quota and rows differ'
        quota = {row.resource: row.used for row in rows}
        assert quota.get('instances', 0) == len(counted), 'quota and servers differ'
        cores = sum(row.flavor['vcpus'] for row in counted if row.id not in open_moves)
        for move in open_moves.values():
            cores += max(move.old_flavor['vcpus'], move.new_flavor['vcpus'])
        assert quota.get('cores', 0) == cores, 'quota and cores differ'

    def _check_volumes(self, held: dict[str, Any]) -> None:
        with self.db.read() as tx:
            offloaded = sa.select(Server.id).where(Server.vm_state == states.OFFLOADED)
            away = tx.column(sa.select(Attachment.volume_id).where(Attachment.server_id.in_(offloaded)))
        plugged = {
            volume: guest for host in held['guests'].values() for guest, found in host.items() for volume in found
        }
        for volume, server, status in held['attachments']:
            if status == 'attached':
                assert plugged.get(volume) == server, f'volume {volume} is in use and not in its guest'
        assert held['held_volumes'] == [], 'a volume is copied for ever'
        for snapshot, status in held['snapshots']:
            assert snapshot in held['kept'] if status == 'available' else 'error' in status, f'snapshot {snapshot}'
        for volume, status in held['volumes']:
            kept = status == 'reserved' and volume in away
            assert kept or status in ('available', 'in-use') or status.startswith('error'), (
                f'volume {volume} is {status} for ever'
            )
            assert (status == 'in-use') == (volume in plugged), f'volume {volume} is {status}'


OWNED = Port.device_owner.like('compute:%')
DEVICE = ('source', 'destination', 'image_id', 'snapshot_id', 'volume_id', 'volume_type', 'boot_index', 'device')
DEVICE += ('disk_bus', 'device_type', 'guest_format', 'size', 'tag', 'delete_on_termination')
