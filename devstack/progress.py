"""Prints the progress of devstack's commands with the time since their start."""

import os
import signal
import sys
import time

BEGAN = 'NIMBUS_DEVSTACK_BEGAN'


def began() -> float:
    """When the command was started, as seconds since the epoch."""
    return float(os.environ.setdefault(BEGAN, repr(time.time())))


def say(sentence: str) -> None:
    """One line of progress is printed, with the time since the command was started."""
    print(f'[{time.time() - began():6.1f}s] {sentence}', flush=True)


class Unable(Exception):
    """Something cannot be done; the sentence says what would change that."""


def finish(main) -> None:
    """Run `main` and leave with its exit code; what it was unable to do is one sentence on standard error."""
    try:
        code = main()
    except Unable as why:
        print(f'devstack: {why}', file=sys.stderr, flush=True)
        code = 1
    sys.exit(code)


def leave_at_once() -> None:
    """An interrupt ends this process without waiting for what its threads wait for; nothing is lost by that."""

    def leave(*_: object) -> None:
        print('devstack: interrupted; run the same command again to go on, or devstack/down to stop.', file=sys.stderr)
        os._exit(130)

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
