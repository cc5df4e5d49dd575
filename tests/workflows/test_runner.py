"""The runner: leases, generations, waiting, waking, deadlines, order."""

import datetime
import threading
import types

import pytest
import sqlalchemy as sa

from nimbus.common import errors, jobs
from nimbus.common.clock import Clock, FakeClock
from nimbus.common.jobs import Job, JobStep, NotYet, Rewind, Step, Workflow
from nimbus.conductor.runner import Lost, Runner
from tests.conftest import MEMBER


class Shop:
    """A database, a clock, and workflows that write down what they did."""

    def __init__(self, database):
        self.db, self.clock, self.did = database, FakeClock(Clock().now()), []
        self.workflows: dict = {}
        self.env = types.SimpleNamespace(db=database)

    def step(self, name, action=None, undo=None):
        def do(run):
            self.did.append(name)
            return action(run) if action else None

        def back(run):
            self.did.append(f'-{name}')
            if undo:
                undo(run)

        do.__name__ = name
        return Step(do, undo=back)

    def recipe(self, *steps, name='w', **attributes):
        failed = staticmethod(lambda run: self.did.append(f'failed: {run.job.error}'))
        self.workflows[name] = type('W', (Workflow,), {'steps': steps, 'on_failure': failed, **attributes})

    def job(self, subject='s', workflow='w', **more):
        with self.db.write() as tx:
            return jobs.start(tx, MEMBER, workflow, subject, now=self.clock.now(), **more)

    def runner(self, **more):
        return Runner(self.db, self.workflows, self.env, clock=self.clock, still=8, **more)

    def row(self, job_id):
        with self.db.read() as tx:
            return jobs.show(tx, job_id)


@pytest.fixture
def shop(database):
    return Shop(database)


def fail(run):
    raise errors.NimbusError('broken')


def test_steps_run_in_order_and_are_recorded(shop):
    shop.recipe(shop.step('a', lambda run: {'found': 1}), shop.step('b', lambda run: {'seen': run.found}))
    job = shop.job()
    shop.runner().run_due()
    row = shop.row(job)
    assert (shop.did, row.heading, row.owner, row.notes) == (['a', 'b'], jobs.DONE, None, {'found': 1, 'seen': 1})
    with shop.db.read() as tx:
        assert [(step.step, step.outcome) for step in jobs.steps(tx, job)] == [('a', 'ok'), ('b', 'ok')]


def test_a_failure_unwinds_from_the_failed_step(shop):
    shop.recipe(shop.step('a'), shop.step('b', fail), shop.step('c'))
    job = shop.job()
    shop.runner().run_due()
    assert shop.did == ['a', 'b', '-b', '-a', 'failed: broken']
    assert (shop.row(job).heading, shop.row(job).error) == (jobs.UNDONE, 'broken')


def test_a_step_that_is_not_there_yet_is_entered_again_and_not_before_its_time(shop):
    waits = [1, 1]

    def wait(run):
        if waits:
            waits.pop()
            raise NotYet(10)

    shop.recipe(shop.step('a', wait))
    job, runner = shop.job(), shop.runner()
    runner.run_due()
    runner.run_due()
    assert shop.did == ['a']
    shop.clock.advance(10)
    runner.run_due()
    shop.clock.advance(10)
    runner.run_due()
    assert (len(shop.did), shop.row(job).heading) == (3, jobs.DONE)


def test_an_answer_wakes_what_waits_for_it(shop):
    shop.recipe(shop.step('a', lambda run: run.ask('order', lambda key: shop.did.append(key), again=3600)))
    job, runner = shop.job(), shop.runner()
    runner.run_due()
    key = shop.did[1]
    with shop.db.write() as tx:
        jobs.answer(tx, job, key, ok=True, result={'x': 1})
    shop.clock.advance(1)
    runner.run_due()
    assert (shop.row(job).heading, shop.row(job).notes) == (jobs.DONE, {'x': 1})


def test_an_answer_that_comes_while_the_step_still_works_is_not_slept_over(shop):
    def ask(run):
        def send(key):
            with shop.db.write() as tx:
                jobs.answer(tx, run.job.id, key, ok=True)

        return run.ask('order', send, again=3600)

    shop.recipe(shop.step('a', ask))
    job, runner = shop.job(), shop.runner()
    runner.run_due()
    shop.clock.advance(1)
    runner.run_due()
    assert shop.row(job).heading == jobs.DONE


