"""Named places where a test may make the process die, fail or wait.

`NIMBUS_FAILPOINTS` holds `name=action` pairs separated by commas; actions are
`kill` (SIGKILL to itself), `error` and `sleep:SECONDS`, each followed by
`@FLAGFILE` when it is to happen only once: the file is made when it does.
Without the variable a failpoint costs one look into an empty dict.
"""

import os
import signal
import time


def _parse(text: str) -> dict[str, str]:
    return dict(pair.split('=', 1) for pair in text.split(',') if '=' in pair)


ARMED = _parse(os.environ.get('NIMBUS_FAILPOINTS', ''))


class Injected(RuntimeError):
    """What the action `error` raises."""


def hit(name: str) -> None:
    """Do what was armed for this place, if anything was."""
    if ARMED and (action := ARMED.get(name)):
        _act(name, action)


def _act(name: str, action: str) -> None:
    action, _, flag = action.partition('@')
    if flag:
        try:
            os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
    if action == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == 'error':
        raise Injected(f'Failpoint {name} is set to fail.')
    elif action.startswith('sleep:'):
        time.sleep(float(action[6:]))
