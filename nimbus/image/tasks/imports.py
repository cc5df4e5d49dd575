"""What tasks do: bring data into images, or leave them as they were before."""

import functools
import logging
from typing import Any

from nimbus.common import context, errors, ids
from nimbus.common.database import db
from nimbus.image.data import copies, uploads
from nimbus.image.data.transfers import Transfers
from nimbus.image.downloads import rules as checks
from nimbus.image.downloads.fetch import Download
from nimbus.image.downloads.rules import Rules
from nimbus.image.images import images, marks
from nimbus.image.tasks import tasks
from nimbus.image.tasks.runner import Runner

LOG = logging.getLogger(__name__)
DIRECT, WEB, COPY = 'glance-direct', 'web-download', 'copy-image'


class Imports:
    """The imports of this process."""

    def __init__(self, transfers: Transfers, rules: Rules | None = None, most: int = 2) -> None:
        self.transfers, self.rules = transfers, rules or Rules()
        self.runner = Runner(transfers.db, self._work, self._undo, transfers.host, most)

    def ask(self, tx: db.Tx, ctx: context.Context, image: Any, request: dict[str, Any], stores: list[str]) -> str:
        """A task that does what the request says begins with the end of this transaction; returns its id.

        The data goes into these stores.

        Raises Conflict when the image is in no state for it, Invalid for an address that is not allowed.
        """
        method = request['method']
        images.check_importable(image, method['name'])
        named = self.transfers.stores.named
        given = {'image_id': image.id, 'import_req': request, 'backend': stores if named else [None]}
        task_id = tasks.create(tx, ctx, tasks.API_IMPORT, given, image.id)
        marks.lock(tx, image.id, task_id)
        if method['name'] == WEB:
            self._will_fetch(tx, image, method.get('uri'))
        elif method['name'] == DIRECT:
            images.importing(tx, image)
        if named:
            marks.write(tx, image.id, marks.IMPORTING, stores)
        tx.after_commit(lambda: self.runner.begin(task_id))
        return task_id

    def ask_alone(self, tx: db.Tx, ctx: context.Context, image: Any, given: dict[str, Any]) -> str:
        """A task of its own, not of an import request, fills the queued image; returns its id.  Raises Invalid."""
        task_id = tasks.create(tx, ctx, tasks.IMPORT, given, image.id)
        marks.lock(tx, image.id, task_id)
        self._will_fetch(tx, image, given.get('import_from'))
        tx.after_commit(lambda: self.runner.begin(task_id))
        return task_id

    def ask_located(
        self, tx: db.Tx, ctx: context.Context, image: Any, uri: str, validation: dict[str, Any] | None
    ) -> str:
        """A task begins that makes the queued image one whose bytes lie at the URI; returns its id.  Raises Invalid."""
        given = {'image_id': image.id, 'loc_url': uri, 'validation_data': validation}
        task_id = tasks.create(tx, ctx, tasks.LOCATION_IMPORT, given, image.id)
        marks.lock(tx, image.id, task_id)
        self._will_fetch(tx, image, uri)
        tx.after_commit(lambda: self.runner.begin(task_id))
        return task_id

    def _locate(self, task: Any, image: Any) -> None:
        """The image is active, and its bytes, which were looked at, are left where they lie."""
        uri, image = task.input['loc_url'], self._renewed(task, image)

        def check(facts: dict[str, Any], tx: db.Tx) -> None:
            for name, value in (task.input.get('validation_data') or {}).items():
                if facts[name] != value:
                    raise errors.Invalid(f'The bytes at {uri} have the {name} {facts[name]}, not {value}.')
            self._end(tx, task)

        where = {'stores': self.transfers.stores.web(), 'location': uri}
        with Download(self.rules, uri, self.transfers.limits.size_cap) as download:
            self.transfers.look_at(image, download.pieces(), download.size, where, check)

    def _will_fetch(self, tx: db.Tx, image: Any, uri: object) -> None:
        checks.target(self.rules, uri)
        uploads.begin(tx, image, 'fetch', ids.dashed(), self.transfers.host, self.transfers.quotas)

    def _work(self, task: Any) -> None:
        image = self._image(task)
        if task.type == tasks.LOCATION_IMPORT:
            self._locate(task, image)
            return
        uri, names, strict = _uri(task), _stores(task), _strict(task)
        if _method(task) == COPY:
            self._copy(task, image, names, strict)
            return
        if uri is not None and image.size is None:
            image = self._fetch(task, image, uri)
        self.transfers.take_staged(image, lambda tx: self._end(tx, task), uri is not None, names, strict)

    def _copy(self, task: Any, image: Any, names: list[str], strict: bool) -> None:
        """The active image is in these stores too."""
        stores = self.transfers.stores
        held = stores.holders(image.stores)
        missing = [name for name in names if name not in held]
        for taker in range(1, task.generation):
            for name in missing:
                stores.get(name).drop_draft(image.id, ids.derived(task.id, str(taker)))
        read = functools.partial(stores.read, image, 0, image.size)
        try:
            done = copies.spread(stores, image, missing, ids.derived(task.id, str(task.generation)), read, strict)
        except errors.NimbusError:
            self._uncopy(image, missing)  # what an earlier taker put there is nobody's either
            raise
        try:
            with self.transfers.db.write() as tx:
                uploads.keep_in(tx, image, [*held, *done], self.transfers.quotas)
                self._end(tx, task)
        except (errors.OverQuota, errors.Conflict):
            self._uncopy(image, missing)
            raise

    def _uncopy(self, image: Any, names: list[str]) -> None:
        """The stores that were to have the image's bytes too have none."""
        for name in names:
            self.transfers.remove_from(image.id, name)

    def _renewed(self, task: Any, image: Any) -> Any:
        """The image, under an upload of this taker; what an earlier one fetched of its bytes is gone."""
        with self.transfers.db.write() as tx:
            tasks.check_mine(tx, task)
            uploads.renew(tx, image, ids.dashed(), self.transfers.host)
        self.transfers.store.drop_draft(image.id, image.upload_id)
        return self._image(task)

    def _fetch(self, task: Any, image: Any, uri: str) -> Any:
        """The image, whose bytes are fetched and staged."""
        image = self._renewed(task, image)
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
        self._mark(tx, task)
        marks.unlock(tx, task.image_id, task.id)

    def _undo(self, tx: db.Tx, task: Any) -> None:
        """The image of a task that failed waits for data again, and holds none."""
        if task.image_id is None:
            return
        self._mark(tx, task)
        marks.unlock(tx, task.image_id, task.id)
        upload_id = uploads.abandon_import(tx, task.image_id, self.transfers.quotas)
        tx.after_commit(lambda: self.transfers.clear(task.image_id, upload_id))

    def _mark(self, tx: db.Tx, task: Any) -> None:
        """The image says which of the task's stores did not take its data."""
        row = images.bare(tx, task.image_id)
        if not (row and self.transfers.stores.named):
            return
        held = row.stores.split(',') if row.stores else []
        marks.write(tx, task.image_id, marks.IMPORTING, ())
        marks.write(tx, task.image_id, marks.FAILED, [name for name in _stores(task) if name not in held])


def _method(task: Any) -> str | None:
    """The method of the import request, if the task is of one."""
    return str(task.input['import_req']['method']['name']) if task.type == tasks.API_IMPORT else None


def _stores(task: Any) -> list[str]:
    """The names of the stores that the data goes to; none for the default one."""
    return [name for name in task.input.get('backend', ()) if name is not None]


def _strict(task: Any) -> bool:
    """Whether all of the stores must take the data."""
    return bool(task.input.get('import_req', {}).get('all_stores_must_succeed', True))


def _uri(task: Any) -> str | None:
    """Where the task's bytes are fetched from; None where they are staged."""
    if task.type == tasks.IMPORT:
        return str(task.input['import_from'])
    method = task.input['import_req']['method']
    return str(method['uri']) if method['name'] == WEB else None
