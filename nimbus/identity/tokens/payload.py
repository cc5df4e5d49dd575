"""The claims of a token, and their compact binary form, as a token is sent with every request."""

import base64
import dataclasses
import datetime
import struct
import uuid

METHODS = (
    'password',
    'token',
    'application_credential',
    'totp',
    'ec2credential',
    'oauth1',
    'oauth2_credential',
    'mapped',
    'saml2',
    'openid',
)  # a bit each, so only ever appended to
SCOPES = ('unscoped', 'project', 'domain', 'system')
HEADS = {1: struct.Struct('>BBBQQB'), 2: struct.Struct('>BHBQQB')}  # by version: 1 had a byte for the methods
VERSION = 2
# The ids of a payload, in their order; those at the end that a token has not are left out of it.
NAMES = (
    'user_id',
    'scope_id',
    'application_credential_id',
    'trust_id',
    'access_token_id',
    'identity_provider_id',
    'protocol_id',
    'thumbprint',
)
EPOCH = datetime.datetime(1970, 1, 1)


@dataclasses.dataclass(frozen=True)
class Claims:
    """The claims in a token, before anything is looked up in the database."""

    methods: tuple[str, ...]
    user_id: str
    scope: str  # one of SCOPES
    scope_id: str  # '' when unscoped or system
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    audit_ids: tuple[str, ...]  # the token's own audit id, then that of the first token of its chain
    application_credential_id: str = ''
    trust_id: str = ''
    access_token_id: str = ''  # of OAuth 1
    identity_provider_id: str = ''  # of a federated login, and the protocol it came by
    protocol_id: str = ''
    thumbprint: str = ''  # of the certificate that a token of OAuth 2 is bound to
    group_ids: tuple[str, ...] = ()  # that a federated login was mapped to, for as long as the token lasts


def pack(claims: Claims) -> bytes:
    """The claims as bytes."""
    methods = sum(1 << METHODS.index(name) for name in claims.methods)
    head = HEADS[VERSION].pack(
        VERSION,
        methods,
        SCOPES.index(claims.scope),
        _micros(claims.issued_at),
        _micros(claims.expires_at),
        len(claims.audit_ids),
    )
    audits = b''.join(base64.urlsafe_b64decode(audit + '==') for audit in claims.audit_ids)
    names = [*(getattr(claims, name) for name in NAMES), *claims.group_ids]
    while not names[-1]:
        names.pop()
    return head + audits + b''.join(map(_pack_id, names))


def unpack(data: bytes) -> Claims:
    """The claims of the bytes.  Raises ValueError when they are not a payload of this version."""
    try:
        head = HEADS.get(data[0])
        if head is None:
            raise ValueError(f'token payload version {data[0]} is unknown')
        _, methods, scope, issued, expires, count = head.unpack_from(data)
        at = head.size
        audits = tuple(_audit(data[at + 16 * i : at + 16 * i + 16]) for i in range(count))
        at += 16 * count
        names = []
        while at < len(data):
            name, at = _unpack_id(data, at)
            names.append(name)
        if not names or at > len(data):
            raise ValueError('the token payload is cut short')
    except (struct.error, IndexError) as why:
        raise ValueError('the token payload is cut short') from why
    return Claims(
        methods=tuple(name for bit, name in enumerate(METHODS) if methods >> bit & 1),
        scope=SCOPES[scope],
        issued_at=EPOCH + datetime.timedelta(microseconds=issued),
        expires_at=EPOCH + datetime.timedelta(microseconds=expires),
        audit_ids=audits,
        group_ids=tuple(names[len(NAMES) :]),
        **_named(names),
    )


def _named(names: list[str]) -> dict[str, str]:
    return dict(zip(NAMES, names + [''] * len(NAMES), strict=False))


def new_audit_id() -> str:
    """A new random audit id of a token."""
    return _audit(uuid.uuid4().bytes)


def _audit(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def _micros(moment: datetime.datetime) -> int:
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


def _pack_id(value: str) -> bytes:
    """16 bytes for the usual 32 hexadecimal digits, marked by a 255; else its length and its text."""
    if len(value) == 32:
        try:
            data = bytes.fromhex(value)
        except ValueError:
            pass
        else:
            if data.hex() == value:
                return b'\xff' + data
    text = value.encode()
    return bytes([len(text)]) + text


def _unpack_id(data: bytes, at: int) -> tuple[str, int]:
    size = data[at]
    if size == 255:
        return data[at + 1 : at + 17].hex(), at + 17
    return data[at + 1 : at + 1 + size].decode(), at + 1 + size
