"""The conductor's side of the desk: writes the agents' reports to the database."""

import datetime
from typing import Any

from nimbus.common import clock, errors, failpoints, jobs
from nimbus.common.agents import desk, services
from nimbus.common.context import Context
from nimbus.common.database import db


class DeskServer(desk.Desk):
    """The two verbs every desk shares; a service's own desk server adds the rest."""

    kinds: dict[str, services.Kind]  # by binary

    def __init__(self, database: db.Database) -> None:
        self.db = database

    def done(
        self,
        context: Context,
        job_id: str,
        key: str,
        ok: bool,
        result: dict[str, Any] | None = None,
        error: str | None = None,
        kind: str | None = None,
    ) -> None:
        failpoints.hit('desk.done')
        with self.db.write() as tx:
            jobs.answer(tx, job_id, key, ok=ok, result=result, error=error, kind=kind)
        failpoints.hit('desk.kept')

    def alive(self, context: Context, host: str, binary: str, facts: dict[str, Any], started: bool) -> str:
        if binary not in self.kinds:
            raise errors.Invalid(f'{binary} is no agent of this desk; it knows {", ".join(self.kinds)}.')
        said = {name: value for name, value in facts.items() if name != desk.CLOCK}
        skew = {services.SKEW: _ahead(facts[desk.CLOCK])} if desk.CLOCK in facts else {}
        with self.db.write() as tx:
            self._heard(tx, host, binary, said)
            return services.report(tx, self.kinds[binary], host, {**said, **skew}, started=started)

    def _heard(self, tx: db.Tx, host: str, binary: str, facts: dict[str, Any]) -> None:
        """What else a desk keeps of a report is kept in the report's own transaction."""


def _ahead(given: str) -> float:
    """Seconds by which another clock is ahead of this one, its message having taken no time."""
    return round((datetime.datetime.fromisoformat(given) - clock.Clock().now()).total_seconds(), 1)
