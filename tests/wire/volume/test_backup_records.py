"""Records of backups over HTTP: what is exported, taken in again and refused."""

import base64
import json

import pytest

from nimbus.common import ids
from nimbus.volume.backups import progress as backup_progress
from nimbus.volume.models import Backup
from tests.conftest import ADMIN, MEMBER

GONE = '7c4d4d6e-43a4-4e7c-9a5e-2f8f4a3a1d0b'


def put(wired, model, id, **values):
    with wired.db.write() as tx:
        tx.update(model, model.id == id, **values)


def message(answer):
    return next(iter(answer.json.values()))['message']


def decoded(record):
    return json.loads(base64.b64decode(record['backup_url']))


def encoded(told):
    return base64.b64encode(json.dumps(told).encode()).decode()


def test_a_record_is_exported_and_imported(latest, make, backup, wired):
    made = backup(make(size=2), name='n', description='d', metadata={'k': 'v'})
    path = f'/backups/{made}/export_record'
    assert latest('GET', path, asker=MEMBER).status == 403
    answer = latest('GET', path, asker=ADMIN)
    record = answer.json['backup-record']
    assert (answer.status, set(record)) == (200, {'backup_service', 'backup_url'})
    refused = latest('POST', '/backups/import_record', {'backup-record': record}, asker=ADMIN)
    assert (refused.status, message(refused)) == (400, 'Invalid backup: Backup already exists in database.')
    new = ids.dashed()
    changed = {**record, 'backup_url': encoded({**decoded(record), 'id': new})}
    assert latest('POST', '/backups/import_record', {'backup-record': changed}, asker=MEMBER).status == 403
    taken = latest('POST', '/backups/import_record', {'backup-record': changed}, asker=ADMIN)
    assert (taken.status, taken.json['backup']['id'], taken.json['backup']['name']) == (201, new, 'n')
    shown = latest('GET', f'/backups/{new}', asker=ADMIN).json['backup']
    assert (shown['status'], shown['size'], shown['metadata']) == ('creating', 2, {'k': 'v'})
    assert shown['data_timestamp'][:19] == latest('GET', f'/backups/{made}').json['backup']['data_timestamp'][:19]
    with wired.db.read() as tx:
        assert backup_progress.look(tx, new).place == made
    put(wired, Backup, made, status='error')
    refused = latest('GET', path, asker=ADMIN)
    assert (refused.status, message(refused)) == (
        *(400,),
        'Invalid backup: Backup status must be available and not error.',
    )


@pytest.mark.parametrize(
    'told',
    [
        *([], 'x', None, 1, {}, {'id': GONE}, {'size': 1}, {'id': None, 'size': 1}, {'id': 'x', 'size': 1}),
        *({'id': GONE, 'size': size} for size in (0, -1, True, '1', None, 2**31, 1.5)),
        *({'id': GONE, 'size': 1, name: 'x' * 256} for name in ('display_name', 'container', 'host')),
        *({'id': GONE, 'size': 1, name: '../x'} for name in ('service_metadata', 'parent_id', 'volume_id')),
        {'id': GONE, 'size': 1, 'display_name': 'a\0b'},
        {'id': GONE, 'size': 1, 'display_name': '\ud800'},
        {'id': GONE, 'size': 1, 'metadata': {'k': 1}},
        {'id': GONE, 'size': 1, 'metadata': []} | {'metadata': ['x']},
        {'id': GONE, 'size': 1, 'image': 'x'},
        {'id': GONE, 'size': 1, 'image': {'k': {}}},
        {'id': GONE, 'size': 1, 'image': {'properties': {'k': 1}}},
    ],
    ids=str,
)
def test_a_record_that_says_nothing_is_refused(latest, told):
    record = {'backup_service': 'nimbus.folder', 'backup_url': encoded(told)}
    refused = latest('POST', '/backups/import_record', {'backup-record': record}, asker=ADMIN)
    assert refused.status == 400 and 'ackup record' in message(refused)
    assert latest('GET', '/backups?all_tenants=1', asker=ADMIN).json['backups'] == []


def test_what_is_no_record_is_refused(latest):
    good = encoded({'id': GONE, 'size': 1})
    for url in ('', '!', 'a' * 5, base64.b64encode(b'{').decode(), base64.b64encode(b'[' * 30000).decode()):
        record = {'backup_service': 'nimbus.folder', 'backup_url': url}
        assert latest('POST', '/backups/import_record', {'backup-record': record}, asker=ADMIN).status == 400, url[:9]
    for inner in ({}, {'backup_url': good}, {'backup_service': 'x'}, {'backup_service': 1, 'backup_url': good}):
        assert latest('POST', '/backups/import_record', {'backup-record': inner}, asker=ADMIN).status == 400, inner
    record = {'backup_service': 'another', 'backup_url': good}
    refused = latest('POST', '/backups/import_record', {'backup-record': record}, asker=ADMIN)
    words = 'Invalid backup: No host keeps backups in another; known are nimbus.folder.'
    assert (refused.status, message(refused)) == (400, words)
