"""`nimbus-volume`: the volume agent of a host."""

import sys

from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_agent('volume', __doc__)


if __name__ == '__main__':
    sys.exit(main())
