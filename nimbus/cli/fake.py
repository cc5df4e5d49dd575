"""`nimbus fake`: steers a fake cloud for whoever tests against it, and shows what it has and what was asked of it."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from nimbus.cli import cloud
from nimbus.testing.controls import Controls, Refused
from nimbus.testing.seeds import dump, rest

OFTEN = ('times', 'every', 'chance')


def main(argv: list[str]) -> int:
    """Do what the command line says; 0, or 1 with a sentence."""
    args = _parser().parse_args(argv)
    do: Callable[[argparse.Namespace], None] = args.do
    try:
        do(args)
    except (cloud.NoCloud, rest.Failed, Refused) as why:
        print(f'nimbus fake: {why}', file=sys.stderr)
        return 1
    except cloud.AWAY as why:
        print(f'nimbus fake: {cloud.sentence(why)}', file=sys.stderr)
        return 1
    return 0


Verb = Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]


def _parser() -> argparse.ArgumentParser:
    parser = cloud.parser('fake', 'Steer a cloud that `nimbus up --fake --controls` or `nimbus run` runs.')
    verbs = parser.add_subparsers(metavar='VERB', required=True)

    def verb(name: str, do: Callable[[argparse.Namespace], None], sentence: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=sentence, description=sentence)
        made.set_defaults(do=do)
        return made

    verb('dump', _dump, "Write today's cloud as a file for --seed.")
    verb('show', _show, 'Show all that is chosen, and the operations that can be slowed and made to fail.')
    verb('reset', lambda args: _controls(args).reset(), 'Choose nothing any more, set the clock right, all hosts on.')
    _add_failures(verb)
    _add_answers(verb)
    _add_time_and_place(verb)
    made = verb('requests', _requests, 'Show what was asked and answered, a line of JSON each.')
    made.add_argument('--since', type=int, default=0, metavar='N', help='only those after the one of that number')
    return parser


def _add_failures(verb: Verb) -> None:
    made = verb('slow', lambda args: _controls(args).slow(args.operation, args.seconds), 'Slow an operation down.')
    made.add_argument('operation', help='such as compute.spawn, or * for all')
    made.add_argument('seconds', type=float)
    made = verb('fail', _fail, 'Make the next call of an operation fail, or as the options say.')
    made.add_argument('operation', help='such as compute.spawn')
    made.add_argument('--host')
    made.add_argument('--message', help='what the hypervisor, switch or store says')
    _add_often(made)


def _add_answers(verb: Verb) -> None:
    made = verb('answer', _answer, 'Answer the next request of a kind late, with an error, or cut in the middle.')
    for name in ('service', 'method', 'path'):
        made.add_argument(f'--{name}', default='*', help='* for any')
    made.add_argument('--status', type=int)
    made.add_argument('--delay', type=float, metavar='SECONDS')
    made.add_argument('--cut', action='store_true', default=None)
    made.add_argument('--retry-after', type=int, metavar='SECONDS')
    _add_often(made)
    made = verb('pages', lambda args: _controls(args).limit_pages(args.rows or None), 'Give lists short pages.')
    made.add_argument('rows', type=int, help='rows a page at most; 0 for as many as usual')


def _add_time_and_place(verb: Verb) -> None:
    made = verb('clock', lambda args: _controls(args).move_clock(args.seconds), 'Move the clock forward.')
    made.add_argument('seconds', type=float)
    made = verb('host', lambda args: _controls(args).switch(args.name, args.power), 'Switch a host off or on.')
    made.add_argument('name')
    made.add_argument('power', choices=('on', 'off'))
    made = verb('snapshot', lambda args: _controls(args).take(args.name), 'Keep the cloud as it is now.')
    made.add_argument('name', nargs='?', default='clean')
    made = verb('restore', lambda args: _controls(args).restore(args.name), 'Put the cloud back to a snapshot.')
    made.add_argument('name', nargs='?', default='clean')


def _add_often(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--times', type=int, help='so often, and no more')
    parser.add_argument('--every', type=int, metavar='N', help='every nth')
    parser.add_argument('--chance', type=float, metavar='SHARE', help='by chance, of 0.0 to 1.0')


def _credentials(args: argparse.Namespace) -> dict[str, Any]:
    """The admin's way into the cloud, also where another user's variables are set."""
    found = cloud.credentials(args.os_cloud)
    if found.get('username') != 'admin':
        raise cloud.NoCloud(f'{found.get("username")} does not steer the cloud: use the credentials of admin.')
    return found


def _controls(args: argparse.Namespace) -> Controls:
    found = _credentials(args)
    return Controls(found['auth_url'], found['password'])


def _chosen(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in (*names, *OFTEN) if (value := getattr(args, name)) is not None}


def _dump(args: argparse.Namespace) -> None:
    found = _credentials(args)
    print(dump.text_of(dump.dump(rest.Cloud(found['auth_url'], found['password']))), end='')


def _show(args: argparse.Namespace) -> None:
    print(json.dumps(_controls(args).show(), indent=2))


def _fail(args: argparse.Namespace) -> None:
    print(_controls(args).fail(args.operation, **_chosen(args, 'host', 'message')))


def _answer(args: argparse.Namespace) -> None:
    names = ('service', 'method', 'path', 'status', 'delay', 'cut', 'retry_after')
    print(_controls(args).answer(**_chosen(args, *names)))


def _requests(args: argparse.Namespace) -> None:
    for record in _controls(args).requests(args.since):
        print(json.dumps(record, ensure_ascii=False))
