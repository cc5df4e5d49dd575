"""Tables of the image service."""

import datetime

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class Image(db.Base):
    """One image; a deleted one stays as a row, so that its id is never used again."""

    __tablename__ = 'images'
    __table_args__ = (
        sa.Index('images_owner', 'owner', 'status', 'seq'),
        sa.Index('images_visibility', 'visibility', 'status', 'seq'),
        sa.Index('images_created', 'created_at', 'seq'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    name: Mapped[str | None]
    owner: Mapped[str | None]
    status: Mapped[str] = mapped_column(sa.String(16))
    visibility: Mapped[str] = mapped_column(sa.String(16))
    protected: Mapped[bool]
    os_hidden: Mapped[bool]
    disk_format: Mapped[str | None] = mapped_column(sa.String(32))
    container_format: Mapped[str | None] = mapped_column(sa.String(32))
    min_disk: Mapped[int]
    min_ram: Mapped[int]
    size: Mapped[int | None]
    virtual_size: Mapped[int | None]
    checksum: Mapped[str | None] = mapped_column(sa.String(32))
    os_hash_algo: Mapped[str | None] = mapped_column(sa.String(64))
    os_hash_value: Mapped[str | None] = mapped_column(sa.String(128))
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]
    deleted_at: Mapped[datetime.datetime | None]
    upload_id: Mapped[str | None] = mapped_column(sa.String(64))  # the upload that fills it now or filled it
    upload_host: Mapped[str | None]  # where that upload runs: who may mend it
    location: Mapped[str | None] = mapped_column(sa.Text())  # the URL of bytes that lie at a web server
    stores: Mapped[str | None] = mapped_column(sa.Text())  # names with commas; None for the only or default store


class ImageProperty(db.Base):
    """One property that the API does not define."""

    __tablename__ = 'image_properties'
    image_id: Mapped[db.Id] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(db.LongText)


class ImageTag(db.Base):
    """One tag."""

    __tablename__ = 'image_tags'
    image_id: Mapped[db.Id] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class ImageMember(db.Base):
    """One project that an image is shared with."""

    __tablename__ = 'image_members'
    seq: Mapped[db.Seq]
    image_id: Mapped[db.Id]
    member_id: Mapped[str]
    status: Mapped[str] = mapped_column(sa.String(16))  # pending, accepted, rejected
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]
    __table_args__ = (
        sa.UniqueConstraint('image_id', 'member_id', name='image_members_once'),
        sa.Index('image_members_member', 'member_id'),
        db.Base.__table_args__,
    )
