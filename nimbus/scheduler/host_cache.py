"""The scheduler's hosts in memory, updated before a request by the rows that changed since."""

import datetime
import threading
import time
from typing import Any

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.hosts import aggregates
from nimbus.scheduler import traits
from nimbus.scheduler.claims import BINARY
from nimbus.scheduler.models import Host
from nimbus.scheduler.request_spec import Request

# Rows this much older than the newest one seen are read again: commits become visible out of order and the
# clocks of two schedulers differ a little.  A claim is guarded by the database whatever is known here.
OVERLAP = datetime.timedelta(seconds=2)
EPOCH = datetime.datetime(1970, 1, 1)
BATCH = 500  # hosts read by one statement; databases bound the number of its values
CHANGED = db.Fixed(sa.select(Host.host, Host.generation).where(Host.updated_at >= sa.bindparam('since')))


class HostState:
    """One host as filters and weighers see it."""

    __slots__ = (
        'id',
        'host',
        'node',
        'zone',
        'facts',
        'generation',
        'vcpus',
        'memory_mb',
        'disk_gb',
        'used_vcpus',
        'free_vcpus',
        'free_memory_mb',
        'free_disk_gb',
        'seen',
        'disabled',
        'forced_down',
        'down_time',
        'now',
        'failed_builds',
        'instances',
        'io_ops',
        'metrics',
        'aggregates',
        'properties',
        'traits',
    )

    def __init__(self, host: str, down_time: float, now: Any) -> None:
        self.host, self.down_time, self.now = host, down_time, now
        self.seen, self.disabled, self.forced_down = 0.0, False, False
        self.instances = self.io_ops = 0  # as they were counted for the request at hand, by a filter's wish
        self.metrics: dict[str, float] = {}  # what its agent measures
        self.aggregates: list[dict[str, str]] = []  # the properties of each aggregate that it is in
        self.properties: dict[str, set[str]] = {}  # all of these together, one with commas taken apart

    @property
    def silent(self) -> float:
        """Seconds since the host's agent reported."""
        return self.now() - self.seen

    def follow(self, row: Any) -> None:
        """The host is as its row says."""
        self.id, self.node, self.zone, self.facts = row.id, row.node, row.zone, row.facts
        self.generation, self.failed_builds = row.generation, row.failed_builds
        self.vcpus, self.memory_mb, self.disk_gb, self.used_vcpus = (
            row.vcpus,
            row.memory_mb,
            row.disk_gb,
            row.used_vcpus,
        )
        self.traits = traits.of(row)
        self.free_vcpus = (row.vcpus - row.reserved_vcpus) * row.vcpus_ratio - row.used_vcpus
        self.free_memory_mb = (row.memory_mb - row.reserved_memory_mb) * row.memory_mb_ratio - row.used_memory_mb
        self.free_disk_gb = (row.disk_gb - row.reserved_disk_gb) * row.disk_gb_ratio - row.used_disk_gb

    def join(self, aggregates: list[dict[str, str]]) -> None:
        """The host is in the aggregates that have such properties, and in no other."""
        self.aggregates, self.properties = aggregates, {}
        for each in aggregates:
            for name, value in each.items():
                self.properties.setdefault(name, set()).update(part.strip() for part in value.split(','))

    def given(self, name: str) -> list[str]:
        """What the aggregates of the host say under the name, each once."""
        return [each[name] for each in self.aggregates if name in each]

    def take(self, request: Request) -> None:
        """The request's resources are taken off the host's free ones, ahead of the next read of its row."""
        self.free_vcpus -= request.vcpus
        self.free_memory_mb -= request.memory_mb
        self.free_disk_gb -= request.disk_gb


