"""Uploads that fail, race or die leave the image queued, and never half of one."""

import errno
import pathlib
import threading

import pytest

from nimbus.common import context, errors
from nimbus.image.data import uploads
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.images import images
from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS
from nimbus.image.quotas import ImageQuotas
from nimbus.image.states import ALL, MACHINE
from nimbus.image.stores.file import FileStore
from tests.conftest import MEMBER, STRANGER

UPLOAD = '11111111-2222-3333-4444-555555555555'


@pytest.fixture
def world(database, tmp_path: pathlib.Path) -> Transfers:
    limits = Limits(tuple(DISK_FORMATS), tuple(CONTAINER_FORMATS), size_cap=1000)
    return Transfers(database, FileStore(str(tmp_path / 'images')), limits, ImageQuotas(), 'h1')


@pytest.fixture
def image(world):
    with world.db.write() as tx:
        values = {'disk_format': 'raw', 'container_format': 'bare'}
        return images.create(tx, MEMBER, world.quotas, values, {}, [])


def state(world, image_id):
    with world.db.read() as tx:
        row = images.show(tx, context.internal(), image_id)
        used = {name: quota.used for name, quota in world.quotas.show(tx, MEMBER.project_id).items()}
    files = sorted(p.name for p in world.store.path.rglob('*') if p.is_file())
    return row.status, used, files


IDLE = {'image_count_total': 1, 'image_size_total': 0, 'image_stage_total': 0, 'image_count_uploading': 0}


def test_a_failed_upload_leaves_nothing_behind(world, image):
    def broken():
        yield b'abc'
        raise errors.Invalid('The request ended.')

    for pieces in (broken(), [b'x' * 600, b'y' * 600]):
        with pytest.raises((errors.Invalid, errors.TooLarge)):
            world.upload(image, pieces, None)
        assert state(world, image.id) == ('queued', IDLE, [])


def test_an_upload_that_fails_while_the_database_is_away_is_given_back_once_it_is_there(world, image):
    def away(*_):
        raise errors.Unavailable('The database is away.')

    patch = pytest.MonkeyPatch()

    def broken():
        yield b'abc'
        patch.setattr(uploads, 'abandon', away)
        raise errors.Invalid('The request ended.')

    with pytest.raises(errors.Invalid):
        world.upload(image, broken(), None)
    assert state(world, image.id)[0] == 'saving'
    patch.undo()
    (mender,) = [thread for thread in threading.enumerate() if thread.name == 'image-mends']
    mender.join(10)
    assert state(world, image.id) == ('queued', IDLE, [])


def test_a_full_disk_is_told_and_the_image_waits_for_another_try(world, image, monkeypatch):
    def full(self):
        raise errors.TooLarge('Image storage media is full.')

    with monkeypatch.context() as patch:
        patch.setattr('nimbus.image.stores.file.FileDraft.settle', full)
        with pytest.raises(errors.TooLarge, match='is full'):
            world.upload(image, [b'abc'], 3)
    assert state(world, image.id) == ('queued', IDLE, [])
    world.upload(image, [b'abc'], 3)
    assert state(world, image.id)[0] == 'active'


def test_a_full_or_unwritable_disk_is_a_sentence():
    from nimbus.image.stores.file import _refusal

    assert isinstance(_refusal(OSError(errno.ENOSPC, 'x')), errors.TooLarge)
    assert isinstance(_refusal(OSError(errno.EROFS, 'x')), errors.Unavailable)


def test_an_upload_whose_process_died_is_queued_again(world, image):
    with world.db.write() as tx:
        uploads.begin(tx, image, 'upload', UPLOAD, 'h1', world.quotas)
    (world.store.parts / f'{image.id}.{UPLOAD}.part').write_bytes(b'half')
    world.heal()
    assert state(world, image.id) == ('queued', IDLE, [])


