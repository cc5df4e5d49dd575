"""Builds each daemon from its process's parts, for `nimbus up` and for separate daemons alike."""

import concurrent.futures
import dataclasses
import logging
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from nimbus.cmd import backups, consoles, host_defaults, wiring
from nimbus.cmd.presence import Presence
from nimbus.common import folders, jobs
from nimbus.common.agents import services
from nimbus.common.context import Context
from nimbus.common.messaging import rpc
from nimbus.common.parts import Parts
from nimbus.conductor.rpc import Conductor

LOG = logging.getLogger(__name__)
ROOMS_OF_HOSTS = ('network', 'volume', 'compute')
assert jobs.TOPIC == Conductor.topic


class Nudged(Conductor):
    """The conductor's end of the bus: a nudge wakes the runner."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def nudge(self, context: Context) -> None:
        self._wake()


def state_dir(conf: Any, *names: str) -> str:
    """A folder under state_path, made if it was not there, that other users may walk through."""
    path = pathlib.Path(conf.state_path)
    for name in names:
        path /= name
        folders.make(path, folders.READ)
    return str(path)


def identity_url(conf: Any) -> str:
    """Where agents log in."""
    return conf.service_user.auth_url or f'{wiring.url_of(conf, "identity")}/v3'


def service_user(conf: Any) -> Any:
    """The service user, for what an agent fetches over the REST APIs."""
    from nimbus.compute.agent.disks.fetch import ServiceUser

    chosen = conf.service_user
    return ServiceUser(identity_url(conf), chosen.username, chosen.password, chosen.project)


def fill(conf: Any, parts: Parts, identity: bool = True, peers: Any = None) -> None:
    """The parts have what the REST APIs need beside a database: the validation of tokens, and the services' own parts.

    With `identity` this process issues tokens, and so may have the keys that sign them.  `peers` are the daemon's other
    processes.
    """
    from nimbus.identity import key_repository as keys
    from nimbus.identity.options import Settings
    from nimbus.identity.tokens.tokens import Validator
    from nimbus.network.options import settings as network_settings

    settings = Settings.of(conf)
    if identity or settings.token_format == 'fernet':
        keys.setup(settings.key_repository)
    keys.setup(settings.credential_key_repository)
    signed = token_signer(settings) if identity else token_checker(conf, settings)
    parts.tokens = Validator(
        parts.db, settings.key_repository, settings, parts.clock, signed, token_cache_of(settings, parts), peers
    )
    parts.extra['process'] = peers.process if peers else 0
    parts.tokens.start()
    parts.extra['identity_url'] = f'{wiring.url_of(conf, "identity")}/v3'
    parts.extra['network'] = network_settings(conf)


def token_cache_of(settings: Any, parts: Parts) -> Any:
    """The token cache that processes share; None where each has its own."""
    if settings.cache_backend != 'memcached':
        return None
    from nimbus.identity.tokens import token_cache

    servers = token_cache.connect(list(settings.cache_servers), parts.clock)
    return token_cache.TokenCache(servers, settings.cache_secret, parts.clock)


def token_signer(settings: Any) -> Any:
    """The keys that identity signs tokens with; made where JWS tokens are configured and there are none."""
    from nimbus.identity import key_repository as keys
    from nimbus.identity.tokens import signing

    if settings.token_format == 'jws':
        keys.setup(settings.jws_key_repository, signing.make)
    return signing.SigningKeys(settings.jws_key_repository)


def token_checker(conf: Any, settings: Any) -> Any:
    """Identity's public keys as a service keeps them; None where no token was ever signed."""
    from nimbus.identity.tokens import public_keys

    if settings.token_format != 'jws' and not pathlib.Path(settings.jws_public_keys).exists():
        return None
    url = settings.jws_keys_url or f'{identity_url(conf)}/auth/keys'
    return public_keys.PublishedKeys(
        settings.jws_public_keys, lambda: public_keys.fetch(url), settings.jws_fetch_interval
    )


def empty(parts: Parts) -> None:
    """What `fill` started is stopped."""
    parts.tokens.stop()


