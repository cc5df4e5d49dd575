"""Tasks over HTTP: an import is one, and operators see all of them."""

import pytest

from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.image.conftest import OCTETS, V21


@pytest.fixture
def imported(client, make, settle):
    """An image that an import filled, and the task that did."""
    path = f'/v2/images/{make()["id"]}'
    assert client('PUT', f'{path}/stage', b'abc', **OCTETS).status == 204
    assert client('POST', f'{path}/import', {'method': {'name': 'glance-direct'}}).status == 202
    settle()
    (task,) = client('GET', f'{path}/tasks').json['tasks']
    return client('GET', path).json, task


def test_an_import_is_a_task_of_its_image(client, imported):
    image, task = imported
    assert (image['status'], task['type'], task['status']) == ('active', 'api_image_import', 'success')
    assert task['image_id'] == image['id'] and task['result'] == {'image_id': image['id']}
    assert task['input']['import_req'] == {'method': {'name': 'glance-direct'}}
    assert (task['owner'], task['user_id']) == (MEMBER.project_id, MEMBER.user_id)
    assert task['message'] == '' and task['expires_at'] and task['deleted'] is False
    path = f'/v2/images/{image["id"]}/tasks'
    assert client('GET', path, asker=READER).status == 200
    assert client('GET', path, asker=STRANGER).status == 404
    assert client('GET', '/v2/images/11111111-2222-3333-4444-555555555555/tasks').status == 404


def test_who_sees_an_image_of_another_project_does_not_see_where_it_is_from(client, imported):
    image, task = imported
    path = f'/v2/images/{image["id"]}'
    offered = client('PATCH', path, [{'op': 'replace', 'path': '/visibility', 'value': 'community'}], **V21)
    assert offered.status == 200
    assert client('GET', path, asker=STRANGER).status == 200
    assert client('GET', f'{path}/tasks', asker=STRANGER).json == {'tasks': []}
    for asker in (MEMBER, ADMIN):
        assert [one['id'] for one in client('GET', f'{path}/tasks', asker=asker).json['tasks']] == [task['id']]


def test_a_task_is_an_operators_to_see(client, imported):
    image, task = imported
    path = f'/v2/tasks/{task["id"]}'
    shown = client('GET', path, asker=ADMIN).json
    assert (shown['self'], shown['schema'], shown['status']) == (path, '/v2/schemas/task', 'success')
    assert shown['image_id'] == image['id'] and 'deleted' not in shown
    for asker in (MEMBER, READER, STRANGER):
        assert client('GET', path, asker=asker).status == 403
        assert client('GET', '/v2/tasks', asker=asker).status == 403
    assert client('GET', '/v2/tasks/11111111-2222-3333-4444-555555555555', asker=ADMIN).status == 404
    refused = client('DELETE', path, asker=ADMIN)
    assert (refused.status, refused.headers['Allow']) == (405, 'GET')


def test_tasks_are_listed_in_pages_without_what_was_asked(client, imported):
    _, task = imported
    found = client('GET', '/v2/tasks?status=success&type=api_image_import&limit=1', asker=ADMIN).json
    (stub,) = found['tasks']
    assert stub['id'] == task['id'] and not {'input', 'result', 'message', 'image_id'} & set(stub)
    assert found['schema'] == '/v2/schemas/tasks'
    assert found['first'] == '/v2/tasks?status=success&type=api_image_import&limit=1'
    assert f'marker={task["id"]}' in found['next']
    assert client('GET', found['next'], asker=ADMIN).json['tasks'] == []
    assert client('GET', '/v2/tasks?status=failure', asker=ADMIN).json['tasks'] == []


@pytest.mark.parametrize(
    'query',
    ['status=odd', 'type=odd', 'limit=x', 'limit=-1', 'marker=x', 'sort_key=odd', 'sort_dir=up']
    + ['marker=11111111-2222-3333-4444-555555555555'],
)
def test_a_list_that_is_asked_for_wrongly_is_refused(client, query):
    assert client('GET', f'/v2/tasks?{query}', asker=ADMIN).status == 400


def test_the_mark_of_an_import_is_no_users_to_write(client, make):
    path = f'/v2/images/{make()["id"]}'
    change = [{'op': 'add', 'path': '/os_glance_import_task', 'value': 'x'}]
    media = 'application/openstack-images-v2.1-json-patch'
    assert client('PATCH', path, change, content_type=media).status == 403


def test_the_schemas_of_tasks(client):
    one, many = (client('GET', f'/v2/schemas/{name}').json for name in ('task', 'tasks'))
    assert (one['name'], many['name']) == ('task', 'tasks')
    assert one['properties']['type']['enum'] == ['import', 'api_image_import', 'location_import']
    assert 'input' in one['properties'] and 'input' not in many['properties']['tasks']['items']['properties']
