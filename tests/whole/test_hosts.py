"""`nimbus-manage host`: what an agent's account may do, and what is refused before anything is made."""

import re
import subprocess
import sys

import pytest

from nimbus.cmd.manage import broker
from nimbus.common import errors

RABBIT = 'bus = rabbit://nimbus:hush@127.0.0.1:5672/nimbus'
SECRETS = '[service_user]\npassword = a\n[metadata]\nshared_secret = b\n'


@pytest.mark.parametrize(
    ('name', 'may'),
    [
        ('compute.c1.rack', True),
        ('network.c1.rack', True),
        ('volume_fanout_0123', True),
        ('desk-compute', True),
        ('reply_0123', True),
        ('nimbus', True),
        ('', True),  # the default exchange
        ('compute.c2', False),
        ('compute.c1xrack', False),
        ('compute.c1.rack.else', False),
        ('conductor', False),
        ('scheduler', False),
        ('notifications.info', False),
    ],
)
def test_an_agents_account_may_use_its_own_queues_the_desk_and_replies_alone(name, may):
    assert bool(re.search(broker.agent_permission('c1.rack'), name)) == may


@pytest.mark.parametrize('name', ['', 'c 1', 'c1|.*', '-c1', 'c1;', '*', 'a' * 300])
def test_a_name_that_no_host_has_is_refused(name):
    with pytest.raises(errors.Invalid, match='no name of a host'):
        broker.account_of(name)


@pytest.mark.parametrize(
    ('conf', 'told'),
    [
        ('', 'only rabbit has accounts'),
        (RABBIT, 'service_user] password and [metadata] shared_secret must be set'),
        (f'{RABBIT}\n{SECRETS}', 'set [api] public_host'),
        (f'{RABBIT}\n{SECRETS}[api]\nlisten = 0.0.0.0\n', 'set [api] public_host'),
        (f'{RABBIT}\n{SECRETS}[api]\npublic_host = localhost\n', 'set [api] public_host'),
    ],
)
def test_a_host_is_not_added_by_a_configuration_that_could_not_tell_it_the_way(tmp_path, conf, told):
    file = tmp_path / 'nimbus.conf'
    file.write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n{conf}')
    argv = [sys.executable, '-m', 'nimbus.cmd.manage.manage', '--config-file', str(file), 'host', 'add', 'c1']
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and told in done.stderr and 'hush' not in done.stderr, done.stderr
    assert done.stdout == ''
