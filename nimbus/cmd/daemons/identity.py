"""`nimbus-identity`: serves the identity API."""

import sys

from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_api('nimbus-identity', __doc__, ['identity'])


if __name__ == '__main__':
    sys.exit(main())
