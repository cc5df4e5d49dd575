"""Verifies the signatures of EC2 and S3 requests, for the services that have those APIs."""

import base64
import binascii
import hashlib
import hmac
import urllib.parse
from typing import Any

from nimbus.common import errors

V4 = 'AWS4-HMAC-SHA256'
S3_SERVICES = ('s3', 'iam', 'sts')


def is_good(secret: str, request: dict[str, Any]) -> bool:
    """Whether the EC2 request was signed with the secret.  Raises Unauthenticated on a malformed request.

    `request` has `signature`, `params`, `host`, `verb`, `path`, and for version 4 `headers` and `body_hash`.
    """
    host = request.get('host', '')
    hosts = [host]
    if ':' in host:
        hosts.append(host.rpartition(':')[0])  # some clients sign without the port
    return any(_same(request['signature'], _signed(secret, {**request, 'host': one})) for one in hosts)


def is_good_s3(secret: str, token: str, signature: str) -> bool:
    """Whether the string to sign of an S3 request, in base64, was signed with the secret.  Raises Unauthenticated."""
    try:
        text = base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError):
        raise _refusal() from None
    if not text.startswith(b'AWS4'):
        return _same(signature, _base64(hmac.digest(secret.encode(), text, 'sha1')))
    parts = text.split(b'\n')
    scope = parts[2].decode('utf-8', 'replace').split('/') if len(parts) == 4 and parts[0] == V4.encode() else []
    if len(scope) != 4 or scope[3] != 'aws4_request' or scope[2] not in S3_SERVICES:
        raise _refusal()
    return _same(signature, hmac.digest(_signing_key(secret, scope), text, 'sha256').hex())


def moment_of(request: dict[str, Any]) -> str | None:
    """The timestamp that the signature covers, None where it covers none."""
    if 'SignatureVersion' in request['params']:
        return request['params'].get('Timestamp')
    return _header(request, 'X-Amz-Date')


def _same(given: str, made: str) -> bool:
    return hmac.compare_digest(given.encode(), made.encode())


def _refusal() -> errors.Unauthenticated:
    return errors.Unauthenticated('Invalid EC2 signature.')


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _signed(secret: str, request: dict[str, Any]) -> str:
    params, version = request['params'], request['params'].get('SignatureVersion')
    key = secret.encode()
    if version == '0':
        text = params.get('Action', '') + params.get('Timestamp', '')
        return _base64(hmac.digest(key, text.encode(), 'sha1'))
    if version == '1':
        text = ''.join(name + params[name] for name in sorted(params, key=str.lower))
        return _base64(hmac.digest(key, text.encode(), 'sha1'))
    if version == '2':
        given = {**params, 'SignatureMethod': 'HmacSHA256'}
        text = '\n'.join((request['verb'], request['host'], request['path'], _query(given)))
        return _base64(hmac.digest(key, text.encode(), 'sha256'))
    if version is None and _is_version_4(request):
        return _signed_4(secret, request)
    raise _refusal()


def _is_version_4(request: dict[str, Any]) -> bool:
    given = request['headers'].get('Authorization')
    return given.startswith(V4) if given is not None else request['params'].get('X-Amz-Algorithm') == V4


def _query(params: dict[str, str]) -> str:
    quote = urllib.parse.quote
    return '&'.join(f'{quote(name, safe="")}={quote(params[name], safe="-_~")}' for name in sorted(params))


def _signed_4(secret: str, request: dict[str, Any]) -> str:
    scope = _part(request, 'Credential').split('/')[1:]
    date = _header(request, 'X-Amz-Date') or ''
    if len(scope) != 4 or not scope[0] or not date.startswith(scope[0]):
        raise _refusal()
    names = _part(request, 'SignedHeaders')
    headers = {name.lower().strip(): value.strip() for name, value in request['headers'].items()}
    signed = ''.join(f'{name}:{headers[name]}\n' for name in names.split(';') if name in headers)
    query = '' if request['verb'].upper() == 'POST' else _query(request['params'])
    whole = '\n'.join((request['verb'].upper(), request['path'], query, signed, names, request['body_hash']))
    text = '\n'.join((V4, date, '/'.join(scope), hashlib.sha256(whole.encode()).hexdigest()))
    return hmac.digest(_signing_key(secret, scope), text.encode(), 'sha256').hex()


def _header(request: dict[str, Any], name: str) -> str | None:
    return request['headers'].get(name) or request['params'].get(name)


def _part(request: dict[str, Any], name: str) -> str:
    """A part of the Authorization header, or the query parameter that stands for it."""
    header = request['headers'].get('Authorization')
    if header is not None:
        return header.partition(f'{name}=')[2].split(',')[0].strip()
    return request['params'].get(f'X-Amz-{name}', '')


def _signing_key(secret: str, scope: list[str]) -> bytes:
    key = f'AWS4{secret}'.encode()
    for part in (*scope[:3], 'aws4_request'):
        key = hmac.digest(key, part.encode(), 'sha256')
    return key
