"""Several stores: which there are, uploads and imports into them, copies, and removing from one of them."""

import pathlib

import pytest

from nimbus.common import errors
from nimbus.common.parts import Parts
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS, IMPORT_METHODS
from nimbus.image.quotas import ImageQuotas
from nimbus.image.stores.file import FileStore
from nimbus.image.stores.stores import Place, Stores
from tests.conftest import ADMIN, MEMBER, READER, SERVICE, STRANGER
from tests.wire.image.conftest import OCTETS, V21


class Broken(FileStore):
    """A store whose disk fails."""

    def draft(self, image_id, upload_id):
        raise errors.TooLarge('Image storage media is full.')


@pytest.fixture
def transfers(parts: Parts, tmp_path: pathlib.Path) -> Transfers:
    limits = Limits(tuple(DISK_FORMATS), tuple(CONTAINER_FORMATS), import_methods=tuple(IMPORT_METHODS))
    places = {
        'fast': Place(FileStore(str(tmp_path / 'fast')), 'on NVMe', 10),
        'cheap': Place(FileStore(str(tmp_path / 'cheap'))),
        'broken': Place(Broken(str(tmp_path / 'broken'))),
    }
    stores = Stores(FileStore(str(tmp_path / 'staging')), places, 'fast')
    return Transfers(parts.db, stores, limits, ImageQuotas(), 'h1')


def held(transfers):
    return {name: len(place.store.present()) for name, place in transfers.stores.places.items()}


def shown(client, image):
    return client('GET', f'/v2/images/{image["id"]}', asker=ADMIN).json


def used(client):
    found = client('GET', '/v2/info/usage').json['usage']
    return {name: one['usage'] for name, one in found.items() if one['usage']}


def asked(client, image, method='glance-direct', asker=ADMIN, header=None, **more):
    headers = {'x_image_meta_store': header} if header else {}
    body = {'method': {'name': method}} | more
    return client('POST', f'/v2/images/{image["id"]}/import', body, asker=asker, **headers)


@pytest.fixture
def staged(client, make):
    image = make()
    assert client('PUT', f'/v2/images/{image["id"]}/stage', b'abc', **OCTETS).status == 204
    return image


def test_stores_are_listed_for_users_and_told_of_to_operators(client):
    plain = client('GET', '/v2/info/stores', asker=READER).json['stores']
    assert plain == [{'id': 'fast', 'description': 'on NVMe', 'default': 'true'}, {'id': 'cheap'}, {'id': 'broken'}]
    for asker in (ADMIN, SERVICE):
        first = client('GET', '/v2/info/stores/detail', asker=asker).json['stores'][0]
        assert (first['type'], first['weight'], first['default']) == ('file', 10, 'true')
        assert first['properties']['data_dir'].endswith('/fast')
    assert client('GET', '/v2/info/stores/detail', asker=READER).status == 403


def test_an_upload_goes_to_the_default_store_or_the_one_that_is_named(client, make, transfers):
    first = make(b'abc')
    assert (first['stores'], held(transfers)) == ('fast', {'fast': 1, 'cheap': 0, 'broken': 0})
    second = make()
    path = f'/v2/images/{second["id"]}/file'
    assert 'stores' not in second
    assert client('PUT', path, b'abc', x_image_meta_store='odd', **OCTETS).status == 400
    assert client('PUT', path, b'abc', x_image_meta_store='broken', **OCTETS).status == 413
    assert client('PUT', path, b'abc', x_image_meta_store='cheap', **OCTETS).status == 204
    assert (shown(client, second)['stores'], held(transfers)) == ('cheap', {'fast': 1, 'cheap': 1, 'broken': 0})
    assert client('GET', path).data == b'abc'
    assert client('DELETE', f'/v2/images/{second["id"]}').status == 204
    assert held(transfers) == {'fast': 1, 'cheap': 0, 'broken': 0}


