"""Runs a MariaDB of the cloud's own, on loopback, with one database and one user."""

import shutil
import socket
import subprocess

import pymysql

from devstack.place import Place, write_private
from devstack.processes import Registry
from devstack.progress import Unable, say

NAME = 'nimbus'


def url(place: Place) -> str:
    """How nimbus reaches the database, for [database] connection."""
    return (
        f'mysql+pymysql://{NAME}:{place.secret("database")}@127.0.0.1:{place.port("database")}/{NAME}?charset=utf8mb4'
    )


def root_url(place: Place) -> str:
    """How a test run reaches the server as who may make databases; root alone can."""
    return f'mysql+pymysql://root@localhost/?unix_socket={place.state}/mariadb/socket&charset=utf8mb4'


def up(place: Place, registry: Registry, *, lasting: bool = True) -> None:
    """The server answers nimbus's user.  What it holds survives a loss of power only where it is lasting."""
    folder = place.folder('mariadb', 0o700, 'mysql')
    path = folder / 'socket'
    if not registry.get('mariadb'):
        _create(place)
        say('starting MariaDB')
        registry.stop('mariadb')
        registry.start('mariadb', ['mariadbd', f'--defaults-file={_settings(place, lasting)}', '--user=mysql'])
    registry.require('mariadb', lambda: _answers(str(path)), 60)
    root = pymysql.connect(unix_socket=str(path), user='root')
    with root.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')
        cursor.execute(f"CREATE USER IF NOT EXISTS {NAME}@'127.0.0.1' IDENTIFIED BY %s", (place.secret('database'),))
        cursor.execute(f"GRANT ALL ON {NAME}.* TO {NAME}@'127.0.0.1'")
    root.close()


def down(registry: Registry) -> None:
    """The server has written everything down and is gone."""
    registry.stop('mariadb', timeout=60)


def _settings(place: Place, lasting: bool) -> str:
    folder = place.state / 'mariadb'
    path = folder / 'my.cnf'
    write_private(
        path,
        '[mariadbd]\n'
        f'datadir = {folder}/data\n'
        f'socket = {folder}/socket\n'
        f'pid-file = {folder}/pid\n'
        f'port = {place.port("database")}\n'
        'bind-address = 127.0.0.1\n'
        'skip-name-resolve\n'
        'skip-log-bin\n'
        'transaction-isolation = READ-COMMITTED\n'
        'max-connections = 300\n'
        'innodb-buffer-pool-size = 64M\n'
        'innodb-log-file-size = 32M\n'
        'performance-schema = off\n'
        f'innodb-flush-log-at-trx-commit = {1 if lasting else 0}\n',
    )
    shutil.chown(path, 'mysql', 'mysql')
    return str(path)


def _create(place: Place) -> None:
    """The server's own tables exist; a creation that was cut short is begun anew."""
    data = place.state / 'mariadb' / 'data'
    if data.exists():
        return
    say('creating the database files of MariaDB')
    aside = data.with_name('data.new')
    if aside.exists():
        shutil.rmtree(aside)
    made = subprocess.run(
        [
            'mariadb-install-db', '--no-defaults', '--user=mysql', f'--datadir={aside}', '--skip-test-db',
            '--auth-root-authentication-method=socket', '--innodb-log-file-size=32M',
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    if made.returncode:
        raise Unable(f'mariadb-install-db failed: {(made.stderr or made.stdout).strip()[-2000:]}')
    aside.rename(data)


def _answers(path: str) -> bool:
    try:
        # PyMySQL leaves a socket open that it could not connect, so it is given one that is.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
            asked = pymysql.connect(unix_socket=path, user='root', defer_connect=True)
            asked.connect(probe)
            asked.close()
    except (pymysql.MySQLError, OSError):
        return False
    return True
