"""`nimbus-image`: serves the image API, in a process of its own because of uploads and hashing."""

import sys

from nimbus.cmd.daemons import daemon


def main() -> int:
    """Run until a signal; returns the exit code."""
    return daemon.run_api('nimbus-image', __doc__, ['image'])


if __name__ == '__main__':
    sys.exit(main())
