"""`nimbus fake`: what only a fake cloud does for whoever tests against it."""

import argparse
import sys
from collections.abc import Callable

from nimbus.cli import cloud
from nimbus.testing.seeds import dump, rest


def main(argv: list[str]) -> int:
    """Do what the command line says; 0, or 1 with a sentence."""
    args = _parser().parse_args(argv)
    do: Callable[[argparse.Namespace], None] = args.do
    try:
        do(args)
    except (cloud.NoCloud, rest.Failed) as why:
        print(f'nimbus fake: {why}', file=sys.stderr)
        return 1
    except cloud.AWAY as why:
        print(f'nimbus fake: {cloud.sentence(why)}', file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cloud.parser('fake', __doc__ or '')
    verbs = parser.add_subparsers(metavar='VERB', required=True)
    made = verbs.add_parser('dump', help="write today's cloud as a file for --seed")
    made.set_defaults(do=_dump)
    return parser


def _dump(args: argparse.Namespace) -> None:
    found = cloud.credentials(args.os_cloud)
    print(dump.text_of(dump.dump(rest.Cloud(found['auth_url'], found['password']))), end='')
