"""What every answer and every query of placement has in common."""

import datetime
import email.utils
from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement.history import Freshness
from nimbus.common import errors

# A resource class of the wire and the scheduler's word for it, in the order they are shown.
CLASSES = {'VCPU': 'vcpus', 'MEMORY_MB': 'memory_mb', 'DISK_GB': 'disk_gb'}


def fresh(call: Call, body: Any, changed: datetime.datetime | None = None, status: int | None = None) -> Reply:
    """The answer, and where the version has it when what it shows last changed: now, where nobody knows."""
    headers = []
    if call.speaks(Freshness):
        moment = (changed or call.parts.clock.now()).replace(tzinfo=datetime.UTC)
        headers = [('Last-Modified', email.utils.format_datetime(moment, usegmt=True)), ('Cache-Control', 'no-cache')]
    return Reply(body, status, headers)


def known(call: Call, *names: str) -> None:
    """Nothing, when the query names only these parameters.  Raises Invalid."""
    for name in call.query:
        if name not in names:
            raise errors.Invalid(
                f"Invalid query string parameters: Additional properties are not allowed ('{name}' was unexpected)"
            )


def held(amounts: Any) -> dict[str, int]:
    """What is held of each resource class; of which nothing is held is left out."""
    return {name: n for name, column in CLASSES.items() if (n := amounts[column])}