class HashedAhead:
    """Hashes passwords in the background before their hashes are needed."""

    def __init__(self, passwords: Any, known: Sequence[str]) -> None:
        self._passwords, self._pool = passwords, concurrent.futures.ThreadPoolExecutor(2, 'hash-ahead')
        self._made = {password: self._pool.submit(passwords.hash, password) for password in known}
        self._pool.shutdown(wait=False)

    def hash(self, password: str) -> str:
        """A hash to store."""
        made = self._made.get(password)
        return made.result() if made else self._passwords.hash(password)


def passwords(conf: Any, known: Sequence[str] = ()) -> HashedAhead:
    """A hasher of the first users' passwords, which starts on those that are known already."""
    from nimbus.identity.people.passwords import Passwords

    return HashedAhead(Passwords(rounds=conf.identity.bcrypt_rounds, threads=2), known)


def bootstrap(conf: Any, parts: Parts, admin_password: str, service_password: str, hasher: Any = None) -> None:
    """The first users, roles, services and endpoints exist; `hasher` makes the hashes of their passwords."""
    from nimbus.identity import bootstrap as first
    from nimbus.image.metadefs import loading

    with parts.db.write() as tx:
        first.bootstrap(
            tx,
            admin_password=admin_password,
            region=conf.region,
            urls=wiring.catalog_urls(conf),
            service_password=service_password,
            passwords=hasher or passwords(conf),
        )
        loading.first(tx)


def conductor(conf: Any, parts: Parts) -> wiring.Group:
    """The conductor: desks and the runner of jobs; the runner stops before the desks do."""
    return wiring.Group(desks(conf, parts), jobs_of(conf, parts))


def desks(conf: Any, parts: Parts) -> wiring.Group:
    """Every service's desk."""
    from nimbus.compute.desk import ComputeDeskServer
    from nimbus.network.desk import NetworkDeskServer
    from nimbus.volume.desk import VolumeDeskServer

    host, kinds = wiring.host_name(conf), (ComputeDeskServer, NetworkDeskServer, VolumeDeskServer)
    return wiring.Group(*(wiring.Listener(parts.bus, kind(parts.db), host) for kind in kinds))


def jobs_of(conf: Any, parts: Parts) -> wiring.Group:
    """The runner, its nudges, and what is done from time to time."""
    from nimbus.conductor.audit import Audit
    from nimbus.conductor.auto_confirm import AutoConfirm
    from nimbus.conductor.environment import Environment
    from nimbus.conductor.purge import Purge
    from nimbus.conductor.reclaim import Reclaim
    from nimbus.conductor.runner import Runner
    from nimbus.conductor.shelved_offload import ShelvedOffload
    from nimbus.conductor.workflows import WORKFLOWS

    host = wiring.host_name(conf)
    runner = Runner(parts.db, WORKFLOWS, Environment(parts), workers=conf.conductor.workers, still=conf.conductor.still)
    audit = Audit(parts.db, conf.conductor.audit_interval)
    purge = Purge(parts.db, conf.conductor.keep_days, parts.clock)
    reclaim = Reclaim(parts.db, conf.compute.reclaim_instance_interval, parts.clock)
    present = Presence(parts, services.Kind('compute', 'nova-conductor', 'internal'), host, conf.report_interval)
    confirm = AutoConfirm(parts.db, conf.compute.resize_confirm_window, parts.clock)
    offload = ShelvedOffload(parts.db, conf.compute.shelved_offload_time, parts.clock)
    rounds = audit, purge, reclaim, confirm, offload
    group = wiring.Group(present, runner, *rounds, wiring.Listener(parts.bus, Nudged(runner.nudge), host))
    if parts.db.publisher is not None:
        group.add(relay(conf, parts))
    return group


def relay(conf: Any, parts: Parts) -> Any:
    """What publishes notifications."""
    from nimbus.common.messaging.notifier import Notifier
    from nimbus.conductor.relay import Relay

    chosen = conf.notifications
    notifier = Notifier(chosen.transport_url or conf.bus, chosen.driver, chosen.topics)
    return Relay(parts.db, notifier.publish, keep=chosen.keep, still=conf.conductor.still)


