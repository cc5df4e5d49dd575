"""The contract of image stores, which each kind keeps, and choosing among several."""

import pytest

from nimbus.common import errors, ids
from nimbus.image.stores.file import FileStore
from nimbus.image.stores.stores import Place, Stores

IMAGE, UPLOAD = ids.dashed(), ids.dashed()


@pytest.fixture(params=['file'])
def store(request, tmp_path):
    return {'file': lambda: FileStore(str(tmp_path / 'images'))}[request.param]()


def put(store, content, image_id=IMAGE, upload_id=UPLOAD):
    draft = store.draft(image_id, upload_id)
    for start in range(0, len(content), 7):
        draft.write(content[start : start + 7])
    draft.settle()
    draft.publish()
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


def test_an_operator_is_told_of_the_store(store):
    assert store.kind in ('file', 's3') and not store.read_only and store.about()


def test_an_image_is_read_from_the_best_store_that_answers(tmp_path):
    slow, fast = FileStore(str(tmp_path / 'slow')), FileStore(str(tmp_path / 'fast'))
    stores = Stores(slow, {'slow': Place(slow), 'fast': Place(fast, weight=5)}, 'slow')
    put(slow, b'slow')
    put(fast, b'fast')
    assert b''.join(stores.read('slow,fast', IMAGE, 0, 4)) == b'fast'
    fast.delete(IMAGE)
    assert b''.join(stores.read('slow,fast', IMAGE, 0, 4)) == b'slow'
    assert b''.join(stores.read(None, IMAGE, 0, 4)) == b'slow'
    with pytest.raises(errors.NotFound):
        stores.read('gone', IMAGE, 0, 4)
