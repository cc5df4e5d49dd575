"""Snapshots over HTTP: what is made, shown, listed and refused, and volumes made of them."""

import dataclasses

import pytest

from nimbus.common import ids
from nimbus.volume.models import Snapshot, Volume
from nimbus.volume.volumes import attachments, progress, snapshot_progress
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

GONE = ids.dashed()


@pytest.fixture
def snap(latest, wired):
    """Makes a snapshot that is available; returns its id."""

    def snap(volume, asker=MEMBER, **body):
        made = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume, **body}}, asker=asker)
        assert made.status == 202, made.data
        with wired.db.write() as tx:
            snapshot_progress.made(tx, made.json['snapshot']['id'])
        return made.json['snapshot']['id']

    return snap


def put(wired, model, id, status):
    with wired.db.write() as tx:
        tx.update(model, model.id == id, status=status)


def used(latest, asker=MEMBER):
    found = latest('GET', '/limits', asker=asker).json['limits']['absolute']
    return found['totalVolumesUsed'], found['totalSnapshotsUsed'], found['totalGigabytesUsed']


def test_a_snapshot_is_made_and_shown(latest, make):
    volume = make(size=2)
    body = {'volume_id': volume, 'name': ' s ', 'description': 'd', 'metadata': {'k': 'v'}, 'force': True}
    made = latest('POST', '/snapshots', {'snapshot': body}, asker=MEMBER)
    found = made.json['snapshot']
    assert (made.status, found['status'], found['size'], found['name']) == (202, 'creating', 2, 's')
    shown = latest('GET', f'/snapshots/{found["id"]}', asker=READER).json['snapshot']
    assert shown == {
        **found,
        'os-extended-snapshot-attributes:project_id': MEMBER.project_id,
        'os-extended-snapshot-attributes:progress': '0%',
    }
    assert set(found) == {
        *('id', 'created_at', 'updated_at', 'name', 'description', 'volume_id', 'status', 'size', 'metadata'),
        *('group_snapshot_id', 'user_id', 'consumes_quota'),
    }
    assert (found['volume_id'], found['metadata'], found['user_id']) == (volume, {'k': 'v'}, MEMBER.user_id)
    assert used(latest) == (1, 1, 4)


def test_an_old_version_shows_less(api, snap, make):
    snapshot = snap(make())
    assert not {'user_id', 'group_snapshot_id'} & set(api('GET', f'/snapshots/{snapshot}').json['snapshot'])


OLD = 'volume 3.65'  # the newest that tells by `force` whether a volume may be in use
REST = ['creating', 'error', 'maintenance', 'deleting', 'reserved']


@pytest.mark.parametrize(('status', 'force'), [('in-use', False), *((status, f) for status in REST for f in (0, 1))])
def test_of_a_volume_that_is_not_at_rest_none_is_made(latest, make, wired, status, force):
    volume = make()
    put(wired, Volume, volume, status)
    refused = latest(
        'POST', '/snapshots', {'snapshot': {'volume_id': volume, 'force': bool(force)}}, asker=MEMBER, version=OLD
    )
    assert refused.status == 400 and 'Invalid volume: ' in refused.json['badRequest']['message']
    assert used(latest) == (1, 0, 1)


def test_of_a_used_volume_one_is_made_by_force(latest, make, wired):
    volume = make()
    put(wired, Volume, volume, 'in-use')
    for force in (None, 'false'):
        body = {'volume_id': volume} | ({'force': force} if force else {})
        refused = latest('POST', '/snapshots', {'snapshot': body}, asker=MEMBER, version=OLD)
        assert 'must be available, but current status is: in-use' in refused.json['badRequest']['message']
    for force in ('true', True):
        made = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume, 'force': force}}, asker=MEMBER)
        assert (made.status, made.json['snapshot']['status']) == (202, 'creating')
    copied = latest('POST', '/volumes', {'volume': {'source_volid': volume}}, asker=MEMBER)
    assert (copied.status, copied.json['volume']['source_volid']) == (202, volume)
    foreign = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume, 'force': True}}, asker=STRANGER)
    assert foreign.status == 404


def test_since_3_66_a_used_volume_needs_no_force(latest, make, wired):
    volume = make()
    put(wired, Volume, volume, 'in-use')
    refused = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume, 'force': False}}, asker=MEMBER)
    assert refused.status == 400 and "the 'force' option is invalid" in refused.json['badRequest']['message']
    for more in ({}, {'force': True}):
        made = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume, **more}}, asker=MEMBER)
        assert made.status == 202


