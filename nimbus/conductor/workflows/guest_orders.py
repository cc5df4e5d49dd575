"""Send errands to the compute agent of a server's host, and handle a host that is down."""

import logging
from typing import Any

from nimbus.common import errors
from nimbus.common.jobs import Refused, Run
from nimbus.compute.servers import guests, servers

LOG = logging.getLogger(__name__)


class HostDown(errors.NimbusError):
    """The host's agent is known to be down."""


def ask(run: Run, verb: str, *args: Any, host: str | None = None, turn: str = '') -> dict[str, Any]:
    """The agent's report on the errand; an argument may be a function, called when the errand is really sent.

    `turn` tells apart errands of one verb that a job sends on the same way.

    Raises NotYet until the report is there, Refused when it is that the errand failed, HostDown, and Unavailable when
    the hypervisor was away: the errand is sent anew until the job's deadline.
    """
    host = host or run.host

    def send(key: str) -> None:
        agent = run.env.compute(run.context, host)
        told = [arg() if callable(arg) else arg for arg in args]
        try:
            getattr(agent, verb)(run.job.id, key, run.fence, *told)
        except errors.Unavailable as why:
            if run.env.is_down(host):
                raise HostDown("The server's host is down.", inside=f'Host {host} is down.') from why
            raise

    away, named = run.get('hypervisor_away', 0), verb + turn
    try:
        return run.ask(f'{named}:{away}' if away else named, send)
    except Refused as why:
        if why.kind != errors.Unavailable.__name__:
            raise
        run.note(hypervisor_away=away + 1)  # the next time it is another errand
        raise errors.Unavailable(why.sentence, inside=why.inside) from why


def take_back(run: Run, verb: str, *args: Any, host: str | None = None) -> None:
    """The order that undoes another is carried out where it can be.

    A host that is down, or a guest that cannot do it, is left to the host's own comparison with what should be.
    """
    if host is None:
        with run.env.db.read() as tx:
            host = servers.row_of(tx, run.subject).host
    try:
        ask(run, verb, *args, host=host)
    except (HostDown, Refused) as why:
        LOG.warning('Server %s did not %s again: %s', run.subject, verb, why.inside)


def destroy(run: Run, host: str | None, turn: str = '') -> None:
    """Nothing of the guest is left on the host; one that is down is noted, and destroys it when it comes back."""
    if not host:
        return
    try:
        ask(run, 'destroy', run.subject, host=host, turn=turn)
    except HostDown:
        run.note(abandoned=sorted({*run.get('abandoned', ()), host}))


def described(run: Run) -> dict[str, Any]:
    """The server's guest as it is made up now."""
    with run.env.db.read() as tx:
        return guests.describe(tx, run.subject)