def test_an_import_goes_to_each_store_that_is_named(client, staged, settle, transfers):
    assert asked(client, staged, stores=['cheap', 'fast']).status == 202
    settle()
    image = shown(client, staged)
    assert (image['status'], image['stores']) == ('active', 'cheap,fast')
    assert (image['os_glance_importing_to_stores'], image['os_glance_failed_import']) == ('', '')
    assert held(transfers) == {'fast': 1, 'cheap': 1, 'broken': 0}
    assert transfers.store.present() == []
    assert used(client) == {'image_count_total': 1, 'image_size_total': 2}
    client('DELETE', f'/v2/images/{staged["id"]}')
    assert used(client) == {} and held(transfers) == {'fast': 0, 'cheap': 0, 'broken': 0}


def test_an_import_names_its_store_by_a_header_too(client, staged, settle, transfers):
    assert asked(client, staged, header='cheap').status == 202
    settle()
    assert shown(client, staged)['stores'] == 'cheap'


def test_all_stores_must_take_the_data_unless_it_is_said_that_some_suffice(client, staged, settle, transfers):
    assert asked(client, staged, all_stores=True).status == 202
    settle()
    image = shown(client, staged)
    assert (image['status'], image['os_glance_failed_import']) == ('queued', 'fast,cheap,broken')
    assert held(transfers) == {'fast': 0, 'cheap': 0, 'broken': 0} and transfers.store.present() == []
    assert client('PUT', f'/v2/images/{staged["id"]}/stage', b'abc', **OCTETS).status == 204
    assert asked(client, staged, all_stores=True, all_stores_must_succeed=False).status == 202
    settle()
    image = shown(client, staged)
    assert (image['status'], image['stores']) == ('active', 'fast,cheap')
    assert image['os_glance_failed_import'] == 'broken'


@pytest.mark.parametrize(
    ('body', 'header', 'status'),
    [
        ({'stores': ['odd']}, None, 409),
        ({'stores': ['fast'], 'all_stores': True}, None, 400),
        ({'all_stores': True}, 'fast', 400),
        ({'stores': ['fast']}, 'cheap', 400),
        ({'stores': 'fast'}, None, 400),
        ({'stores': []}, None, 400),
        ({'stores': [None]}, None, 400),
        ({}, 'odd', 409),
    ],
)
def test_stores_that_are_named_wrongly_are_refused(client, staged, body, header, status):
    assert asked(client, staged, header=header, **body).status == status
    assert shown(client, staged)['status'] == 'uploading'


def test_an_operator_copies_an_image_into_more_stores(client, make, settle, transfers):
    image = make(b'abc')
    assert asked(client, image, 'copy-image', stores=['cheap']).status == 202
    settle()
    found = shown(client, image)
    assert (found['stores'], found['status']) == ('fast,cheap', 'active')
    assert used(client) == {'image_count_total': 1, 'image_size_total': 2}
    again = asked(client, image, 'copy-image', stores=['cheap'])
    assert again.status == 400 and b'already present at store' in again.data
    for asker, status in ((READER, 403), (STRANGER, 404), (None, 403)):
        more = {'asker': asker} if asker else {'asker': READER}
        assert asked(client, image, 'copy-image', stores=['broken'], **more).status == status
    assert asked(client, make(), 'copy-image', stores=['cheap']).status == 409


def test_a_copy_that_fails_leaves_the_image_as_it_was(client, make, settle, transfers):
    image = make(b'abc')
    assert asked(client, image, 'copy-image', all_stores=True).status == 202
    settle()
    found = shown(client, image)
    assert (found['stores'], found['status'], found['os_glance_failed_import']) == ('fast', 'active', 'cheap,broken')
    assert held(transfers) == {'fast': 1, 'cheap': 0, 'broken': 0}
    assert asked(client, image, 'copy-image', all_stores=True, all_stores_must_succeed=False).status == 202
    settle()
    assert shown(client, image)['stores'] == 'fast,cheap'


