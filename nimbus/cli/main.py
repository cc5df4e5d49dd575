"""Reads the command line and hands over to a verb; nothing heavy is imported before a verb is known."""

import argparse
import importlib
import sys

VERBS = {
    'up': ('nimbus.cmd.embedded', 'Run a whole cloud in this process until interrupted.'),
    'status': ('nimbus.cli.status', 'Say of every part whether it is up; exit 1 when one is not.'),
    'why': ('nimbus.cli.why', 'Say what happened to a server, step by step, and why.'),
}


SENTENCE = 'Bring a cloud up, see how it is, and why a server is as it is.'
MORE = 'What a verb can be told: nimbus VERB --help.'


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog='nimbus', description=SENTENCE, epilog=MORE)
    parser.add_argument('--version', action='store_true', help='print the version and end')
    verbs = parser.add_subparsers(dest='verb', metavar='VERB')
    for verb, (_, sentence) in VERBS.items():
        verbs.add_parser(verb, help=sentence, description=sentence, add_help=False)
    told, unknown = parser.parse_known_args(argv[:1])
    if unknown:
        parser.error(f'{unknown[0]} belongs behind the verb: nimbus VERB {" ".join(unknown)} ...')
    if told.version:
        from nimbus import __version__

        print(__version__)
        return 0
    if not told.verb:
        parser.print_help()
        return 2
    return importlib.import_module(VERBS[told.verb][0]).main(argv[1:])


if __name__ == '__main__':
    sys.exit(main())
