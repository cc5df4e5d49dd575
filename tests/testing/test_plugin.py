"""The plugin for pytest, as a project uses it that tests a client against a cloud."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the guide shows.
PROJECT = """
import json
import os
import urllib.request


def log_in(cloud, user='admin'):
    found = cloud.credentials(user)
    name = {'name': found['username'], 'domain': {'id': 'default'}, 'password': found['password']}
    identity = {'methods': ['password'], 'password': {'user': name}}
    scope = {'project': {'name': found['project_name'], 'domain': {'id': 'default'}}}
    body = json.dumps({'auth': {'identity': identity, 'scope': scope}}).encode()
    asked = urllib.request.Request(found['auth_url'] + '/auth/tokens', body, {'Content-Type': 'application/json'})
    with urllib.request.urlopen(asked) as answer:
        return answer.headers['X-Subject-Token']


def ask(cloud, token, path, body=None):
    asked = urllib.request.Request(cloud.urls['network'] + path, body, {'X-Auth-Token': token,
                                                                          'Content-Type': 'application/json'})
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)
"""
TESTS = """
from support import ask, log_in

import pytest


@pytest.mark.parametrize('turn', range(3))
def test_each_test_has_a_clean_cloud(nimbus_cloud, turn):
    token = log_in(nimbus_cloud, 'demo')
    assert sorted(n['name'] for n in ask(nimbus_cloud, token, '/v2.0/networks')['networks']) == NAMES
    ask(nimbus_cloud, token, '/v2.0/networks', b'{"network": {"name": "mine"}}')
    assert len(nimbus_cloud.assert_asked(service='network', times=2, path='/v2.0/networks')) == 2


NAMES = ['private', 'public', 'shared']


def test_what_is_chosen_ends_with_its_test(nimbus_cloud):
    nimbus_cloud.controls.answer(service='network', status=503)
    assert len(nimbus_cloud.controls.show()['answers']) == 1


def test_nothing_is_chosen(nimbus_cloud, nimbus_requests):
    assert nimbus_cloud.controls.show()['answers'] == []
    log_in(nimbus_cloud)
    (made,) = nimbus_requests(service='identity', method='POST', path='/v3/auth/tokens', times=1)
    assert made['status'] == 201


def test_urls_credentials_and_environment(nimbus_urls, nimbus_credentials, nimbus_environment):
    import os

    assert nimbus_credentials['auth_url'] == nimbus_urls['identity'] + '/v3' == os.environ['OS_AUTH_URL']
    assert os.environ['OS_CLIENT_CONFIG_FILE'].endswith('clouds.yaml')


def test_a_connection(nimbus_connection):
    assert {flavor.name for flavor in nimbus_connection.compute.flavors()} >= {'m1.tiny'}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / 'support.py').write_text(PROJECT)
    (tmp_path / 'test_it.py').write_text(TESTS)
    (tmp_path / 'pytest.ini').write_text('[pytest]\n')
    (tmp_path / 'tmp').mkdir()
    yield tmp_path
    assert [name for name in os.listdir(tmp_path / 'tmp') if name.startswith('nimbus')] == []


def run(project, *words):
    told = {
        **os.environ,
        'PYTHONPATH': str(ROOT),
        'TMPDIR': str(project / 'tmp'),
        'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1',
    }
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-p', 'nimbus.testing.plugin', *words]
    return subprocess.run(command, cwd=project, env=told, capture_output=True, text=True, timeout=110)


def test_each_test_of_a_project_has_a_clean_cloud(project):
    ran = run(project)
    assert (ran.returncode, '7 passed' in ran.stdout) == (0, True), ran.stdout + ran.stderr


@pytest.mark.long
def test_a_worker_has_a_cloud_of_its_own(project):
    (project / 'test_it.py').write_text(
        'import pytest\n\n\n'
        '@pytest.mark.parametrize("turn", range(8))\n'
        'def test_it(nimbus_cloud, worker_id, turn):\n'
        '    with open("seen", "a") as file:\n'
        '        file.write(f"{worker_id} {nimbus_cloud.facts[\'pid\']}\\n")\n'
    )
    ran = run(project, '-p', 'xdist', '-n', '2')
    assert (ran.returncode, '8 passed' in ran.stdout) == (0, True), ran.stdout + ran.stderr
    seen = {tuple(line.split()) for line in (project / 'seen').read_text().splitlines()}
    assert len(seen) == len({pid for _, pid in seen}) == 2


def test_what_was_not_asked_fails_a_test_with_what_was(project):
    (project / 'test_it.py').write_text(
        'from support import log_in\n\n\n'
        'def test_it(nimbus_cloud, nimbus_requests):\n'
        '    log_in(nimbus_cloud)\n'
        '    nimbus_requests(service="compute", method="POST", path="/v2.1/servers", times=1)\n'
    )
    ran = run(project)
    assert ran.returncode == 1
    assert 'Expected to be asked 1 times, not 0: service=compute method=POST path=/v2.1/servers.' in ran.stdout
    assert 'identity POST /v3/auth/tokens  201' in ran.stdout


@pytest.mark.long
def test_a_seed_of_the_project_is_planted_and_one_that_is_wrong_ends_the_run(project):
    (project / 'pytest.ini').write_text('[pytest]\nnimbus_seed = ours.yaml\nnimbus_options = --hosts 3\n')
    (project / 'ours.yaml').write_text('users: [{name: ann, roles: {admin: [member]}}]\n')
    (project / 'test_it.py').write_text(
        'def test_it(nimbus_cloud):\n'
        '    assert nimbus_cloud.credentials("ann")["username"] == "ann"\n'
        '    assert len(nimbus_cloud.controls.show()["hosts"]) == 3\n'
    )
    ran = run(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (project / 'ours.yaml').write_text('users: [{nom: ann}]\n')
    ran = run(project)
    assert ran.returncode == 3 and 'ours.yaml:1: users.0: ' in ran.stdout + ran.stderr
