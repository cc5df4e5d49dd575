"""Transfers over HTTP: who may offer, see, accept and withdraw, and whose quota it counts against."""

import hmac

import pytest

from nimbus.common import errors, ids
from nimbus.volume.models import Snapshot, Transfer, Volume
from nimbus.volume.volumes import snapshot_progress, transfers
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

GONE = ids.dashed()
PATHS = ('/os-volume-transfer', '/volume-transfers')


@pytest.fixture
def offer(latest):
    """Offers a volume; returns the offer as its maker is told it."""

    def offer(volume, path=PATHS[1], asker=MEMBER, **body):
        made = latest('POST', path, {'transfer': {'volume_id': volume, **body}}, asker=asker)
        assert made.status == 202, made.data
        return made.json['transfer']

    return offer


def take(latest, told, asker=STRANGER, key=None, path=PATHS[1]):
    body = {'accept': {'auth_key': key or told['auth_key']}}
    return latest('POST', f'{path}/{told["id"]}/accept', body, asker=asker)


def used(latest, asker):
    found = latest('GET', '/limits', asker=asker).json['limits']['absolute']
    return found['totalVolumesUsed'], found['totalSnapshotsUsed'], found['totalGigabytesUsed']


def snapped(latest, wired, volume):
    made = latest('POST', '/snapshots', {'snapshot': {'volume_id': volume}}, asker=MEMBER).json['snapshot']['id']
    with wired.db.write() as tx:
        snapshot_progress.made(tx, made)
    return made


def change(wired, model, id, **values):
    with wired.db.write() as tx:
        tx.update(model, model.id == id, **values)


@pytest.mark.parametrize('path', PATHS)
def test_a_volume_goes_to_whoever_has_the_key(latest, make, offer, show, path):
    volume = make(size=2)
    told = offer(volume, path, name=' gift ')
    assert set(told) == {
        *('id', 'volume_id', 'name', 'links', 'created_at', 'auth_key', 'no_snapshots'),
        *('source_project_id', 'destination_project_id', 'accepted'),
    }
    assert (told['name'], told['volume_id'], told['accepted'], len(told['auth_key'])) == ('gift', volume, False, 16)
    assert told['links'][0]['href'].endswith(f'/{MEMBER.project_id}/os-volume-transfer/{told["id"]}')
    assert show(volume)['status'] == 'awaiting-transfer'
    answer = take(latest, told, path=path)
    assert (answer.status, answer.json['transfer']['volume_id']) == (202, volume)
    assert set(answer.json['transfer']) == {'id', 'volume_id', 'name', 'links'}
    assert latest('GET', f'/volumes/{volume}', asker=MEMBER).status == 404
    found = latest('GET', f'/volumes/{volume}', asker=STRANGER).json['volume']
    assert (found['status'], found['user_id']) == ('available', STRANGER.user_id)
    assert (used(latest, MEMBER), used(latest, STRANGER)) == ((0, 0, 0), (1, 0, 2))
    assert take(latest, told, path=path).status == 404


def test_what_each_version_shows(api, make):
    def told(version):
        made = api('POST', '/volume-transfers', {'transfer': {'volume_id': make()}}, version=f'volume {version}')
        return set(made.json['transfer']) & {'no_snapshots', 'accepted', 'source_project_id'}

    assert told('3.54') == set()
    assert told('3.55') == {'no_snapshots'}
    assert told('3.57') == {'no_snapshots', 'accepted', 'source_project_id'}


def test_the_key_is_told_once_and_kept_nowhere(latest, make, offer, wired):
    told = offer(make())
    for path in ('', '/detail', f'/{told["id"]}'):
        assert told['auth_key'] not in latest('GET', f'/volume-transfers{path}').data.decode()
    with wired.db.read() as tx:
        assert told['auth_key'] not in str(tx.rows(Transfer.__table__.select()))


def test_a_wrong_key_is_refused_and_changes_nothing(latest, make, offer, show):
    volume = make()
    told = offer(volume)
    answer = take(latest, told, key='0' * 16)
    assert answer.status == 400
    assert answer.json['badRequest']['message'] == (
        f'Invalid auth key: Attempt to transfer {told["id"]} with invalid auth key.'
    )
    assert (show(volume)['status'], used(latest, STRANGER)) == ('awaiting-transfer', (0, 0, 0))


