"""`nimbus-conductor`: pushes jobs along, and hears what agents report."""

import sys

from nimbus.cmd import daemon, rooms


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_control('nimbus-conductor', __doc__, rooms.conductor)


if __name__ == '__main__':
    sys.exit(main())