def test_what_another_than_compute_connects_is_copied_in_no_way(latest, make, wired):
    volume = make()
    with wired.db.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, None, by_service=False)
        attachments.connected(tx, MEMBER, made, 'elsewhere', {'driver_volume_type': 'file', 'data': {}})
        attachments.complete(tx, MEMBER, made)
    for path, body in (
        ('/snapshots', {'snapshot': {'volume_id': volume, 'force': True}}),
        ('/volumes', {'volume': {'source_volid': volume}}),
    ):
        refused = latest('POST', path, body, asker=MEMBER)
        assert (refused.status, 'connected by others' in refused.json['badRequest']['message']) == (400, True)
    assert used(latest) == (1, 0, 1)


def test_bad_bodies_are_refused(latest, make):
    volume = make()
    for inner in (
        {},
        {'volume_id': 'x'},
        {'volume_id': volume, 'name': 'x' * 256},
        {'volume_id': volume, 'force': 'maybe'},
        {'volume_id': volume, 'metadata': {'k': 1}},
        {'volume_id': volume, 'stranger': 1},
    ):
        assert latest('POST', '/snapshots', {'snapshot': inner}, asker=MEMBER).status == 400, inner
    for given in (GONE, None):
        assert latest('POST', '/snapshots', {'snapshot': {'volume_id': given}}, asker=MEMBER).status == 404
    assert used(latest) == (1, 0, 1)


def test_snapshots_are_counted(latest, make, snap):
    volume = make(size=3)
    for name, limit, sentence in (
        ('snapshots', 1, 'Maximum number of snapshots allowed (1) exceeded'),
        ('gigabytes', 7, 'Requested 3G, quota is 7G and 6G has been consumed'),
    ):
        if name == 'snapshots':
            snap(volume)
        latest('PUT', f'/os-quota-sets/{MEMBER.project_id}', {'quota_set': {name: limit}}, asker=ADMIN)
        refused = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume}}, asker=MEMBER)
        assert refused.status == 413 and sentence in refused.json['overLimit']['message']
        latest('PUT', f'/os-quota-sets/{MEMBER.project_id}', {'quota_set': {name: 100}}, asker=ADMIN)


def test_lists_are_filtered_sorted_and_paged(latest, make, snap):
    first, second = make(), make()
    ids_ = [snap(first, name='a', metadata={'k': 'v'}), snap(second, name='b'), snap(second, name='ab')]

    def listed(query, asker=MEMBER, path='/snapshots'):
        return [row['id'] for row in latest('GET', f'{path}?{query}', asker=asker).json['snapshots']]

    assert listed('sort=created_at:asc') == ids_
    assert listed('sort_key=name&sort_dir=desc') == [ids_[1], ids_[2], ids_[0]]
    assert listed(f'volume_id={second}&sort=created_at:asc') == ids_[1:]
    assert listed("metadata={'k': 'v'}") == ids_[:1]
    assert listed('name~=a&sort=created_at:asc') == [ids_[0], ids_[2]]
    assert listed('status=error') == []
    assert listed('sort=display_name:asc&offset=1&limit=1') == ids_[2:]
    assert latest('GET', f'/snapshots?marker={second}').status == 404
    page = latest('GET', '/snapshots/detail?limit=2&sort=created_at:asc&with_count=true').json
    assert ([row['id'] for row in page['snapshots']], page['count']) == (ids_[:2], 3)
    assert f'marker={ids_[1]}' in page['snapshots_links'][0]['href']
    assert listed('', STRANGER) == [] and listed('all_tenants=1', STRANGER) == []
    assert set(listed('all_tenants=1', ADMIN)) == set(ids_)
    assert listed(f'all_tenants=1&project_id={STRANGER.project_id}', ADMIN) == []
    assert latest('GET', '/snapshots?user_id=x', asker=MEMBER).status == 400
    assert latest('GET', '/snapshots?sort=size', asker=MEMBER).status == 400


def test_another_project_sees_and_changes_nothing(latest, make, snap):
    snapshot = snap(make(), metadata={'k': 'v'})
    for method, path, body in (
        ('GET', '', None),
        ('PUT', '', {'snapshot': {'name': 'x'}}),
        ('DELETE', '', None),
        ('GET', '/metadata', None),
        ('POST', '/metadata', {'metadata': {'a': 'b'}}),
        ('PUT', '/metadata/k', {'meta': {'k': 'x'}}),
        ('DELETE', '/metadata/k', None),
        ('POST', '/action', {'os-update_snapshot_status': {'status': 'error'}}),
    ):
        assert latest(method, f'/snapshots/{snapshot}{path}', body, asker=STRANGER).status == 404, path
    given = {'size': 1, 'snapshot_id': snapshot}
    assert latest('POST', '/volumes', {'volume': given}, asker=STRANGER).status == 404
    assert latest('GET', f'/snapshots/{snapshot}', asker=MEMBER).json['snapshot']['metadata'] == {'k': 'v'}


