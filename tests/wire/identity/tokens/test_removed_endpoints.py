"""What is over says so to whoever asks, with a token or without."""

import pytest

GONE = 'This API is no longer available due to the removal of support for PKI tokens.'


@pytest.mark.parametrize('who', ['administrator', 'member', 'nobody'])
@pytest.mark.parametrize('path', ['/OS-SIMPLE-CERT/ca', '/OS-SIMPLE-CERT/certificates'])
def test_signing_certificates_are_gone(cloud, member, path, who):
    token = {'administrator': cloud.token, 'member': member['token'], 'nobody': ''}[who]
    answer = cloud('GET', path, token=token)
    assert (answer.status, answer.json) == (410, {'error': {'code': 410, 'title': 'Gone', 'message': GONE}})
    assert cloud('HEAD', path, token=token).status == 410
    assert cloud('POST', path, {}).status == 405


def test_the_list_of_revoked_tokens_is_told_to_nobody(cloud, member):
    path = '/auth/tokens/OS-PKI/revoked'
    said = 'You are not authorized to perform the requested action.'
    for token in (cloud.token, member['token'], ''):
        answer = cloud('GET', path, token=token)
        assert (answer.status, answer.json['error']['message']) == (403, said)
        assert (answer.json['error']['title'], answer.json['error']['code']) == ('Forbidden', 403)
