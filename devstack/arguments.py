"""What the commands of devstack can be told on their command lines."""

import argparse
import os
import pathlib
import sys

from devstack.place import DATABASES, Place, remembered, settle

HOME = '/var/lib/nimbus'


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
    parser.add_argument('--database', choices=DATABASES[1:], help='the database server (default: mariadb)')
    parser.add_argument('--bind', metavar='ADDRESS', help='where the REST endpoints listen (default: 127.0.0.1)')
    parser.add_argument('--port-offset', type=int, metavar='N', help='added to every port, to have several clouds')
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


def state_option(parser: argparse.ArgumentParser) -> None:
    """The command line can name the folder of the cloud."""
    default = os.environ.get('NIMBUS_STATE', HOME)
    parser.add_argument(
        '--state',
        type=pathlib.Path,
        default=pathlib.Path(default),
        help=f'the folder of the cloud (default: {default})',
    )


def place(options: argparse.Namespace) -> Place:
    """Where the cloud of these options lives, decided once and for all."""
    return settle(
        options.state.absolute(),
        form=options.form or ('daemons' if options.database else None),
        database=options.database,
        port_offset=options.port_offset,
        bind=options.bind,
        virt_type=options.virt_type,
    )


def groups(options: argparse.Namespace) -> list[str]:
    """The groups of packages that a cloud of these options needs."""
    before = remembered(options.state.absolute())
    daemons = options.form or options.database or (before and before.form == 'daemons')
    if not daemons:
        return ['base', 'guest']
    database = options.database or (before.database if before else 'mariadb')
    return ['base', 'guest', 'daemons', database]


if __name__ == '__main__':
    # The bash front door asks which packages to install before there is a virtual environment.
    print(*groups(up().parse_args(sys.argv[1:])))