def test_an_older_key_does_not_open_a_newer_offer(latest, make, offer, wired):
    volume = make()
    older = offer(volume)
    change(wired, Volume, volume, status='available')
    newer = offer(volume)
    assert take(latest, older).status == 404
    assert take(latest, newer).status == 202


@pytest.mark.parametrize('status', ['creating', 'in-use', 'error', 'deleting', 'awaiting-transfer', 'reserved'])
def test_what_is_not_at_rest_is_not_offered(latest, make, wired, status):
    volume = make()
    change(wired, Volume, volume, status=status)
    answer = latest('POST', '/volume-transfers', {'transfer': {'volume_id': volume}}, asker=MEMBER)
    assert (answer.status, answer.json['badRequest']['message']) == (
        400,
        'Invalid volume: status must be available',
    )
    assert latest('GET', '/volume-transfers').json == {'transfers': []}


def test_a_volume_on_offer_is_neither_attached_nor_deleted(latest, make, offer, act):
    volume = make()
    offer(volume)
    assert act(volume, 'os-reserve').status == 400
    assert act(volume, 'os-extend', {'new_size': 9}).status == 400
    assert latest('DELETE', f'/volumes/{volume}').status == 400


def test_snapshots_go_along_unless_they_are_kept(latest, make, offer, wired):
    gone, kept = make(size=2), make(size=3)
    first, second = snapped(latest, wired, gone), snapped(latest, wired, kept)
    assert take(latest, offer(gone)).status == 202
    assert take(latest, offer(kept, no_snapshots=True)).status == 202
    assert latest('GET', f'/snapshots/{first}', asker=STRANGER).status == 200
    assert latest('GET', f'/snapshots/{second}', asker=STRANGER).status == 404
    assert latest('GET', f'/snapshots/{second}', asker=MEMBER).status == 200
    assert (used(latest, MEMBER), used(latest, STRANGER)) == ((0, 1, 3), (2, 1, 7))


def test_a_snapshot_that_was_kept_is_the_former_owners_alone(latest, make, offer, wired, show, act):
    volume = make()
    kept = snapped(latest, wired, volume)
    assert take(latest, offer(volume, no_snapshots=True)).status == 202
    told = [act(volume, 'revert', {'snapshot_id': one}, asker=STRANGER) for one in (kept, GONE)]
    assert [(one.status, one.data) for one in told] == [(400, told[1].data)] * 2
    assert latest('DELETE', f'/volumes/{volume}?cascade=true', asker=STRANGER).status == 400
    assert latest('GET', f'/snapshots/{kept}', asker=MEMBER).json['snapshot']['status'] == 'available'
    assert show(volume)['status'] == 'available'


def test_a_busy_snapshot_keeps_its_volume(latest, make, wired, show):
    volume = make()
    snapshot = snapped(latest, wired, volume)
    change(wired, Snapshot, snapshot, status='deleting')
    answer = latest('POST', '/volume-transfers', {'transfer': {'volume_id': volume}}, asker=MEMBER)
    assert answer.status == 400 and f'snapshot: {snapshot} status' in answer.json['badRequest']['message']
    assert show(volume)['status'] == 'available'


@pytest.mark.parametrize(('name', 'limit'), [('volumes', 0), ('gigabytes', 3), ('snapshots', 0)])
def test_who_accepts_needs_room(latest, make, offer, wired, show, name, limit):
    volume = make(size=2)
    snapped(latest, wired, volume)
    told = offer(volume)
    latest('PUT', f'/os-quota-sets/{STRANGER.project_id}', {'quota_set': {name: limit}}, asker=ADMIN)
    answer = take(latest, told)
    assert answer.status == 413 and 'overLimit' in answer.json
    assert (used(latest, STRANGER), used(latest, MEMBER)) == ((0, 0, 0), (1, 1, 4))
    assert show(volume)['status'] == 'awaiting-transfer'


