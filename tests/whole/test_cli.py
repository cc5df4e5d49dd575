"""The `nimbus` command against a listening API: what it asks, what it says, and how it ends."""

import json
import subprocess
import sys
import threading
import wsgiref.simple_server

import pytest
import yaml

from nimbus.cli import main

SERVER = {'id': 's-1', 'name': 'demo', 'status': 'ERROR', 'fault': {'message': 'No valid host was found.'}}
ACTION = {'start_time': '2030-01-01T00:00:00Z', 'action': 'create', 'request_id': 'req-1', 'message': 'Error'}
EVENT = {'start_time': '1', 'finish_time': '2', 'event': 'place', 'result': 'Error', 'details': 'ram removed 3 hosts'}
DAEMON = {'binary': 'nova-compute', 'host': 'h1', 'state': 'up', 'status': 'enabled'}
KINDS = ('compute', 'network', 'image', 'volumev3', 'placement')


class Cloud:
    """Every API on one port; what was asked is kept."""

    def __init__(self):
        self.asked, self.health, self.url = [], '200 OK', ''
        self.answers = {
            '/compute/os-services': {'services': [DAEMON]},
            '/volumev3/os-services': {'services': []},
            '/network/v2.0/agents': {'agents': [{'binary': 'agent', 'host': 'h1', 'alive': False}]},
            '/compute/servers/s-1': {'server': SERVER},
            '/compute/servers/detail': {'servers': [{**SERVER, 'created': '1'}]},
            '/compute/servers/s-1/os-instance-actions': {'instanceActions': [ACTION]},
            '/compute/servers/s-1/os-instance-actions/req-1': {'instanceAction': {'events': [EVENT]}},
        }

    def __call__(self, environ, start_response):
        path = environ['PATH_INFO']
        size = int(environ.get('CONTENT_LENGTH') or 0)
        body = json.loads(environ['wsgi.input'].read(size)) if size else None
        self.asked.append((path, environ.get('HTTP_X_AUTH_TOKEN'), environ.get('HTTP_OPENSTACK_API_VERSION'), body))
        if path == '/healthcheck':
            return self._say(start_response, self.health, b'the database is away')
        if path == '/v3/auth/tokens':
            if body['auth']['identity']['password']['user']['password'] != 'right':
                return self._say(start_response, '401 Unauthorized', b'{"error": {"message": "Who are you?"}}')
            rows = [{'interface': 'public', 'url': f'{self.url}/{kind}'} for kind in KINDS]
            catalog = [{'type': kind, 'endpoints': [row]} for kind, row in zip(KINDS, rows, strict=True)]
            return self._say(start_response, '201 Created', json.dumps({'token': {'catalog': catalog}}).encode())
        if path in self.answers:
            return self._say(start_response, '200 OK', json.dumps(self.answers[path]).encode())
        return self._say(start_response, '404 Not Found', b'{"itemNotFound": {"code": 404, "message": "None."}}')

    @staticmethod
    def _say(start_response, status, body):
        start_response(status, [('Content-Length', str(len(body))), ('X-Subject-Token', 'T')])
        return [body]


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_):
        pass


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """A cloud that listens, which clouds.yaml names."""
    made = Cloud()
    server = wsgiref.simple_server.make_server('127.0.0.1', 0, made, handler_class=Quiet)
    made.url = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    auth = {'auth_url': made.url, 'username': 'u', 'password': 'right', 'project_name': 'p'}
    others = {'stranger': {'auth': {**auth, 'password': 'wrong'}}}
    (tmp_path / 'clouds.yaml').write_text(yaml.safe_dump({'clouds': {'nimbus': {'auth': auth}, **others}}))
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path / 'clouds.yaml'))
    monkeypatch.delenv('OS_CLOUD', raising=False)
    monkeypatch.delenv('OS_AUTH_URL', raising=False)
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    yield made
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_every_part_is_told_and_one_that_is_down_ends_with_1(cloud, capsys):
    assert main.main(['status']) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert lines[-2].split() == ['DOWN', 'agent', 'agent', 'h1']
    assert lines[-1] == '7 of 8 parts are up.'


def test_an_api_that_is_not_healthy_is_down_with_its_own_words(cloud, capsys):
    cloud.health = '503 Service Unavailable'
    assert main.main(['status']) == 1
    assert 'the database is away' in capsys.readouterr().out.splitlines()[0]


def test_the_login_is_in_the_default_domain_and_every_request_has_its_token(cloud):
    main.main(['status'])
    body = cloud.asked[0][3]['auth']
    assert body['identity']['password']['user'] == {'name': 'u', 'domain': {'id': 'default'}, 'password': 'right'}
    assert body['scope'] == {'project': {'name': 'p', 'domain': {'id': 'default'}}}
    assert {token for path, token, _, _ in cloud.asked if 'services' in path or 'agents' in path} == {'T'}


def test_a_refused_login_is_told_in_the_clouds_words(cloud, capsys):
    assert main.main(['status', '--os-cloud', 'stranger']) == 2
    assert capsys.readouterr().err == 'The cloud cannot be asked: Who are you?\n'


@pytest.mark.parametrize('word', ['s-1', 'demo'])
def test_a_servers_story_is_told_by_id_and_by_name(cloud, capsys, word):
    assert main.main(['why', word]) == 0
    out = capsys.readouterr().out
    assert 'ram removed 3 hosts' in out
    assert 'Cause: No valid host was found.' in out
    assert {version for path, _, version, _ in cloud.asked if 'servers' in path} == {'compute latest'}


def test_a_server_that_is_not_there_ends_with_1(cloud, capsys):
    assert main.main(['why', 'nobody']) == 1
    assert capsys.readouterr().err == 'There is no server nobody.\n'


def test_a_cloud_that_is_away_ends_with_2(monkeypatch, capsys):
    monkeypatch.setenv('OS_AUTH_URL', 'http://127.0.0.1:1/v3')
    monkeypatch.delenv('OS_CLOUD', raising=False)
    assert main.main(['status']) == 2
    assert 'http://127.0.0.1:1/v3/auth/tokens does not answer' in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_the_first_request():
    code = 'import sys, nimbus.cli.status, nimbus.cli.why; print(*sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    heavy = {'requests', 'keystoneauth1', 'urllib3', 'oslo_config', 'sqlalchemy', 'yaml', 'importlib.metadata'}
    assert not heavy & set(done.stdout.split())
