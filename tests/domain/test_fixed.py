"""Fixed statements: the same answers as SQLAlchemy's, by a shorter way."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db, fixed
from nimbus.common.database.tables import Mapped, mapped_column

MOMENT = datetime.datetime(2030, 1, 2, 3, 4, 5, 678)
FULL = {'id': 'a', 'name': 'ä', 'count': 3, 'is_on': True, 'facts': {'x': [1, None]}, 'more': None, 'at': MOMENT}
BARE = {'id': 'b', 'name': None, 'count': -1, 'is_on': False, 'facts': {}, 'more': {'y': 2}, 'at': None}


class Apart(db.Base):
    """Base of a table that is no part of nimbus's schema."""

    metadata = sa.MetaData()


class Thing(Apart):
    """A table with a column of every kind."""

    __tablename__ = 'fixed_things'
    id: Mapped[db.Id] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    count: Mapped[int]
    is_on: Mapped[bool]
    facts: Mapped[dict[str, Any]]
    more: Mapped[dict[str, Any] | None]
    at: Mapped[datetime.datetime | None]


TABLE = db.table_of(Thing)
ALL = sa.select(TABLE).order_by(TABLE.c.id)
ONE = db.Fixed(sa.select(TABLE).where(TABLE.c.id == sa.bindparam('id')))


@pytest.fixture
def database(tmp_path):
    made = db.Database(f'sqlite:///{tmp_path}/db')
    with made.write() as tx:
        TABLE.create(tx.connection)
        for values in (FULL, BARE):
            tx.insert(Thing, **values)
    yield made
    made.close()


@pytest.fixture
def no_sqlalchemy(database, monkeypatch):
    """SQLAlchemy runs nothing, so that what succeeds went the short way."""
    monkeypatch.setattr(sa.Connection, 'execute', lambda *_, **__: pytest.fail('SQLAlchemy has run a statement'))


def listened(database):
    """The database with somebody who listens to its statements, so that SQLAlchemy runs them all."""
    for engine in (database.reader, database.writer):
        sa.event.listen(engine, 'before_cursor_execute', lambda *_: None)
    return database


def test_the_rows_are_those_of_sqlalchemy(database):
    with database.read() as tx:
        assert tx.rows(db.Fixed(ALL)) == tx.rows(ALL)
        assert [row._mapping for row in tx.rows(db.Fixed(ALL, shares=True))] == [FULL, BARE]
        assert tx.row(ONE, {'id': 'a'})._mapping == FULL
        assert tx.row(ONE, {'id': 'z'}) is None and tx.scalar(ONE, {'id': 'z'}) is None
        assert tx.column(db.Fixed(ALL)) == ['a', 'b']
        named = sa.select(TABLE.c.id, TABLE.c.name.label('other'), sa.func.count().label('n')).group_by(TABLE.c.id)
        assert [row._fields for row in tx.rows(db.Fixed(named))] == [row._fields for row in tx.rows(named)]


def test_a_list_of_fixed_values_and_moments_may_be_parameters(database):
    some = sa.select(TABLE.c.id).where(TABLE.c.id.in_(('a', 'x')), TABLE.c.at <= sa.bindparam('now'))
    with database.read() as tx:
        assert tx.column(db.Fixed(some), {'now': MOMENT}) == ['a']
        assert tx.column(db.Fixed(some), {'now': MOMENT - datetime.timedelta(seconds=1)}) == []


def test_a_statement_whose_text_depends_on_its_values_is_refused(database):
    several = db.Fixed(sa.select(TABLE).where(db.among(TABLE.c.id, 'ids')))
    with database.read() as tx, pytest.raises(ValueError):
        tx.rows(several, {'ids': ['a']})


@pytest.mark.parametrize('quick', [True, False])
def test_changes_say_how_many_rows_they_met(database, quick):
    if not quick:
        listened(database)
    with database.write() as tx:
        assert fixed.is_quick(tx.connection) == quick
        assert tx.update(Thing, Thing.id == 'a', count=7, facts={'z': 1}, more=None, at=None) == 1
        assert tx.update(Thing, Thing.id == 'a', Thing.count == 3, name='no') == 0
        assert tx.update(Thing, Thing.name.is_(None), is_on=True) == 1
        assert tx.update(Thing, Thing.id == 'b', count=Thing.count + 5) == 1
        assert tx.update(Thing, count=Thing.count + 1) == 2
        assert tx.update(Thing, name='both') == 2
        assert tx.delete(Thing, Thing.id == 'z') == 0
    with database.read() as tx:
        assert [tuple(row) for row in tx.rows(ALL)] == [
            ('a', 'both', 8, True, {'z': 1}, None, None),
            ('b', 'both', 5, True, {}, {'y': 2}, None),
        ]
    with database.write() as tx:
        assert tx.delete(Thing, Thing.id == 'a') == 1
        assert tx.delete(Thing) == 1


