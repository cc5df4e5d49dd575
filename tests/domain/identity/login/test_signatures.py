"""Signatures of EC2 and S3 requests, against what other implementations make of the same requests."""

import base64
import hashlib
import hmac

import pytest

from nimbus.common import errors
from nimbus.identity.login import signatures

SECRET = '89cdf9e94e2643cab35b8b8ac5a51f83'
REQUEST = {'host': 'cloud:8788', 'verb': 'GET', 'path': '/services/Cloud', 'headers': {}, 'body_hash': ''}
COMMON = {'Action': 'RunInstances', 'Timestamp': '2026-01-02T03:04:05Z', 'AWSAccessKeyId': 'key'}
SCOPE = 'key/20260102/RegionOne/ec2/aws4_request'
HEADERS = {
    'Authorization': f'AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature=x',
    'Host': 'cloud:8788',
    'X-Amz-Date': '20260102T030405Z',
}
EMPTY = hashlib.sha256(b'').hexdigest()
# Made with python-keystoneclient, which most services sign and check with.
KNOWN = {
    'version 0': ({'params': {**COMMON, 'SignatureVersion': '0'}}, 'fAp5vsTjBADeSZxxx3N7Cg3KQJM='),
    'version 1': ({'params': {**COMMON, 'SignatureVersion': '1', 'aZ': 'é ~*'}}, 'GsgaA9kuatBNPMHnrR8qBFqylxg='),
    'version 2': (
        {'params': {**COMMON, 'SignatureVersion': '2', 'SignatureMethod': 'HmacSHA256', 'aZ': 'é ~*'}},
        'O+cxX1rQ3zM6/AnMCLqY/POMqPd7lsZLh9a0kPrgxsA=',
    ),
    'version 4': (
        {'params': {'Action': 'x', 'b': 'ü/ü'}, 'headers': HEADERS, 'body_hash': EMPTY},
        'cb16705f4fb315f344497b68c0d5266f463437677818f2b67eacd767a67a7da2',
    ),
    'version 4, posted': (
        {'verb': 'POST', 'params': {'Action': 'x'}, 'headers': HEADERS, 'body_hash': 'ab'},
        '24bf09caf715e4c53b5043420f6f1411251d7fadbd769ec318404d1f9a68824d',
    ),
    'version 4, in the query': (
        {
            'params': {
                'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
                'X-Amz-Credential': SCOPE,
                'X-Amz-Date': '20260102T030405Z',
                'X-Amz-SignedHeaders': 'host',
            },
            'headers': {'Host': 'cloud'},
            'body_hash': 'ab',
        },
        '08e1ec08752c2112dd2b3c1841d3f7651fd0ba802c31a1a063fcd04ed1bfecd3',
    ),
}


@pytest.mark.parametrize('how', KNOWN)
def test_a_signature_is_good_with_its_secret_and_no_other(how):
    more, signature = KNOWN[how]
    request = {**REQUEST, **more, 'signature': signature}
    assert signatures.is_good(SECRET, request)
    assert not signatures.is_good('another', request)
    assert not signatures.is_good(SECRET, {**request, 'signature': signature[:-2]})


def test_the_vector_of_the_field_is_good():
    scope = 'AKIDEXAMPLE/20150830/us-east-1/service/aws4_request'
    headers = {
        'Authorization': f'AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=x',
        'Host': 'example.amazonaws.com',
        'X-Amz-Date': '20150830T123600Z',
    }
    request = {**REQUEST, 'host': 'example.amazonaws.com', 'path': '/', 'params': {}, 'headers': headers}
    signature = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'
    secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
    assert signatures.is_good(secret, {**request, 'body_hash': EMPTY, 'signature': signature})


def test_a_client_may_sign_without_the_port():
    params = {**COMMON, 'SignatureVersion': '2', 'SignatureMethod': 'HmacSHA256'}
    text = '\n'.join(('GET', 'cloud', '/services/Cloud', signatures._query(params)))
    signature = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), 'sha256')).decode()
    assert signatures.is_good(SECRET, {**REQUEST, 'params': params, 'signature': signature})


@pytest.mark.parametrize(
    'more',
    [
        {'params': {}},
        {'params': {'SignatureVersion': '3'}},
        {'params': {}, 'headers': {'Authorization': 'Basic eDp5'}},
        {'params': {}, 'headers': {**HEADERS, 'X-Amz-Date': '20260103T030405Z'}},
        {'params': {}, 'headers': {'Authorization': 'AWS4-HMAC-SHA256'}},
    ],
    ids=['nothing', 'unknown version', 'another scheme', 'date beside its scope', 'cut'],
)
def test_what_is_no_signed_request_is_refused(more):
    with pytest.raises(errors.Unauthenticated):
        signatures.is_good(SECRET, {**REQUEST, **more, 'signature': 'x'})


def test_s3_signs_both_ways():
    old = b'GET\n\n\nFri, 02 Jan 2026 03:04:05 GMT\n/bucket'
    signature = base64.b64encode(hmac.digest(SECRET.encode(), old, 'sha1')).decode()
    assert signatures.is_good_s3(SECRET, base64.urlsafe_b64encode(old).decode(), signature)
    assert not signatures.is_good_s3('another', base64.urlsafe_b64encode(old).decode(), signature)
    new = f'AWS4-HMAC-SHA256\n20260102T030405Z\n20260102/RegionOne/s3/aws4_request\n{EMPTY}'.encode()
    key = b'AWS4' + SECRET.encode()
    for part in (b'20260102', b'RegionOne', b's3', b'aws4_request'):
        key = hmac.digest(key, part, 'sha256')
    signature = hmac.digest(key, new, 'sha256').hex()
    assert signatures.is_good_s3(SECRET, base64.urlsafe_b64encode(new).decode(), signature)
    for wrong in (new.replace(b'/s3/', b'/ec2/'), new[:-70], new.replace(b'_request', b'')):
        with pytest.raises(errors.Unauthenticated):
            signatures.is_good_s3(SECRET, base64.urlsafe_b64encode(wrong).decode(), signature)
    with pytest.raises(errors.Unauthenticated):
        signatures.is_good_s3(SECRET, 'é', signature)


def test_the_time_is_what_the_signature_covers():
    fresh = {'Timestamp': '2030-01-01T00:00:00Z'}
    assert signatures.moment_of({'params': fresh, 'headers': HEADERS}) == '20260102T030405Z'
    assert (
        signatures.moment_of({'params': {**fresh, 'SignatureVersion': '2'}, 'headers': HEADERS}) == fresh['Timestamp']
    )
