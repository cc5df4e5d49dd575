"""The table of the image service's tasks."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column


class ImageTask(db.Base):
    """One import, and all that is needed to go on with it in another process."""

    __tablename__ = 'image_tasks'
    __table_args__ = (
        sa.Index('image_tasks_status', 'status', 'seq'),
        sa.Index('image_tasks_image', 'image_id'),
        sa.Index('image_tasks_expiry', 'expires_at'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    type: Mapped[str] = mapped_column(sa.String(32))
    status: Mapped[str] = mapped_column(sa.String(16))
    owner: Mapped[str | None]
    user_id: Mapped[str | None] = mapped_column(sa.String(64))
    request_id: Mapped[str] = mapped_column(sa.String(64))
    asker: Mapped[dict[str, Any]]  # Context.to_dict()
    image_id: Mapped[str | None] = mapped_column(sa.String(64))
    input: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    message: Mapped[str] = mapped_column(sa.Text())
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime | None]
    place: Mapped[str | None]  # the host and process that works on it
    generation: Mapped[int]  # grows with every taker
    beat: Mapped[int]  # grows while the taker lives