def scheduler(conf: Any, parts: Parts) -> wiring.Group:
    """The scheduler and its end of the bus."""
    from nimbus.scheduler import options
    from nimbus.scheduler.manager import SchedulerServer

    server = SchedulerServer(parts.db, down_time=conf.service_down_time, settings=options.settings(conf))
    host = wiring.host_name(conf)
    present = [
        Presence(parts, services.Kind('compute', 'nova-scheduler', 'internal'), host, conf.report_interval),
        Presence(parts, services.Kind('volume', 'cinder-scheduler'), host, conf.report_interval),
    ]
    return wiring.Group(*present, server, wiring.Listener(parts.bus, server, host))


def control(conf: Any, parts: Parts) -> wiring.Group:
    """The scheduler and the conductor."""
    return wiring.Group(scheduler(conf, parts), conductor(conf, parts))


def agent(room: str, conf: Any, bus: Any, host: str, service: Any = None) -> wiring.Group:
    """A host's agent of the service `room`; `service` is the service user where it is known already."""
    build = {'compute': compute_agent, 'network': network_agent, 'volume': volume_agent}[room]
    return build(conf, bus, host, service or service_user(conf))


def desk(bus: Any, contract: type[rpc.Contract]) -> rpc.Client:
    """An agent's way to its desk, which may start later than the agent does."""
    return rpc.Client(bus, contract, timeouts=rpc.Timeouts())


def compute_agent(conf: Any, bus: Any, host: str, service: Any) -> wiring.Group:
    """The compute agent."""
    from nimbus.compute.agent.disks.fetch import Ahead, Fetch
    from nimbus.compute.agent.disks.imagecache import ImageCache
    from nimbus.compute.agent.disks.upload import Upload
    from nimbus.compute.agent.manager import Agent, Settings
    from nimbus.compute.rpc import ComputeDesk

    instances = conf.compute.instances_path or state_dir(conf, 'instances')
    driver = hypervisor(conf, host, instances)
    cache = ImageCache(instances, Fetch(service), upload=Upload(service))
    made = Agent(host, driver, cache, desk(bus, ComputeDesk), state_dir(conf, 'compute', host), Settings.of(conf))
    return wiring.Group(made, wiring.Listener(bus, made, host), Ahead(service))


def hypervisor(conf: Any, host: str, instances: str) -> Any:
    """The configured hypervisor driver."""
    kind = wiring.load_driver('compute', conf.compute.driver)
    if conf.compute.driver == 'fake':
        from nimbus.compute.agent.fake.driver import FakeSettings

        folder = fake_folder(conf, 'hypervisor', host)
        return kind(FakeSettings(host=host, folder=folder, least_seconds=conf.fake.least_seconds))
    from nimbus.compute.agent.libvirt.driver import LibvirtSettings

    known = {field.name for field in dataclasses.fields(LibvirtSettings)}
    chosen = {name: value for name, value in dict(conf.libvirt).items() if name in known}
    virt_type, by = host_defaults.virt_type(chosen['virt_type'])
    host_ip, way = host_defaults.host_ip(chosen['host_ip'], conf.bus)
    LOG.info('Guests of %s are run by %s (%s); other hosts reach it at %s (%s)', host, virt_type, by, host_ip, way)
    here = {'instances_path': instances, 'virt_type': virt_type, 'host_ip': host_ip, 'host': host}
    return kind(LibvirtSettings(**{**chosen, **here}))


def fake_folder(conf: Any, what: str, host: str) -> str | None:
    """The folder of a fake host, which outlives its agent's process; None in one process, where it need not."""
    return None if conf.bus.startswith('inproc:') else state_dir(conf, 'fake', host, what)


