"""Backups over HTTP: what is made, shown, listed, restored and refused."""

import pytest
import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.agents import services
from nimbus.volume import hosts
from nimbus.volume.backups import backups
from nimbus.volume.backups import progress as backup_progress
from nimbus.volume.models import Backup, Snapshot, Volume
from nimbus.volume.volumes import progress, snapshot_progress
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

GONE = ids.dashed()
FACTS = {'backend': 'fake', 'total_gb': 100, 'free_gb': 100}


def put(wired, model, id, **values):
    with wired.db.write() as tx:
        tx.update(model, model.id == id, **values)


def snapshot_of(latest, wired, volume):
    made = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume}}, asker=MEMBER).json['snapshot']['id']
    with wired.db.write() as tx:
        snapshot_progress.made(tx, made)
    return made


def status(latest, path):
    return next(iter(latest('GET', path, asker=ADMIN).json.values()))['status']


def used(latest, asker=MEMBER):
    found = latest('GET', '/limits', asker=asker).json['limits']['absolute']
    return found['totalVolumesUsed'], found['totalBackupsUsed'], found['totalBackupGigabytesUsed']


def message(answer):
    return next(iter(answer.json.values()))['message']


def test_a_backup_is_made_and_shown(latest, make):
    volume = make(size=2)
    body = {'volume_id': volume, 'name': ' b ', 'description': 'd', 'container': 'c', 'metadata': {'k': 'v'}}
    made = latest('POST', '/backups', {'backup': body}, asker=MEMBER)
    found = made.json['backup']
    assert (made.status, set(found), found['name']) == (202, {'id', 'name', 'links'}, 'b')
    assert found['links'][0]['href'].endswith(f'/v3/{MEMBER.project_id}/backups/{found["id"]}')
    shown = latest('GET', f'/backups/{found["id"]}', asker=READER).json['backup']
    assert set(shown) == {
        *('id', 'status', 'size', 'object_count', 'availability_zone', 'container', 'created_at', 'updated_at', 'name'),
        *('description', 'fail_reason', 'volume_id', 'links', 'is_incremental', 'has_dependent_backups', 'snapshot_id'),
        *('data_timestamp', 'metadata'),
    }
    wanted = {'status': 'creating', 'size': 2, 'object_count': 0, 'availability_zone': 'nova', 'container': 'c'}
    wanted |= {'description': 'd', 'volume_id': volume, 'is_incremental': False, 'has_dependent_backups': False}
    wanted |= {'snapshot_id': None, 'fail_reason': None, 'metadata': {'k': 'v'}, 'data_timestamp': shown['created_at']}
    assert {name: shown[name] for name in wanted} == wanted
    assert status(latest, f'/volumes/{volume}') == 'backing-up' and used(latest) == (1, 1, 2)


def test_each_version_shows_what_it_has(api, latest, make, backup):
    made = backup(make())

    def names(version, asker):
        return set(api('GET', f'/backups/{made}', asker=asker, version=f'volume {version}').json['backup'])

    project = 'os-backup-project-attr:project_id'
    assert not {'metadata', 'user_id', project} & names('3.0', ADMIN)
    assert [project in names(version, ADMIN) for version in ('3.17', '3.18')] == [False, True]
    assert ['metadata' in names(version, ADMIN) for version in ('3.42', '3.43')] == [False, True]
    assert ['user_id' in names(version, ADMIN) for version in ('3.55', '3.56')] == [False, True]
    assert not {'user_id', project} & names('3.61', MEMBER)
    listed = latest('GET', '/backups/detail', asker=MEMBER).json['backups'][0]
    assert set(listed) == names('3.61', MEMBER)
    for version, taken in (('3.8', 404), ('3.9', 200)):
        told = {'backup': {'name': 'n'}}
        assert api('PUT', f'/backups/{made}', told, version=f'volume {version}').status == taken
    for name, value, since in (('metadata', {'k': 'v'}, '3.43'), ('availability_zone', 'nova', '3.51')):
        before = f'3.{int(since[2:]) - 1}'
        body = {'backup': {'volume_id': make(), name: value}}
        assert [api('POST', '/backups', body, version=f'volume {one}').status for one in (before, since)] == [400, 202]


