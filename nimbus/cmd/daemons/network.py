"""`nimbus-network`: the network agent of a host."""

import sys

from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_agent('network', __doc__)


if __name__ == '__main__':
    sys.exit(main())
