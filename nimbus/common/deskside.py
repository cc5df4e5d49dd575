"""The conductor's side of the desk: reports are kept in the database."""

from typing import Any

from nimbus.common import db, desk, errors, failpoints, jobs, services
from nimbus.common.context import Context


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
        with self.db.write() as tx:
            self._heard(tx, host, binary, facts)
            return services.report(tx, self.kinds[binary], host, facts, started=started)

    def _heard(self, tx: db.Tx, host: str, binary: str, facts: dict[str, Any]) -> None:
        """What else a desk keeps of a report is kept in the report's own transaction."""
