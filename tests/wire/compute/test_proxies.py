"""The old views of networks, volumes, hosts and nodes in the Compute API, and what upstream has taken out."""

from typing import Any

import pytest

from nimbus.api.compute.proxies.routes import GONE, GONE_ACTION
from nimbus.common.agents import services
from nimbus.network.networks import networks
from nimbus.scheduler import hosts
from nimbus.volume.models import Attachment, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.volumes import snapshot_progress, snapshots
from tests.compute_world import running, volume_of
from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER, STRANGER
from tests.wire.compute.test_compute_parts import FACTS

NOWHERE = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


def test_networks_show_an_id_and_a_label_and_nothing_else(api, world):
    (shown,) = api('GET', '/os-networks', asker=READER).json['networks']
    assert (shown.pop('id'), shown.pop('label')) == (world.network, 'private')
    assert len(shown) == 9 and set(shown.values()) == {None}
    (whole,) = api('GET', '/os-networks', asker=ADMIN).json['networks']
    assert len(whole) == 32 and api('GET', f'/os-networks/{world.network}', asker=ADMIN).json == {'network': whole}
    mine = {'id': world.network, 'label': 'private', 'cidr': 'None'}
    assert api('GET', '/os-tenant-networks').json == {'networks': [mine]}
    assert api('GET', f'/os-tenant-networks/{world.network}').json == {'network': mine}


@pytest.mark.parametrize('path', ['/os-networks', '/os-tenant-networks'])
def test_a_network_is_shown_to_its_project_alone_until_2_35(api, parts, world, path):
    with parts.db.write() as tx:
        theirs = networks.create(tx, STRANGER, mtu=1500, name='theirs')
    for network_id in (theirs, NOWHERE):
        answer = api('GET', f'{path}/{network_id}')
        assert (answer.status, told(answer)) == (404, 'Network not found')
    assert [one['id'] for one in api('GET', path).json['networks']] == [world.network]
    assert api('GET', path, asker=OUTSIDER).status == 403
    assert api('GET', path, version='compute 2.35').status == 200
    assert api('GET', path, version='compute 2.36').status == 404


def test_a_volume_is_made_shown_listed_and_deleted(api, parts):
    given = {'size': '2', 'display_name': 'v', 'display_description': 'd', 'metadata': {'k': 'v'}}
    answer = api('POST', '/os-volumes', {'volume': given})
    made = answer.json['volume']
    assert answer.status == 200 and answer.headers['Location'].endswith(f'/v2.1/os-volumes/{made["id"]}')
    assert (made['size'], made['displayName'], made['displayDescription']) == (2, 'v', 'd')
    assert (made['status'], made['attachments'], made['metadata']) == ('creating', [{}], {'k': 'v'})
    assert set(made) == {'id', 'status', 'size', 'availabilityZone', 'createdAt', 'attachments', 'displayName',
                         'displayDescription', 'volumeType', 'snapshotId', 'metadata'}  # fmt: skip
    for path in ('/os-volumes', '/os-volumes/detail'):
        assert api('GET', path, asker=READER).json == {'volumes': [made]}
    assert api('GET', f'/os-volumes/{made["id"]}').json == {'volume': made}
    assert api('GET', '/os-volumes?offset=1').json == {'volumes': []}
    other = volume_of(parts.db, MEMBER)
    assert [one['id'] for one in api('GET', '/os-volumes?limit=1').json['volumes']] == [other]
    assert api('DELETE', f'/os-volumes/{other}', asker=READER).status == 403
    assert api('DELETE', f'/os-volumes/{other}').status == 202
    assert api('GET', f'/os-volumes/{other}').json['volume']['status'] == 'deleting'


