"""`nimbus-status upgrade check`: whether this version's daemons can start with the current database and files."""

import argparse
import sys
import textwrap

from nimbus.cmd import wiring
from nimbus.cmd.manage import checks
from nimbus.common import config

RESULTS = {checks.GOOD: 'Success', checks.WARNING: 'Warning', checks.FAILURE: 'Failure'}
WIDTH = 70
UNKNOWN = 255


def main(argv: list[str] | None = None) -> int:
    """Print a box a check; 0 when all is well, 1 with warnings, 2 with failures, 255 when nothing can be checked."""
    parser = argparse.ArgumentParser(prog='nimbus-status', description=__doc__)
    parser.add_argument(
        '--config-file',
        action='append',
        help='may be given several times; nimbus.conf and control.conf of /etc/nimbus when it is not',
    )
    topics = parser.add_subparsers(required=True, metavar='TOPIC')
    upgrade = topics.add_parser('upgrade', help='before daemons of this version are started')
    upgrade.add_subparsers(required=True, metavar='VERB').add_parser('check', help='check all that they need')
    args = parser.parse_args(sys.argv[1:] if argv is None else argv)
    try:
        conf = config.load([], 'nimbus-status', config.of_control_host(args.config_file))
        parts = wiring.make_parts(conf)
    except (OSError, config.Unusable) as why:
        print(f'nimbus-status: {why}', file=sys.stderr)
        return UNKNOWN
    found = list(checks.run(conf, parts, checks.UPGRADE))
    print('\n'.join(_table(found)))
    return max(finding.level for finding in found)


def _table(found: list[checks.Finding]) -> list[str]:
    line = f'+{"-" * (WIDTH + 2)}+'
    rows = [line, f'| {"Upgrade Check Results":{WIDTH}} |', line]
    for finding in found:
        details = textwrap.wrap(f'Details: {finding.sentence}', WIDTH) or ['']
        texts = [f'Check: {finding.what}', f'Result: {RESULTS[finding.level]}', *details]
        rows += [*(f'| {text:{WIDTH}} |' for text in texts), line]
    return rows


if __name__ == '__main__':
    sys.exit(main())
