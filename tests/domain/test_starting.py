"""What a daemon notices at its start, such as a database server with too few connections, and what it does without."""

import logging
import pathlib
import subprocess
import sys
import types

import pytest

from nimbus.cmd import wiring
from nimbus.common import errors


def parts(spare, size: int = 10):
    def spare_connections():
        if isinstance(spare, Exception):
            raise spare
        return spare

    conf = types.SimpleNamespace(database=types.SimpleNamespace(pool_size=size))
    return types.SimpleNamespace(conf=conf, db=types.SimpleNamespace(spare_connections=spare_connections))


@pytest.mark.parametrize('spare', [None, 10, 300])
def test_enough_connections_are_no_news(caplog, spare):
    wiring.weigh_connections(parts(spare))
    assert not caplog.records


def test_too_few_connections_are_told_with_both_numbers(caplog):
    wiring.weigh_connections(parts(3))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert '3 more connections' in caplog.text and 'may want 10' in caplog.text


def test_a_database_that_is_away_does_not_keep_a_daemon_from_starting(caplog):
    wiring.weigh_connections(parts(errors.Unavailable('The database cannot be reached.')))
    assert 'cannot be reached' in caplog.text


def test_the_server_says_how_many_connections_it_would_still_take(database):
    spare = database.spare_connections()
    assert spare is None if database.sqlite else 0 < spare < 100_000


@pytest.mark.parametrize(
    ('bus', 'listen', 'public', 'told'),
    [
        ('inproc:///nimbus', '127.0.0.1', '', ''),
        ('rabbit://u:p@h/v', '127.0.0.1', '', 'no other host reaches them'),
        ('rabbit://u:p@h/v', '::1', 'cloud', 'no other host reaches them'),
        ('rabbit://u:p@h/v', 'localhost', 'cloud', 'no other host reaches them'),
        ('rabbit://u:p@h/v', '0.0.0.0', '', 'the catalog names 0.0.0.0'),
        ('rabbit://u:p@h/v', '0.0.0.0', 'cloud', ''),
        ('rabbit://u:p@h/v', '192.0.2.1', '', ''),
    ],
)
def test_apis_that_other_hosts_cannot_reach_are_told(caplog, bus, listen, public, told):
    api = types.SimpleNamespace(listen=listen, public_host=public)
    wiring.weigh_address(types.SimpleNamespace(bus=bus, api=api))
    assert bool(caplog.records) == bool(told) and told in caplog.text


BUILD = """
import os, sys
from nimbus.cmd import embedded, services, wiring
conf = embedded.configure(embedded._arguments(['--fake', '--state', sys.argv[1]]))
parts = wiring.make_parts(conf)
embedded.prepare(conf, parts, embedded.set_secrets(conf))
services.everything(conf, parts, services.agents_of(conf, parts.bus, ['h']))
wiring.load_apps(conf, parts, list(embedded.APIS))
print(*sys.modules, flush=True)
os._exit(0)
"""
UNUSED = (
    'alembic',
    'cryptography.x509',
    'jwt',
    'keystoneauth1',
    'ldap3',
    'lxml',
    'oauthlib',
    'requests',
    'sqlalchemy.orm',
    'urllib3',
)


def test_a_cloud_is_built_without_what_it_has_no_use_for(tmp_path):
    root = pathlib.Path(__file__).parents[2]
    command = [sys.executable, '-c', BUILD, str(tmp_path)]
    loaded = set(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split())
    assert {'nimbus.api.identity.app', 'nimbus.compute.agent.manager', 'sqlalchemy'} <= loaded
    assert not loaded & set(UNUSED)