def test_a_copy_over_the_quota_leaves_no_bytes_where_the_image_is_not(client, make, settle, transfers, parts):
    image = make(b'abc')
    with parts.db.write() as tx:
        transfers.quotas.set(tx, MEMBER.project_id, {'image_size_total': 1})
    assert asked(client, image, 'copy-image', stores=['cheap']).status == 202
    settle()
    (task,) = client('GET', f'/v2/images/{image["id"]}/tasks', asker=ADMIN).json['tasks']
    assert task['status'] == 'failure' and 'image_size_total' in task['message']
    assert shown(client, image)['stores'] == 'fast' and held(transfers) == {'fast': 1, 'cheap': 0, 'broken': 0}


def test_bytes_that_changed_in_their_store_are_not_copied(client, make, settle, transfers):
    image = make(b'abc')
    (transfers.stores.get('fast').path / image['id']).write_bytes(b'abd')
    assert asked(client, image, 'copy-image', stores=['cheap']).status == 202
    settle()
    (task,) = client('GET', f'/v2/images/{image["id"]}/tasks', asker=ADMIN).json['tasks']
    assert task['status'] == 'failure' and 'hash' in task['message']
    assert held(transfers)['cheap'] == 0


def test_an_image_is_removed_from_one_of_its_stores(client, staged, settle, transfers):
    path = f'/v2/stores/fast/{staged["id"]}'
    assert client('DELETE', path, asker=ADMIN).status == 409
    asked(client, staged, stores=['fast', 'cheap'])
    settle()
    assert client('DELETE', path, asker=STRANGER).status == 404
    assert client('DELETE', path).status == 403
    assert client('DELETE', f'/v2/stores/odd/{staged["id"]}', asker=ADMIN).status == 409
    assert client('DELETE', f'/v2/stores/broken/{staged["id"]}', asker=ADMIN).status == 404
    assert client('DELETE', '/v2/stores/fast/11111111-2222-3333-4444-555555555555', asker=ADMIN).status == 404
    assert client('DELETE', path, asker=ADMIN).status == 204
    assert (shown(client, staged)['stores'], held(transfers)) == ('cheap', {'fast': 0, 'cheap': 1, 'broken': 0})
    assert used(client) == {'image_count_total': 1, 'image_size_total': 1}
    last = client('DELETE', f'/v2/stores/cheap/{staged["id"]}', asker=ADMIN)
    assert last.status == 403 and b'the only store' in last.data
    assert client('GET', f'/v2/images/{staged["id"]}/file').data == b'abc'


def test_where_an_image_is_kept_is_no_users_to_write(client, make):
    image = make(b'abc')
    for name in ('stores', 'locations', 'os_glance_failed_import', 'os_glance_importing_to_stores'):
        change = [{'op': 'add', 'path': f'/{name}', 'value': 'cheap'}]
        assert client('PATCH', f'/v2/images/{image["id"]}', change, **V21).status == 403, name
    assert client('POST', '/v2/images', {'stores': 'cheap'}).status == 403


def test_a_store_that_is_away_keeps_no_other_from_its_work_nor_the_service_from_starting(
    client, make, transfers, monkeypatch
):
    image, away = make(b'abc'), transfers.stores.get('broken')

    def refuse(*_):
        raise errors.Unavailable('The image store does not answer.')

    for verb in ('present', 'delete'):
        monkeypatch.setattr(away, verb, refuse)
    places = transfers.stores.places
    transfers.stores.places = {name: places[name] for name in ('broken', 'fast', 'cheap')}
    assert client('DELETE', f'/v2/images/{image["id"]}').status == 204
    left = [transfers.stores.get(name).path / image['id'] for name in ('fast', 'cheap')]
    assert not any(path.exists() for path in left)
    for path in left:
        path.write_bytes(b'abc')
    transfers.heal()
    assert not any(path.exists() for path in left)