@pytest.mark.parametrize('state', ['creating', 'error', 'maintenance', 'deleting', 'reserved', 'backing-up'])
def test_of_a_busy_volume_none_is_made(latest, make, wired, state):
    volume = make()
    put(wired, Volume, volume, status=state)
    for force in (True, False):
        refused = latest('POST', '/backups', {'backup': {'volume_id': volume, 'force': force}}, asker=MEMBER)
        assert (refused.status, 'badRequest' in refused.json) == (400, True)
        assert message(refused) == (
            f'Invalid volume: Volume to be backed up must be available or in-use, but the current status is "{state}".'
        )
    assert used(latest) == (1, 0, 0)


def test_of_a_volume_that_a_server_has_none_is_made(latest, make, wired):
    volume = make()
    snapshot = snapshot_of(latest, wired, volume)
    put(wired, Volume, volume, status='in-use')
    for force, words in ((False, 'must use the force flag'), (True, 'a snapshot of it')):
        refused = latest('POST', '/backups', {'backup': {'volume_id': volume, 'force': force}}, asker=MEMBER)
        assert refused.status == 400 and words in message(refused)
    taken = latest('POST', '/backups', {'backup': {'volume_id': volume, 'snapshot_id': snapshot}}, asker=MEMBER)
    assert taken.status == 202
    assert status(latest, f'/volumes/{volume}') == 'in-use' and status(latest, f'/snapshots/{snapshot}') == 'backing-up'


def test_a_snapshot_that_does_not_fit_is_refused(latest, make, wired):
    volume, other = make(), make()
    snapshot = snapshot_of(latest, wired, volume)
    told = {'volume_id': other, 'snapshot_id': snapshot}
    refused = latest('POST', '/backups', {'backup': told}, asker=MEMBER)
    assert refused.status == 400 and 'does not match with snapshot.volume_id' in message(refused)
    put(wired, Snapshot, snapshot, status='error')
    refused = latest('POST', '/backups', {'backup': {**told, 'volume_id': volume}}, asker=MEMBER)
    assert refused.status == 400 and 'Snapshot to be backed up must be available' in message(refused)


def test_bad_bodies_are_refused(latest, make):
    volume = make()
    for inner in (
        {},
        {'volume_id': 'x'},
        {'volume_id': None},
        {'volume_id': volume, 'name': 'x' * 256},
        {'volume_id': volume, 'container': 'x' * 256},
        {'volume_id': volume, 'force': 'maybe'},
        {'volume_id': volume, 'incremental': 2},
        {'volume_id': volume, 'metadata': {'k': 1}},
        {'volume_id': volume, 'snapshot_id': 'x'},
        {'volume_id': volume, 'stranger': 1},
        {'volume_id': volume, 'availability_zone': 'nowhere'},
    ):
        assert latest('POST', '/backups', {'backup': inner}, asker=MEMBER).status == 400, inner
    assert latest('POST', '/backups', {'backup': {'volume_id': GONE}}, asker=MEMBER).status == 404
    told = {'volume_id': volume, 'snapshot_id': GONE}
    assert latest('POST', '/backups', {'backup': told}, asker=MEMBER).status == 404
    assert used(latest) == (1, 0, 0) and status(latest, f'/volumes/{volume}') == 'available'


def test_where_nobody_keeps_backups_it_is_told(latest, make, wired):
    volume = make()
    with wired.db.write() as tx:
        services.report(tx, services.Kind('volume', hosts.BINARY), 'h1', FACTS, started=True)
    refused = latest('POST', '/backups', {'backup': {'volume_id': volume}}, asker=MEMBER)
    assert (refused.status, message(refused)) == (503, 'Service cinder-backup could not be found.')
    assert used(latest) == (1, 0, 0) and status(latest, f'/volumes/{volume}') == 'available'


def test_a_parent_that_is_deleted_meanwhile_is_none(make, backup, wired, monkeypatch):
    """Else what the new backup shares with it would be removed, and the backup be damaged."""
    volume = make()
    first, find = backup(volume), backups._parent

    def found(tx, ctx, *more):
        parent = find(tx, ctx, *more)
        backups.delete(tx, ctx, parent.id)
        return parent

    monkeypatch.setattr(backups, '_parent', found)
    with pytest.raises(errors.Invalid, match='No backups available'), wired.db.write() as tx:
        backups.create(tx, MEMBER, backups.Wanted(volume, incremental=True))
    with wired.db.read() as tx:
        assert [row.id for row in tx.rows(sa.select(Backup.id))] == [first]


