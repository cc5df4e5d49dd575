"""The ways of import that doc/absent.md calls absent are refused by their names."""

import pytest


@pytest.mark.parametrize('method', ['glance-download'])
def test_an_import_that_is_not_there_is_refused(client, make, method):
    made = make(name='i', disk_format='raw', container_format='bare')
    answer = client(
        'POST', f'/v2/images/{made["id"]}/import', {'method': {'name': method, 'uri': 'http://x.example/i'}}
    )
    assert answer.status == 400 and method.encode() in answer.data
