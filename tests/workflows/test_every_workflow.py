"""Every workflow survives failure, absence, repetition and death at every step, forwards and backwards."""

import pytest
import sqlalchemy as sa

from nimbus.common import errors, jobs
from nimbus.common.jobs import Answer, Job, JobStep
from nimbus.compute.models import Server
from nimbus.conductor.workflows import WORKFLOWS
from nimbus.volume.models import Volume
from tests.cases import one_of_each
from tests.workflows import harness
from tests.workflows.backups import SCENARIOS
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def name(case) -> str:
    scenario, index, what = case
    return f'{WORKFLOWS[scenario.workflow].steps[index].name} {what} in {scenario.workflow}'


def of_each_step(cases):
    """The cases, of which those of a step that another scenario walks too are long."""

    def kind(case):
        scenario, index, *what = case
        step = WORKFLOWS[scenario.workflow].steps[index]
        return step.do, step.undo, *what

    return one_of_each([(case,) for case in cases], kind)


def test_every_workflow_has_a_scenario():
    assert {scenario.workflow for scenario in SCENARIOS} == set(WORKFLOWS)


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.workflow)
def test_it_is_done_when_nothing_happens(cloud, scenario):
    harness.play(cloud, scenario, WORKFLOWS[scenario.workflow], jobs.DONE)


@pytest.mark.parametrize('case', of_each_step(harness.cases(SCENARIOS, WORKFLOWS)), ids=name)
def test_a_step(cloud, case):
    scenario, index, what = case
    wrap, expected = harness.DOS[what]
    recipe = harness.variant(WORKFLOWS[scenario.workflow], index, wrap())
    harness.play(cloud, scenario, recipe, expected)


@pytest.mark.parametrize('case', of_each_step(harness.undo_cases(SCENARIOS, WORKFLOWS)), ids=name)
def test_an_undo(cloud, case):
    scenario, index, what = case
    recipe = harness.failing_last(harness.variant(WORKFLOWS[scenario.workflow], index, undo=harness.UNDOS[what]()))
    harness.play(cloud, scenario, recipe, jobs.UNDONE)


@pytest.mark.parametrize('what', harness.DOS)
@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.workflow)
def test_the_end(cloud, scenario, what):
    wrap, expected = harness.DOS[what]
    recipe = harness.ending(WORKFLOWS[scenario.workflow], wrap())
    harness.play(cloud, scenario, recipe, expected)


def test_an_undo_that_never_works_is_stuck_and_visible(cloud):
    scenario = SCENARIOS[0]
    recipe = harness.variant(WORKFLOWS[scenario.workflow], 1, undo=harness.before(harness.fail))
    cloud.workflows[scenario.workflow] = harness.failing_last(recipe)
    server = scenario.ask(cloud, scenario.arrange(cloud))
    cloud.settle()
    job = cloud.job(server, scenario.workflow)
    assert job.heading == jobs.STUCK
    told = errors.sentence(RuntimeError(), job.request_id)
    assert job.error == f'make_ports could not be undone: {told} (after: {told})'


SECRET = 'mysql://nimbus:hunter2@db'


def spill():
    raise RuntimeError(f'cannot connect to {SECRET}')


def check_nothing_spilt(cloud, caplog):
    """What is kept of jobs, servers and volumes, and so may be shown, says where to look, and the log has it all."""
    with cloud.db.read() as tx:
        for table in (Job, JobStep, Answer, Server, Volume):
            kept = [repr(tuple(row)) for row in tx.rows(sa.select(table.__table__))]
            assert not [row for row in kept if 'hunter2' in row], table.__tablename__
    assert SECRET in caplog.text


def steps_of(scenario):
    return [(scenario, index) for index in range(len(WORKFLOWS[scenario.workflow].steps))]


@pytest.mark.parametrize(
    'case',
    of_each_step(case for scenario in SCENARIOS for case in steps_of(scenario)),
    ids=lambda case: f'{WORKFLOWS[case[0].workflow].steps[case[1]].name} of {case[0].workflow}',
)
def test_the_text_of_an_unexpected_error_is_told_to_the_log_alone(cloud, caplog, case):
    scenario, index = case
    recipe = harness.variant(WORKFLOWS[scenario.workflow], index, harness.before(spill))
    harness.play(cloud, scenario, recipe, jobs.UNDONE)
    check_nothing_spilt(cloud, caplog)
    job = next(row for row in cloud_jobs(cloud) if row.workflow == scenario.workflow and row.heading == jobs.UNDONE)
    assert job.error == errors.sentence(RuntimeError(), job.request_id) and job.request_id in job.error


def cloud_jobs(cloud):
    with cloud.db.read() as tx:
        return list(tx.rows(sa.select(Job)))


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.workflow)
def test_so_is_that_of_one_at_the_end(cloud, caplog, scenario):
    harness.play(cloud, scenario, harness.ending(WORKFLOWS[scenario.workflow], harness.before(spill)), jobs.UNDONE)
    check_nothing_spilt(cloud, caplog)


def test_so_is_that_of_an_undo_and_of_an_agent(cloud, caplog):
    scenario = SCENARIOS[0]
    recipe = harness.variant(WORKFLOWS[scenario.workflow], 1, undo=harness.before(spill))
    cloud.workflows[scenario.workflow] = recipe
    for name in cloud.agents:
        cloud.host(name).fail('spawn', RuntimeError(f'cannot connect to {SECRET}'), times=9)
    server = scenario.ask(cloud, scenario.arrange(cloud))
    cloud.settle()
    assert cloud.job(server, scenario.workflow).heading == jobs.STUCK
    check_nothing_spilt(cloud, caplog)
