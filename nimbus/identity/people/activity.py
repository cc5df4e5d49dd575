"""Inactive users: accounts count as disabled after a number of days without a login.

The day of a user's last login is written by the first successful login of
each day only, so that other logins cost no write.
"""

import datetime
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.identity.models import User
from nimbus.identity.settings.compliance import Compliance

EXEMPT = 'ignore_user_inactivity'
ELSEWHERE = datetime.date.max  # of a user of an LDAP directory, which itself says who is enabled

Judge = Callable[[Any], bool]  # returns whether the user of a row is enabled


def is_set(row: Any) -> bool:
    """Whether the user's row is enabled, whatever the days without a login."""
    return bool(row.enabled)


def judge(rules: Compliance, now: datetime.datetime) -> Judge:
    """The function that decides for this moment whether a user is enabled."""
    if not rules.disable_user_account_days_inactive:
        return is_set
    return lambda row: bool(row.enabled) and not is_inactive(row, rules, now)


def is_inactive(row: Any, rules: Compliance, now: datetime.datetime) -> bool:
    """Whether the last login, or the account's creation where there was none, is too many days ago."""
    most = rules.disable_user_account_days_inactive
    if not most or row.options.get(EXEMPT) is True:
        return False
    last = row.last_active_at or row.created_at.date()
    return (now.date() - last).days >= most


def note(database: db.Database, row: Any, now: datetime.datetime) -> None:
    """The user, who has just logged in, is recorded as active today."""
    today = now.date()
    if row.last_active_at is not None and row.last_active_at >= today:
        return
    older = sa.or_(User.last_active_at.is_(None), User.last_active_at < today)
    database.with_retries(lambda tx: tx.update(User, User.id == row.id, older, last_active_at=today))
