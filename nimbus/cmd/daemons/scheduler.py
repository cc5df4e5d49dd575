"""`nimbus-scheduler`: chooses hosts for servers and claims their capacity."""

import sys

from nimbus.cmd import services
from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_control('nimbus-scheduler', __doc__, services.scheduler)


if __name__ == '__main__':
    sys.exit(main())
