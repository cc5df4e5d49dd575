"""Fetch an image to one host, before any server needs it there."""

import logging

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.conductor.workflows import guest_orders

LOG = logging.getLogger(__name__)


def fetch(run: Run) -> None:
    """The host has the image's base."""
    guest_orders.ask(run, 'fetch', run.image, host=run.target)


def tell(_tx: db.Tx, run: Run) -> None:
    """Operators read in the log that the image is there."""
    LOG.info('Host %s has image %s', run.target, run.subject)


def tell_why_not(run: Run) -> None:
    """Operators read in the log why the host goes without: it fetches the image when a server needs it."""
    LOG.warning('Host %s did not fetch image %s: %s', run.target, run.subject, run.get('inside') or run.job.error)


class CacheImage(Workflow):
    """Fetch the image; what was fetched stays for as long as bases do that no guest stands on."""

    steps = (Step(fetch),)
    on_done = staticmethod(tell)
    on_failure = staticmethod(tell_why_not)