def test_a_backup_that_depends_on_one_is_seen_when_it_is_made_meanwhile(make, backup, wired, monkeypatch):
    volume = make()
    first, begin, verbs = backup(volume), backups.BACKUPS.begin, []

    def begun(tx, model, id, verb, **values):
        if verb == 'delete' and not verbs:
            verbs.append(verb)
            backups.create(tx, MEMBER, backups.Wanted(volume, incremental=True))
        return begin(tx, model, id, verb, **values)

    monkeypatch.setattr(backups.BACKUPS, 'begin', begun)
    with pytest.raises(errors.Invalid, match='Incremental backups exist'), wired.db.write() as tx:
        backups.delete(tx, MEMBER, first)
    assert verbs == ['delete']


def test_an_incremental_backup_has_a_parent(latest, make, backup, wired):
    volume = make()
    told = {'backup': {'volume_id': volume, 'incremental': True}}
    refused = latest('POST', '/backups', told, asker=MEMBER)
    assert (refused.status, message(refused)) == (
        *(400,),
        'Invalid backup: No backups available to do an incremental backup.',
    )
    first = backup(volume)
    second = backup(volume, incremental='True')
    third = backup(volume, incremental=True)
    shown = {id: latest('GET', f'/backups/{id}', asker=MEMBER).json['backup'] for id in (first, second, third)}
    assert [(one['is_incremental'], one['has_dependent_backups']) for one in shown.values()] == [
        *((False, True), (True, True)),
        (True, False),
    ]
    for path, asker in ((f'/backups/{second}', MEMBER),):
        refused = latest('DELETE', path, asker=asker)
        assert refused.status == 400 and message(refused).endswith('Incremental backups exist for this backup.')
    refused = latest('POST', f'/backups/{second}/action', {'os-force_delete': {}}, asker=ADMIN)
    assert refused.status == 400
    assert latest('DELETE', f'/backups/{third}', asker=MEMBER).status == 202
    with wired.db.write() as tx:
        backup_progress.gone(tx, third)
    assert latest('DELETE', f'/backups/{second}', asker=MEMBER).status == 202


def test_a_backup_of_a_snapshot_is_added_to_what_is_older(latest, make, backup, wired):
    volume = make()
    old = backup(volume)
    snapshot = snapshot_of(latest, wired, volume)
    backup(volume)
    added = backup(volume, snapshot_id=snapshot, incremental=True)
    with wired.db.read() as tx:
        assert backup_progress.look(tx, added).parent_id == old
    shown = latest('GET', f'/backups/{added}', asker=MEMBER).json['backup']
    made = latest('GET', f'/snapshots/{snapshot}', asker=MEMBER).json['snapshot']
    assert (shown['data_timestamp'], shown['snapshot_id']) == (made['created_at'], snapshot)


def test_backups_are_counted(latest, make, backup):
    volume = make(size=3)
    for name, limit, sentence in (
        ('backups', 1, 'Maximum number of backups allowed (1) exceeded'),
        ('backup_gigabytes', 5, 'Requested 3G, quota is 5G and 3G has been consumed'),
    ):
        if name == 'backups':
            backup(volume)
        latest('PUT', f'/os-quota-sets/{MEMBER.project_id}', {'quota_set': {name: limit}}, asker=ADMIN)
        refused = latest('POST', '/backups', {'backup': {'volume_id': volume}}, asker=MEMBER)
        assert refused.status == 413 and sentence in refused.json['overLimit']['message']
        latest('PUT', f'/os-quota-sets/{MEMBER.project_id}', {'quota_set': {name: 100}}, asker=ADMIN)
    assert status(latest, f'/volumes/{volume}') == 'available' and used(latest) == (1, 1, 3)


def test_lists_are_filtered_sorted_and_paged(api, latest, make, backup):
    first, second = make(), make()
    made = [backup(first, name='a'), backup(second, name='b'), backup(second, name='ab')]

    def listed(query, asker=MEMBER, path='/backups'):
        return [row['id'] for row in latest('GET', f'{path}?{query}', asker=asker).json['backups']]

    assert listed('sort=created_at:asc') == made
    assert listed('sort_key=name&sort_dir=desc') == [made[1], made[2], made[0]]
    assert listed(f'volume_id={second}&sort=created_at:asc') == made[1:]
    assert listed('name~=a&sort=created_at:asc') == [made[0], made[2]]
    assert listed('name=b') == made[1:2] and listed('status=error') == []
    assert listed('sort=created_at:asc&offset=2') == made[2:]
    assert latest('GET', f'/backups?marker={second}').status == 404
    page = latest('GET', '/backups/detail?limit=2&sort=created_at:asc&with_count=true').json
    assert ([row['id'] for row in page['backups']], page['count']) == (made[:2], 3)
    assert f'marker={made[1]}' in page['backups_links'][0]['href']
    assert listed('', STRANGER) == [] and listed('all_tenants=1', STRANGER) == []
    assert set(listed('all_tenants=1', ADMIN)) == set(made)
    assert listed('all_tenants=1&size=7', ADMIN) == []
    assert listed(f'all_tenants=1&project_id={STRANGER.project_id}', ADMIN) == []
    assert latest('GET', '/backups?size=x', asker=ADMIN).status == 400
    assert latest('GET', '/backups?user_id=x', asker=MEMBER).status == 400
    assert latest('GET', '/backups?sort=container', asker=MEMBER).status == 400
    assert api('GET', '/backups?sort=name', version='volume 3.36').status == 400
    assert 'count' not in api('GET', '/backups?with_count=true', version='volume 3.44').json


