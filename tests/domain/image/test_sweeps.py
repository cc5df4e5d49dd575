"""Bytes of images whose rows another daemon deleted."""

from nimbus.common import context, ids
from nimbus.image.data.sweeps import Sweeps
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.images import images
from nimbus.image.quotas import ImageQuotas
from nimbus.image.stores.file import FileStore
from tests.conftest import MEMBER


def made(transfers, database):
    values = {'id': ids.dashed(), 'disk_format': 'raw', 'container_format': 'bare'}
    with database.write() as tx:
        image = images.create(tx, MEMBER, transfers.quotas, values, {}, ())
    transfers.upload(image, iter([b'x' * 512]), None)
    return image.id


def test_they_go_and_those_of_the_living_and_of_strangers_stay(database, tmp_path):
    store = FileStore(str(tmp_path))
    transfers = Transfers(database, store, Limits(('raw',), ('bare',)), ImageQuotas(), 'h1')
    gone, kept, strange = made(transfers, database), made(transfers, database), ids.dashed()
    (tmp_path / strange).write_bytes(b'x')
    with database.write() as tx:
        images.delete(tx, images.show(tx, context.internal(), gone), transfers.quotas)
    assert transfers.sweep() == [strange]
    assert store.present() == sorted([kept, strange])
    assert transfers.sweep() == [strange]


def test_looks_end_with_the_service(database, tmp_path):
    sweeps = Sweeps(Transfers(database, FileStore(str(tmp_path)), Limits((), ()), ImageQuotas(), 'h1'))
    sweeps.start()
    sweeps.stop()
