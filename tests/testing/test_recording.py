"""What is kept of a request to a fake cloud has no secret in it, whichever service told it."""

import json

import pytest

from nimbus.cmd.fake import recorder

KEYS = ('adminPass', 'password', 'auth_key', 'secret', 'private_key', 'user_data', 'contents', 'totp_secret')
URLS = (
    'http://cloud:6080/vnc_lite.html?path=%3Ftoken%3Dhunter2',
    'ws://cloud:6083/?token=hunter2',
    'https://mirror.example.org/i?X-Amz-Signature=hunter2&part=1',
)


@pytest.mark.parametrize('key', KEYS)
def test_a_secret_of_a_body_is_masked(key):
    kept = recorder.without_secrets({'thing': {'id': '7', key: 'hunter2', 'more': [{key: 'hunter2'}]}})
    assert 'hunter2' not in json.dumps(kept) and kept['thing']['id'] == '7'


@pytest.mark.parametrize('url', URLS)
def test_a_url_is_kept_without_what_opens_it(url):
    kept = recorder.without_secrets({'remote_console': {'url': url, 'type': 'novnc'}})['remote_console']
    assert 'hunter2' not in kept['url'] and kept['url'].startswith(url.partition('?')[0])
    assert kept['type'] == 'novnc'


def test_a_url_without_secrets_is_kept_whole():
    link = 'http://cloud:8774/v2.1/servers?limit=1&marker=7'
    assert recorder.without_secrets({'links': [{'href': link}]}) == {'links': [{'href': link}]}


def test_a_number_that_is_a_secret_is_masked():
    assert recorder.without_secrets({'accept': {'auth_key': 12345678}}) == {'accept': {'auth_key': '***'}}
    assert recorder.without_secrets({'user': {'password_expires_at': None}})['user'] == {'password_expires_at': None}