def test_another_project_sees_and_changes_nothing(latest, make, backup):
    volume = make()
    made = backup(volume, metadata={'k': 'v'})
    for method, path, body in (
        ('GET', '', None),
        ('PUT', '', {'backup': {'name': 'x'}}),
        ('DELETE', '', None),
        ('POST', '/restore', {'restore': {}}),
    ):
        refused = latest(method, f'/backups/{made}{path}', body, asker=STRANGER)
        assert (refused.status, message(refused)) == (404, f'Backup {made} could not be found.')
    told = {'size': 1, 'backup_id': made}
    assert latest('POST', '/volumes', {'volume': told}, asker=STRANGER).status == 404
    assert latest('POST', '/backups', {'backup': {'volume_id': volume}}, asker=STRANGER).status == 404
    told = {'restore': {'volume_id': make(asker=STRANGER)}}
    assert latest('POST', f'/backups/{made}/restore', told, asker=MEMBER).status == 404
    assert status(latest, f'/backups/{made}') == 'available'


def test_names_and_metadata_change(latest, make, backup):
    made = backup(make(), name='a', metadata={'k': 'v'})
    path = f'/backups/{made}'
    changed = latest('PUT', path, {'backup': {'name': ' n ', 'description': None, 'metadata': {'z': '9'}}})
    assert (changed.status, set(changed.json['backup']), changed.json['backup']['name']) == (
        *(200, {'id', 'name', 'links'}),
        'n',
    )
    assert latest('PUT', path, {'backup': {}}).status == 200
    shown = latest('GET', path).json['backup']
    assert (shown['name'], shown['description'], shown['metadata']) == ('n', None, {'z': '9'})
    for inner in (None, {'volume_id': GONE}, {'metadata': None}, {'name': 'x' * 256}):
        assert latest('PUT', path, {'backup': inner}).status == 400, inner


def test_a_backup_is_restored_into_a_new_volume(latest, make, backup, wired):
    made = backup(make(size=2))
    answer = latest('POST', f'/backups/{made}/restore', {'restore': {}}, asker=MEMBER)
    told = answer.json['restore']
    assert (answer.status, told['backup_id'], told['volume_name']) == (202, made, f'restore_backup_{made}')
    volume = latest('GET', f'/volumes/{told["volume_id"]}', asker=MEMBER).json['volume']
    assert (volume['size'], volume['status']) == (2, 'creating')
    assert volume['description'] == 'auto-created_from_restore_from_backup'
    assert status(latest, f'/backups/{made}') == 'restoring'
    for method, path, body in (
        ('DELETE', '', None),
        ('POST', '/restore', {'restore': None}),
        ('POST', '/restore', {'restore': {'name': 'x'}}),
    ):
        refused = latest(method, f'/backups/{made}{path}', body, asker=MEMBER)
        assert refused.status == 400 and 'Invalid backup: Backup status must be available' in message(refused)
    with wired.db.write() as tx:
        backup_progress.restored(tx, made)
    again = latest('POST', f'/backups/{made}/restore', {'restore': {'name': 'mine'}}, asker=MEMBER)
    assert again.json['restore']['volume_name'] == 'mine' and used(latest)[0] == 3


