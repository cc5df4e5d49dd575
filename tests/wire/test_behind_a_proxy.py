"""Who may say under which address the APIs are reached."""

import types

import pytest

from nimbus.api.compute import app as compute
from nimbus.api.kit.wsgi import ProxyHeaders
from tests.wire.client import Client

SENT = {
    'HTTP_X_FORWARDED_PROTO': 'https',
    'HTTP_X_FORWARDED_HOST': 'cloud.example:443',
    'HTTP_X_FORWARDED_PREFIX': '/compute/',
}
MEANT = {'wsgi.url_scheme': 'https', 'HTTP_HOST': 'cloud.example:443', 'SCRIPT_NAME': '/compute/v2.1'}


def seen(*, believed: bool, **headers: str) -> dict[str, str]:
    """What an application sees of a request that came with the headers."""
    conf = types.SimpleNamespace(oslo_middleware=types.SimpleNamespace(enable_proxy_headers_parsing=believed))
    kept: dict[str, str] = {}
    app = ProxyHeaders(lambda environ, _start: kept.update(environ) or [], types.SimpleNamespace(conf=conf))
    own = {'wsgi.url_scheme': 'http', 'HTTP_HOST': '127.0.0.1:8774', 'SCRIPT_NAME': '/v2.1'}
    app({**own, **headers}, None)
    return {name: kept[name] for name in own}


def test_nobody_says_under_which_address_the_apis_are_unless_an_operator_wants_it():
    assert seen(believed=False, **SENT) == seen(believed=False) == seen(believed=True)


def test_a_proxy_that_is_believed_says_what_links_are_made_of():
    assert seen(believed=True, **SENT) == MEANT


@pytest.mark.parametrize('headers', [{}, {'x_forwarded_proto': 'https', 'x_forwarded_host': 'evil.example'}])
def test_a_client_does_not_choose_the_links_it_gets(parts, headers):
    links = Client(compute.make(parts))('GET', '/', asker=None, **headers).json['version']['links']
    assert [link['href'] for link in links if link['rel'] == 'self'] == ['http://cloud/v2.1/']
