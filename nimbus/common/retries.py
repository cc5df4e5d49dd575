"""Retry a call that raises Transient, such as a transaction that met a concurrent one."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from nimbus.common import errors, turns

# Seconds between tries: a deadlock's other side is done in milliseconds, a server that restarts is left to the caller.
PAUSES = (0.01, 0.03, 0.1, 0.3, 0.6)
T = TypeVar('T')


def with_retries(attempt: Callable[[], T]) -> T:
    """What `attempt` returns, tried again, a little later each time, while it raises Transient."""
    for pause in PAUSES:
        try:
            return attempt()
        except errors.Transient:
            with turns.waiting():
                time.sleep(random.uniform(pause / 2, pause))  # not in step with whoever was in the way
    return attempt()
