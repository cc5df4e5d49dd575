"""Place one server on a host: filter, weigh and claim, and record the outcome of each."""

import dataclasses
import heapq
import random
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exc

from nimbus.common import errors, failpoints
from nimbus.common.database import db
from nimbus.compute.hosts import hypervisors
from nimbus.compute.servers import groups
from nimbus.scheduler import claims
from nimbus.scheduler.filters import Filter, Hosts
from nimbus.scheduler.host_cache import HostCache, HostState
from nimbus.scheduler.request_spec import Request
from nimbus.scheduler.weighers import Weigher

TRIES = 5  # hosts that may be lost to other schedulers before everything is read anew


@dataclasses.dataclass
class Trail:
    """What each filter removed, for the refusal's sentence and for `nimbus why`."""

    hosts: int
    removed: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    wishes: list[str] = dataclasses.field(default_factory=list)

    def note(self, name: str, gone: Hosts, why: str, wish: str) -> None:
        """The filter removed these hosts; `wish` is what the user asked for and they lack, if anything."""
        self.removed.append({'filter': name, 'removed': len(gone), 'why': why})
        self.wishes += [wish] if wish else []

    def clear(self) -> None:
        """Nothing was removed yet."""
        self.removed.clear()
        self.wishes.clear()

    def refusal(self) -> errors.NoValidHost:
        """The error that no host is left: users read what they asked for, operators what each filter removed."""
        met = f'No host has all of this at present: {"; ".join(self.wishes)}.'
        given = met if self.wishes else 'No host is in service that takes the server.'
        return errors.NoValidHost(f'No valid host was found. {given}', inside=self.sentence())

    def sentence(self) -> str:
        """Why no host is left, for operators."""
        if not self.hosts:
            return 'No valid host was found. No compute host has reported yet.'
        text = ', '.join(f'{r["filter"]} removed {r["removed"]} ({r["why"]})' for r in self.removed)
        return f'No valid host was found. {self.hosts} host{"s" * (self.hosts != 1)}: {text}.'

    def record(self, taken: HostState) -> dict[str, Any]:
        """The record of the placement as it is kept with the job."""
        return {'hosts': self.hosts, 'removed': self.removed, 'taken': taken.host}


