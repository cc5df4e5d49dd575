"""`nimbus-conductor`: runs jobs, and receives the agents' reports."""

import sys

from nimbus.cmd import services
from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_control('nimbus-conductor', __doc__, services.conductor)


if __name__ == '__main__':
    sys.exit(main())
