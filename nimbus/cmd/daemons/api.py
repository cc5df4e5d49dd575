"""`nimbus-api`: serves the compute, metadata, network, volume and placement APIs."""

import sys

from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_api('nimbus-api', __doc__)


if __name__ == '__main__':
    sys.exit(main())
