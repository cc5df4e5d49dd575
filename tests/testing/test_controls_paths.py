"""What steers a fake cloud takes a name from its path alone, and no name that leads out of the folder of snapshots."""

import io
import types

import orjson
import pytest

from nimbus.cmd.fake import application


class Told:
    """Controls that keep what they were told."""

    def __init__(self):
        asker = types.SimpleNamespace(roles=['admin'], project_name='admin')
        self.parts = types.SimpleNamespace(tokens=types.SimpleNamespace(validate=lambda token: asker))
        self.taken = []

    def take(self, name):
        self.taken.append(name)


def ask(controls, path, query='', method='PUT'):
    """The status and body of an answer."""
    said = []
    environ = {'PATH_INFO': path, 'QUERY_STRING': query, 'REQUEST_METHOD': method, 'HTTP_X_AUTH_TOKEN': 'x'}
    app = application.Application(controls, None)
    data = app(environ | {'wsgi.input': io.BytesIO()}, lambda status, headers: said.append(int(status[:3])))
    return said[0], orjson.loads(b''.join(data))


def test_a_query_does_not_name_the_snapshot():
    controls = Told()
    assert ask(controls, '/fake/v1/snapshots/clean', 'id=/tmp/elsewhere') == (200, {'name': 'clean'})
    assert controls.taken == ['clean']


@pytest.mark.parametrize('name', ['.', '..', '...', '.hidden'])
def test_a_name_that_is_a_place_names_no_snapshot(name):
    controls = Told()
    status, body = ask(controls, f'/fake/v1/snapshots/{name}')
    assert (status, controls.taken) == (404, []) and name in body['error']['message']
