"""Locks an account for a while after too many wrong passwords or passcodes.

The lock is checked after the secret, so that the time of the answer does not
reveal that an account is locked, and the right guess among many made at once
is refused too.
"""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.identity.models import LoginFailure
from nimbus.identity.settings.compliance import Compliance

NOBODY = ''  # failures of unknown users: recording them takes as long as for known ones


@dataclasses.dataclass(frozen=True)
class Locks:
    """The locks of accounts at a moment; failures of one method are not reset by a success of another."""

    db: db.Database
    rules: Compliance
    now: datetime.datetime

    def admit(self, user: Any, method: str, right: bool) -> bool:
        """Whether the login is allowed: the secret was `right` and the account is not locked; a failure is recorded."""
        most = self.rules.lockout_failure_attempts
        if not most or user is not None and user.options.get('ignore_lockout_failure_attempts'):
            return right
        user_id = user.id if user is not None else NOBODY
        with self.db.read() as tx:
            rows = {row.method: row for row in tx.rows(sa.select(LoginFailure).where(LoginFailure.user_id == user_id))}
        full = {row.method: self._is_over(row) for row in rows.values() if row.failures >= most}
        if user is not None and not all(full.values()):
            self.db.with_retries(lambda tx: self._fail(tx, NOBODY, method, False))  # takes as long as any other refusal
            return False
        if not right:
            self.db.with_retries(lambda tx: self._fail(tx, user_id, method, full.get(method, False)))
        elif method in rows:
            self.db.with_retries(lambda tx: tx.delete(LoginFailure, *_key(user_id, method)))
        return right

    def _is_over(self, row: Any) -> bool:
        return row.failed_at + datetime.timedelta(seconds=self.rules.lockout_duration) <= self.now

    def _fail(self, tx: db.Tx, user_id: str, method: str, over: bool) -> None:
        """One more failure is counted; after a lock that has ended, counting begins anew."""
        if over:
            tx.delete(LoginFailure, *_key(user_id, method))
        tx.ensure(LoginFailure, user_id=user_id, method=method, failures=0, failed_at=self.now)
        more = LoginFailure.failures + 1
        tx.update(LoginFailure, *_key(user_id, method), failures=more, failed_at=self.now)


def _key(user_id: str, method: str) -> tuple[Any, Any]:
    return LoginFailure.user_id == user_id, LoginFailure.method == method


def forget(tx: db.Tx, user_id: str) -> None:
    """No failure of the user is known, and the account is not locked."""
    tx.delete(LoginFailure, LoginFailure.user_id == user_id)
