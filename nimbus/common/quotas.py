"""Quotas: counters that change by one guarded UPDATE in the noun's own transaction.

Never count, then insert: `take` either finds room and holds it, or refuses.
"""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column

LOG = logging.getLogger(__name__)
UNLIMITED = -1


class QuotaUse(db.Base):
    """How much of a resource a project holds now."""

    __tablename__ = 'quota_uses'
    project_id: Mapped[db.Id] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    resource: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    used: Mapped[int]


class QuotaLimit(db.Base):
    """A limit that an operator set; project '' is the default class."""

    __tablename__ = 'quota_limits'
    project_id: Mapped[db.Id] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    resource: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    hard_limit: Mapped[int]


@dataclasses.dataclass(frozen=True)
class Quota:
    """One resource as a project sees it."""

    resource: str
    limit: int
    used: int


# Every request that makes something takes from a quota, so its statements are made once.
LIMIT, USE = db.table_of(QuotaLimit).c, db.table_of(QuotaUse).c
PROJECT, SERVICE, RESOURCE = (
    sa.bindparam(f'of_{name}', type_=sa.String()) for name in ('project', 'service', 'resource')
)
AMOUNT, MOST = sa.bindparam('amount', type_=sa.BigInteger()), sa.bindparam('most', type_=sa.BigInteger())
COUNTER = (USE.project_id == PROJECT, USE.service == SERVICE, USE.resource == RESOURCE)
LIMITS = db.Fixed(
    sa.select(LIMIT.project_id, LIMIT.resource, LIMIT.hard_limit).where(
        LIMIT.service == SERVICE, sa.or_(LIMIT.project_id == '', LIMIT.project_id == PROJECT)
    )
)
USES = db.Fixed(sa.select(USE.resource, USE.used).where(USE.project_id == PROJECT, USE.service == SERVICE))
COUNTED = db.Fixed(sa.select(USE.used).where(*COUNTER))
# A counter below nothing is wrong, and would let too many through: it is counted anew before it is used.
_TAKE = sa.update(db.table_of(QuotaUse)).where(*COUNTER, USE.used >= 0).values(used=USE.used + AMOUNT)
TAKE, TAKE_WITHIN = db.Fixed(_TAKE), db.Fixed(_TAKE.where(USE.used + AMOUNT <= MOST))
GIVE_BACK = db.Fixed(
    sa.update(db.table_of(QuotaUse))
    .where(*COUNTER, USE.used >= 0)
    .values(used=sa.case((USE.used > AMOUNT, USE.used - AMOUNT), else_=0))
)
Rows = Callable[[db.Tx, str | None], dict[str, dict[str, int]]]  # of one project or of all, counted from the rows


def over(overs: list[str], asked: dict[str, int], used: dict[str, int], limits: dict[str, int]) -> errors.OverQuota:
    """The refusal of what would go over the limits; its facts are `overs`, and the other three of those resources."""

    def each(amounts: dict[str, int]) -> str:
        return ', '.join(str(amounts[name]) for name in overs)

    names = ', '.join(overs)
    return errors.OverQuota(
        f'Quota exceeded for {names}: Requested {each(asked)}, but already used {each(used)} of {each(limits)} {names}',
        overs=overs,
        asked={name: asked[name] for name in overs},
        used={name: used[name] for name in overs},
        limits={name: limits[name] for name in overs},
    )


