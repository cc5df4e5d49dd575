"""What a token says, and its bytes: as few as can be, for a token travels with every request."""

import base64
import dataclasses
import datetime
import struct
import uuid

VERSION = 1
METHODS = (
    'password',
    'token',
    'application_credential',
    'totp',
    'ec2credential',
)  # a bit each, so only ever appended to
SCOPES = ('unscoped', 'project', 'domain', 'system')
HEAD = struct.Struct('>BBBQQB')
EPOCH = datetime.datetime(1970, 1, 1)


@dataclasses.dataclass(frozen=True)
class Claims:
    """A token's own words, before anything is looked up."""

    methods: tuple[str, ...]
    user_id: str
    scope: str  # one of SCOPES
    scope_id: str  # '' when unscoped or system
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    audit_ids: tuple[str, ...]  # the token's own, then the one of the first token of its chain
    application_credential_id: str = ''
    trust_id: str = ''


def pack(claims: Claims) -> bytes:
    """The claims as bytes."""
    methods = sum(1 << METHODS.index(name) for name in claims.methods)
    head = HEAD.pack(
        VERSION,
        methods,
        SCOPES.index(claims.scope),
        _micros(claims.issued_at),
        _micros(claims.expires_at),
        len(claims.audit_ids),
    )
    audits = b''.join(base64.urlsafe_b64decode(audit + '==') for audit in claims.audit_ids)
    names = [claims.user_id, claims.scope_id, claims.application_credential_id]
    if claims.trust_id:  # left out where there is none: tokens stay short, and older ones can be read
        names.append(claims.trust_id)
    return head + audits + b''.join(map(_pack_id, names))


def unpack(data: bytes) -> Claims:
    """The claims of the bytes.  Raises ValueError when they are not a payload of this version."""
    try:
        version, methods, scope, issued, expires, count = HEAD.unpack_from(data)
        if version != VERSION:
            raise ValueError(f'token payload version {version} is unknown')
        at = HEAD.size
        audits = tuple(_audit(data[at + 16 * i : at + 16 * i + 16]) for i in range(count))
        at += 16 * count
        user_id, at = _unpack_id(data, at)
        scope_id, at = _unpack_id(data, at)
        credential_id, at = _unpack_id(data, at)
        trust_id, at = _unpack_id(data, at) if at < len(data) else ('', at)
    except (struct.error, IndexError) as why:
        raise ValueError('the token payload is cut short') from why
    return Claims(
        methods=tuple(name for bit, name in enumerate(METHODS) if methods >> bit & 1),
        user_id=user_id,
        scope=SCOPES[scope],
        scope_id=scope_id,
        issued_at=EPOCH + datetime.timedelta(microseconds=issued),
        expires_at=EPOCH + datetime.timedelta(microseconds=expires),
        audit_ids=audits,
        application_credential_id=credential_id,
        trust_id=trust_id,
    )


def new_audit_id() -> str:
    """A random id of a token, as it stands in audit records."""
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
