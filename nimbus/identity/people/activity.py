"""Which users have not logged in for so many days that their accounts count as disabled.

The day of a user's last login is written by the first login of each day, so
that no other costs more for it, and none that fails.
"""

import datetime
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.identity.models import User
from nimbus.identity.settings.compliance import Compliance

EXEMPT = 'ignore_user_inactivity'
ELSEWHERE = datetime.date.max  # of a user whose own directory says who is enabled

Judge = Callable[[Any], bool]  # whether the user of a row is enabled


def is_set(row: Any) -> bool:
    """Whether the user was not disabled by anybody."""
    return bool(row.enabled)


def judge(rules: Compliance, now: datetime.datetime) -> Judge:
    """What tells today whether a user is enabled."""
    if not rules.disable_user_account_days_inactive:
        return is_set
    return lambda row: bool(row.enabled) and not is_inactive(row, rules, now)


def is_inactive(row: Any, rules: Compliance, now: datetime.datetime) -> bool:
    """Whether the user has stayed away for too many days, counted from the account's first where there was no login."""
    most = rules.disable_user_account_days_inactive
    if not most or row.options.get(EXEMPT) is True:
        return False
    last = row.last_active_at or row.created_at.date()
    return (now.date() - last).days >= most


def note(database: db.Database, row: Any, now: datetime.datetime) -> None:
    """The user, who has just shown a right password, is known to have been active today."""
    today = now.date()
    if row.last_active_at is not None and row.last_active_at >= today:
        return
    older = sa.or_(User.last_active_at.is_(None), User.last_active_at < today)
    database.with_retries(lambda tx: tx.update(User, User.id == row.id, older, last_active_at=today))
