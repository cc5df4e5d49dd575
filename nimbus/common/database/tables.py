"""Tables as classes: annotations define columns, and a class's attributes are those columns in Core statements.

The notation is that of SQLAlchemy's declarative mapping.  Its mappers are left out, as rows are plain tuples here: to
import and configure them is a fifth of the CPU time of a start, and a tenth of a process's memory.
"""

import datetime
import types
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

Mapped = sa.Column  # Mapped[T] is a column of Python values of type T; of T | None, a nullable one


def _moment() -> Any:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')


def _number() -> Any:
    return sa.BigInteger().with_variant(sa.Integer, 'sqlite')


# One object for each column: a type may keep a reference to its column.
TYPES: dict[Any, Any] = {
    bool: sa.Boolean,
    bytes: sa.LargeBinary,
    datetime.date: sa.Date,
    datetime.datetime: _moment,
    dict[str, Any]: lambda: sa.JSON(none_as_null=True),
    float: sa.Double,
    int: _number,
    list[Any]: lambda: sa.JSON(none_as_null=True),
    str: lambda: sa.String(255),
}


class Definition:
    """What defines a column besides its Python type: an SQL type, foreign keys and options."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        self.keys = [part for part in parts if isinstance(part, sa.ForeignKey)]
        self.type = next((part for part in parts if not isinstance(part, sa.ForeignKey)), None)
        self.options = options

    def column(self, name: str, annotation: Any) -> sa.Column[Any]:
        """A column of this definition, for an attribute of this name and annotation."""
        (kind,) = get_args(annotation)
        kind, nullable = _without_none(kind)
        kind, shared = _without_definition(kind)
        options = {'nullable': nullable} | shared.options | self.options
        if options.get('primary_key'):
            del options['nullable']
        # A foreign key belongs to one table, and a class that is mixed into several defines it once.
        keys = [key._copy() for key in (*shared.keys, *self.keys)]
        # A foreign key without a type of its own gets the type of the column it refers to.
        sql_type = self.type or shared.type or (None if keys else _sql_type(kind))
        return sa.Column(name, sql_type, *keys, **options)


def mapped_column(*parts: Any, **options: Any) -> Any:
    """The definition of a column: a type where it is not the annotation's default, a foreign key, and options."""
    return Definition(*parts, **options)


NOTHING = Definition()


def _sql_type(kind: Any) -> Any:
    """The default SQL type of a Python type.  Raises TypeError when there is none."""
    if kind not in TYPES:
        raise TypeError(f'A column cannot be of {kind}; allowed are {", ".join(map(str, TYPES))}.')
    return TYPES[kind]()


def _without_none(kind: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was part of it.  Raises TypeError for a union of several types."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind, False
    first, *others = (member for member in get_args(kind) if member is not types.NoneType)
    if others:
        raise TypeError(f'A column cannot be of {kind}: it has one type, or that type and None.')
    return first, True


def _without_definition(kind: Any) -> tuple[Any, Definition]:
    """The type without its `Annotated`, and the definition given there."""
    if get_origin(kind) is not Annotated:
        return kind, NOTHING
    plain, definition = get_args(kind)
    return plain, definition


class Base:
    """Base of every table; a class that is mixed into one adds its columns."""

    metadata: ClassVar[Any] = sa.MetaData()
    __table__: ClassVar[Any]
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[Any] = {
        'mysql_engine': 'InnoDB',
        'mysql_charset': 'utf8mb4',
        'mysql_collate': 'utf8mb4_bin',
        'mariadb_engine': 'InnoDB',
        'mariadb_charset': 'utf8mb4',
        'mariadb_collate': 'utf8mb4_bin',
    }

    def __init_subclass__(cls) -> None:
        if '__tablename__' not in vars(cls):
            return
        arguments = cls.__table_args__ if isinstance(cls.__table_args__, tuple) else (cls.__table_args__,)
        *constraints, options = arguments
        cls.__table__ = sa.Table(cls.__tablename__, cls.metadata, *_columns(cls), *constraints, **options)
        for column in cls.__table__.columns:
            setattr(cls, column.name, column)

    @classmethod
    def __clause_element__(cls) -> sa.Table:
        """The table that SQLAlchemy uses where a statement has the class."""
        return cls.__table__


def _columns(cls: type) -> list[sa.Column[Any]]:
    """The columns that the class and its bases define, the class's own first."""
    made = []
    for base in cls.__mro__:
        for name, annotation in vars(base).get('__annotations__', {}).items():
            if get_origin(annotation) is Mapped:
                made.append(vars(base).get(name, NOTHING).column(name, annotation))
    return made


class Alias:
    """A second use of a table in one statement, under a name of its own; its attributes are its columns."""

    def __init__(self, model: type[Base]) -> None:
        self._table = model.__table__.alias()

    def __clause_element__(self) -> Any:
        """The aliased table that SQLAlchemy uses where a statement has the alias."""
        return self._table

    def __getattr__(self, name: str) -> Any:
        if name not in self._table.c:
            raise AttributeError(f'{self._table.element.name} has no column {name}.')
        return self._table.c[name]