class Quotas:
    """The quotas of one service."""

    def __init__(self, service: str, defaults: dict[str, int], rows: Rows | None = None) -> None:
        """`defaults` names every resource of the service and its limit where no operator set one.

        `rows` counts what a project has, for a counter that cannot be right.
        """
        self.service, self.defaults, self.rows = service, dict(defaults), rows

    def limits(self, tx: db.Tx, project_id: str) -> dict[str, int]:
        """The limit on each resource: the project's own, else the default class's, else the configured one."""
        found = {**self.defaults, **tx.limits.get(self.service, {})}
        rows = tx.rows(LIMITS, {'of_service': self.service, 'of_project': project_id})
        for owner in ('', project_id):
            found.update({r.resource: r.hard_limit for r in rows if r.project_id == owner})
        return found

    def show(self, tx: db.Tx, project_id: str) -> dict[str, Quota]:
        """Limit and use of every resource."""
        uses = {r.resource: r.used for r in tx.rows(USES, {'of_project': project_id, 'of_service': self.service})}
        return {name: Quota(name, limit, uses.get(name, 0)) for name, limit in self.limits(tx, project_id).items()}

    def projects(self, tx: db.Tx) -> list[str]:
        """The projects that have limits of their own."""
        where = QuotaLimit.service == self.service, QuotaLimit.project_id != ''
        return tx.column(sa.select(QuotaLimit.project_id).where(*where).distinct().order_by(QuotaLimit.project_id))

    def set(self, tx: db.Tx, project_id: str, limits: dict[str, int]) -> None:
        """The project's own limits are these; '' sets the default class."""
        for resource, limit in limits.items():
            where = self._at(QuotaLimit, project_id, resource)
            if not tx.update(QuotaLimit, *where, hard_limit=limit):
                tx.insert(QuotaLimit, project_id=project_id, service=self.service, resource=resource, hard_limit=limit)

    def reset(self, tx: db.Tx, project_id: str) -> None:
        """The project has no limits of its own."""
        tx.delete(QuotaLimit, QuotaLimit.project_id == project_id, QuotaLimit.service == self.service)

    def take(self, tx: db.Tx, project_id: str, **amounts: int) -> None:
        """The project holds so much more of each resource.  Raises OverQuota, naming what is over, and holds nothing.

        The error's facts are `overs`, `asked`, `used` and `limits` by resource.
        """
        limits = self.limits(tx, project_id)
        overs = [
            name
            for name, amount in sorted(amounts.items())
            if amount and not self._take_one(tx, project_id, name, amount, limits[name])
        ]
        if overs:
            used = {name: quota.used for name, quota in self.show(tx, project_id).items()}
            raise over(overs, amounts, used, limits)

    def _take_one(self, tx: db.Tx, project_id: str, resource: str, amount: int, limit: int) -> bool:
        counter = self._counter(project_id, resource)
        values: dict[str, Any] = {**counter, 'amount': amount}
        statement = TAKE
        if limit != UNLIMITED and amount > 0:
            statement, values['most'] = TAKE_WITHIN, limit
        if tx.change(statement, values):
            return True
        found = tx.row(COUNTED, counter)
        if found is None:
            self._open(tx, project_id, resource)
        elif found.used < 0:
            self._count_anew(tx, project_id, resource)
        else:
            return False
        return bool(tx.execute(statement, values).rowcount)

    def _count_anew(self, tx: db.Tx, project_id: str, resource: str) -> None:
        """The counter says what the project's rows say, or nothing where none stand for it."""
        self.lock(tx, project_id)
        counted = self.rows(tx, project_id).get(project_id, {}) if self.rows else {}
        told = self.correct(tx, project_id, {resource: counted.get(resource, 0)})
        LOG.warning('The %s counter of %s of project %s was wrong: %s', self.service, resource, project_id, told)

    def _counter(self, project_id: str, resource: str) -> dict[str, str]:
        """The values of the bind parameters that name one counter."""
        return {'of_project': project_id, 'of_service': self.service, 'of_resource': resource}

    def _open(self, tx: db.Tx, project_id: str, resource: str) -> None:
        """A counter at zero stands, whoever of several racers makes it."""
        tx.ensure(QuotaUse, project_id=project_id, service=self.service, resource=resource, used=0)

    def hold(self, tx: db.Tx, project_id: str, **amounts: int) -> None:
        """The project holds so much more, even beyond its limit: what the cloud itself makes for it."""
        for resource, amount in sorted(amounts.items()):
            self._take_one(tx, project_id, resource, amount, UNLIMITED)

    def give_back(self, tx: db.Tx, project_id: str, **amounts: int) -> None:
        """The project holds so much less, never below nothing."""
        for resource, amount in sorted(amounts.items()):
            if amount:
                tx.change(GIVE_BACK, {**self._counter(project_id, resource), 'amount': amount})

    def correct(self, tx: db.Tx, project_id: str, counted: dict[str, int]) -> dict[str, tuple[int, int]]:
        """The counters say what was counted from the rows; returns what differed: resource -> (was, is)."""
        differed = {}
        for resource, count in counted.items():
            was = self.show(tx, project_id)[resource].used
            if was != count:
                self._open(tx, project_id, resource)
                tx.update(QuotaUse, *self._at(QuotaUse, project_id, resource), used=count)
                differed[resource] = (was, count)
        return differed

    def uses(self, tx: db.Tx) -> dict[str, dict[str, int]]:
        """Every counter: project -> resource -> used."""
        found: dict[str, dict[str, int]] = {}
        for row in tx.rows(sa.select(QuotaUse).where(QuotaUse.service == self.service)):
            found.setdefault(row.project_id, {})[row.resource] = row.used
        return found

    def lock(self, tx: db.Tx, project_id: str) -> None:
        """Nobody else changes the project's counters before this transaction ends."""
        where = (QuotaUse.project_id == project_id, QuotaUse.service == self.service)
        tx.update(QuotaUse, *where, used=QuotaUse.used)

    def _at(self, model: Any, project_id: str, resource: str) -> list[Any]:
        return [model.project_id == project_id, model.service == self.service, model.resource == resource]


@dataclasses.dataclass(frozen=True)
class Recount:
    """How the counters of some resources are compared with the rows they stand for."""

    quotas: Quotas
    resources: tuple[str, ...]
    rows: Rows

    def suspects(self, tx: db.Tx) -> list[str]:
        """The projects whose counters seem to differ from their rows."""
        counted, used = self.rows(tx, None), self.quotas.uses(tx)
        return [
            project
            for project in sorted(counted.keys() | used.keys())
            if any(counted.get(project, {}).get(r, 0) != used.get(project, {}).get(r, 0) for r in self.resources)
        ]

    def mend(self, tx: db.Tx, project_id: str) -> dict[str, tuple[int, int]]:
        """The project's counters are what its rows say; returns what differed: resource -> (was, is).

        The counters are locked before the rows are counted, and whoever changes rows changes counters in the same
        transaction: so none is counted whose counter is still to come, and the other way round.
        """
        self.quotas.lock(tx, project_id)
        counted = self.rows(tx, project_id).get(project_id, {})
        return self.quotas.correct(tx, project_id, {name: counted.get(name, 0) for name in self.resources})
