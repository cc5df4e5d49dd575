"""State machines as tables: in which states a verb is allowed, and which state it leads to."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db


@dataclasses.dataclass(frozen=True)
class Rule:
    """One row of a noun's table."""

    verb: str
    allowed: frozenset[str]
    busy: str | None  # shown while the verb is running
    done: str | None = None  # the state it ends in; None keeps the old one
    failed: str | None = None  # the state a failure leaves; None keeps the old one
    over: frozenset[str] = frozenset()  # busy states it may break into; delete breaks into all


ANY = frozenset({'*'})


def rule(
    verb: str,
    allowed: set[str] | frozenset[str],
    busy: str | None,
    done: str | None = None,
    failed: str | None = None,
    over: set[str] | frozenset[str] = frozenset(),
) -> Rule:
    """A row, read left to right: verb, allowed in, shown while running, ends in, if it fails."""
    return Rule(verb, frozenset(allowed), busy, done, failed, frozenset(over))


class Machine:
    """A noun's whole table; the only way its state is ever written."""

    def __init__(self, *rules: Rule, noun: str, state: str, busy: str | None = None) -> None:
        self.rules = {r.verb: r for r in rules}
        self.noun, self.state, self.busy = noun, state, busy

    def allows(self, verb: str, state: str, busy: str | None = None) -> bool:
        """Whether `verb` may begin in this state."""
        rule = self.rules[verb]
        idle = busy is None or '*' in rule.over or busy in rule.over
        return idle and ('*' in rule.allowed or state in rule.allowed)

    def begin(self, tx: db.Tx, model: Any, id: str, verb: str, **more: Any) -> None:
        """The noun is claimed for the verb, by one compare-and-set; `more` is written with it.

        Raises WrongState, naming the state it is in, and NotFound.
        """
        rule = self.rules[verb]
        where = [model.id == id]
        if '*' not in rule.allowed:
            where.append(getattr(model, self.state).in_(rule.allowed))
        if self.busy and '*' not in rule.over:
            column = getattr(model, self.busy)
            where.append(sa.or_(column.is_(None), column.in_(rule.over)) if rule.over else column.is_(None))
        values = {**more, 'updated_at': clock.Clock().now()}
        if rule.busy is not None:
            values[self.busy or self.state] = rule.busy
        elif rule.done and not self.busy:
            values[self.state] = rule.done
        if not tx.update(model, *where, **values):
            raise self._refusal(tx, model, id, verb)

    def _refusal(self, tx: db.Tx, model: Any, id: str, verb: str) -> errors.NimbusError:
        row = tx.row(sa.select(model).where(model.id == id))
        if row is None:
            return errors.NotFound(f'{self.noun.capitalize()} {id} could not be found.')
        state, busy = getattr(row, self.state), getattr(row, self.busy) if self.busy else None
        rule = self.rules[verb]
        if busy and '*' not in rule.over and busy not in rule.over:
            return errors.WrongState(
                f"Cannot '{verb}' {self.noun} {id} while it is in {self.busy} {busy}", state=state, busy=busy
            )
        return errors.WrongState(
            f"Cannot '{verb}' {self.noun} {id} while it is in {self.state} {state}", state=state, busy=busy
        )

    def finish(self, tx: db.Tx, model: Any, id: str, verb: str, **more: Any) -> bool:
        """The verb is over and did what it should; returns whether the noun was still there."""
        return self._leave(tx, model, id, self.rules[verb].done, more)

    def fail(self, tx: db.Tx, model: Any, id: str, verb: str, **more: Any) -> bool:
        """The verb is over and failed; returns whether the noun was still there."""
        return self._leave(tx, model, id, self.rules[verb].failed, more)

    def _leave(self, tx: db.Tx, model: Any, id: str, state: str | None, more: dict[str, Any]) -> bool:
        values = {**more, 'updated_at': clock.Clock().now()}
        if self.busy:
            values[self.busy] = None
        if state:
            values[self.state] = state
        return bool(tx.update(model, model.id == id, **values))
