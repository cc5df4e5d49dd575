"""Multi-factor authentication: the rules for which methods a user must combine, and TOTP passcodes."""

import base64
import binascii
import datetime
import hmac
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor import totp

from nimbus.common.database import db
from nimbus.identity.models import User
from nimbus.identity.tokens.payload import EPOCH

LENGTH, PERIOD = 6, 30  # digits of a passcode, and seconds for which it is valid
NO_SEED = 'A' * 32  # compared for a user without a seed, so that the time of the answer reveals nothing
SHORTEST = 10  # bytes of a seed; upstream's are longer, and everybody could compute the passcodes of an empty one


def rules_of(options: dict[str, Any], known: Iterable[str]) -> list[list[str]]:
    """The sets of methods of which a user with these options must pass one; none when any single method is enough.

    A method that is not supported is left out, so that a rule cannot lock a user out for good.
    """
    if options.get('multi_factor_auth_enabled', True) is False:
        return []
    found = [[name for name in rule if name in known] for rule in options.get('multi_factor_auth_rules') or ()]
    return [rule for rule in found if rule]


def suffice(methods: Iterable[str], rules: list[list[str]]) -> bool:
    """Whether the methods fulfil one of the rules."""
    brought = set(methods)
    return not rules or any(brought.issuperset(rule) for rule in rules)


def window_of(passcode: str, seeds: list[str], now: datetime.datetime, windows: int = 1) -> int | None:
    """The number of the window, the current one or one of `windows` before it, of the passcode; None if it is wrong."""
    present = int((now - EPOCH).total_seconds()) // PERIOD
    found = None
    for seed in seeds or [NO_SEED]:
        for number in range(present - windows, present + 1):
            shown = _shown(seed, number * PERIOD)
            if shown and hmac.compare_digest(shown, passcode.encode()) and seeds:
                found = number
    return found


def use_up(tx: db.Tx, user_id: str, window: int) -> bool:
    """Whether no passcode of the user from that window or a later one was used before; it counts as used now.

    One UPDATE decides, so that of two logins at once, in any processes, only one succeeds.
    """
    fresh = sa.or_(User.passcode_counter.is_(None), User.passcode_counter < window)
    return tx.update(User, User.id == user_id, fresh, passcode_counter=window) == 1


def _shown(seed: str, moment: float) -> bytes | None:
    """The passcode of a base32 seed in a window, None when it is not a valid seed."""
    try:
        key = base64.b32decode(seed + '=' * (-len(seed) % 8))
    except (binascii.Error, ValueError):
        return None
    if len(key) < SHORTEST:
        return None
    return totp.TOTP(key, LENGTH, hashes.SHA1(), PERIOD, enforce_key_length=False).generate(int(moment))
