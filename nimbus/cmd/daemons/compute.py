"""`nimbus-compute`: the compute agent of a host, which runs its guests."""

import sys

from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_agent('compute', __doc__)


if __name__ == '__main__':
    sys.exit(main())