def test_names_and_metadata_change(latest, make, snap):
    snapshot = snap(make())
    path = f'/snapshots/{snapshot}'
    assert latest('PUT', path, {'snapshot': {}}).status == 400
    changed = latest('PUT', path, {'snapshot': {'display_name': 'n', 'display_description': None}}).json['snapshot']
    assert (changed['name'], changed['description']) == ('n', None)
    assert latest('POST', f'{path}/metadata', {'metadata': {'a': '1'}}).json == {'metadata': {'a': '1'}}
    assert latest('POST', f'{path}/metadata', {'metadata': {'b': '2'}}).json == {'metadata': {'a': '1', 'b': '2'}}
    assert latest('GET', f'{path}/metadata/b').json == {'meta': {'b': '2'}}
    assert latest('PUT', f'{path}/metadata/b', {'meta': {'b': '3'}}).json == {'meta': {'b': '3'}}
    assert latest('PUT', f'{path}/metadata/b', {'meta': {'c': '3'}}).status == 400
    assert latest('DELETE', f'{path}/metadata/a').status == 200
    assert latest('DELETE', f'{path}/metadata/a').status == 404
    assert latest('PUT', f'{path}/metadata', {'metadata': {'z': '9'}}).json == {'metadata': {'z': '9'}}
    assert latest('GET', f'{path}/metadata').json == {'metadata': {'z': '9'}}


def test_a_snapshot_is_deleted_from_rest_only(latest, make, snap, wired):
    snapshot = snap(make())
    for status in ('creating', 'restoring', 'error_deleting', 'deleting'):
        put(wired, Snapshot, snapshot, status)
        refused = latest('DELETE', f'/snapshots/{snapshot}')
        assert refused.status == 400 and 'must be available or error' in refused.json['badRequest']['message'], status
    put(wired, Snapshot, snapshot, 'error')
    assert [latest('DELETE', f'/snapshots/{snapshot}').status for _ in range(2)] == [202, 202]
    with wired.db.write() as tx:
        snapshot_progress.gone(tx, snapshot)
    assert latest('GET', f'/snapshots/{snapshot}').status == 404
    assert used(latest) == (1, 0, 1)


def test_operators_set_states_and_force(latest, make, snap):
    snapshot = snap(make())
    path = f'/snapshots/{snapshot}/action'
    assert latest('POST', path, {'os-reset_status': {'status': 'error'}}, asker=MEMBER).status == 403
    assert latest('POST', path, {'os-force_delete': {}}, asker=MEMBER).status == 403
    assert latest('POST', path, {'os-reset_status': {'status': 'nonsense'}}, asker=ADMIN).status == 400
    assert latest('POST', path, {'os-reset_status': {'status': 'Creating'}}, asker=ADMIN).status == 202
    told = {'os-update_snapshot_status': {'status': 'error', 'progress': '80%'}}
    assert latest('POST', path, told, asker=MEMBER).status == 202
    assert latest('POST', path, told, asker=MEMBER).status == 400
    shown = latest('GET', f'/snapshots/{snapshot}').json['snapshot']
    assert (shown['status'], shown['os-extended-snapshot-attributes:progress']) == ('error', '80%')
    latest('POST', path, {'os-reset_status': {'status': 'restoring'}}, asker=ADMIN)
    assert latest('POST', path, {'os-force_delete': {}}, asker=ADMIN).status == 202


def test_a_volume_with_snapshots_is_kept(latest, make, snap):
    volume = make()
    snap(volume)
    snap(volume)
    for query, asker in (('', MEMBER), ('?force=true', ADMIN)):
        refused = latest('DELETE', f'/volumes/{volume}{query}', asker=asker)
        assert refused.status == 400 and 'have snapshots' in refused.json['badRequest']['message']
    assert latest('DELETE', f'/volumes/{volume}?cascade=true').status == 202
    assert {row['status'] for row in latest('GET', '/snapshots').json['snapshots']} == {'deleting'}


def test_a_volume_whose_snapshot_is_another_projects_is_kept_from_its_owner(latest, make, snap):
    volume = make()
    snap(volume, asker=dataclasses.replace(ADMIN, project_id='elsewhere'))
    assert latest('DELETE', f'/volumes/{volume}?cascade=true', asker=MEMBER).status == 400
    assert latest('GET', f'/volumes/{volume}', asker=MEMBER).json['volume']['status'] == 'available'
    assert latest('DELETE', f'/volumes/{volume}?cascade=true', asker=ADMIN).status == 202


