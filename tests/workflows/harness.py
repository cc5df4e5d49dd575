"""What may befall any step of any workflow, and a run of a scenario with it.

A scenario arranges a cloud, asks for one thing, and says what must hold when the thing was done.  Whatever happens
on the way, in the end it is done exactly once, or everything is as it was before.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.common import errors, jobs
from nimbus.common.jobs import Run, Step, Workflow
from tests.workflows.cloud import Cloud, Death

Do = Callable[[Run], Any]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One use of one workflow."""

    workflow: str
    arrange: Callable[[Cloud], Any]  # what is there before
    ask: Callable[[Cloud, Any], str]  # what is asked for; returns the job's subject
    done: Callable[[Cloud, Any, str], None]  # what holds when it was done
    undone: Callable[[Cloud, Any, str, dict[str, Any]], None] | None = None  # None: all is as before


def once(action: Callable[[], None]) -> Callable[[], None]:
    """The action the first time, nothing later."""
    left = [action]
    return lambda: left.pop()() if left else None


def fail() -> None:
    raise RuntimeError('injected')


def _away() -> None:
    raise errors.Unavailable('injected')


def _die() -> None:
    raise Death


def before(action: Callable[[], None]) -> Callable[[Do], Do]:
    """The action comes first; the step may not get to do anything."""

    def wrap(do: Do) -> Do:
        def acted(run: Run) -> Any:
            action()
            return do(run)

        return acted

    return wrap


def after(action: Callable[[], None]) -> Callable[[Do], Do]:
    """The action comes when the step has done its work and nobody knows it yet."""

    def wrap(do: Do) -> Do:
        def acted(run: Run) -> Any:
            found = do(run)
            action()
            return found

        return acted

    return wrap


def twice(do: Do) -> Do:
    """The step is done, and done again."""

    def acted(run: Run) -> Any:
        do(run)
        return do(run)

    return acted


# name -> (wrapper, how the job may end); made anew for each run, because some remember that they struck.
DOS: dict[str, tuple[Callable[[], Callable[[Do], Do]], str]] = {
    'fails before': (lambda: before(fail), jobs.UNDONE),
    'fails after': (lambda: after(fail), jobs.UNDONE),
    'fails once': (lambda: after(once(fail)), jobs.UNDONE),
    'is away once before': (lambda: before(once(_away)), jobs.DONE),
    'is away once after': (lambda: after(once(_away)), jobs.DONE),
    'happens twice': (lambda: twice, jobs.DONE),
    'dies before': (lambda: before(once(_die)), jobs.DONE),
    'dies after': (lambda: after(once(_die)), jobs.DONE),
}
UNDOS: dict[str, Callable[[], Callable[[Do], Do]]] = {
    'fails once before': lambda: before(once(fail)),
    'fails once after': lambda: after(once(fail)),
    'is away once': lambda: after(once(_away)),
    'happens twice': lambda: twice,
    'dies before': lambda: before(once(_die)),
    'dies after': lambda: after(once(_die)),
}


def named(do: Do, like: Do) -> Do:
    """The wrapped step under the step's own name."""
    do.__name__ = like.__name__
    return do


def variant(
    base: type[Workflow],
    index: int,
    do: Callable[[Do], Do] | None = None,
    undo: Callable[[Do], Do] | None = None,
) -> type[Workflow]:
    """The workflow with one step's do or undo wrapped."""
    steps = list(base.steps)
    step = steps[index]
    steps[index] = Step(
        named(do(step.do), step.do) if do else step.do,
        named(undo(step.undo), step.undo) if undo and step.undo else step.undo,
    )
    return type(base.__name__, (base,), {'steps': tuple(steps)})


def cases(scenarios: list[Scenario], workflows: dict[str, type[Workflow]]) -> Iterator[tuple[Scenario, int, str]]:
    """Every scenario, step and thing that may befall a do."""
    for scenario in scenarios:
        for index in range(len(workflows[scenario.workflow].steps)):
            for what in DOS:
                yield scenario, index, what


def undo_cases(scenarios: list[Scenario], workflows: dict[str, type[Workflow]]) -> Iterator[tuple[Scenario, int, str]]:
    """Every scenario, step with an undo and thing that may befall it."""
    for scenario in scenarios:
        for index, step in enumerate(workflows[scenario.workflow].steps):
            if step.undo:
                for what in UNDOS:
                    yield scenario, index, what


def play(cloud: Cloud, scenario: Scenario, recipe: type[Workflow], expected: str) -> None:
    """The scenario with that recipe ends as expected, and leaves what it must."""
    kept = cloud.workflows[scenario.workflow]
    arranged = scenario.arrange(cloud)
    held = cloud.held()
    cloud.workflows[scenario.workflow] = recipe
    subject = scenario.ask(cloud, arranged)
    cloud.settle()
    cloud.workflows[scenario.workflow] = kept
    job = cloud.job(subject, scenario.workflow)
    assert job.heading == expected, f'{job.heading}: {job.error}'
    if expected == jobs.DONE:
        scenario.done(cloud, arranged, subject)
    elif scenario.undone:
        scenario.undone(cloud, arranged, subject, held)
    else:
        assert cloud.held() == held
    cloud.check()


def failing_last(recipe: type[Workflow]) -> type[Workflow]:
    """The workflow whose end always fails, so that every undo is called for."""
    return ending(recipe, before(fail))


def ending(recipe: type[Workflow], wrap: Callable[[Do], Do]) -> type[Workflow]:
    """The workflow with its end wrapped."""
    assert recipe.on_done
    end = recipe.on_done

    def on_done(tx: Any, run: Run) -> None:
        wrap(lambda run: end(tx, run))(run)

    return type(recipe.__name__, (recipe,), {'on_done': staticmethod(named(on_done, end))})
