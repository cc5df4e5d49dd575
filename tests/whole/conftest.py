"""A cloud of one process, and what most tests need in it."""

import pytest

from tests.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, hosts=2) as made:
        yield made


@pytest.fixture
def admin(cloud):
    return cloud.client('admin')


@pytest.fixture
def flavor(admin):
    body = {'flavor': {'name': 'tiny', 'ram': 64, 'vcpus': 1, 'disk': 1}}
    return admin.post('compute', '/flavors', body)['flavor']['id']


@pytest.fixture
def image(cloud, admin):
    body = {'name': 'nothing', 'disk_format': 'raw', 'container_format': 'bare'}
    made = admin.post('image', '/v2/images', body)['id']
    answer = admin.request(
        'PUT',
        'image',
        f'/v2/images/{made}/file',
        data=b'\0' * 65536,
        headers={'Content-Type': 'application/octet-stream'},
    )
    assert answer.status_code == 204
    return made


@pytest.fixture
def network(admin):
    made = admin.post('network', '/v2.0/networks', {'network': {'name': 'net'}})['network']['id']
    body = {'subnet': {'network_id': made, 'cidr': '10.9.0.0/24', 'ip_version': 4}}
    admin.post('network', '/v2.0/subnets', body)
    return made