def test_volumes_are_made_of_snapshots_and_volumes(latest, make, snap, show, act):
    volume = make(size=2, imageRef='6c2c8f0e-8a5b-4c57-9d3c-000000000001')
    snapshot = snap(volume)
    act(volume, 'os-set_bootable', {'bootable': False})
    for given, bootable in (({'snapshot_id': snapshot}, 'true'), ({'source_volid': volume}, 'false')):
        made = show(make(**{'size': None, **given}))
        (name,) = given
        assert (made[name], made['size'], made['bootable']) == (given[name], 2, bootable)
        assert made['volume_image_metadata']['image_id'] == '6c2c8f0e-8a5b-4c57-9d3c-000000000001'
        assert made['os-vol-host-attr:host'] == show(volume)['os-vol-host-attr:host']
        assert show(make(**{**given, 'size': 3}))['size'] == 3
        refused = latest('POST', '/volumes', {'volume': {**given, 'size': 1}})
        assert refused.status == 400 and 'cannot be smaller than' in refused.json['badRequest']['message']


def test_of_what_is_not_at_rest_no_volume_is_made(latest, make, snap, wired):
    volume = make()
    snapshot = snap(volume)
    put(wired, Snapshot, snapshot, 'error')
    put(wired, Volume, volume, 'error')
    for given, word in (({'snapshot_id': snapshot}, 'snapshot'), ({'source_volid': volume}, 'source volume')):
        refused = latest('POST', '/volumes', {'volume': {'size': 1, **given}})
        assert refused.status == 400 and f'Originating {word} status' in refused.json['badRequest']['message']
    both = {'size': 1, 'snapshot_id': snapshot, 'source_volid': volume}
    assert latest('POST', '/volumes', {'volume': both}).status == 400
    for name in ('snapshot_id', 'source_volid'):
        assert latest('POST', '/volumes', {'volume': {'size': 1, name: GONE}}).status == 404


def test_a_volume_goes_back_to_its_newest_snapshot_alone(latest, make, snap, act, wired, api):
    volume = make()
    assert act(volume, 'revert', {'snapshot_id': GONE}).status == 400
    older, newest = snap(volume), snap(volume)
    for wrong in (older, GONE, None):
        refused = act(volume, 'revert', {'snapshot_id': wrong})
        assert refused.status == 400 and 'not the latest one' in refused.json['badRequest']['message']
    assert act(volume, 'revert', {'snapshot_id': newest}, asker=STRANGER).status == 404
    assert api('POST', f'/volumes/{volume}/action', {'revert': {'snapshot_id': newest}}).status == 400
    put(wired, Volume, volume, 'in-use')
    assert act(volume, 'revert', {'snapshot_id': newest}).status == 409
    put(wired, Volume, volume, 'available')
    put(wired, Snapshot, newest, 'error')
    assert act(volume, 'revert', {'snapshot_id': newest}).status == 409
    put(wired, Snapshot, newest, 'available')
    assert act(volume, 'revert', {'snapshot_id': newest}).status == 202
    with wired.db.write() as tx:
        assert (progress.look(tx, volume).status, snapshot_progress.look(tx, newest).status) == (
            'reverting',
            'restoring',
        )
        tx.update(Volume, Volume.id == volume, status='available', size=2)
        tx.update(Snapshot, Snapshot.id == newest, status='available')
    refused = act(volume, 'revert', {'snapshot_id': newest})
    assert refused.status == 400 and 'must be equal' in refused.json['badRequest']['message']


def test_a_volume_that_is_being_copied_is_not_connected(latest, make, wired):
    volume = make()
    with wired.db.write() as tx:
        tx.update(Volume, Volume.id == volume, copied_for=GONE)
    given = {'attachment': {'volume_uuid': volume, 'connector': {'host': 'h1'}}}
    refused = latest('POST', '/attachments', given, asker=MEMBER)
    assert refused.status == 409 and 'is being copied' in str(refused.json)
    assert latest('GET', f'/volumes/{volume}').json['volume']['status'] == 'available'


def test_operators_see_what_snapshots_take_of_a_host(latest, make, snap):
    snap(make(size=2))
    total = latest('GET', '/os-hosts/h1@fake', asker=ADMIN).json['host'][0]['resource']
    names = ('volume_count', 'total_volume_gb', 'snapshot_count', 'total_snapshot_gb')
    assert [total[name] for name in names] == ['1', '2', '1', '2']