def test_a_refusal_is_raised_with_its_kind(shop):
    def ask(run):
        def send(key):
            with shop.db.write() as tx:
                jobs.answer(tx, run.job.id, key, ok=False, error='No room.', kind='Refused', result={})

        try:
            return run.ask('order', send, again=0)
        except jobs.Refused as why:
            return {'kind': why.kind, 'why': str(why)}

    shop.recipe(shop.step('a', ask))
    job, runner = shop.job(), shop.runner()
    runner.run_due()
    shop.clock.advance(1)
    runner.run_due()
    assert shop.row(job).notes == {'kind': 'Refused', 'why': 'No room.'}


def test_a_job_whose_holder_stands_still_is_taken_over_after_its_time(shop):
    shop.recipe(shop.step('a'))
    job = shop.job()
    dead = shop.runner()
    assert dead._take(1)
    taker = shop.runner()
    assert taker.run_due() == 0
    shop.clock.advance(7)
    assert taker.run_due() == 0
    shop.clock.advance(2)
    assert taker.run_due() == 1
    assert shop.row(job).heading == jobs.DONE


def test_a_holder_that_beats_keeps_its_job(shop):
    shop.recipe(shop.step('a'))
    holder, other = shop.runner(), shop.runner()
    shop.job()
    assert holder._take(1)
    for _ in range(5):
        assert other.run_due() == 0
        shop.clock.advance(5)
        with shop.db.write() as tx:
            tx.update(Job, Job.owner == holder.name, beat=Job.beat + 1)


def test_a_clock_that_jumps_takes_nobody_s_job(shop):
    shop.recipe(shop.step('a'))
    holder, other = shop.runner(), shop.runner()
    shop.job(deadline=datetime.timedelta(days=9))
    assert holder._take(1)
    other.run_due()
    shop.clock._now += datetime.timedelta(days=1)
    assert other.run_due() == 0


def test_a_zombie_changes_nothing(shop):
    shop.recipe(shop.step('a'), shop.step('b'))
    job = shop.job()
    zombie, taker = shop.runner(), shop.runner()
    held = zombie._take(1)[0]
    taker.run_due()
    shop.clock.advance(9)
    taker.run_due()
    assert shop.row(job).heading == jobs.DONE
    before = shop.row(job)
    with pytest.raises(Lost):
        zombie._save(held, {**_record(held), 'step': 'late'})
    zombie._push(held)
    assert shop.row(job) == before
    with shop.db.read() as tx:
        assert 'late' not in tx.column(sa.select(JobStep.step))


def _record(job):
    now = Clock().now()
    values = {'heading': 'forward', 'outcome': 'ok', 'detail': None, 'host': None}
    return {'job_id': job.id, 'subject': job.subject, 'started_at': now, 'finished_at': now, **values}


def test_a_cancelled_job_unwinds_at_its_next_step(shop):
    def cancel(run):
        with shop.db.write() as tx:
            jobs.cancel(tx, 's')

    shop.recipe(shop.step('a', cancel), shop.step('b'))
    job = shop.job()
    shop.runner().run_due()
    assert shop.did[:3] == ['a', '-b', '-a']
    assert (shop.row(job).heading, shop.row(job).error) == (jobs.UNDONE, 'It was asked to end before it was done.')


def test_a_cancel_wakes_a_job_that_sleeps(shop):
    shop.recipe(shop.step('a', lambda run: (_ for _ in ()).throw(NotYet(3600))))
    job, runner = shop.job(), shop.runner()
    runner.run_due()
    with shop.db.write() as tx:
        jobs.cancel(tx, 's')
    shop.clock.advance(1)
    runner.run_due()
    assert shop.row(job).heading == jobs.UNDONE


def test_a_job_past_its_deadline_unwinds(shop):
    shop.recipe(shop.step('a', lambda run: (_ for _ in ()).throw(NotYet(60))))
    job, runner = shop.job(deadline=datetime.timedelta(minutes=5)), shop.runner()
    for _ in range(7):
        runner.run_due()
        shop.clock.advance(60)
    assert (shop.row(job).heading, shop.row(job).error) == (jobs.UNDONE, 'It was not done within its deadline.')


