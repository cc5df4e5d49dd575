"""Eight schedulers place at one moment, each a process of its own: no host is given away twice, no group is broken."""

import collections
import multiprocessing
from typing import Any

import sqlalchemy as sa

from nimbus.cmd import schema  # nimbus.cmd chooses threads before anything else is imported
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.compute.servers import groups
from nimbus.scheduler import claims, hosts
from nimbus.scheduler.manager import SchedulerServer
from nimbus.scheduler.models import Claim
from tests.conftest import MEMBER
from tests.domain.scheduler.world import known, wish

MANY, EACH, ROOM = 8, 5, 9


def work(url: str, number: int, rules: dict[str, Any], start: Any, told: Any) -> None:
    """One process: it places servers of its own, one of each group among them, once all processes are ready."""
    schema.load_models()
    database = db.Database(url)
    scheduler = SchedulerServer(database, down_time=3600)
    asked = [(f'plain-{number}-{n}', wish(memory_mb=64)) for n in range(EACH)]
    asked[1:1] = [(f'{name}-{number}', wish(memory_mb=64, group=rule)) for name, rule in rules.items()]
    outcome: collections.Counter[str] = collections.Counter()
    start.wait()
    for server, request in asked:
        try:
            scheduler.place(MEMBER, server, request)
            outcome['placed'] += 1
        except errors.NoValidHost:
            outcome['refused'] += 1
        except Exception as why:
            outcome[repr(why)] += 1
    database.close()
    told.put(dict(outcome))


def test_eight_processes_never_overrun_a_host_and_never_break_a_group(database):
    for name in ('h1', 'h2', 'h3'):
        known(database, name, vcpus=ROOM, ratios={'vcpus': 1.0})
    rules = {}
    with database.write() as tx:
        for policy, most in (('affinity', None), ('anti-affinity', 2)):
            group = groups.create(tx, MEMBER, policy, policy, most)
            rules[policy] = {'id': group.id, 'policy': policy, 'most': most or 1}
            for number in range(MANY):
                groups.join(tx, group.id, f'{policy}-{number}')
    spawn = multiprocessing.get_context('forkserver')
    spawn.set_forkserver_preload([__name__])
    start, told = spawn.Barrier(MANY), spawn.Queue()
    url = database.writer.url.render_as_string(hide_password=False)
    workers = [spawn.Process(target=work, args=(url, n, rules, start, told)) for n in range(MANY)]
    for worker in workers:
        worker.start()
    outcome = sum((collections.Counter(told.get(timeout=120)) for _ in workers), collections.Counter())
    for worker in workers:
        worker.join(timeout=30)
    assert outcome.keys() == {'placed', 'refused'} and outcome.total() == MANY * (EACH + 2)
    with database.read() as tx:
        rows = hosts.list(tx)
        assert outcome['placed'] == sum(row.used_vcpus for row in rows) == 3 * ROOM
        assert all(row.used_vcpus == len(claims.on(tx, row.id)) <= ROOM for row in rows)
        assert tx.scalar(sa.select(sa.func.count()).select_from(Claim)) == outcome['placed']
        held = {name: claims.hosts_of(tx, [f'{name}-{n}' for n in range(MANY)]) for name in rules}
    assert len(held['affinity']) == 1
    assert max(held['anti-affinity'].values()) <= 2
