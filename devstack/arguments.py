"""The command lines of devstack's commands, and checks that this machine has what they need.

Asked before anything is installed, so it uses the standard library alone.
"""

import argparse
import os
import pathlib
import shutil
import sys
from collections.abc import Callable

from devstack import packages, ports
from devstack.place import CONTROL, DATABASES, HIGHEST_OFFSET, Place, decide, remembered, settle
from devstack.processes import Registry
from devstack.progress import Unable, finish, say

HOME = '/var/lib/nimbus'
ROOT = pathlib.Path(__file__).resolve().parent.parent
STILL = ('format', 'lint', 'types', 'house', 'unit', 'wire', 'cloud')
SERVERS = ('postgresql', 'mariadb')  # nouns, workflows and wire once more, on a database server
# What is asked of a cloud that devstack/up brings up for it.
CLOUDS = {
    'embedded': ('demo', 'tempest'),
    'daemons': ('demo', 'tempest', 'newest'),
    'wide': ('newest', 'wide'),
}
FRESH = 'fresh'  # the README's words on machines that have nothing yet
# What runs when no part is named: something of every kind, in less than twenty minutes.
PARTS = (*STILL, 'real', 'kills', 'embedded')
# What runs by its name, and with `all`.
REST = ('long', 'writes', 'chaos', *SERVERS, 'daemons', 'wide', FRESH, 'nodes')
KNOWN = (*PARTS, *REST)
GROUPS = {'all': KNOWN, 'rest': REST}
# MiB that are there afterwards: the libraries of .venv, and a cloud with its guest image and a demo server.
VENV, STATE = 300, 200
MOST_HOSTS = 8


def up() -> argparse.ArgumentParser:
    """The command line of devstack/up."""
    parser = argparse.ArgumentParser(prog='devstack/up', description='Bring up a cloud on this machine.')
    state_option(parser)
    parser.add_argument(
        '--daemons',
        action='store_const',
        const='daemons',
        dest='form',
        help='separate daemons over RabbitMQ and a database server, instead of one process',
    )
    parser.add_argument(
        '--hosts',
        type=_hosts,
        metavar='N',
        help='N hosts with guests beside a control host, each a machine in small with its own systemd, instead of one',
    )
    parser.add_argument('--database', choices=DATABASES[1:], help='the database server (default: mariadb)')
    parser.add_argument('--bind', metavar='ADDRESS', help='where the REST endpoints listen (default: 127.0.0.1)')
    parser.add_argument('--port-offset', type=_offset, metavar='N', help='added to every port, to have several clouds')
    parser.add_argument(
        '--virt-type', choices=('qemu', 'kvm'), help='kvm on a host that has it (default: qemu, emulation)'
    )
    parser.add_argument('--no-demo', action='store_true', help='stop when the cloud is ready')
    return parser


def down() -> argparse.ArgumentParser:
    """The command line of devstack/down."""
    parser = argparse.ArgumentParser(prog='devstack/down', description='Stop the cloud on this machine.')
    state_option(parser)
    parser.add_argument('--purge', action='store_true', help='remove its data too, and its entries in clouds.yaml')
    return parser


def test() -> argparse.ArgumentParser:
    """The command line of devstack/test."""
    parser = argparse.ArgumentParser(
        prog='devstack/test',
        description=f'Run some tests of every kind ({", ".join(PARTS)}), or the parts named.',
    )
    parser.add_argument(
        'parts',
        nargs='*',
        type=_part,
        metavar='PART',
        help=f'some of {", ".join(KNOWN)}; or "rest" for those from {REST[0]} on, "all" for all',
    )
    parser.add_argument(
        '--database', choices=DATABASES[1:], default='mariadb', help='for the part daemons (default: mariadb)'
    )
    parser.add_argument(
        '--minutes',
        type=_minutes,
        metavar='N',
        help='only the parts that end within so many minutes from the start, those of the changed files first',
    )
    parser.add_argument(
        '--suite', choices=('bookworm', 'trixie'), default='bookworm', help='for the part fresh (default: bookworm)'
    )
    return parser


def tempest(epilog: str = '') -> argparse.ArgumentParser:
    """The command line of devstack/tempest."""
    parser = argparse.ArgumentParser(
        prog='devstack/tempest',
        description='Make a tempest workspace for the cloud, and run tests from it.',
        epilog=epilog,
    )
    state_option(parser)
    parser.add_argument('tests', nargs='*', metavar='TEST', help='a test id, the name of an area, or "all" of them')
    parser.add_argument('--newest', action='store_true', help='ask for the newest microversion in every request')
    parser.add_argument('--concurrency', type=int, default=2, help='how many tests run at once (default: 2)')
    return parser


