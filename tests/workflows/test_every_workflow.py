"""Every workflow survives failure, absence, repetition and death at every step, forwards and backwards."""

import pytest

from nimbus.common import jobs
from nimbus.conductor.workflows import WORKFLOWS
from tests.workflows import harness
from tests.workflows.cloud import Cloud
from tests.workflows.scenarios import SCENARIOS


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def name(case) -> str:
    scenario, index, what = case
    return f'{WORKFLOWS[scenario.workflow].steps[index].name} {what} in {scenario.workflow}'


def test_every_workflow_has_a_scenario():
    assert {scenario.workflow for scenario in SCENARIOS} == set(WORKFLOWS)


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.workflow)
def test_it_is_done_when_nothing_happens(cloud, scenario):
    harness.play(cloud, scenario, WORKFLOWS[scenario.workflow], jobs.DONE)


@pytest.mark.parametrize('case', harness.cases(SCENARIOS, WORKFLOWS), ids=name)
def test_a_step(cloud, case):
    scenario, index, what = case
    wrap, expected = harness.DOS[what]
    recipe = harness.variant(WORKFLOWS[scenario.workflow], index, wrap())
    harness.play(cloud, scenario, recipe, expected)


@pytest.mark.parametrize('case', harness.undo_cases(SCENARIOS, WORKFLOWS), ids=name)
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
    assert job.error == 'make_ports could not be undone: injected (after: injected)'
