"""What tasks do: bring data into images, or leave them as they were before."""

import logging
from typing import Any

from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.image.data import uploads
from nimbus.image.data.transfers import Transfers
from nimbus.image.images import images, marks
from nimbus.image.tasks import tasks
from nimbus.image.tasks.runner import Runner

LOG = logging.getLogger(__name__)
METHODS = ('glance-direct',)


class Imports:
    """The imports of this process."""

    def __init__(self, transfers: Transfers, most: int = 2) -> None:
        self.transfers = transfers
        self.runner = Runner(transfers.db, self._work, self._undo, transfers.host, most)

    def ask(self, tx: db.Tx, ctx: context.Context, image: Any, request: dict[str, Any]) -> str:
        """A task that does what the request says begins with the end of this transaction; returns its id.

        Raises Conflict when the image is in no state for it.
        """
        images.check_importable(image)
        given = {'image_id': image.id, 'import_req': request, 'backend': [None]}
        task_id = tasks.create(tx, ctx, tasks.API_IMPORT, given, image.id)
        marks.lock(tx, image.id, task_id)
        images.importing(tx, image)
        tx.after_commit(lambda: self.runner.begin(task_id))
        return task_id

    def _work(self, task: Any) -> None:
        image = self._image(task)
        self.transfers.take_staged(image, lambda tx: self._end(tx, task))

    def _image(self, task: Any) -> Any:
        """The task's image as it is now.  Raises Gone."""
        with self.transfers.db.read() as tx:
            try:
                return images.show(tx, context.internal(task.request_id), task.image_id)
            except errors.NotFound as why:
                raise errors.Gone(f'Image {task.image_id} was deleted while it was imported.') from why

    def _end(self, tx: db.Tx, task: Any) -> None:
        tasks.succeed(tx, task, {'image_id': task.image_id})
        marks.unlock(tx, task.image_id, task.id)

    def _undo(self, tx: db.Tx, task: Any) -> None:
        """The image of a task that failed waits for data again, and holds none."""
        if task.image_id is None:
            return
        marks.unlock(tx, task.image_id, task.id)
        uploads.abandon_import(tx, task.image_id, self.transfers.quotas)
        tx.after_commit(lambda: self.transfers.clear(task.image_id))
