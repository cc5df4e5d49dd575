"""An errand that fails tells its job the kind, the sentence and the facts of what it met."""

import os
import types

import pytest

from nimbus.common import context, errors, jobs
from nimbus.common.agents.errands import Errands, Fences
from nimbus.common.jobs import Run


@pytest.fixture
def errands(tmp_path):
    told = []
    made = Errands(lambda job, key, **outcome: told.append((job, key, outcome)), str(tmp_path), workers=1)
    made.told = told
    yield made
    made.close()


def fail(errands, why, job='job', key='key'):
    def do():
        raise why

    errands.take(job, key, 'subject', 1, do)
    errands._pool.shutdown(wait=True)
    return errands.told[0][2]


def test_a_domain_error_keeps_its_facts(errands):
    outcome = fail(errands, errors.Conflict('Host h1 has no room.', host='h1', free=3))
    assert outcome == {
        'ok': False,
        'error': 'Host h1 has no room.',
        'kind': 'Conflict',
        'result': {'host': 'h1', 'free': 3},
    }


def test_an_errand_that_comes_as_the_agent_stops_is_asked_for_again(tmp_path):
    stopping = Errands(lambda *_, **__: None, str(tmp_path), workers=1)
    stopping.close()
    for _ in range(2):
        with pytest.raises(errors.Unavailable, match='is stopping'):
            stopping.take('job', 'key', 'a-server', 1, dict)


def test_any_other_error_has_none(errands):
    told = fail(errands, RuntimeError('boom'))
    assert told == {'ok': False, 'error': errors.sentence(RuntimeError(), '-'), 'kind': 'RuntimeError'}
    assert 'boom' not in told['error']


def test_the_facts_reach_the_job_that_asked(database, errands):
    asker = context.internal()
    with database.write() as tx:
        job_id = jobs.start(tx, asker, 'build_server', 'subject')
        job = jobs.show(tx, job_id)
    row = types.SimpleNamespace(**job._mapping)
    run = Run(row, types.SimpleNamespace(db=database))
    sent = []
    with pytest.raises(jobs.NotYet):
        run.ask('spawn', sent.append)
    outcome = fail(errands, errors.Conflict('Host h1 has no room.', host='h1'), job_id, sent[0])
    with database.write() as tx:
        jobs.answer(tx, job_id, sent[0], **outcome)
    with pytest.raises(jobs.Refused, match='no room') as caught:
        run.ask('spawn', sent.append)
    assert (caught.value.kind, caught.value.facts) == ('Conflict', {'host': 'h1'})


def test_the_text_of_an_error_that_is_not_the_house_s_is_believed_of_no_agent(database):
    with database.write() as tx:
        job = jobs.show(tx, jobs.start(tx, context.internal(), 'build_server', 'subject'))
    run, sent = Run(types.SimpleNamespace(**job._mapping), types.SimpleNamespace(db=database)), []
    with pytest.raises(jobs.NotYet):
        run.ask('spawn', sent.append)
    with database.write() as tx:
        jobs.answer(tx, job.id, sent[0], ok=False, error='password=hunter2', kind='OSError')
    with pytest.raises(jobs.Refused, match=f'the log has more under the request id {job.request_id}') as caught:
        run.ask('spawn', sent.append)
    assert caught.value.kind == 'OSError' and 'hunter2' not in caught.value.inside


def test_a_fence_is_forgotten_only_when_it_is_old(tmp_path):
    fences = Fences(str(tmp_path))
    for subject in ('old', 'new'):
        fences.pass_(subject, 7)
    os.utime(tmp_path / 'old', (0, 0))
    assert fences.older_than(86400) == ['old']
    fences.forget(['old', 'never'])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['new']
    with pytest.raises(errors.Stale):
        fences.pass_('new', 6)
    fences.pass_('old', 1)
