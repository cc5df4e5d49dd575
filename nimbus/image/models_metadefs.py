"""Tables of metadata definitions: namespaces, what each of them defines, and the types of resources that use it."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Namespace(db.Base):
    """A namespace of definitions, known by its name alone."""

    __tablename__ = 'metadef_namespaces'
    __table_args__ = (sa.Index('metadef_namespaces_owner', 'owner'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    namespace: Mapped[str] = mapped_column(sa.String(80), unique=True)
    display_name: Mapped[str | None] = mapped_column(sa.String(80))
    description: Mapped[str | None] = mapped_column(db.LongText)
    visibility: Mapped[str] = mapped_column(sa.String(16))  # public or private
    protected: Mapped[bool]
    owner: Mapped[str]
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]


class _Defined:
    """What a namespace defines under a name, and loses with the namespace."""

    seq: Mapped[db.Seq]
    namespace_seq: Mapped[int] = mapped_column(sa.ForeignKey('metadef_namespaces.seq', ondelete='CASCADE'))
    name: Mapped[str] = mapped_column(sa.String(80))
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]


class DefinedObject(_Defined, db.Base):
    """A group of properties that belong together."""

    __tablename__ = 'metadef_objects'
    __table_args__ = (
        sa.UniqueConstraint('namespace_seq', 'name', name='metadef_objects_once'),
        db.Base.__table_args__,
    )
    description: Mapped[str | None] = mapped_column(db.LongText)
    required: Mapped[list[Any]]  # names of properties
    properties: Mapped[dict[str, Any]]  # name: schema


class DefinedProperty(_Defined, db.Base):
    """A property by itself."""

    __tablename__ = 'metadef_properties'
    __table_args__ = (
        sa.UniqueConstraint('namespace_seq', 'name', name='metadef_properties_once'),
        db.Base.__table_args__,
    )
    schema: Mapped[dict[str, Any]]


class DefinedTag(_Defined, db.Base):
    """A word to tag a resource with."""

    __tablename__ = 'metadef_tags'
    __table_args__ = (
        sa.UniqueConstraint('namespace_seq', 'name', name='metadef_tags_once'),
        db.Base.__table_args__,
    )


class Association(_Defined, db.Base):
    """A type of resources, by its name, whose metadata the namespace defines."""

    __tablename__ = 'metadef_associations'
    __table_args__ = (
        sa.UniqueConstraint('namespace_seq', 'name', name='metadef_associations_once'),
        sa.Index('metadef_associations_name', 'name'),
        db.Base.__table_args__,
    )
    prefix: Mapped[str | None] = mapped_column(sa.String(80))
    properties_target: Mapped[str | None] = mapped_column(sa.String(80))


class ResourceType(db.Base):
    """A type of resources that definitions are for; once named it stays."""

    __tablename__ = 'metadef_resource_types'
    seq: Mapped[db.Seq]
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]