def test_who_withdraws_an_offer_has_the_volume_again(latest, make, offer, show):
    volume = make()
    told = offer(volume)
    assert latest('DELETE', f'/volume-transfers/{told["id"]}', asker=STRANGER).status == 404
    assert latest('DELETE', f'/volume-transfers/{told["id"]}', asker=READER).status == 403
    assert latest('DELETE', f'/volume-transfers/{told["id"]}', asker=MEMBER).status == 202
    assert show(volume)['status'] == 'available'
    assert take(latest, told).status == 404


def test_others_see_no_offers(latest, make, offer):
    told = offer(make())
    for query in ('', '?all_tenants=1'):
        assert latest('GET', f'/volume-transfers/detail{query}', asker=STRANGER).json == {'transfers': []}
    assert latest('GET', f'/volume-transfers/{told["id"]}', asker=STRANGER).status == 404
    every = latest('GET', '/volume-transfers?all_tenants=1', asker=ADMIN).json['transfers']
    assert [row['id'] for row in every] == [told['id']]
    stolen = latest('POST', '/volume-transfers', {'transfer': {'volume_id': make()}}, asker=STRANGER)
    assert stolen.status == 404


def test_lists_are_paged_sorted_and_filtered(latest, api, make, offer):
    rows = [offer(make(), name=name) for name in ('b', 'c', 'a')]
    told = [row['id'] for row in rows]

    def listed(query, client=latest):
        return [row['id'] for row in client('GET', f'/volume-transfers?{query}').json['transfers']]

    assert listed('') == told[::-1] and listed('', api) == told
    assert listed('sort=name:asc') == [told[2], told[0], told[1]]
    assert listed('name=c') == told[1:2] and listed(f'volume_id={rows[2]["volume_id"]}') == told[2:]
    assert listed('no_snapshots=true') == [] and listed('nonsense=1') == []
    page = latest('GET', '/volume-transfers?limit=2').json
    assert len(page['transfers']) == 2 and f'marker={told[1]}' in page['transfers_links'][0]['href']
    assert listed(f'limit=2&marker={told[1]}') == told[:1]
    assert latest('GET', '/volume-transfers?sort=nonsense').status == 400


def test_bad_bodies_are_refused(latest, make):
    volume = make()
    for inner in ({}, {'volume_id': 'x'}, {'volume_id': volume, 'name': ''}, {'volume_id': volume, 'name': '  '},
                  {'volume_id': volume, 'name': 'x' * 256}, {'volume_id': volume, 'no_snapshots': 'perhaps'},
                  {'volume_id': volume, 'stranger': 1}):  # fmt: skip
        assert latest('POST', '/volume-transfers', {'transfer': inner}, asker=MEMBER).status == 400, inner
    older = {'transfer': {'volume_id': volume, 'no_snapshots': True}}
    assert latest('POST', '/volume-transfers', older, asker=MEMBER, version='volume 3.54').status == 400
    assert latest('POST', '/os-volume-transfer', older, asker=MEMBER).status == 400
    assert latest('POST', '/volume-transfers', {'transfer': {'volume_id': GONE}}, asker=MEMBER).status == 404
    for inner in ({}, {'auth_key': None}, {'auth_key': 'x', 'more': 1}):
        assert latest('POST', f'/volume-transfers/{GONE}/accept', {'accept': inner}, asker=MEMBER).status == 400
    assert latest('POST', '/volume-transfers', {'transfer': {'volume_id': volume}}, asker=READER).status == 403


def test_an_offer_that_is_made_anew_meanwhile_is_not_accepted_by_its_old_key(make, offer, show, wired, monkeypatch):
    """The owner withdraws it once the key was found right, and offers the volume to somebody else."""
    volume = make()
    told, right = offer(volume), hmac.compare_digest

    with pytest.raises(errors.NotFound), wired.db.write() as tx:

        def compared(given, kept):
            found = right(given, kept)
            transfers.delete(tx, MEMBER, told['id'])
            transfers.create(tx, MEMBER, volume, None)
            return found

        monkeypatch.setattr(transfers.hmac, 'compare_digest', compared)
        transfers.accept(tx, STRANGER, told['id'], told['auth_key'], wired.extra['volume_quotas'])
    assert show(volume)['os-vol-tenant-attr:tenant_id'] == MEMBER.project_id