class HostCache:
    """The hosts of one scheduler process."""

    def __init__(
        self, database: db.Database, down_time: float = 30, clock: Clock | None = None, *, metrics: bool = False
    ) -> None:
        """`metrics` says whether somebody wants to know what the hosts measure."""
        self.db, self.down_time, self.clock, self.metrics = database, down_time, clock or Clock(), metrics
        self.lock = threading.RLock()
        self._hosts: dict[str, HostState] = {}
        self._all: list[HostState] = []
        self._mark = self._regrouped = EPOCH
        self._aggregates: dict[int, Any] = {}
        self.keys: frozenset[str] = frozenset()  # properties that any aggregate has
        self._looked: float | None = None
        self._read_at = 0.0

    def hosts(self) -> list[HostState]:
        """Every host, as far as is known."""
        return self._all

    def refresh(self) -> None:
        """Changes of any process are known here; and when each agent last reported, if that is due to be read.

        A large and busy cloud is not asked at every single placement: 50 ms at 1,000 hosts.
        """
        now = time.monotonic()
        if now - self._read_at < len(self._all) / 20_000:
            return
        self._read_at = now
        with self.db.read() as tx:
            touched = tx.rows(CHANGED, {'since': self._mark - OVERLAP})
            changed = [host for host, generation in touched if self._generation(host) != generation]
            for some in range(0, len(changed), BATCH):
                found = Host.host.in_(changed[some : some + BATCH])
                self._follow(tx.rows(sa.select(Host).where(found).order_by(Host.seq)))
            regrouped = aggregates.changed(tx, self._regrouped - OVERLAP)
        self._group(regrouped)
        if self._looked is None or now - self._looked > self.interval * 2:
            self.look()

    def _generation(self, host: str) -> int:
        state = self._hosts.get(host)
        return -1 if state is None else state.generation

    @property
    def interval(self) -> float:
        """Seconds between looks at the agents' reports: the more hosts, the costlier a look."""
        return 1.0 + len(self._all) / 2000

    def reload(self) -> None:
        """Every host is known as it is now, and deleted ones are gone."""
        with self.db.read() as tx:
            rows = tx.rows(sa.select(Host).order_by(Host.seq))
            grouped = aggregates.find(tx)
        self._follow(rows)
        self._aggregates = {row.seq: row for row in grouped}
        self._regroup()
        names = {row.host for row in rows}
        with self.lock:
            if len(names) != len(self._hosts):
                self._hosts = {name: state for name, state in self._hosts.items() if name in names}
                self._all = list(self._hosts.values())
        self.look()

    def reread(self, state: HostState) -> None:
        """The host is known as its row says now."""
        with self.db.read() as tx:
            self._follow(tx.rows(sa.select(Host).where(Host.id == state.id)))

    def look(self) -> None:
        """When each agent reported last and whether it is switched off is known as it is now."""
        service = services.Service
        columns = service.host, service.seen_at, service.disabled, service.forced_down
        columns += (service.facts,) if self.metrics else ()
        self._looked = time.monotonic()
        with self.db.read() as tx:
            rows = tx.rows(sa.select(*columns).where(service.binary == BINARY))
        with self.lock:
            for name, seen_at, disabled, forced_down, *facts in rows:
                if state := self._hosts.get(name):
                    state.seen = (seen_at - EPOCH).total_seconds()
                    state.disabled, state.forced_down = disabled, forced_down
                    state.metrics = facts[0].get('metrics') or {} if facts else {}

    def _follow(self, rows: Any) -> None:
        with self.lock:
            fresh = False
            for row in rows:
                state = self._hosts.get(row.host)
                if state is None:
                    state = self._hosts[row.host] = HostState(row.host, self.down_time, self.now)
                    self._looked, fresh = None, True
                state.follow(row)
                self._mark = max(self._mark, row.updated_at)
            if fresh:
                self._all = list(self._hosts.values())
                self._join()

    def _group(self, rows: Any) -> None:
        """The aggregates are known as the rows say, and which hosts are in them."""
        news = [row for row in rows if self._aggregates.get(row.seq) != row]
        if not news:
            return
        self._aggregates.update({row.seq: row for row in news})
        self._regroup()

    def _regroup(self) -> None:
        rows = self._aggregates.values()
        self._regrouped = max([self._regrouped, *(row.updated_at for row in rows if row.updated_at)])
        self.keys = frozenset(name for row in rows for name in row.properties)
        with self.lock:
            self._join()

    def _join(self) -> None:
        found: dict[str, list[dict[str, str]]] = {}
        for _, row in sorted(self._aggregates.items()):
            for host in row.hosts:
                found.setdefault(host, []).append(row.properties)
        for state in self._hosts.values():
            mine = found.get(state.host, [])
            if state.aggregates != mine:
                state.join(mine)

    def now(self) -> float:
        """The moment as seconds since 1970."""
        return (self.clock.now() - EPOCH).total_seconds()
