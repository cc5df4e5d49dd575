"""Tables as classes: what annotations and definitions make of columns, and what statements see of a class."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Alias, Mapped, mapped_column


class Apart(db.Base):
    """Base of tables that are no part of nimbus's schema."""

    metadata = sa.MetaData()


class Numbered:
    """What both tables have."""

    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)


class Shelf(Numbered, Apart):
    """A table that another one refers to."""

    __tablename__ = 'shelves'
    label: Mapped[str]


class Book(Numbered, Apart):
    """A table with a column of every kind."""

    __tablename__ = 'books'
    __table_args__ = (sa.UniqueConstraint('shelf_id', 'title', name='books_once'), db.Base.__table_args__)
    LOANS = 3
    shelf_id: Mapped[str] = mapped_column(sa.ForeignKey('shelves.id'), index=True)
    title: Mapped[str] = mapped_column(sa.String(64), server_default='')
    notes: Mapped[dict[str, Any]]
    lent_at: Mapped[datetime.datetime | None]
    place: Mapped[db.Id | None]


BOOKS = Book.__table__


@pytest.fixture
def tx():
    engine = sa.create_engine('sqlite://')
    with engine.connect() as connection:
        Apart.metadata.create_all(connection)
        made = db.Tx(connection)
        made.insert(Shelf, id='s', label='low')
        for name in ('a', 'b'):
            made.insert(Book, id=name, shelf_id='s', title=name, notes={}, lent_at=None, place=None)
        yield made
    engine.dispose()


def test_only_what_may_be_none_is_nullable():
    assert {column.name for column in BOOKS.columns if column.nullable} == {'lent_at', 'place'}


def test_a_type_is_the_annotation_s_or_the_definition_s_or_the_target_s():
    lengths = {name: BOOKS.c[name].type.length for name in ('id', 'title', 'place', 'shelf_id')}
    assert lengths == {'id': 64, 'title': 64, 'place': 64, 'shelf_id': 64}
    assert Shelf.__table__.c.label.type.length == 255


def test_keys_indexes_and_constraints_are_those_of_the_definitions():
    assert [column.name for column in BOOKS.primary_key] == ['seq']
    assert [index.name for index in BOOKS.indexes] == ['ix_books_shelf_id']
    assert 'books_once' in {constraint.name for constraint in BOOKS.constraints}
    assert BOOKS.dialect_options['mysql']['engine'] == 'InnoDB'


def test_what_is_mixed_into_two_tables_is_a_column_of_each():
    assert Book.id is BOOKS.c.id and Shelf.id is Shelf.__table__.c.id
    assert Book.LOANS == 3 and 'LOANS' not in BOOKS.c


def test_a_class_stands_for_its_table_in_every_statement(tx):
    assert [row.title for row in tx.rows(sa.select(Book).join(Shelf, Shelf.id == Book.shelf_id))] == ['a', 'b']
    assert tx.update(Book, Book.id == 'a', title='c') == 1
    assert tx.delete(Book, Book.id == 'b') == 1
    assert tx.column(sa.select(Book.title)) == ['c']


def test_a_table_is_compared_with_itself_under_another_name(tx):
    other = Alias(Book)
    later = sa.exists().where(other.shelf_id == Book.shelf_id, other.title > Book.title)
    assert tx.column(sa.select(Book.title).where(later)) == ['a']
    pairs = sa.select(Book.title, other.title.label('next')).outerjoin(other, other.title > Book.title)
    assert [tuple(row) for row in tx.rows(pairs.order_by(Book.title))] == [('a', 'b'), ('b', None)]


def test_a_type_that_no_column_has_is_named():
    with pytest.raises(TypeError, match='set.*datetime'):

        class Odd(Apart):
            __tablename__ = 'odd'
            id: Mapped[db.Id] = mapped_column(primary_key=True)
            tags: Mapped[set[str]]
