"""Starts nimbus-identity again and again within a blink: its modules are loaded once, and every start is a fork.

Each line on standard input asks for one more; its pid is answered.  What is
killed or has ended is gone: nobody has to wait for it.
"""

import importlib
import os
import signal
import sys

from nimbus.cmd import services, serving  # noqa: F401
from nimbus.cmd.daemons import identity


def main() -> None:
    """Fork until standard input ends."""
    for name in ('nimbus.api.identity.app', 'nimbus.identity.tokens.tokens'):
        importlib.import_module(name)  # after nimbus.cmd, which chooses threads
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            os.open(os.devnull, os.O_RDONLY)
            os._exit(identity.main())
        print(pid, flush=True)


if __name__ == '__main__':
    main()
