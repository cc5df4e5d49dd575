"""Auth receipts: encrypted records of the methods a user has already passed, for multi-factor logins."""

import dataclasses
import datetime
import json

from nimbus.common import errors
from nimbus.identity.key_repository import KeyRing
from nimbus.identity.tokens.payload import EPOCH
from nimbus.identity.tokens.subjects import Subject

MARK = b'receipt:'  # no token begins with it, so that no receipt is ever read as a token
HEADER = 'Openstack-Auth-Receipt'
MAX_LENGTH = 1024


@dataclasses.dataclass(frozen=True)
class Receipt:
    """The user, the methods passed and the expiry of a receipt."""

    user_id: str
    methods: tuple[str, ...]
    issued_at: datetime.datetime
    expires_at: datetime.datetime


class Insufficient(errors.Unauthenticated):
    """The methods passed are valid but not sufficient; the receipt lets the user add the rest."""

    def __init__(self, receipt: Receipt, required: list[list[str]], user: Subject) -> None:
        super().__init__('Additional authentications steps required.')
        self.receipt, self.required, self.user = receipt, required, user


def encrypt(keys: KeyRing, receipt: Receipt) -> str:
    """The receipt as the value of its header.  Raises Unavailable without keys."""
    values = {name: _plain(value) for name, value in dataclasses.asdict(receipt).items()}
    return keys.encrypt(MARK + json.dumps(values).encode(), values['issued_at']).rstrip(b'=').decode()


def _plain(value: object) -> object:
    return (value - EPOCH).total_seconds() if isinstance(value, datetime.datetime) else value


def read(keys: KeyRing, encrypted: str, now: datetime.datetime) -> Receipt:
    """The receipt in the value of a header.  Raises Unauthenticated when it is not one of ours or has expired."""
    payload = None
    if encrypted.isascii() and len(encrypted) <= MAX_LENGTH:
        payload = keys.decrypt(encrypted.encode() + b'=' * (-len(encrypted) % 4))
    if payload is None or not payload.startswith(MARK):
        raise unknown(encrypted)
    values = json.loads(payload.removeprefix(MARK))
    moments = {
        name: EPOCH + datetime.timedelta(microseconds=round(values[name] * 1e6)) for name in ('issued_at', 'expires_at')
    }
    receipt = Receipt(values['user_id'], tuple(values['methods']), **moments)
    if receipt.expires_at <= now:
        raise unknown(encrypted)
    return receipt


def unknown(encrypted: str) -> errors.Unauthenticated:
    """The error for a receipt that is not valid."""
    return errors.Unauthenticated(f'Could not find auth receipt: {encrypted[:MAX_LENGTH]}.')