def test_a_backup_is_restored_into_a_volume_that_is_there(latest, make, backup, wired):
    made, small, target = backup(make(size=2)), make(size=1), make(size=3, name='t')
    path = f'/backups/{made}/restore'
    refused = latest('POST', path, {'restore': {'volume_id': small}}, asker=MEMBER)
    assert (refused.status, message(refused)) == (
        *(400,),
        'Invalid volume: volume size 1 is too small to restore backup of size 2.',
    )
    assert latest('POST', path, {'restore': {'volume_id': GONE}}, asker=MEMBER).status == 404
    put(wired, Volume, target, status='in-use')
    refused = latest('POST', path, {'restore': {'volume_id': target}}, asker=MEMBER)
    assert refused.status == 400 and message(refused).endswith('Volume to be restored to must be available')
    put(wired, Volume, target, status='available', host='h2')
    refused = latest('POST', path, {'restore': {'volume_id': target}}, asker=MEMBER)
    assert refused.status == 400 and 'another host than the backup' in message(refused)
    put(wired, Volume, target, host='h1')
    answer = latest('POST', path, {'restore': {'volume_id': target}}, asker=MEMBER)
    assert answer.json['restore'] == {'backup_id': made, 'volume_id': target, 'volume_name': 't'}
    assert status(latest, f'/volumes/{target}') == 'restoring-backup'
    with wired.db.write() as tx:
        backup_progress.not_refilled(tx, target, made, 'The backup is damaged.')
    assert status(latest, f'/volumes/{target}') == 'error_restoring'
    shown = latest('GET', f'/backups/{made}', asker=MEMBER).json['backup']
    assert (shown['status'], shown['fail_reason']) == ('available', 'The backup is damaged.')
    assert latest('DELETE', f'/volumes/{target}', asker=MEMBER).status == 202


def test_a_volume_begins_with_a_backup(api, latest, make, backup, wired):
    made = backup(make(size=2))
    refused = latest('POST', '/volumes', {'volume': {'size': 1, 'backup_id': made}}, asker=MEMBER)
    assert refused.status == 400
    assert "'1'GB cannot be smaller than the backup size 2GB. It must be >= backup size." in message(refused)
    told = {'volume': {'backup_id': made, 'source_volid': make()}}
    assert latest('POST', '/volumes', told, asker=MEMBER).status == 400
    before = latest('GET', '/volumes', asker=MEMBER).json['volumes']
    ignored = api('POST', '/volumes', {'volume': {'size': 1, 'backup_id': made}}, version='volume 3.46')
    assert ignored.status == 202 and status(latest, f'/backups/{made}') == 'available'
    taken = latest('POST', '/volumes', {'volume': {'backup_id': made, 'name': 'v'}}, asker=MEMBER)
    assert (taken.status, taken.json['volume']['size']) == (202, 2) and 'backup_id' not in taken.json['volume']
    assert status(latest, f'/backups/{made}') == 'restoring' and len(before) == 2
    refused = latest('POST', '/volumes', {'volume': {'backup_id': made}}, asker=MEMBER)
    assert refused.status == 400 and "must be one of 'available'" in message(refused)
    assert latest('POST', '/volumes', {'volume': {'backup_id': GONE}}, asker=MEMBER).status == 404
    with wired.db.read() as tx:
        assert progress.look(tx, taken.json['volume']['id']).wished_host == 'h1'


@pytest.mark.parametrize('state', ['creating', 'restoring', 'deleting', 'error_deleting'])
def test_a_backup_is_deleted_from_rest_only(latest, make, backup, wired, state):
    made = backup(make())
    put(wired, Backup, made, status=state)
    refused = latest('DELETE', f'/backups/{made}', asker=MEMBER)
    assert (refused.status, message(refused)) == (400, 'Invalid backup: Backup status must be available or error')
    assert latest('POST', f'/backups/{made}/action', {'os-force_delete': {}}, asker=ADMIN).status == 202
    with wired.db.write() as tx:
        backup_progress.gone(tx, made)
    assert latest('GET', f'/backups/{made}', asker=MEMBER).status == 404
    assert used(latest) == (1, 0, 0)


def test_operators_set_states_and_force(latest, make, backup):
    made = backup(make())
    path = f'/backups/{made}/action'
    for body in ({'os-reset_status': {'status': 'error'}}, {'os-force_delete': {}}):
        assert latest('POST', path, body, asker=MEMBER).status == 403
    for wrong in ('creating', 'nonsense', ''):
        refused = latest('POST', path, {'os-reset_status': {'status': wrong}}, asker=ADMIN)
        assert refused.status == 400 and 'valid statuses are: available, error.' in message(refused)
    assert latest('POST', path, {'os-reset_status': {'status': 'Error'}}, asker=ADMIN).status == 202
    assert status(latest, f'/backups/{made}') == 'error'
