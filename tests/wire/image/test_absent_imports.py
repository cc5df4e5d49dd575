"""The ways of import that doc/absent.md calls absent are refused by their names."""

import pytest

from tests.conftest import READER, STRANGER


@pytest.mark.parametrize('method', ['web-download', 'copy-image', 'glance-download'])
def test_an_import_that_is_not_there_is_refused(client, make, method):
    made = make(name='i', disk_format='raw', container_format='bare')
    answer = client(
        'POST', f'/v2/images/{made["id"]}/import', {'method': {'name': method, 'uri': 'http://x.example/i'}}
    )
    assert answer.status == 400 and method.encode() in answer.data


def test_an_image_has_no_tasks(client):
    made = client('POST', '/v2/images', {'name': 'i', 'visibility': 'private'}).json
    assert client('GET', f'/v2/images/{made["id"]}/tasks', asker=READER).json == {'tasks': []}
    assert client('GET', f'/v2/images/{made["id"]}/tasks', asker=STRANGER).status == 404
    assert client('GET', '/v2/images/11111111-2222-3333-4444-555555555555/tasks').status == 404