def test_a_part_that_is_away_is_waited_for(shop):
    away = [1, 1, 1]

    def step(run):
        if away:
            away.pop()
            raise errors.Unavailable('The scheduler is away.')

    shop.recipe(shop.step('a', step))
    job, runner = shop.job(), shop.runner()
    for _ in range(4):
        runner.run_due()
        shop.clock.advance(2)
    assert (shop.row(job).heading, shop.row(job).error) == (jobs.DONE, None)


def test_an_undo_that_fails_is_tried_again_and_then_stuck(shop):
    shop.recipe(shop.step('a', undo=fail), shop.step('b', fail))
    job, runner = shop.job(), shop.runner()
    for _ in range(12):
        runner.run_due()
        shop.clock.advance(20)
    row = shop.row(job)
    assert (row.heading, row.error) == (jobs.STUCK, 'a could not be undone: broken (after: broken)')
    assert shop.did.count('-a') == 5
    assert row.finished_at is not None


def test_a_rewind_tries_again_from_the_step_and_keeps_its_notes(shop):
    def choose(run):
        return {'place': len(run.get('refused', []))}

    def use(run):
        if run.place < 2:
            raise Rewind(first.do, errors.NimbusError('refused'), refused=[*run.get('refused', []), run.place])

    first = shop.step('choose', choose)
    shop.recipe(shop.step('before'), first, shop.step('use', use))
    job = shop.job()
    shop.runner().run_due()
    assert shop.did == ['before', 'choose', 'use', '-use', '-choose'] + ['choose', 'use', '-use', '-choose'] + [
        'choose',
        'use',
    ]
    assert (shop.row(job).rewinds, shop.row(job).notes['refused']) == (2, [0, 1])


def test_rewinds_come_to_an_end(shop):
    first = shop.step('a')
    shop.recipe(first, shop.step('b', lambda run: (_ for _ in ()).throw(Rewind(first.do, errors.NimbusError('no')))))
    job = shop.job()
    shop.runner().run_due()
    assert (shop.row(job).heading, shop.row(job).rewinds) == (jobs.UNDONE, jobs.MAX_REWINDS)


def test_jobs_of_one_subject_run_one_after_another_and_others_beside_them(shop):
    waits = [1]

    def wait(run):
        if waits:
            waits.pop()
            raise NotYet(10)

    shop.recipe(shop.step('slow', wait), name='slow')
    shop.recipe(shop.step('quick'), name='quick')
    shop.job('s', 'slow')
    shop.job('s', 'quick')
    shop.job('t', 'quick')
    runner = shop.runner()
    runner.run_due()
    assert shop.did == ['slow', 'quick']
    shop.clock.advance(10)
    runner.run_due()
    assert shop.did == ['slow', 'quick', 'slow', 'quick']


def test_the_end_is_written_with_what_it_led_to_or_not_at_all(shop):
    def end(tx, run):
        tx.insert(JobStep, **{**_record(run.job), 'step': 'from the end'})
        raise errors.NimbusError('broken')

    shop.recipe(shop.step('a'), on_done=staticmethod(end))
    job = shop.job()
    shop.runner().run_due()
    assert (shop.row(job).heading, shop.did) == (jobs.UNDONE, ['a', '-a', 'failed: broken'])
    with shop.db.read() as tx:
        assert 'from the end' not in tx.column(sa.select(JobStep.step))


def test_many_jobs_are_all_run_once_by_two_runners_at_once(database):
    shop, lock = Shop(database), threading.Lock()
    shop.clock = Clock()

    def note(run):
        with lock:
            shop.did.append(run.subject)

    shop.recipe(Step(note), Step(lambda run: None))
    for number in range(60):
        shop.job(f's{number}')
    runners = [shop.runner(), shop.runner()]
    for runner in runners:
        runner.start()
    for _ in range(200):
        if len(shop.did) >= 60:
            break
        threading.Event().wait(0.05)
    for runner in runners:
        runner.stop()
    assert sorted(shop.did) == sorted(f's{number}' for number in range(60))


def test_a_stopped_runner_lets_its_jobs_go_for_the_next_one(shop):
    runner = shop.runner()
    shop.recipe(shop.step('a', lambda run: runner._stop.set()), shop.step('b'))
    job = shop.job()
    runner.run_due()
    assert (shop.row(job).owner, shop.row(job).heading, shop.did) == (None, jobs.FORWARD, ['a'])
    shop.runner().run_due()
    assert shop.did == ['a', 'b']
