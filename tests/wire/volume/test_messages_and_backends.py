"""Messages, filters that may be asked with, default types, and what operators ask of hosts, over HTTP."""

import pytest

from nimbus.common import clock, ids
from nimbus.conductor.purge import Purge
from nimbus.identity.models import Project
from nimbus.volume import messages
from nimbus.volume.models import Message, Volume
from nimbus.volume.volumes import progress, snapshot_progress
from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.volume.conftest import IMAGE

GONE = ids.dashed()


def started(latest, asker=MEMBER, **body):
    """A volume that is being made; its id."""
    return latest('POST', '/volumes', {'volume': {'size': 1, **body}}, asker=asker).json['volume']['id']


def fail(wired, volume, verb='create', why='x', **values):
    with wired.db.write() as tx:
        if values:
            tx.update(Volume, Volume.id == volume, **values)
        progress.failed(tx, volume, verb, why)


def told(latest, query='', asker=MEMBER):
    return latest('GET', f'/messages?{query}', asker=asker).json['messages']


def test_who_asked_for_a_volume_reads_why_there_is_none(latest, wired):
    volume = started(latest)
    fail(wired, volume)
    (row,) = told(latest)
    assert row['user_message'] == 'schedule allocate volume:Could not find any available weighted backend.'
    assert (row['event_id'], row['message_level'], row['resource_type'], row['resource_uuid']) == (
        'VOLUME_VOLUME_001_003',
        'ERROR',
        'VOLUME',
        volume,
    )
    assert row['guaranteed_until'] > row['created_at']
    assert row['links'][0]['href'].endswith(f'/{MEMBER.project_id}/messages/{row["id"]}')
    assert latest('GET', f'/messages/{row["id"]}', asker=READER).json == {'message': row}


@pytest.mark.parametrize(
    ('body', 'verb', 'values', 'event'),
    [
        ({}, 'create', {'host': 'h1'}, 'VOLUME_VOLUME_008_012'),
        ({'imageRef': IMAGE}, 'create', {'host': 'h1'}, 'VOLUME_VOLUME_005_001'),
        ({}, 'extend', {'status': 'extending'}, 'VOLUME_VOLUME_007_010'),
    ],
)
def test_each_failure_has_its_numbers(latest, wired, body, verb, values, event):
    fail(wired, started(latest, **body), verb, **values)
    assert [row['event_id'] for row in told(latest)] == [event]


def test_an_image_that_is_too_large_is_called_so(latest, wired):
    fail(wired, started(latest, imageRef=IMAGE), why='It does not fit in a volume of 1 GiB.', host='h1')
    assert told(latest)[0]['event_id'] == 'VOLUME_VOLUME_005_007'


def test_of_a_snapshot_that_failed_it_is_told_as_well(latest, wired, make):
    snapshot = latest('POST', '/snapshots', {'snapshot': {'volume_id': make()}}, asker=MEMBER).json['snapshot']['id']
    with wired.db.write() as tx:
        snapshot_progress.failed(tx, snapshot, 'create', 'x')
    (row,) = told(latest, 'resource_type=VOLUME_SNAPSHOT')
    assert (row['event_id'], row['resource_uuid']) == ('VOLUME_VOLUME_SNAPSHOT_009_013', snapshot)


def test_a_deletion_that_failed_and_one_that_something_overtook_tell_nothing(latest, wired):
    volume = started(latest)
    fail(wired, volume, 'delete', status='deleting')
    fail(wired, volume, 'create')
    assert told(latest) == []


def test_messages_are_the_projects_own(latest, wired):
    fail(wired, started(latest))
    (row,) = told(latest)
    assert told(latest, asker=STRANGER) == [] and told(latest, 'all_tenants=1', STRANGER) == []
    for method in ('GET', 'DELETE'):
        assert latest(method, f'/messages/{row["id"]}', asker=STRANGER).status == 404
    assert latest('DELETE', f'/messages/{row["id"]}', asker=READER).status == 403
    assert latest('DELETE', f'/messages/{row["id"]}', asker=MEMBER).status == 204
    assert told(latest) == [] and latest('GET', f'/messages/{row["id"]}').status == 404


