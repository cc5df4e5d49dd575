"""An operator's policy.yaml: every service follows it and its changes, and says what is wrong with it."""

import itertools
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

from nimbus.api.compute.policies import RULES
from nimbus.api.kit import policy
from tests.conftest import MEMBER

RULE = 'os_compute_api:servers:index'
LISTS = {
    'identity': ('/projects', 'identity:list_projects'),
    'compute': ('/servers', RULE),
    'image': ('/v2/images', 'get_images'),
    'network': ('/v2.0/agents', 'get_agent'),
    'volume': ('/volumes', 'volume:get_all'),
    'placement': ('/resource_providers', 'placement:resource_providers:list'),
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'policy.yaml'
    path.write_text(f'"{RULE}": "!"\n')
    return path


@pytest.fixture
def followed(file):
    made = policy.Policy(RULES, str(file))
    yield made
    made.close()


def test_every_service_follows_the_file_and_its_changes(cloud, admin, tmp_path):
    def answers():
        return {name: admin.request('GET', name, path).status_code for name, (path, _) in LISTS.items()}

    assert set(answers().values()) == {200}
    (tmp_path / 'policy.yaml').write_text(''.join(f'"{rule}": "!"\n' for _, rule in LISTS.values()))
    policy.read_again()
    refused = {'network': 200}  # Neutron leaves out of a list what the asker may not see
    cloud.wait(lambda: answers() == {name: refused.get(name, 403) for name in LISTS})
    (tmp_path / 'policy.yaml').unlink()
    cloud.wait(lambda: set(answers().values()) == {200})


def test_a_file_that_cannot_be_used_leaves_the_old_policy_in_force(cloud, file, followed, caplog):
    assert not followed.allows(RULE, MEMBER)
    with caplog.at_level(logging.ERROR):
        file.write_text('a: [')
        followed.read_again()
        cloud.wait(lambda: 'the old one stays' in caplog.text)
    assert str(file) in caplog.text and not followed.allows(RULE, MEMBER)
    file.write_text('')
    followed.read_again()
    cloud.wait(lambda: followed.allows(RULE, MEMBER))


PROGRAM = """
import os, sys
from nimbus.api.compute.policies import RULES
from nimbus.api.kit import policy
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    policy.Policy(RULES, sys.argv[1])
except LookupError as why:
    print(why)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody who may not read a file')
def test_a_file_that_may_not_be_read_is_told_with_its_owner_and_the_asker(file):
    file.chmod(0o600)
    for folder in itertools.takewhile(lambda folder: folder != pathlib.Path(tempfile.gettempdir()), file.parents):
        folder.chmod(0o755)
    told = subprocess.run([sys.executable, '-c', PROGRAM, str(file)], capture_output=True, text=True, timeout=60)
    assert told.stdout.strip() == (
        f'The policy in {file} cannot be used: it belongs to root with mode 600, and user nobody may not read it.'
    ), told.stderr