def test_a_volume_of_a_server_names_it(api, parts, world):
    server, volume = running(parts.db, world), volume_of(parts.db, MEMBER)
    body = {'volumeAttachment': {'volumeId': volume, 'device': '/dev/vdq'}}
    assert api('POST', f'/servers/{server.id}/os-volume_attachments', body).status == 200
    with parts.db.write() as tx:
        tx.update(Attachment, Attachment.volume_id == volume, status='attached', device='/dev/vdq')
    (shown,) = api('GET', f'/os-volumes/{volume}').json['volume']['attachments']
    assert shown == {'id': volume, 'volumeId': volume, 'serverId': server.id, 'device': '/dev/vdq'}
    answer = api('DELETE', f'/os-volumes/{volume}')
    assert answer.status == 400 and 'Invalid volume' in told(answer)


@pytest.mark.parametrize(
    ('given', 'status'),
    [
        ({}, 400),
        ({'size': 0}, 400),
        ({'size': '0'}, 400),
        ({'size': 10**12}, 400),
        ({'size': 1, 'metadata': {'k': 7}}, 400),
        ({'size': 1, 'colour': 'red'}, 400),
        ({'size': 1, 'display_name': 'x' * 256}, 400),
        ({'size': 1, 'availability_zone': 'moon'}, 400),
        ({'size': 1, 'availability_zone': 'nova:h1'}, 403),
        ({'size': 1, 'volume_type': NOWHERE}, 404),
        ({'size': 1, 'snapshot_id': NOWHERE}, 404),
    ],
)
def test_what_is_no_volume_is_refused_and_leaves_none(api, given, status):
    answer = api('POST', '/os-volumes', {'volume': given})
    assert answer.status == status and told(answer)
    assert api('GET', '/os-volumes').json == {'volumes': []}


def test_no_more_volumes_are_made_than_the_quota_allows(api, parts):
    with parts.db.write() as tx:
        VolumeQuotas().set(tx, MEMBER.project_id, {'volumes': 0})
    answer = api('POST', '/os-volumes', {'volume': {'size': 1}})
    assert answer.status == 403 and 'Maximum number of volumes allowed' in told(answer)


def test_volumes_of_others_are_not_there(api, parts):
    theirs = volume_of(parts.db, STRANGER)
    for method in ('GET', 'DELETE'):
        answer = api(method, f'/os-volumes/{theirs}')
        assert (answer.status, told(answer)) == (404, f'Volume {theirs} could not be found.')
    assert api('GET', '/os-volumes').json == {'volumes': []}
    assert api('GET', '/os-volumes', version='compute 2.36').status == 404


def test_snapshots_are_those_of_the_volume_service(api, parts):
    volume, theirs = volume_of(parts.db, MEMBER), volume_of(parts.db, STRANGER)
    with parts.db.write() as tx:
        tx.update(Volume, Volume.id.in_((volume, theirs)), status='available', host='h1')
        foreign = snapshots.create(tx, STRANGER, theirs).id
    told_of = {'volume_id': volume, 'display_name': 'n', 'display_description': 'd', 'force': True}
    made = api('POST', '/os-snapshots', {'snapshot': told_of}).json['snapshot']
    assert set(made) == {'id', 'status', 'size', 'createdAt', 'displayName', 'displayDescription', 'volumeId'}
    assert (made['status'], made['volumeId'], made['displayName']) == ('creating', volume, 'n')
    for path in ('/os-snapshots', '/os-snapshots/detail'):
        assert api('GET', path).json == {'snapshots': [made]}
    assert api('GET', f'/os-snapshots/{made["id"]}').json == {'snapshot': made}
    with parts.db.write() as tx:
        snapshot_progress.made(tx, made['id'])
    copy = api('POST', '/os-volumes', {'volume': {'size': 2, 'snapshot_id': made['id']}}).json['volume']
    assert (copy['snapshotId'], copy['size']) == (made['id'], 2)
    assert api('DELETE', f'/os-snapshots/{made["id"]}').status == 202
    for nobodys in (NOWHERE, foreign):
        for method in ('GET', 'DELETE'):
            answer = api(method, f'/os-snapshots/{nobodys}')
            assert (answer.status, told(answer)) == (404, f'Snapshot {nobodys} could not be found.')
        assert api('POST', '/os-volumes', {'volume': {'size': 1, 'snapshot_id': nobodys}}).status == 404
    assert api('POST', '/os-snapshots', {'snapshot': {'volume_id': theirs}}).status == 404
    with parts.db.write() as tx:
        tx.update(Volume, Volume.id == volume, status='in-use')
    for force, status in ((False, 400), (True, 200)):
        told_of = {'volume_id': volume, 'force': force}
        assert api('POST', '/os-snapshots', {'snapshot': told_of}).status == status, force
    assert api('POST', '/os-snapshots', {'snapshot': {'volume_id': volume, 'force': 'maybe'}}).status == 400