def test_lists_of_messages_are_paged_sorted_and_filtered(latest, api, wired):
    volumes = [started(latest) for _ in range(3)]
    for volume in volumes:
        fail(wired, volume)
    assert [row['resource_uuid'] for row in told(latest, 'sort=created_at:asc')] == volumes
    assert [row['resource_uuid'] for row in told(latest, f'resource_uuid={volumes[1]}')] == [volumes[1]]
    assert len(told(latest, 'event_id~=001_00')) == 3 and told(latest, 'event_id=001') == []
    assert len(latest('GET', '/messages?offset=2').json['messages']) == 1
    assert latest('GET', '/messages?marker=nonsense').status == 404
    page = latest('GET', '/messages?limit=2').json
    assert len(page['messages']) == 2 and page['messages_links'][0]['rel'] == 'next'
    assert len(api('GET', '/messages?limit=2&event_id=x', version='volume 3.4').json['messages']) == 3
    assert latest('GET', '/messages?nonsense=1').status == 400
    assert latest('GET', '/messages?sort=nonsense').status == 400
    assert api('GET', '/messages', version='volume 3.2').status == 404


def test_what_is_kept_no_longer_goes(latest, wired):
    class Later(clock.Clock):
        def now(self):
            return super().now() + messages.LIFE * 2

    fail(wired, started(latest))
    assert Purge(wired.db, 400).purge()['messages'] == 0
    assert Purge(wired.db, 400, Later()).purge()['messages'] == 1
    with wired.db.read() as tx:
        assert tx.rows(Message.__table__.select()) == []


def test_the_filters_that_are_listed_are_taken(latest, make):
    make()
    rows = latest('GET', '/resource_filters', asker=READER).json['resource_filters']
    listed = {row['resource']: row['filters'] for row in rows}
    assert 'name' in listed['volume'] and 'resource_uuid' in listed['message']
    paths = {'volume': '/volumes', 'snapshot': '/snapshots', 'attachment': '/attachments', 'message': '/messages'}
    odd = {'metadata': '{}', 'glance_metadata': '{}', 'size': '1', 'bootable': 'true', 'consumes_quota': 'true'}
    odd |= dict.fromkeys(('created_at', 'updated_at'), 'gt:2026-01-01T00:00:00')
    for kind, path in paths.items():
        for name in listed[kind]:
            assert latest('GET', f'{path}?{name}={odd.get(name, "x")}').status == 200, (kind, name)
    one = latest('GET', '/resource_filters?resource=volume').json['resource_filters']
    assert [row['resource'] for row in one] == ['volume']
    assert latest('GET', '/resource_filters?resource=x').json == {'resource_filters': []}


def test_all_counts_against_the_quota(latest, api, make):
    volume = make()
    for path in ('/volumes', '/volumes/detail'):
        assert len(latest('GET', f'{path}?consumes_quota=true').json['volumes']) == 1
        assert latest('GET', f'{path}?consumes_quota=false').json['volumes'] == []
        assert latest('GET', f'{path}?consumes_quota=maybe').status == 400
        assert len(api('GET', f'{path}?consumes_quota=false', version='volume 3.64').json['volumes']) == 1
    shown = latest('GET', f'/volumes/{volume}').json['volume']
    assert shown['consumes_quota'] is True and shown['volume_type_id']
    assert 'volume_type_id' not in api('GET', f'/volumes/{volume}', version='volume 3.62').json['volume']


def test_a_projects_own_default_type_is_what_its_volumes_get(latest, wired, make, show):
    with wired.db.write() as tx:
        tx.insert(
            Project, id=MEMBER.project_id, name='p', domain_id='default', description='', enabled=True, is_domain=False,
            extra={}, options={}, created_at=clock.Clock().now(),
        )  # fmt: skip
    fast = latest('POST', '/types', {'volume_type': {'name': 'fast'}}, asker=ADMIN).json['volume_type']['id']
    path = f'/default-types/{MEMBER.project_id}'
    assert latest('GET', path, asker=ADMIN).status == 404
    for wanted in ('fast', fast):
        set_ = latest('PUT', path, {'default_type': {'volume_type': wanted}}, asker=ADMIN)
        assert set_.json == {'default_type': {'project_id': MEMBER.project_id, 'volume_type_id': fast}}
    assert latest('GET', path, asker=ADMIN).json == set_.json
    assert latest('GET', '/default-types', asker=ADMIN).json == {'default_types': [set_.json['default_type']]}
    assert show(make())['volume_type'] == 'fast'
    assert latest('GET', '/types/default', asker=MEMBER).json['volume_type']['name'] == 'fast'
    assert latest('GET', '/types/default', asker=STRANGER).json['volume_type']['name'] == '__DEFAULT__'
    assert latest('DELETE', f'/types/{fast}', asker=ADMIN).status == 400
    assert latest('PUT', path, {'default_type': {'volume_type': 'none'}}, asker=ADMIN).status == 400
    assert latest('PUT', path, {'default_type': {}}, asker=ADMIN).status == 400
    assert latest('PUT', path, {'default_type': {'volume_type': 'fast'}}, asker=MEMBER).status == 403
    assert latest('DELETE', path, asker=ADMIN).status == 204
    assert show(make())['volume_type'] == '__DEFAULT__'