def network_agent(conf: Any, bus: Any, host: str, service: Any) -> wiring.Group:
    """The network agent, and the proxy through which guests reach the metadata API."""
    from nimbus.network.agent.manager import Agent, Timing
    from nimbus.network.rpc import NetworkDesk

    path = state_dir(conf, 'network', host)
    chosen = conf.network
    made = Agent(
        switch(conf, host, path),
        desk(bus, NetworkDesk),
        host,
        Timing(poll=chosen.poll_interval, resync=chosen.resync_interval, report=conf.report_interval),
    )
    group = wiring.Group(made, wiring.Listener(bus, made, host))
    if chosen.driver != 'fake':
        group.add(metadata_proxy(conf, made, path))
    return group


def metadata_proxy(conf: Any, agent: Any, path: str) -> Any:
    """The proxy of guests' metadata requests on this host, which signs which server each is from."""
    from nimbus.network.agent.metadata.listener import Listener, Settings

    url = conf.metadata.url or wiring.url_of(conf, 'metadata')
    settings = Settings(socket_path=f'{path}/metadata.sock', secret=conf.metadata.shared_secret, url=url)
    return Listener(settings, agent.current)


def switch(conf: Any, host: str, path: str) -> Any:
    """The configured network driver."""
    from nimbus.network.options import bridge_mappings, local_ip

    given = local_ip(conf.network.local_ip)
    kind, bridges = wiring.load_driver('network', conf.network.driver), bridge_mappings(conf.network.bridge_mappings)
    if conf.network.driver == 'fake':
        from nimbus.network.agent.fake.driver import end_of

        return kind(host, fake_folder(conf, 'switch', host), bridges, given or end_of(host))
    from nimbus.network.agent.host.settings import Settings

    return kind(
        Settings(
            state_dir=path,
            ovsdb=conf.network.ovsdb,
            datapath_type=conf.network.datapath_type,
            bridges=bridges,
            local_ip=given,
            toward=tuple(name for name, _ in host_defaults.brokers(conf.bus)),
            dns_servers=tuple(conf.network.dns_servers),
            metadata_socket=f'{path}/metadata.sock',
        )
    )


def volume_agent(conf: Any, bus: Any, host: str, service: Any) -> wiring.Group:
    """The volume agent."""
    from nimbus.compute.agent.disks.fetch import Fetch
    from nimbus.compute.agent.disks.upload import Upload
    from nimbus.volume.agent.manager import Agent
    from nimbus.volume.rpc import VolumeDesk

    kind = wiring.load_driver('volume', conf.volume.driver)
    path = conf.volume.path or state_dir(conf, 'volumes')
    made = Agent(
        _pretended_disks(conf, kind, host) if conf.volume.driver == 'fake' else kind(path, conf.volume.format),
        desk(bus, VolumeDesk),
        host,
        state_dir(conf, 'volume', host),
        Fetch(service),
        Upload(service),
        over_subscription=conf.volume.over_subscription,
        interval=conf.report_interval,
        backups=backups.store(conf, state_dir(conf, 'backups')),
    )
    return wiring.Group(made, wiring.Listener(bus, made, host))


def _pretended_disks(conf: Any, kind: Any, host: str) -> Any:
    """The driver of disks that exist in memory only."""
    from nimbus.volume.agent.fake import driver as fake

    there = fake.host(host)
    return kind(there.disks, least_seconds=conf.fake.least_seconds, kept=there.kept, failures=there)


def agents_of(conf: Any, bus: Any, hosts: Sequence[str]) -> wiring.Group:
    """The agents of hosts of these names."""
    agents = wiring.Group(together=True)
    for host in hosts:
        for room in ROOMS_OF_HOSTS:
            agents.add(agent(room, conf, bus, host))
    return agents


def everything(conf: Any, parts: Parts, agents: wiring.Daemon, peers: Any = None) -> wiring.Group:
    """A whole cloud, with these agents.

    Jobs stop while the agents that they call still run, and agents stop while their desks still do.
    """
    fill(conf, parts, peers=peers)
    control = scheduler(conf, parts), desks(conf, parts)
    return wiring.Group(*control, agents, jobs_of(conf, parts), consoles.console(conf, parts))