def test_a_host_is_switched_off_and_on_for_new_servers(api, parts, world):
    with parts.db.write() as tx:
        hosts.report(tx, 'h1', FACTS)
    for word, status in (('disable', 'disabled'), ('Enable', 'enabled')):
        answer = api('PUT', '/os-hosts/h1', {'status': word}, asker=ADMIN)
        assert answer.json == {'host': 'h1', 'status': status}
        with parts.db.read() as tx:
            (row,) = services.find(tx, room='compute', host='h1', binary='nova-compute')
        assert row.disabled is (status == 'disabled')
    for body in ({'maintenance_mode': 'enable'}, {'status': 'disable', 'maintenance_mode': 'enable'}):
        assert api('PUT', '/os-hosts/h1', body, asker=ADMIN).status == 501
    for verb in ('startup', 'shutdown', 'reboot'):
        assert api('GET', f'/os-hosts/h1/{verb}', asker=ADMIN).status == 501
        assert api('GET', f'/os-hosts/h9/{verb}', asker=ADMIN).status == 404
        assert api('GET', f'/os-hosts/h1/{verb}').status == 403
    for body in ({}, {'status': 'testing'}, {'maintenance_mode': 'x'}, {'param': 'x'}):
        assert api('PUT', '/os-hosts/h1', body, asker=ADMIN).status == 400
    assert api('PUT', '/os-hosts/h9', {'status': 'enable'}, asker=ADMIN).status == 404
    assert api('PUT', '/os-hosts/h1', {'status': 'enable'}).status == 403
    assert api('PUT', '/os-hosts/h1', {'status': 'enable'}, asker=ADMIN, version='compute 2.43').status == 404


def test_there_is_no_bare_metal(api):
    for path in ('/os-baremetal-nodes', f'/os-baremetal-nodes/{NOWHERE}'):
        assert api('GET', path, asker=ADMIN).status == 501
        assert api('GET', path).status == 403
    node = f'/os-baremetal-nodes/{NOWHERE}'
    for method, path, body, command in (
        ('POST', '/os-baremetal-nodes', {}, 'node-create'),
        ('DELETE', node, None, 'node-delete'),
        ('POST', f'{node}/action', {'add_interface': {}}, 'port-create'),
        ('POST', f'{node}/action', {'remove_interface': {}}, 'port-delete'),
    ):
        answer = api(method, path, body)
        assert answer.status == 400 and command in told(answer)


def test_what_upstream_has_taken_out_is_gone_in_every_version(api):
    for route in GONE:
        path = route.path.replace('{option}', 'x').replace('{key}', 'y')
        for version in ('compute 2.1', 'compute 2.100'):
            answer = api(route.method, path, {} if route.method in ('POST', 'PUT') else None, version=version)
            assert answer.status == 410 and answer.json['computeFault']['code'] == 410, (route.method, path)


def test_an_action_that_upstream_has_taken_out_is_gone_for_any_server(api):
    for version in ('compute 2.1', 'compute 2.100'):
        answer = api('POST', '/servers/x/action', {GONE_ACTION.action: None}, version=version)
        assert answer.status == 410 and 'resetNetwork' in told(answer)