class Placer:
    """Places servers on the hosts of one database."""

    def __init__(
        self,
        database: db.Database,
        cache: HostCache,
        filters: Sequence[Filter],
        weighers: Sequence[Weigher],
        settings: Mapping[str, Any],
    ) -> None:
        self.db, self.cache, self.filters, self.weighers = database, cache, filters, weighers
        self.subset: int = settings['host_subset_size']

    def place(self, server_id: str, request: Request) -> dict[str, Any]:
        """The server has a claim: {'host', 'node', 'zone', 'trail'}; one that it has already stays.

        Raises NoValidHost.
        """
        with self.db.read() as tx:
            claim = claims.of(tx, server_id)
        if claim is not None:
            return _answer(claim, {'taken': claim.host, 'kept': True})
        self.cache.refresh()
        found = self._try(server_id, request, Trail(0), TRIES)
        if found is None:
            self.cache.reload()
            trail = Trail(0)
            found = self._try(server_id, request, trail, TRIES)
            if found is None:
                raise trail.refusal()
        return found

    def _try(self, server_id: str, request: Request, trail: Trail, tries: int) -> dict[str, Any] | None:
        lost: set[str] = set()
        for _ in range(tries):
            request = self._beside(server_id, request)
            with self.cache.lock:
                trail.clear()
                self._count(request)
                fit = self._fit(request, trail, lost)
                if not fit:
                    return None
                best = self._best(fit, request)
                best.take(request)
            if self._claim(server_id, best, request):
                return _answer(best, trail.record(best))
            self.cache.reread(best)
            with self.db.read() as tx:
                claim = claims.of(tx, server_id)
            if claim is not None:
                return _answer(claim, {'taken': claim.host, 'kept': True})
            lost.add(best.host)
        return None

    def _beside(self, server_id: str, request: Request) -> Request:
        """The request with the hosts where the others of the server's group, and those its hints name, are by now."""
        named = {name: _listed(request.hints.get(name)) for name in ('same_host', 'different_host')}
        if not (request.group or any(named.values())):
            return request
        with self.db.read() as tx:
            near = {name: claims.hosts_of(tx, ids, request.project_id) for name, ids in named.items() if ids}
            others: set[str] = set()
            if request.group:
                others = set(groups.members(tx, [request.group['id']]).get(request.group['id'], [])) - {server_id}
            beside = claims.hosts_of(tx, sorted(others)) if others else {}
        return dataclasses.replace(request, hint_hosts=near, group_hosts=beside)

    def _count(self, request: Request) -> None:
        """The hosts know what a filter or weigher of the request wants to be counted."""
        needs = {need for each in (*self.filters, *self.weighers) if each.applies(request) for need in each.needs}
        if not needs & {'instances', 'io_ops'}:
            return
        with self.db.read() as tx:
            instances = claims.counts(tx) if 'instances' in needs else {}
            busy = hypervisors.io_workload(tx) if 'io_ops' in needs else {}
        for host in self.cache.hosts():
            host.instances, host.io_ops = instances.get(host.id, 0), busy.get(host.host, 0)

    def _fit(self, request: Request, trail: Trail, lost: set[str]) -> Hosts:
        hosts = self.cache.hosts()
        trail.hosts = len(hosts)
        hosts = _named(hosts, request, trail)
        for each in self.filters:
            if not hosts:
                break
            if (request.host and not each.even_forced) or not each.applies(request):
                continue
            left = each.keep(hosts, request)
            if len(left) < len(hosts):
                kept = set(map(id, left))
                gone = [host for host in hosts if id(host) not in kept]
                trail.note(type(each).__name__, gone, each.why(gone, request), each.wish(request))
            hosts = left
        if lost:
            left = [host for host in hosts if host.host not in lost]
            if not left and hosts:
                why = 'other servers took the room first, or the host was switched off'
                trail.note('the claim', hosts, why, 'room that no other server takes first')
            hosts = left
        return hosts

    def _best(self, hosts: Hosts, request: Request) -> HostState:
        columns = [each.scores(hosts, request, self.cache.keys) for each in self.weighers if each.applies(request)]
        if len(hosts) == 1 or not (columns or self.subset > 1):
            return hosts[0]
        sums = columns[0] if len(columns) == 1 else list(map(sum, zip(*columns, strict=True)))
        if self.subset == 1:
            return hosts[sums.index(max(sums))]
        best = heapq.nlargest(self.subset, range(len(hosts)), key=(sums or [0.0] * len(hosts)).__getitem__)
        return hosts[random.choice(best)]

    def _claim(self, server_id: str, host: HostState, request: Request) -> bool:
        try:
            with self.db.write() as tx:
                if request.group and not request.host:
                    others = set(groups.lock(tx, request.group['id'])) - {server_id}
                    now = dataclasses.replace(request, group_hosts=claims.hosts_of(tx, sorted(others)))
                    if not now.fits_group(host.host):
                        return False
                taken = claims.take(tx, server_id, host.id, request)
                failpoints.hit('scheduler.claim.before')
            failpoints.hit('scheduler.claim.after')
            return taken
        except exc.IntegrityError:  # the same server was placed at the same moment
            return False


def _named(hosts: Hosts, request: Request, trail: Trail) -> Hosts:
    """The hosts that the request speaks of: the one that it names, and not the one that the server is to leave."""
    if wanted := request.host or request.only:
        named = [host for host in hosts if host.host == wanted]
        if hosts and not named:
            trail.note('the request', hosts, f'none is named {wanted}', 'the host that was named')
        hosts = named
    left = [host for host in hosts if host.host != request.leave] if request.leave else hosts
    if len(left) < len(hosts):
        gone = [host for host in hosts if host.host == request.leave]
        trail.note('the request', gone, f'the server is to leave {request.leave}', 'another host')
    return left


def _listed(given: Any) -> list[str]:
    """The ids of a hint that is one or several."""
    return [given] if isinstance(given, str) and given else list(given or ())


def _answer(host: Any, trail: dict[str, Any]) -> dict[str, Any]:
    return {'host': host.host, 'node': host.node, 'zone': host.zone, 'trail': trail}
