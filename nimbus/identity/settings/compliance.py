"""Security compliance: the rules for users' passwords, on strength, age, history and expiry."""

import dataclasses
import datetime
import logging
import re
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.models import PastPassword

LOG = logging.getLogger(__name__)
DAY = datetime.timedelta(days=1)
EXEMPT = 'ignore_password_expiry'


@dataclasses.dataclass(frozen=True)
class Compliance:
    """The values of the [security_compliance] group; a rule that is not set is not enforced."""

    disable_user_account_days_inactive: int | None = None
    lockout_failure_attempts: int | None = None
    lockout_duration: int = 1800
    password_expires_days: int | None = None
    unique_last_password_count: int = 0
    minimum_password_age: int = 0
    password_regex: str | None = None
    password_regex_description: str | None = None
    change_password_upon_first_use: bool = False

    def check_strength(self, password: str) -> None:
        """Nothing when the password matches password_regex.  Raises Invalid, naming what is required."""
        if not self.password_regex:
            return
        try:
            matches = re.match(self.password_regex, password)
        except re.error as why:
            LOG.error('[security_compliance] password_regex cannot be used: %s', why)
            raise invalid('Unable to validate password due to invalid configuration') from None
        if not matches:
            raise errors.Invalid(
                f'The password does not match the requirements: {self.password_regex_description or "none are listed"}.'
            )

    def expiry(self, now: datetime.datetime, options: dict[str, Any], *, by_admin: bool) -> datetime.datetime | None:
        """When a password that is set now expires for a user with these options, None when it does not."""
        if (
            by_admin
            and self.change_password_upon_first_use
            and not options.get('ignore_change_password_upon_first_use')
        ):
            return now
        if not self.password_expires_days or options.get(EXEMPT):
            return None
        return (now + self.password_expires_days * DAY).replace(microsecond=0)

    def check_age(self, user: Any, now: datetime.datetime) -> None:
        """Nothing when the password has its minimum age and may be changed.  Raises Invalid."""
        if not (self.minimum_password_age and user.password_self_service and user.password_created_at):
            return
        left = user.password_created_at + self.minimum_password_age * DAY - now
        if left > datetime.timedelta():
            raise errors.Invalid(
                'You cannot change your password at this time due to the minimum password age. Once you change your '
                f'password, it must be used for {self.minimum_password_age} day(s) before it can be changed. Please '
                f'try again in {left.days} day(s) or contact your administrator to reset your password.'
            )

    def past(self, tx: db.Tx, user: Any) -> list[str]:
        """The hashes that the user's next password must not match, newest first."""
        count = self.unique_last_password_count
        if not count:
            return []
        query = sa.select(PastPassword.password_hash).where(PastPassword.user_id == user.id)
        kept = tx.column(query.order_by(PastPassword.seq.desc()).limit(count))
        return list(dict.fromkeys([user.password_hash, *kept]))[:count] if user.password_hash else kept

    def same_again(self) -> errors.Invalid:
        """The error for a password that was used before."""
        return errors.Invalid(
            'The new password cannot be identical to a previous password. The total number which includes the new '
            f'password must be unique is {self.unique_last_password_count}.'
        )

    def remember(self, tx: db.Tx, user_id: str, password_hash: str, now: datetime.datetime) -> None:
        """The password is recorded in the history; those older than unique_last_password_count are deleted."""
        count = self.unique_last_password_count
        if not count:
            return
        tx.insert(PastPassword, user_id=user_id, password_hash=password_hash, created_at=now)
        newest = sa.select(PastPassword.seq).where(PastPassword.user_id == user_id).order_by(PastPassword.seq.desc())
        if len(kept := tx.column(newest)) > count:
            tx.delete(PastPassword, PastPassword.user_id == user_id, PastPassword.seq < kept[count - 1])


def is_expired(user: Any, now: datetime.datetime) -> bool:
    """Whether the user's password has expired and the user is not exempt from expiry."""
    ends = user.password_expires_at
    return ends is not None and ends <= now and not user.options.get(EXEMPT)


def invalid(detail: str) -> errors.Invalid:
    """The error for a refused password."""
    return errors.Invalid(f'Password validation error: {detail}.')
