"""A cloud whose images are in one store, which has no name."""

from tests.conftest import ADMIN
from tests.wire.image.conftest import OCTETS


def test_an_import_to_all_stores_goes_to_the_one_there_is(client, make, settle):
    path, body = f'/v2/images/{make()["id"]}', {'method': {'name': 'glance-direct'}}
    assert client('PUT', f'{path}/stage', b'abc', **OCTETS).status == 204
    for wrong in ({'all_stores': 'yes'}, {'all_stores_must_succeed': 1}, {'all_stores_must_succeed': False}):
        assert client('POST', f'{path}/import', body | wrong).status == 400
    assert client('POST', f'{path}/import', body | {'stores': ['fast']}).status == 400
    told = {'all_stores': True, 'all_stores_must_succeed': True}
    assert client('POST', f'{path}/import', body | told).status == 202
    settle()
    assert client('GET', path).json['status'] == 'active'


def test_a_cloud_of_one_store_names_none(client, make):
    image = make(b'abc')
    assert 'stores' not in image
    for path in ('/v2/info/stores', '/v2/info/stores/detail'):
        assert client('GET', path, asker=ADMIN).status == 404
    assert client('DELETE', f'/v2/stores/fast/{image["id"]}', asker=ADMIN).status == 404
