"""`nimbus-console`: lets browsers reach the consoles of guests."""

import sys

from nimbus.cmd import consoles
from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_control('nimbus-console', __doc__, consoles.console)


if __name__ == '__main__':
    sys.exit(main())
