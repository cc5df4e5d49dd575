"""Reads the command line and runs a verb, whose module is imported only then, so that the start is fast."""

import argparse
import importlib
import sys

VERBS = {
    'up': ('nimbus.cmd.embedded', 'Run a whole cloud in this process until interrupted.'),
    'run': ('nimbus.testing.run', 'Run a command with a fake cloud of its own, and end with its exit code.'),
    'fake': ('nimbus.cli.fake', 'Steer a fake cloud: choose what fails and when, see what was asked.'),
    'status': ('nimbus.cli.status', 'Show of every part whether it is up; exit 1 when one is not.'),
    'capacity': ('nimbus.cli.capacity', 'Show how many more servers of a flavor fit, on each host and in all.'),
    'why': ('nimbus.cli.why', 'Show what happened to a server, step by step, and why.'),
}


SENTENCE = 'Bring a cloud up, see how it is, and why a server is as it is.'
MORE = 'The options of a verb: nimbus VERB --help.'


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog='nimbus', description=SENTENCE, epilog=MORE)
    parser.add_argument('--version', action='store_true', help='print the version and end')
    verbs = parser.add_subparsers(dest='verb', metavar='VERB')
    for verb, (_, sentence) in VERBS.items():
        verbs.add_parser(verb, help=sentence, description=sentence, add_help=False)
    args, unknown = parser.parse_known_args(argv[:1])
    if unknown:
        parser.error(f'{unknown[0]} belongs behind the verb: nimbus VERB {" ".join(unknown)} ...')
    if args.version:
        from nimbus import __version__

        print(__version__)
        return 0
    if not args.verb:
        parser.print_help()
        return 2
    return importlib.import_module(VERBS[args.verb][0]).main(argv[1:])


if __name__ == '__main__':
    sys.exit(main())
