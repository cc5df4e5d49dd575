"""Tasks of images that are killed, taken over, repeated, fenced off or forgotten."""

import datetime
import pathlib

import pytest

from nimbus.common import clock, context, errors
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.images import images, marks
from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS
from nimbus.image.quotas import ImageQuotas
from nimbus.image.stores.file import FileStore
from nimbus.image.tasks import runner, tasks
from nimbus.image.tasks.imports import Imports
from tests.conftest import ADMIN, MEMBER, STRANGER

DIRECT = {'method': {'name': 'glance-direct'}}


@pytest.fixture
def world(database, tmp_path: pathlib.Path):
    """An import service of a folder, as the host `h1`; more of the same folder by another name."""

    def at(host: str) -> Imports:
        limits = Limits(tuple(DISK_FORMATS), tuple(CONTAINER_FORMATS), size_cap=1000)
        return Imports(Transfers(database, FileStore(str(tmp_path / 'images')), limits, ImageQuotas(), host))

    return at


@pytest.fixture
def staged(database, world):
    """An image whose bytes wait to be imported."""
    imports = world('h1')
    with database.write() as tx:
        values = {'disk_format': 'raw', 'container_format': 'bare'}
        image = images.create(tx, MEMBER, imports.transfers.quotas, values, {}, [])
    imports.transfers.stage(image, [b'abcd'], 4)
    return _image(database, image.id)


def _image(database, image_id):
    with database.read() as tx:
        return images.show(tx, context.internal(), image_id)


def _asked(database, imports, image):
    """A task that is asked for and that nobody begins: its process dies with the request's end."""
    imports.runner.begin = lambda task_id, generation=0: None
    with database.write() as tx:
        return imports.ask(tx, MEMBER, image, DIRECT, [''])


def _task(database, task_id):
    with database.read() as tx:
        return tasks.show(tx, ADMIN, task_id)


def test_a_task_that_nobody_began_is_done_by_whoever_sees_it_stand_still(database, world, staged):
    task_id = _asked(database, world('h1'), staged)
    assert _image(database, staged.id).properties == {marks.TASK: task_id}
    other = world('h2')
    other.runner.look(now=100.0)
    other.runner.look(now=100.0 + runner.STILL - 1)
    assert _task(database, task_id).status == 'pending'
    other.runner.look(now=100.0 + runner.STILL)
    assert other.runner.settle()
    done, image = _task(database, task_id), _image(database, staged.id)
    assert (done.status, done.result, image.status, image.properties) == (
        'success',
        {'image_id': staged.id},
        'active',
        {},
    )


def test_a_taker_that_beats_keeps_its_task(database, world, staged):
    task_id = _asked(database, world('h1'), staged)
    with database.write() as tx:
        taken = tasks.claim(tx, task_id, 0, 'h1')
    other = world('h2')
    for moment in (0.0, 40.0, 80.0):
        other.runner.look(now=moment)
        with database.write() as tx:
            tasks.beat(tx, {task_id: taken.generation})
    other.runner.settle()
    assert _task(database, task_id).place == 'h1'


def test_a_process_that_begins_goes_on_with_what_its_forerunner_left(database, world, staged):
    task_id = _asked(database, world('h1'), staged)
    with database.write() as tx:
        tasks.claim(tx, task_id, 0, 'h1')
    again = world('h1')
    again.transfers.store.promote(staged.id)  # it died after this
    again.transfers.heal()
    assert _image(database, staged.id).status == 'importing'
    again.runner.start()
    assert again.runner.settle()
    again.runner.stop()
    assert (_task(database, task_id).status, _image(database, staged.id).status) == ('success', 'active')


def test_a_taker_that_was_taken_for_dead_changes_nothing(database, world, staged):
    task_id = _asked(database, world('h1'), staged)
    with database.write() as tx:
        old = tasks.claim(tx, task_id, 0, 'h1')
        tasks.claim(tx, task_id, old.generation, 'h2')
    late = world('h1')
    with pytest.raises(errors.Stale):
        late._work(old)
    late.runner._try(old)
    assert (_task(database, task_id).status, _image(database, staged.id).status) == ('processing', 'importing')


def test_a_task_that_fails_says_why_and_leaves_a_queued_image_without_bytes(database, world, staged):
    imports = world('h1')
    (imports.transfers.store.staged / staged.id).write_bytes(b'QFI\xfb')
    with database.write() as tx:
        task_id = imports.ask(tx, MEMBER, staged, DIRECT, [''])
    assert imports.runner.settle()
    task, image = _task(database, task_id), _image(database, staged.id)
    assert task.status == 'failure' and task.message
    assert (image.status, image.size, image.properties) == ('queued', None, {})
    assert imports.transfers.store.present() == []
    with database.read() as tx:
        used = imports.transfers.quotas.show(tx, MEMBER.project_id)
    assert {name: one.used for name, one in used.items() if one.used} == {'image_count_total': 1}


def test_a_task_that_so_many_takers_left_fails(database, world, staged):
    task_id = _asked(database, world('h1'), staged)
    with database.write() as tx:
        for generation in range(runner.TAKERS):
            tasks.claim(tx, task_id, generation, 'h1')
    other = world('h2')
    other.runner.begin(task_id, runner.TAKERS)
    assert other.runner.settle()
    task = _task(database, task_id)
    assert (task.status, _image(database, staged.id).status) == ('failure', 'queued')
    assert 'did not come to an end' in task.message


def test_a_store_that_is_away_is_tried_again_later(database, world, staged, monkeypatch):
    imports = world('h1')

    def away(self, image_id):
        raise errors.Unavailable('The store is away.')

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, 'promote', away)
        with database.write() as tx:
            task_id = imports.ask(tx, MEMBER, staged, DIRECT, [''])
        assert imports.runner.settle()
    assert _task(database, task_id).status == 'processing'
    imports.runner.look(now=0.0)
    imports.runner.look(now=runner.STILL)
    assert imports.runner.settle()
    assert (_task(database, task_id).status, _image(database, staged.id).status) == ('success', 'active')


def test_an_image_deleted_under_its_import_fails_the_task(database, world, staged):
    imports = world('h1')
    task_id = _asked(database, imports, staged)
    with database.write() as tx:
        images.delete(tx, _image(database, staged.id), imports.transfers.quotas)
    other = world('h1')
    other.runner.begin(task_id)
    assert other.runner.settle()
    assert _task(database, task_id).status == 'failure'
    assert other.transfers.store.present() == []


def test_two_imports_of_one_image_do_not_go_on_at_once(database, world, staged):
    imports = world('h1')
    _asked(database, imports, staged)
    with database.write() as tx, pytest.raises(errors.Conflict):
        marks.lock(tx, staged.id, 'another')


def test_tasks_are_seen_by_their_project_and_forgotten_in_time(database, world, staged):
    imports = world('h1')
    with database.write() as tx:
        task_id = imports.ask(tx, MEMBER, staged, DIRECT, [''])
    assert imports.runner.settle()
    with database.read() as tx:
        assert tasks.show(tx, MEMBER, task_id).id == task_id
        with pytest.raises(errors.NotFound):
            tasks.show(tx, STRANGER, task_id)
    imports.runner.expire()
    assert _task(database, task_id).expires_at is not None
    with database.write() as tx:
        assert tasks.expire(tx, clock.Clock().now() + tasks.KEPT + datetime.timedelta(seconds=1)) == 1
