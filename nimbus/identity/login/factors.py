"""Several factors at once: which methods a user must bring together, and one-time passcodes."""

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

LENGTH, PERIOD = 6, 30  # digits of a passcode, and seconds that it lasts
NO_SEED = 'A' * 32  # a passcode of a user without a seed is compared as well, so that time does not tell
SHORTEST = 10  # bytes of a seed; upstream's are longer, and an empty one would be everybody's


def rules_of(options: dict[str, Any], known: Iterable[str]) -> list[list[str]]:
    """The sets of methods of which a user with these options must bring one; none when any method will do.

    A method that nobody could bring is left out, so that a rule cannot shut a user out for good.
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
    """The number of the window, this one or one of so many before, in which a seed shows the passcode; None if none."""
    present = int((now - EPOCH).total_seconds()) // PERIOD
    found = None
    for seed in seeds or [NO_SEED]:
        for number in range(present - windows, present + 1):
            shown = _shown(seed, number * PERIOD)
            if shown and hmac.compare_digest(shown, passcode.encode()) and seeds:
                found = number
    return found


def use_up(tx: db.Tx, user_id: str, window: int) -> bool:
    """Whether no passcode of the user's from that window, or from a later one, was used before; now one is.

    One statement decides, so that of two logins at once, in whatever processes, one alone is the first.
    """
    fresh = sa.or_(User.passcode_counter.is_(None), User.passcode_counter < window)
    return tx.update(User, User.id == user_id, fresh, passcode_counter=window) == 1


def _shown(seed: str, moment: float) -> bytes | None:
    """The passcode of a seed in base32, None when it is no seed."""
    try:
        key = base64.b32decode(seed + '=' * (-len(seed) % 8))
    except (binascii.Error, ValueError):
        return None
    if len(key) < SHORTEST:
        return None
    return totp.TOTP(key, LENGTH, hashes.SHA1(), PERIOD, enforce_key_length=False).generate(int(moment))
