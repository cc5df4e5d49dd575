"""Pause, unpause, suspend and resume a server."""

from nimbus.common.jobs import Run, Step, Workflow
from nimbus.conductor.workflows import guest_orders, power


def pause(run: Run) -> None:
    """The guest stands still."""
    guest_orders.ask(run, 'pause', run.subject, host=power.host_of(run))


def pause_again(run: Run) -> None:
    """The guest stands still as before."""
    guest_orders.take_back(run, 'pause', run.subject)


def unpause(run: Run) -> None:
    """The guest runs on."""
    guest_orders.ask(run, 'unpause', run.subject, host=power.host_of(run))


def unpause_again(run: Run) -> None:
    """The guest runs as before."""
    guest_orders.take_back(run, 'unpause', run.subject)


def suspend(run: Run) -> None:
    """The guest is off and its memory on the host's disk."""
    guest_orders.ask(run, 'suspend', run.subject, host=power.host_of(run))


def suspend_again(run: Run) -> None:
    """The guest's memory is on the host's disk as before."""
    guest_orders.take_back(run, 'suspend', run.subject)


def resume(run: Run) -> None:
    """The guest runs on with its memory."""
    guest_orders.ask(run, 'resume', lambda: guest_orders.described(run), host=power.host_of(run))


def resume_again(run: Run) -> None:
    """The guest runs as before."""
    guest_orders.take_back(run, 'resume', lambda: guest_orders.described(run))


class PauseServer(Workflow):
    """Hold the guest still, its memory kept on the host."""

    steps = (Step(pause, undo=unpause_again),)
    on_done, on_failure = power.ends('pause')


class UnpauseServer(Workflow):
    """Let a paused guest go on."""

    steps = (Step(unpause, undo=pause_again),)
    on_done, on_failure = power.ends('unpause')


class SuspendServer(Workflow):
    """Write the guest's memory to its host's disk and switch it off."""

    steps = (Step(suspend, undo=resume_again),)
    on_done, on_failure = power.ends('suspend')


class ResumeServer(Workflow):
    """Bring a suspended guest back with its memory."""

    steps = (Step(resume, undo=suspend_again),)
    on_done, on_failure = power.ends('resume')
