"""Threads that want the same thing at the same moment."""

import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import errors, jobs, states
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column
from nimbus.common.quotas import Quotas
from nimbus.conductor.runner import Runner
from tests.conftest import MEMBER

THINGS = states.Machine(states.rule('paint', {'idle'}, 'painting', 'idle'), noun='thing', state='state')


class Apart(db.Base):
    """Base of tables that are no part of nimbus's schema."""

    __abstract__ = True
    metadata = sa.MetaData()


class Thing(Apart):
    """What the races are about."""

    __tablename__ = 'test_things'
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    state: Mapped[str]
    updated_at: Mapped[db.Moment | None]


@pytest.fixture
def things(database):
    """The table of things, empty."""
    Thing.__table__.create(database.writer, checkfirst=True)
    yield Thing
    Thing.__table__.drop(database.writer)


def race(count: int, run: Callable[[int], Any]) -> list[Any]:
    """What `run(n)` returned or raised in each of `count` threads that set out together."""
    found: list[Any] = [None] * count
    gate = threading.Barrier(min(count, 32))

    def one(number: int) -> None:
        if number < gate.parties:
            gate.wait()
        try:
            found[number] = run(number)
        except Exception as why:
            found[number] = why

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def kinds(found: list[Any]) -> dict[str, int]:
    """How often each kind of outcome came."""
    names = [type(each).__name__ for each in found]
    return {name: names.count(name) for name in names}


def test_of_two_hundred_racers_for_ten_slots_exactly_ten_win(database):
    quotas = Quotas('compute', {'instances': 10, 'cores': 1000})
    take = lambda tx: quotas.take(tx, 'p' * 32, instances=1, cores=2)  # noqa: E731
    found = race(200, lambda _: database.with_retries(take))
    assert kinds(found) == {'NoneType': 10, 'OverQuota': 190}
    with database.read() as tx:
        assert {n: q.used for n, q in quotas.show(tx, 'p' * 32).items()} == {'instances': 10, 'cores': 20}


def test_racers_who_take_in_any_order_and_give_back_leave_nothing(database):
    quotas = Quotas('compute', {'cores': 8, 'instances': 8, 'ram': 8})

    def come_and_go(number: int) -> None:
        amounts = dict(sorted({'ram': 1, 'cores': 1, 'instances': 1}.items(), reverse=bool(number % 2)))
        for _ in range(3):
            try:
                database.with_retries(lambda tx: quotas.take(tx, 'p' * 32, **amounts))
            except errors.OverQuota:
                continue
            database.with_retries(lambda tx: quotas.give_back(tx, 'p' * 32, **amounts))

    assert kinds(race(16, come_and_go)) == {'NoneType': 16}
    with database.read() as tx:
        assert [q.used for q in quotas.show(tx, 'p' * 32).values()] == [0, 0, 0]


def test_a_state_is_claimed_by_one_racer(database, things):
    with database.write() as tx:
        tx.insert(things, id='one', state='idle')
    found = race(32, lambda _: database.with_retries(lambda tx: THINGS.begin(tx, things, 'one', 'paint')))
    assert kinds(found) == {'NoneType': 1, 'WrongState': 31}
    assert {str(why) for why in found if why} == {"Cannot 'paint' thing one while it is in state painting"}


def test_an_agents_first_reports_to_two_desks_make_one_service(database):
    kind = services.Kind('compute', 'nova-compute')
    found = race(8, lambda _: database.with_retries(lambda tx: services.report(tx, kind, 'h1', {'n': 1})))
    assert len(set(found)) == 1 and kinds(found) == {'str': 8}


def test_two_runners_do_each_job_once_and_those_of_one_subject_in_order(database):
    done: list[tuple[str, int]] = []

    def step(run: jobs.Run) -> None:
        done.append((run.subject, run.number))

    class Count(jobs.Workflow):
        steps = (jobs.Step(step),)

    with database.write() as tx:
        for number in range(60):
            jobs.start(tx, MEMBER, 'count', f's{number % 20}', number=number)
    env = types.SimpleNamespace(db=database)
    runners = [Runner(database, {'count': Count}, env) for _ in range(4)]

    def work(number: int) -> None:
        idle_looks = 0
        while idle_looks < 20:
            idle_looks = 0 if runners[number].run_due() else idle_looks + 1

    assert kinds(race(4, work)) == {'NoneType': 4}
    assert sorted(done) == sorted((f's{n % 20}', n) for n in range(60))
    for subject in {subject for subject, _ in done}:
        mine = [number for each, number in done if each == subject]
        assert mine == sorted(mine)
    with database.read() as tx:
        assert set(tx.column(sa.select(jobs.Job.heading))) == {jobs.DONE}


def test_an_older_row_with_the_same_key_stays_and_the_transaction_goes_on(database, things):
    with database.write() as tx:
        tx.ensure(things, id='one', state='first')
        tx.ensure(things, id='one', state='second')
        tx.ensure(things, id='two', state='first')
    with database.read() as tx:
        assert [(r.id, r.state) for r in tx.rows(sa.select(things).order_by(things.id))] == [
            ('one', 'first'),
            ('two', 'first'),
        ]
