"""Runs a PostgreSQL of the cloud's own, on loopback, with one database and one user."""

import pathlib
import shutil
import signal
import subprocess

import psycopg
from psycopg import sql

from devstack.place import Place
from devstack.processes import Registry, wait_until
from devstack.progress import Unable, say

NAME = 'nimbus'


def url(place: Place) -> str:
    """How nimbus reaches the database, for [database] connection."""
    return f'postgresql+psycopg://{NAME}:{place.secret("database")}@127.0.0.1:{place.port("database")}/{NAME}'


def root_url(place: Place) -> str:
    """How a test run reaches the server as who may make databases; root alone can."""
    return f'postgresql+psycopg://postgres@/postgres?host={place.state}/postgresql&port={place.port("database")}'


def up(place: Place, registry: Registry, *, lasting: bool = True) -> None:
    """The server answers nimbus's user.  What it holds survives a loss of power only where it is lasting."""
    folder = place.folder('postgresql', 0o700, 'postgres')
    if not registry.get('postgresql'):
        _create(folder)
        say('starting PostgreSQL')
        _forget_the_dead(folder / 'data')
        settings = {
            'listen_addresses': '127.0.0.1',
            'port': str(place.port('database')),
            'unix_socket_directories': str(folder),
            'max_connections': '300',
            'shared_buffers': '64MB',
            # A test's database is made and dropped thousands of times, each with a checkpoint of all its files.
            **({} if lasting else {'fsync': 'off', 'full_page_writes': 'off'}),
        }
        words = [word for name, value in settings.items() for word in ('-c', f'{name}={value}')]
        registry.start('postgresql', _as_postgres([_program('postgres'), '-D', f'{folder}/data', *words]))
    registry.require('postgresql', lambda: _answers(place), 60)
    _make_ours(place)


def down(registry: Registry) -> None:
    """The server has written everything down and is gone."""
    registry.stop('postgresql', timeout=60, first=signal.SIGINT)


def _program(name: str) -> str:
    found = sorted(pathlib.Path('/usr/lib/postgresql').glob(f'*/bin/{name}'), key=lambda path: int(path.parts[4]))
    if not found:
        raise Unable(f'PostgreSQL is installed but {name} is not in /usr/lib/postgresql/*/bin.')
    return str(found[-1])


def _as_postgres(argv: list[str]) -> list[str]:
    return ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--', *argv]


def _create(folder: pathlib.Path) -> None:
    """The server's own tables exist; a creation that was cut short is begun anew."""
    data = folder / 'data'
    if data.exists():
        return
    say('creating the database files of PostgreSQL')
    aside = folder / 'data.new'
    if aside.exists():
        shutil.rmtree(aside)
    access = ['--auth-local=peer', '--auth-host=scram-sha-256', '--username=postgres']
    made = subprocess.run(
        _as_postgres([_program('initdb'), '-D', str(aside), '--encoding=UTF8', '--locale=C', *access]),
        capture_output=True,
        text=True,
        cwd='/',
    )
    if made.returncode:
        raise Unable(f'initdb failed: {made.stderr.strip()[-2000:]}')
    # Only root and the server's own user reach the socket's folder; root speaks there as the server's user.
    (aside / 'pg_hba.conf').write_text('local all postgres peer map=root\nhost all all 127.0.0.1/32 scram-sha-256\n')
    (aside / 'pg_ident.conf').write_text('root root postgres\nroot postgres postgres\n')
    aside.rename(data)


def _forget_the_dead(data: pathlib.Path) -> None:
    """A server that was killed holds no lock on the data any more.

    PostgreSQL takes a dead process that nobody has waited for yet, or another that has its number now, for itself.
    """
    wait_until(lambda: not _at_work(data), 5.0)
    if not _at_work(data):
        for lock in (data / 'postmaster.pid', *data.parent.glob('.s.PGSQL.*')):
            lock.unlink(missing_ok=True)


def _at_work(data: pathlib.Path) -> bool:
    for entry in pathlib.Path('/proc').glob('[0-9]*/cwd'):
        try:
            if entry.readlink() == data:
                return True
        except OSError:
            continue
    return False


def _connect(place: Place) -> psycopg.Connection:
    folder = place.state / 'postgresql'
    return psycopg.connect(
        host=str(folder), port=place.port('database'), user='postgres', dbname='postgres', autocommit=True
    )


def _answers(place: Place) -> bool:
    try:
        _connect(place).close()
    except psycopg.Error:
        return False
    return True


def _make_ours(place: Place) -> None:
    with _connect(place) as connection:
        user = sql.Identifier(NAME)
        if not connection.execute('SELECT 1 FROM pg_roles WHERE rolname = %s', (NAME,)).fetchone():
            connection.execute(sql.SQL('CREATE ROLE {} LOGIN').format(user))
        password = sql.Literal(place.secret('database'))
        connection.execute(sql.SQL('ALTER ROLE {} PASSWORD {}').format(user, password))
        if not connection.execute('SELECT 1 FROM pg_database WHERE datname = %s', (NAME,)).fetchone():
            connection.execute(sql.SQL('CREATE DATABASE {} OWNER {}').format(user, user))