def test_a_project_that_is_not_there_has_no_default_type(latest):
    for method, body in (('GET', None), ('PUT', {'default_type': {'volume_type': '__DEFAULT__'}})):
        assert latest(method, f'/default-types/{GONE}', body, asker=ADMIN).status == 404
    assert latest('DELETE', f'/default-types/{GONE}', asker=ADMIN).status == 204
    assert latest('GET', '/default-types', asker=ADMIN).json == {'default_types': []}
    assert latest('GET', '/default-types', asker=MEMBER).status == 403


def test_a_frozen_host_keeps_what_it_has(latest, make, show):
    volume = make()
    assert latest('PUT', '/os-services/freeze', {'host': 'h1@fake'}, asker=ADMIN).status == 202
    (row,) = latest('GET', '/os-services', asker=ADMIN).json['services']
    assert (row['frozen'], row['status'], row['disabled_reason']) == (True, 'disabled', 'frozen')
    for answer in (
        latest('DELETE', f'/volumes/{volume}', asker=MEMBER),
        latest('POST', '/snapshots', {'snapshot': {'volume_id': volume}}, asker=MEMBER),
    ):
        assert answer.status == 400 and 'frozen storage backends' in answer.json['badRequest']['message']
    assert show(volume)['status'] == 'available'
    assert latest('PUT', '/os-services/freeze', {'host': 'h1@fake'}, asker=ADMIN).status == 400
    assert latest('PUT', '/os-services/thaw', {'host': 'h1@fake'}, asker=ADMIN).status == 202
    assert latest('PUT', '/os-services/thaw', {'host': 'h1@fake'}, asker=ADMIN).status == 400
    (row,) = latest('GET', '/os-services', asker=ADMIN).json['services']
    assert (row['frozen'], row['status']) == (False, 'enabled')
    assert latest('DELETE', f'/volumes/{volume}', asker=MEMBER).status == 202


@pytest.mark.parametrize('word', ['freeze', 'thaw'])
def test_no_host_no_freezing(latest, word):
    path = f'/os-services/{word}'
    assert latest('PUT', path, {'host': 'nowhere'}, asker=ADMIN).status == 400
    assert latest('PUT', path, {'cluster': 'c'}, asker=ADMIN).status == 404
    assert latest('PUT', path, {}, asker=ADMIN).status == 400
    assert latest('PUT', path, {'host': 'h1'}, asker=MEMBER).status == 403


def test_a_host_tells_what_its_store_can(latest):
    found = latest('GET', '/capabilities/h1@fake', asker=ADMIN).json
    assert (found['namespace'], found['vendor_name']) == ('OS::Storage::Capabilities::h1@fake', 'Open Source')
    assert (found['volume_backend_name'], found['properties']) == ('fake', {})
    assert latest('GET', '/capabilities/nowhere', asker=ADMIN).status == 404
    assert latest('GET', '/capabilities/h1@fake', asker=MEMBER).status == 403


def test_clean_up_speaks_of_the_daemons_that_are_asked_for(latest):
    def asked(**body):
        answer = latest('POST', '/workers/cleanup', body, asker=ADMIN)
        assert answer.status == 202, answer.data
        return [[row['host'] for row in answer.json[name]] for name in ('cleaning', 'unavailable')]

    assert asked() == [[], []]  # of those that are down, as upstream means it
    assert asked(is_up=True) == [['h1@fake'], []]
    assert asked(is_up='true', host='h1', binary='cinder-volume', resource_type='VOLUME') == [['h1@fake'], []]
    assert asked(is_up=True, host='elsewhere') == [[], []] and asked(is_up=True, disabled=True) == [[], []]
    for body in ({'resource_type': 'x'}, {'resource_id': GONE}, {'resource_id': 'x'}, {'binary': 'x'}, {'more': 1}):
        assert latest('POST', '/workers/cleanup', body, asker=ADMIN).status == 400, body
    assert latest('POST', '/workers/cleanup', {}, asker=MEMBER).status == 403