def test_an_upload_published_by_a_process_that_died_before_its_row_is_undone(world, image):
    with world.db.write() as tx:
        uploads.begin(tx, image, 'upload', UPLOAD, 'h1', world.quotas)
    (world.store.path / image.id).write_bytes(b'all')
    world.heal()
    assert state(world, image.id) == ('queued', IDLE, [])


def test_an_upload_under_way_is_left_alone_by_healing(world, image):
    def pieces():
        yield b'a'
        world.heal()
        assert state(world, image.id)[0] == 'saving'
        yield b'b'

    world.upload(image, pieces(), 2)
    assert state(world, image.id)[0] == 'active'


def test_anothers_hosts_upload_is_not_ours_to_mend(world, image):
    with world.db.write() as tx:
        uploads.begin(tx, image, 'upload', UPLOAD, 'h2', world.quotas)
    world.heal()
    assert state(world, image.id)[0] == 'saving'


def test_an_image_deleted_during_its_upload_is_gone_with_its_bytes(world, image):
    def pieces():
        yield b'a'
        with world.db.write() as tx:
            images.delete(tx, images.show(tx, MEMBER, image.id), world.quotas)
        yield b'b'

    with pytest.raises(errors.Gone, match='may have been deleted during the upload'):
        world.upload(image, pieces(), 2)
    assert world.store.present() == []
    with world.db.read() as tx:
        assert {q.used for q in world.quotas.show(tx, MEMBER.project_id).values()} == {0}


def test_bytes_of_a_deleted_image_go_and_unknown_ones_stay(world, image):
    world.upload(image, [b'a'], 1)
    with world.db.write() as tx:
        images.delete(tx, images.show(tx, MEMBER, image.id), world.quotas)
    (world.store.path / UPLOAD).write_bytes(b'whose?')
    world.heal()
    assert world.store.present() == [UPLOAD]


def test_an_import_that_died_is_done_by_healing(world, image):
    world.stage(image, [b'abc'], 3)
    with world.db.write() as tx:
        images.importing(tx, images.show(tx, MEMBER, image.id))
    world.store.promote(image.id)
    world.heal()
    status, used, files = state(world, image.id)
    assert (status, used['image_size_total'], used['image_stage_total'], files) == ('active', 1, 0, [image.id])


def test_the_quota_of_bytes_holds_when_the_upload_ends(world, image):
    world.quotas.defaults['image_size_total'] = 0
    with pytest.raises(errors.OverQuota) as why:
        world.upload(image, [b'abc'], None)
    assert why.value.facts['status'] == 413
    assert state(world, image.id) == ('queued', IDLE, [])


def test_an_owner_passes_an_image_on_with_its_use(world, image):
    world.upload(image, [b'abc'], 3)
    with world.db.write() as tx:
        found = images.show(tx, MEMBER, image.id)
        values = {n: getattr(found, n) for n in (*images.COLUMNS, *images.FORMATS)}
        images.change(tx, found, values | {'owner': STRANGER.project_id}, {}, [], world.quotas)
        assert world.quotas.show(tx, MEMBER.project_id)['image_size_total'].used == 0
        assert world.quotas.show(tx, STRANGER.project_id)['image_size_total'].used == 1


def test_files_are_the_services_alone(world, image):
    world.upload(image, [b'abc'], 3)
    assert (world.store.path / image.id).stat().st_mode & 0o777 == 0o600
    assert world.store.path.stat().st_mode & 0o777 == 0o700


ALLOWED = {
    'upload': {'queued'},
    'stage': {'queued'},
    'fetch': {'queued'},
    'import': {'uploading'},
    'deactivate': {'active', 'deactivated'},
    'reactivate': {'active', 'deactivated'},
    'delete': set(ALL) - {'deleted', 'pending_delete'},
    'delay': {'active', 'deactivated'},
    'restore': {'pending_delete'},
    'scrub': {'pending_delete'},
    'heal': set(ALL),
}


def test_every_verb_is_allowed_where_it_should_be_and_nowhere_else():
    assert {verb: {s for s in ALL if MACHINE.allows(verb, s)} for verb in MACHINE.rules} == ALLOWED