CONDITIONS = [
    ((Thing.name.is_(None),), ['b']),
    ((Thing.name == None,), ['b']),  # noqa: E711 - SQLAlchemy's way of saying it
    ((Thing.id.in_(['a', 'z']), Thing.count >= 3), ['a']),
    ((Thing.count > 3,), []),
    ((Thing.count < 3, Thing.at.is_(None)), ['b']),
    ((Thing.count <= 3, Thing.is_on == True), ['a']),  # noqa: E712
    ((Thing.count >= -1, Thing.count <= 0), ['b']),
    ((Thing.id.in_([]),), []),
    ((Thing.id.not_in(['a']),), ['b']),
    ((Thing.at.is_not(None), Thing.at <= MOMENT), ['a']),
    ((Thing.facts == {'x': [1, None]},), ['a']),
]


@pytest.mark.parametrize('where, met', CONDITIONS)
@pytest.mark.parametrize('quick', [True, False])
def test_a_change_meets_what_its_conditions_say(database, where, met, quick):
    if not quick:
        listened(database)
    with database.write() as tx:
        for _ in range(2):  # made, and made before
            assert tx.update(Thing, *where, more={'met': True}) == len(met)
        assert [row.id for row in tx.rows(ALL) if row.more == {'met': True}] == met
        assert tx.delete(Thing, *where) == len(met)
        assert set(tx.column(ALL)) == {'a', 'b'} - set(met)


def test_an_update_without_values_deletes_nothing(database):
    with pytest.raises(errors.Unavailable), database.write() as tx:
        tx.update(Thing, Thing.id == 'a')
    with database.read() as tx:
        assert tx.column(ALL) == ['a', 'b']


def test_a_constraint_that_is_broken_is_the_same_error(database):
    with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
        tx.insert(Thing, **FULL)
    with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
        tx.update(Thing, Thing.id == 'b', id='a')
    with database.read() as tx:
        assert tx.column(ALL) == ['a', 'b']


def test_what_is_not_committed_is_undone(database):
    with pytest.raises(errors.Invalid), database.write() as tx:
        tx.delete(Thing, Thing.id == 'a')
        raise errors.Invalid('stop')
    with database.read() as tx:
        assert tx.column(db.Fixed(ALL)) == ['a', 'b']


def test_a_read_sees_one_moment(database):
    with database.read() as tx:
        assert len(tx.rows(db.Fixed(ALL))) == 2
        with database.write() as other:
            other.delete(Thing)
        assert len(tx.rows(db.Fixed(ALL))) == 2
    with database.read() as tx:
        assert tx.rows(db.Fixed(ALL)) == []


def test_the_short_way_is_taken(database, no_sqlalchemy):
    one = sa.update(TABLE).where(TABLE.c.id == sa.bindparam('of')).values(facts=sa.bindparam('new'), at=MOMENT)
    with database.write() as tx:
        assert tx.row(ONE, {'id': 'a'}).facts == FULL['facts']
        assert tx.change(db.Fixed(one), {'of': 'a', 'new': {'n': 1}}) == 1
        assert tx.update(Thing, Thing.id == 'a', count=9, more={'m': []}, at=None) == 1
        tx.insert(Thing, **{**FULL, 'id': 'c'})
        assert tx.delete(Thing, Thing.id == 'c') == 1
        assert tx.update(Thing, Thing.id.in_(['a', 'z']), count=Thing.count + 1, more={'k': 1}) == 1
        assert tx.update(Thing, Thing.id.in_(['a', 'b']), count=Thing.count + 1) == 2
        assert tx.delete(Thing, Thing.id.in_(['x', 'y', 'z'])) == 0


@pytest.mark.parametrize('ids', [['a'], ['b', 'a'], ['b', 'z', 'a'], []])
def test_a_query_built_anew_finds_the_same(database, ids):
    def query(least):
        made = sa.select(TABLE.c.name, TABLE.c.facts, TABLE.c.at).where(TABLE.c.id.in_(ids), TABLE.c.count >= least)
        return made.order_by(TABLE.c.id).limit(5)

    for least in (-5, 0, 3, 4):
        with database.read() as tx:
            expected = [tuple(row) for row in tx.connection.execute(query(least)).all()]
            assert [tuple(row) for row in tx.rows(query(least))] == expected
            assert tx.row(query(least)) == next(iter(tx.rows(query(least))), None)
            assert tx.rows(db.Fixed(query(least))) == tx.rows(query(least))


def test_values_of_parameters_and_values_in_place_go_together(database):
    def query(least):
        return sa.select(TABLE.c.id).where(TABLE.c.count >= least, TABLE.c.at <= sa.bindparam('now'))

    with database.read() as tx:
        assert tx.column(query(1), {'now': MOMENT}) == ['a']
        assert tx.column(query(4), {'now': MOMENT}) == []
        assert tx.column(query(1), {'now': MOMENT - datetime.timedelta(days=1)}) == []