def state_option(parser: argparse.ArgumentParser) -> None:
    """The command line can name the folder of the cloud."""
    default = os.environ.get('NIMBUS_STATE', HOME)
    parser.add_argument(
        '--state',
        type=pathlib.Path,
        default=pathlib.Path(default),
        help=f'the folder of the cloud (default: {default})',
    )


def _offset(word: str) -> int:
    """A number that leaves every port a port."""
    if not word.isascii() or not word.isdigit() or int(word) > HIGHEST_OFFSET:
        raise argparse.ArgumentTypeError(f'{word} is no number from 0 to {HIGHEST_OFFSET}')
    return int(word)


def _hosts(word: str) -> int:
    """How many hosts a machine may have beside the control host."""
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= MOST_HOSTS:
        raise argparse.ArgumentTypeError(f'{word} is no number from 1 to {MOST_HOSTS}')
    return int(word)


def _part(word: str) -> str:
    """One of the parts; as `choices`, argparse would refuse that none is named."""
    if word not in KNOWN and word not in GROUPS:
        raise argparse.ArgumentTypeError(f'{word} is no part; there are {", ".join((*KNOWN, *GROUPS))}')
    return word


def _minutes(word: str) -> int:
    """How long a run may take."""
    if not word.isascii() or not word.isdigit():
        raise argparse.ArgumentTypeError(f'{word} is no number of minutes')
    return int(word)


def place(options: argparse.Namespace) -> Place:
    """Where the cloud of these options lives, decided once and for all."""
    return settle(options.state.absolute(), **_chosen(options))


def _chosen(options: argparse.Namespace) -> dict[str, object]:
    if options.hosts:
        return {'form': 'hosts', 'hosts': options.hosts, 'bind': CONTROL}
    return {
        'form': options.form or ('daemons' if options.database else None),
        'database': options.database,
        'port_offset': options.port_offset,
        'bind': options.bind,
        'virt_type': options.virt_type,
    }


def wish(options: argparse.Namespace) -> Place:
    """Where the cloud of these options would live; nothing is written."""
    state = options.state.absolute()
    return Place(state, decide(state, **_chosen(options)))


def groups(options: argparse.Namespace) -> list[str]:
    """The groups of packages that a cloud of these options needs.  Raises Unable when it cannot be here."""
    state = options.state.absolute()
    choices = wish(options).choices
    _weigh(state, (ROOT / '.venv', VENV, '.venv'), (state / 'choices.json', STATE, 'the cloud'))
    if choices.form == 'hosts':
        return ['python', 'base', 'guest', 'fresh']
    return ['python', 'base', 'guest', *(['daemons', choices.database] if choices.form == 'daemons' else [])]


def _weigh(state: pathlib.Path, *things: tuple[pathlib.Path, int, str]) -> None:
    """There is room on the disks for what is not there yet.  Raises Unable."""
    needed: dict[int, tuple[pathlib.Path, int, list[str]]] = {}
    for path, size, name in things:
        if not path.exists():
            folder = next(folder for folder in path.parents if folder.exists())
            device = folder.stat().st_dev
            _, before, names = needed.get(device, (folder, 0, []))
            needed[device] = (folder, before + size, [*names, name])
    for folder, size, names in needed.values():
        free = shutil.disk_usage(folder).free // 2**20
        if free < size:
            raise Unable(f'{" and ".join(names)} need about {size} MiB in {folder}, where {free} MiB are free.')


def _before_up(words: list[str]) -> None:
    options = up().parse_args(words)
    needed = groups(options)
    ports.require_free(wish(options), Registry(options.state.absolute()))
    print(*needed)


def _before_down(words: list[str]) -> None:
    """What there is to say where .venv is missing, with which a cloud was brought up and is stopped."""
    state = down().parse_args(words).state.absolute()
    if os.geteuid() == 0:
        packages.allow_starts()
    if remembered(state) is None:
        say(f'there is no cloud in {state}')
    else:
        raise Unable(
            f'{state} holds a cloud, and .venv, which stops it, is not there; '
            f'run devstack/venv host mariadb postgresql, then this again.'
        )


def _before_test(words: list[str]) -> None:
    test().parse_args(words)


def _before_tempest(words: list[str]) -> None:
    tempest().parse_args(words)


BEFORE: dict[str, Callable[[list[str]], None]] = {
    'up': _before_up,
    'down': _before_down,
    'test': _before_test,
    'tempest': _before_tempest,
}

if __name__ == '__main__':
    # The bash commands ask before there is a virtual environment.
    finish(lambda: BEFORE[sys.argv[1]](sys.argv[2:]))
