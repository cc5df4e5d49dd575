"""The catalog that a cloud publishes of itself, as clients use it."""

from keystoneauth1 import adapter


def test_identity_is_published_without_a_version(cloud):
    session = cloud.client('admin').session
    url = session.get_endpoint(service_type='identity', interface='public', skip_discovery=True)
    assert url == f'http://cloud:{cloud.conf.api.identity_port}'
    for path in ('/v3/users', '/v3/auth/catalog', '/v3'):  # as tools that append the version themselves
        assert session.get(url + path).status_code == 200
    for version in ('3', (3, 0), (3, 'latest')):  # as tools that look for a version
        found = adapter.Adapter(session, service_type='identity', interface='public', version=version)
        assert found.get_endpoint().rstrip('/') == f'{url}/v3'
        assert found.get('/users').status_code == 200


def test_every_type_under_which_the_volume_service_is_looked_for_leads_to_it(cloud):
    session = cloud.client('admin').session
    for kind in ('block-storage', 'volumev3', 'volumev2', 'volume'):
        url = session.get_endpoint(service_type=kind, interface='public', skip_discovery=True)
        assert session.get(f'{url}/volumes').status_code == 200
