"""What tasks do: bring data into images, or leave them as they were before."""

import logging
from typing import Any

from nimbus.common import context, errors, ids
from nimbus.common.database import db
from nimbus.image.data import uploads
from nimbus.image.data.transfers import Transfers
from nimbus.image.downloads import rules as checks
from nimbus.image.downloads.fetch import Download
from nimbus.image.downloads.rules import Rules
from nimbus.image.images import images, marks
from nimbus.image.tasks import tasks
from nimbus.image.tasks.runner import Runner

LOG = logging.getLogger(__name__)
DIRECT, WEB = 'glance-direct', 'web-download'


class Imports:
    """The imports of this process."""

    def __init__(self, transfers: Transfers, rules: Rules | None = None, most: int = 2) -> None:
        self.transfers, self.rules = transfers, rules or Rules()
        self.runner = Runner(transfers.db, self._work, self._undo, transfers.host, most)

    def ask(self, tx: db.Tx, ctx: context.Context, image: Any, request: dict[str, Any]) -> str:
        """A task that does what the request says begins with the end of this transaction; returns its id.

        Raises Conflict when the image is in no state for it, Invalid for an address that is not allowed.
        """
        method = request['method']
        images.check_importable(image, method['name'])
        given = {'image_id': image.id, 'import_req': request, 'backend': [None]}
        task_id = tasks.create(tx, ctx, tasks.API_IMPORT, given, image.id)
        marks.lock(tx, image.id, task_id)
        if method['name'] == WEB:
            self._will_fetch(tx, image, method.get('uri'))
        else:
            images.importing(tx, image)
        tx.after_commit(lambda: self.runner.begin(task_id))
        return task_id

    def ask_alone(self, tx: db.Tx, ctx: context.Context, image: Any, given: dict[str, Any]) -> str:
        """A task of its own, not of an import request, fills the queued image; returns its id.  Raises Invalid."""
        task_id = tasks.create(tx, ctx, tasks.IMPORT, given, image.id)
        marks.lock(tx, image.id, task_id)
        self._will_fetch(tx, image, given.get('import_from'))
        tx.after_commit(lambda: self.runner.begin(task_id))
        return task_id

    def _will_fetch(self, tx: db.Tx, image: Any, uri: object) -> None:
        checks.target(self.rules, uri)
        uploads.begin(tx, image, 'fetch', ids.dashed(), self.transfers.host, self.transfers.quotas)

    def _work(self, task: Any) -> None:
        uri = _uri(task)
        image = self._image(task)
        if uri is not None and image.size is None:
            image = self._fetch(task, image, uri)
        self.transfers.take_staged(image, lambda tx: self._end(tx, task), inspected=uri is not None)

    def _fetch(self, task: Any, image: Any, uri: str) -> Any:
        """The image, whose bytes are fetched and staged; what an earlier taker fetched of them is gone."""
        with self.transfers.db.write() as tx:
            tasks.check_mine(tx, task)
            uploads.renew(tx, image, ids.dashed(), self.transfers.host)
        self.transfers.store.drop_draft(image.id, image.upload_id)
        image = self._image(task)
        with Download(self.rules, uri, self.transfers.limits.size_cap) as download:
            self.transfers.fetch(image, download.pieces(), download.size)
        return self._image(task)

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
        upload_id = uploads.abandon_import(tx, task.image_id, self.transfers.quotas)
        tx.after_commit(lambda: self.transfers.clear(task.image_id, upload_id))


def _uri(task: Any) -> str | None:
    """Where the task's bytes are fetched from; None where they are staged."""
    if task.type == tasks.IMPORT:
        return str(task.input['import_from'])
    method = task.input['import_req']['method']
    return str(method['uri']) if method['name'] == WEB else None
