"""The contract of image stores, which each kind keeps, and choosing among several."""

import types

import pytest

from nimbus.common import errors, ids
from nimbus.image.stores.file import FileStore
from nimbus.image.stores.s3 import S3Store
from nimbus.image.stores.stores import Place, Stores
from tests import s3

IMAGE, UPLOAD = ids.dashed(), ids.dashed()


@pytest.fixture
def server():
    with s3.serving() as serving:
        yield serving


def speaking(server, tmp_path, access=s3.ACCESS):
    return S3Store(server.url, s3.BUCKET, access, s3.SECRET, str(tmp_path / 'spool'))


@pytest.fixture(params=['file', 's3'])
def store(request, tmp_path):
    """A store of each kind."""
    if request.param == 's3':
        return speaking(request.getfixturevalue('server'), tmp_path)
    return FileStore(str(tmp_path / 'images'))


def put(store, content, image_id=IMAGE, upload_id=UPLOAD):
    draft = store.draft(image_id, upload_id)
    try:
        for start in range(0, len(content), 70_001):
            draft.write(content[start : start + 70_001])
        draft.settle()
        draft.publish()
    finally:
        draft.drop()


def got(store, start, length, image_id=IMAGE):
    return b''.join(store.read(image_id, start, length))


def test_what_is_published_is_read_in_whole_and_in_part(store):
    content = bytes(range(256)) * 1024
    put(store, content)
    assert got(store, 0, len(content)) == content
    assert got(store, 70_000, 3) == content[70_000:70_003]
    assert got(store, len(content) - 1, 1) == content[-1:] and got(store, 5, 0) == b''
    assert store.present() == [IMAGE] and IMAGE in store.url(IMAGE)


def test_an_empty_image_is_an_image(store):
    put(store, b'')
    assert got(store, 0, 0) == b'' and store.present() == [IMAGE]


def test_a_draft_is_nobodys_to_read_and_leaves_nothing_when_it_is_dropped(store):
    draft = store.draft(IMAGE, UPLOAD)
    draft.write(b'abc')
    draft.settle()
    with open(draft.path, 'rb') as file:
        assert file.read() == b'abc'
    assert store.busy(IMAGE, UPLOAD)
    with pytest.raises(errors.NotFound):
        store.read(IMAGE, 0, 3)
    draft.drop()
    draft.drop()
    assert store.present() == [] and not store.busy(IMAGE, UPLOAD)
    store.drop_draft(IMAGE, UPLOAD)


def test_publishing_again_replaces_and_deleting_again_is_fine(store):
    put(store, b'first')
    put(store, b'second', upload_id=ids.dashed())
    assert got(store, 0, 6) == b'second'
    store.delete(IMAGE)
    store.delete(IMAGE)
    assert store.present() == []
    with pytest.raises(errors.NotFound):
        store.read(IMAGE, 0, 1)


def test_an_id_that_is_none_names_no_data(store):
    for name in ('../../etc/passwd', '', 'x', IMAGE + '/..'):
        with pytest.raises(errors.NimbusError):
            store.read(name, 0, 1)
        with pytest.raises(errors.NimbusError):
            store.draft(name, UPLOAD)


def test_every_image_in_the_store_is_found(store):
    images = sorted(ids.dashed() for _ in range(5))
    for image_id in images:
        put(store, b'x', image_id, ids.dashed())
    assert store.present() == images


def test_an_operator_is_told_of_the_store(store):
    assert store.kind in ('file', 's3') and not store.read_only and store.about()


def image(stores):
    return types.SimpleNamespace(id=IMAGE, stores=stores, location=None, size=4)


def test_an_image_is_read_from_the_best_store_that_answers(tmp_path):
    slow, fast = FileStore(str(tmp_path / 'slow')), FileStore(str(tmp_path / 'fast'))
    stores = Stores(slow, {'slow': Place(slow), 'fast': Place(fast, weight=5)}, 'slow')
    put(slow, b'slow')
    put(fast, b'fast')
    assert b''.join(stores.read(image('slow,fast'), 0, 4)) == b'fast'
    fast.delete(IMAGE)
    assert b''.join(stores.read(image('slow,fast'), 0, 4)) == b'slow'
    assert b''.join(stores.read(image(None), 0, 4)) == b'slow'
    with pytest.raises(errors.NotFound):
        stores.read(image('gone'), 0, 4)


def test_an_object_of_several_parts_is_one_image(server, tmp_path, monkeypatch):
    monkeypatch.setattr('nimbus.image.stores.s3.PART', 5 << 20)
    store, content = speaking(server, tmp_path), bytes(range(256)) * 4096 * 11
    draft = store.draft(IMAGE, UPLOAD)
    draft.write(content)
    draft.settle()
    draft.publish()
    draft.drop()
    assert server.objects[IMAGE] == content and server.parts == {}
    assert got(store, 6 << 20, 100) == content[6 << 20 : (6 << 20) + 100]
    assert [found for found in (tmp_path / 'spool').rglob('*') if found.is_file()] == []


def test_a_server_that_is_away_or_refuses_is_told_to_operators_alone(server, tmp_path):
    store = speaking(server, tmp_path)
    put(store, b'abc')
    refused = speaking(server, tmp_path, access='another')
    for asked in (lambda: refused.read(IMAGE, 0, 1), refused.present, lambda: refused.delete(IMAGE)):
        with pytest.raises(errors.Unavailable) as why:
            asked()
        assert server.url in why.value.inside and server.url not in why.value.sentence
    server.away = True
    with pytest.raises(errors.Unavailable):
        store.read(IMAGE, 0, 3)
    with pytest.raises(errors.Unavailable):
        put(store, b'abcd')
    server.away = False
    assert got(store, 0, 3) == b'abc'


def test_bytes_that_break_off_are_no_image(server, tmp_path):
    store = speaking(server, tmp_path)
    put(store, b'x' * 200_000)
    server.short = 100_000
    with pytest.raises(OSError):
        got(store, 0, 200_000)
