"""Servers over HTTP: made, listed, shown, changed and deleted."""

import datetime
import json
import pathlib
import re
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common.jobs import Job
from nimbus.compute.devices import block_devices
from nimbus.compute.quotas import QUOTAS
from nimbus.compute.servers import servers
from nimbus.network import quotas as network_quotas
from nimbus.network.ports import ports
from tests.compute_world import boot, put_in, running
from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER, STRANGER

SAMPLES = pathlib.Path(__file__).parents[2] / 'samples' / 'compute'
PORT, VOLUME, ATTACHMENT, DEVICE = (f'{n}' * 8 + '-1111-4111-8111-' + f'{n}' * 12 for n in (1, 2, 3, 4))


def body(world: Any, **more: Any) -> dict[str, Any]:
    server = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, 'networks': 'none', **more}
    return {'server': {name: value for name, value in server.items() if value is not None}}


def test_a_server_is_promised_with_its_row_job_and_password(latest, world, parts):
    answer = latest('POST', '/servers', body(world, key_name='key'))
    assert answer.status == 202, answer.data
    server = answer.json['server']
    assert sorted(server) == ['OS-DCF:diskConfig', 'adminPass', 'id', 'links', 'security_groups']
    assert answer.headers['Location'] == f'http://cloud/v2.1/servers/{server["id"]}'
    assert len(server['adminPass']) == 12 and server['security_groups'] == [{'name': 'default'}]
    with parts.db.read() as tx:
        assert tx.column(sa.select(Job.workflow).where(Job.subject == server['id'])) == ['build_server']
        assert servers.spec(tx, server['id'])['key']['name'] == 'key'
    shown = latest('GET', f'/servers/{server["id"]}').json['server']
    assert shown['status'] == 'BUILD' and shown['OS-EXT-STS:task_state'] == 'scheduling'
    assert shown['addresses'] == {} and shown['hostId'] == ''


@pytest.mark.parametrize('version', ['2.3', '2.47', '2.79', '2.98'])
def test_the_admins_list_has_what_the_image_brought_in_every_version(api, world, version):
    made = api('POST', '/servers', body(world), asker=ADMIN, version='compute 2.37').json['server']['id']
    answer = api('GET', '/servers/detail?all_tenants=1', asker=ADMIN, version=f'compute {version}')
    assert answer.status == 200, answer.data
    (listed,) = [row for row in answer.json['servers'] if row['id'] == made]
    assert listed['OS-EXT-SRV-ATTR:kernel_id'] == listed['OS-EXT-SRV-ATTR:ramdisk_id'] == ''


def test_a_reservation_is_told_instead_when_asked_for(api, world):
    asked = body(world, networks=None, min_count='2', max_count=3, return_reservation_id=True)
    answer = api('POST', '/servers', asked)
    assert (answer.status, list(answer.json)) == (202, ['reservation_id'])
    names = [server['name'] for server in api('GET', '/servers').json['servers']]
    assert names == ['vm-3', 'vm-2', 'vm-1']


def sample(name: str, shown: dict[str, Any], given: dict[str, Any]) -> None:
    """The view is the golden sample's, but for ids and times."""
    text = json.dumps(shown, indent=4, sort_keys=True)
    for value, word in given.items():
        text = text.replace(value, f'<{word}>')
    text = re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?', '<time>', text)
    text = re.sub(r'10\.0\.0\.\d+', '<ip>', text)
    text = re.sub(r'r-[a-z0-9]{8}', '<reservation>', text)
    text = re.sub(r'fa:16:3e(:[0-9a-f]{2}){3}', '<mac>', text)
    assert text + '\n' == (SAMPLES / f'{name}.json').read_text()


@pytest.fixture
def full(parts, world) -> Any:
    """A running server that has one of everything."""
    more = {'key_name': 'key', 'properties': {'role': 'web'}, 'tags': ('blue', 'green'), 'config_drive': True}
    more |= {'access_ip_v4': '192.0.2.7', 'description': 'a server', 'zone': 'nova', 'hints': {'same_host': []}}
    row = running(parts.db, world, user_data='IyEvYmluL3NoCg==', **more)
    values = {'volume_id': VOLUME, 'attachment_id': ATTACHMENT, 'device': '/dev/vdb', 'size': 1}
    plugged = {'port_id': PORT, 'network_id': world.network, 'server_id': row.id, 'hostname': 'vm'}
    with parts.db.write() as tx:
        block_devices.add(tx, DEVICE, row.id, **values)
        ports.ensure(tx, MEMBER, project_id=MEMBER.project_id, host='h1', zone='nova', **plugged)
    return row


@pytest.mark.parametrize('version', ['2.1', '2.46', '2.100'])
@pytest.mark.parametrize('persona', ['member', 'admin'])
def test_a_server_looks_as_its_golden_sample(api, full, version, persona):
    asker = {'member': MEMBER, 'admin': ADMIN}[persona]
    answer = api('GET', f'/servers/{full.id}', asker=asker, version=f'compute {version}')
    assert answer.headers['OpenStack-API-Version'] == f'compute {version}'
    given = {full.id: 'id', full.image_id: 'image', f'instance-{full.seq:08x}': 'instance'}
    sample(f'server-{version}-{persona}', answer.json, given)
    listed = api('GET', '/servers/detail', asker=asker, version=f'compute {version}').json['servers'][0]
    shown = answer.json['server']
    assert listed == {name: value for name, value in shown.items() if name != 'server_groups'}


def test_a_host_has_another_id_for_each_project(api, parts, world):
    mine, theirs = running(parts.db, world), running(parts.db, world, STRANGER)
    ids = [
        api('GET', f'/servers/{row.id}', asker=asker).json['server']['hostId']
        for row, asker in ((mine, MEMBER), (theirs, STRANGER))
    ]
    assert all(re.fullmatch('[0-9a-f]{56}', one) for one in ids) and ids[0] != ids[1]


def test_another_projects_server_is_not_there(api, parts, world):
    row = running(parts.db, world)
    for method, path, given in (
        ('GET', '', None),
        ('PUT', '', {'server': {'name': 'x'}}),
        ('DELETE', '', None),
        ('POST', '/action', {'os-stop': None}),
        ('GET', '/ips', None),
        ('GET', '/metadata', None),
        ('GET', '/os-volume_attachments', None),
    ):
        answer = api(method, f'/servers/{row.id}{path}', given, asker=STRANGER)
        assert answer.status == 404, (method, path)
        assert answer.json['itemNotFound']['message'] == f'Instance {row.id} could not be found.'
    assert api('GET', '/servers', asker=STRANGER).json == {'servers': []}


def test_a_reader_reads_and_an_outsider_does_not(api, parts, world):
    row = running(parts.db, world)
    assert api('GET', f'/servers/{row.id}', asker=READER).status == 200
    for method, path, given in (('DELETE', '', None), ('POST', '/action', {'os-stop': None})):
        assert api(method, f'/servers/{row.id}{path}', given, asker=READER).status == 403
    assert api('POST', '/servers', body(world, networks=None), asker=READER).status == 403
    assert api('GET', f'/servers/{row.id}', asker=OUTSIDER).status == 403
    assert api('GET', '/servers', asker=None).status == 401


def test_everybodys_servers_and_a_host_are_for_operators(api, latest, parts, world):
    row = running(parts.db, world, STRANGER, key_name=None)
    refused = api('GET', '/servers?all_tenants=1')
    assert refused.status == 403
    assert 'os_compute_api:servers:index:get_all_tenants' in refused.json['forbidden']['message']
    listed = api('GET', '/servers/detail?all_tenants=1', asker=ADMIN).json['servers']
    assert [(one['id'], one['OS-EXT-SRV-ATTR:host']) for one in listed] == [(row.id, 'h1')]
    asked = body(world, availability_zone='nova:h1:node')
    assert latest('POST', '/servers', asked).status == 403
    assert latest('POST', '/servers', asked, asker=ADMIN).status == 202
    assert latest('POST', '/servers', body(world, host='h1')).status == 403


def test_a_list_comes_in_pages(api, parts, world):
    rows = [boot(parts.db, world, name=f'vm{n}') for n in range(3)]
    first = api('GET', '/servers?limit=2').json
    assert [one['id'] for one in first['servers']] == [rows[2].id, rows[1].id]
    (link,) = first['servers_links']
    assert link['rel'] == 'next' and link['href'].startswith('http://cloud/v2.1/servers?')
    second = api('GET', link['href'].removeprefix('http://cloud/v2.1')).json
    assert [one['id'] for one in second['servers']] == [rows[0].id] and 'servers_links' not in second
    assert api('GET', '/servers?limit=0').json['servers'] == []
    assert api('GET', '/servers?marker=nobody').json['badRequest']['message'] == 'marker [nobody] not found'
    for wrong in ('limit=-1', 'limit=x', 'sort_key=nonsense', 'changes-since=yesterday'):
        assert api('GET', f'/servers?{wrong}').status == 400, wrong


def test_times_of_servers_compare_as_they_are_shown(api, parts, world):
    row = boot(parts.db, world, name='vm')
    shown = api('GET', f'/servers/{row.id}').json['server']['updated']
    early, late = (
        (datetime.datetime.fromisoformat(shown) + datetime.timedelta(seconds=s)).strftime('%Y-%m-%dT%H:%M:%SZ')
        for s in (-1, 1)
    )
    newest = 'compute 2.96'
    for query, found in (
        (f'changes-since={shown}', 1),
        (f'changes-before={shown}', 1),
        (f'changes-since={late}', 0),
        (f'changes-before={early}', 0),
        (f'changes-since={early}&changes-before={shown}', 1),
    ):
        assert len(api('GET', f'/servers?{query}', version=newest).json['servers']) == found, query


def test_a_filter_is_taken_passed_over_or_refused_as_its_version_says(api, parts, world):
    running(parts.db, world, name='one')
    boot(parts.db, world, name='two')

    def names(query: str, version: str = '2.1', asker: Any = MEMBER) -> Any:
        answer = api('GET', f'/servers?{query}', asker=asker, version=f'compute {version}')
        return [one['name'] for one in answer.json['servers']] if answer.status == 200 else answer.status

    assert names('status=ACTIVE') == ['one'] and names('status=build') == ['two']
    assert names('status=nonsense') == [] and names('status=nonsense', '2.38') == 400
    assert names('host=h1') == ['two', 'one'] and names('host=h1', asker=ADMIN) == ['one']
    assert names('vm_state=active') == ['two', 'one'] and names('vm_state=active', '2.83') == ['one']
    assert names('warp=9') == ['two', 'one'] and names('warp=9', '2.75') == 400
    assert names('tags=a', '2.25') == ['two', 'one'] and names('tags=a', '2.26') == []
    assert names('locked=true', '2.73') == [] and names('locked=maybe', '2.73') == 400
    assert names('deleted=true') == ['two', 'one']
    assert names('status=deleted') == 403 and names('status=deleted', asker=ADMIN) == []
    assert names('metadata=x') == 400 and names('_x=1') == 400
    assert names('sort_key=display_name&sort_dir=asc') == ['one', 'two']
    assert names('sort_key=host') == 403


def test_a_server_is_changed_and_answers_with_all_of_it_since_a_version(api, parts, world):
    row = running(parts.db, world)
    asked = {'server': {'name': 'new', 'accessIPv4': '192.0.2.1', 'OS-DCF:diskConfig': 'AUTO'}}
    changed = api('PUT', f'/servers/{row.id}', asked)
    assert changed.status == 200 and 'key_name' not in changed.json['server']
    assert changed.json['server']['name'] == 'new' and changed.json['server']['accessIPv4'] == '192.0.2.1'
    newer = api('PUT', f'/servers/{row.id}', {'server': {'description': None}}, version='compute 2.75')
    assert newer.json['server']['key_name'] is None and newer.json['server']['description'] is None
    assert api('PUT', f'/servers/{row.id}', {'server': {'hostname': 'h'}}, version='compute 2.89').status == 400
    named = api('PUT', f'/servers/{row.id}', {'server': {'hostname': 'h.example'}}, version='compute 2.94')
    assert named.json['server']['OS-EXT-SRV-ATTR:hostname'] == 'h.example'


def test_a_delete_is_on_its_way(api, parts, world):
    row = running(parts.db, world)
    assert (api('DELETE', f'/servers/{row.id}').status, api('DELETE', f'/servers/{row.id}').status) == (204, 204)
    shown = api('GET', f'/servers/{row.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('ACTIVE', 'deleting')
    with parts.db.write() as tx:
        servers.gone(tx, row.id)
    assert api('GET', f'/servers/{row.id}').status == 404
    assert api('DELETE', f'/servers/{row.id}').status == 404


def test_progress_is_0_while_a_server_is_built_and_after(api, parts, world):
    building = boot(parts.db, world)
    with parts.db.write() as tx:
        assert servers.progressed(tx, building.id, 79)
    for row in (building, running(parts.db, world)):
        assert api('GET', f'/servers/{row.id}').json['server']['progress'] == 0
    found = api('GET', '/servers?progress=0', asker=ADMIN).json['servers']
    assert len(found) == 2 and api('GET', '/servers?progress=79', asker=ADMIN).json['servers'] == []


def test_what_went_wrong_is_told_and_its_details_to_operators(api, parts, world):
    row = boot(parts.db, world)
    with parts.db.write() as tx:
        servers.failed(tx, row.id, 'build', 500, 'No valid host was found.', 'two hosts were full')
    mine = api('GET', f'/servers/{row.id}').json['server']
    assert mine['status'] == 'ERROR' and 'progress' not in mine
    assert sorted(mine['fault']) == ['code', 'created', 'message']
    theirs = api('GET', f'/servers/{row.id}', asker=ADMIN).json['server']['fault']
    assert theirs['details'] == 'two hosts were full'


@pytest.mark.parametrize(
    ('more', 'sentence'),
    [
        ({'name': ''}, 'Invalid input for field/attribute name'),
        ({'name': ' x'}, 'Invalid input for field/attribute name'),
        ({'name': 'x' * 256}, 'Invalid input for field/attribute name'),
        ({'name': 7}, 'Invalid input for field/attribute name'),
        ({'name': None}, "'name' is a required property"),
        ({'imageRef': 'x'}, 'Invalid input for field/attribute imageRef'),
        ({'imageRef': ''}, 'Missing imageRef attribute'),
        ({'imageRef': '6c2c8f0e-8a5b-4c57-9d3c-00000000000f'}, 'Can not find requested image'),
        ({'flavorRef': 'nobodys'}, 'Flavor nobodys could not be found.'),
        ({'networks': None}, "'networks' is a required property"),
        ({'networks': 'all'}, 'Invalid input for field/attribute networks'),
        ({'networks': [{}]}, "Bad network format: missing 'uuid'"),
        ({'networks': [{'uuid': '6c2c8f0e-8a5b-4c57-9d3c-00000000000f'}]}, 'Network'),
        ({'networks': [{'port': PORT, 'fixed_ip': '10.0.0.4'}]}, 'the two cannot be specified together'),
        ({'networks': [{'port': PORT}, {'port': PORT}]}, 'was specified twice'),
        ({'key_name': 'nobodys'}, 'Invalid key_name provided.'),
        ({'user_data': 'x' * 65536}, 'Invalid input for field/attribute user_data'),
        ({'user_data': 'abc'}, 'User data needs to be valid base 64.'),
        ({'metadata': {'a/b': 'c'}}, 'Additional properties are not allowed'),
        ({'metadata': {'a': 'x' * 256}}, 'Invalid input for field/attribute a'),
        ({'tags': ['a,b']}, 'Invalid input for field/attribute 0'),
        ({'min_count': 2, 'max_count': 1}, 'min_count must be <= max_count'),
        ({'min_count': 0}, 'Invalid input for field/attribute min_count'),
        ({'max_count': '9' * 40}, 'Invalid input for field/attribute max_count'),
        ({'security_groups': [{'name': 'nobodys'}]}, 'Security group nobodys not found'),
        ({'availability_zone': 'mars'}, 'The requested availability zone is not available'),
        ({'accessIPv4': '::1'}, 'Invalid input for field/attribute accessIPv4'),
        ({'config_drive': 'maybe'}, 'Invalid input for field/attribute config_drive'),
        ({'hostname': '-x-'}, None),
        ({'personality': []}, 'Additional properties are not allowed'),
        ({'warp': 9}, 'Additional properties are not allowed'),
        ({'block_device_mapping_v2': [{'boot_index': 1}]}, 'Some required fields are missing'),
    ],
)
def test_a_wrong_request_is_refused_with_the_field_named(latest, parts, world, more, sentence):
    answer = latest('POST', '/servers', body(world, **more))
    if sentence is None:
        assert answer.status == 202
        return
    assert answer.status == 400, answer.data
    assert sentence in answer.json['badRequest']['message']
    with parts.db.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.workflow == 'build_server')) == 0


def test_a_field_is_unknown_before_its_version(api, world):
    asked = body(world, networks=None)
    for field, value, version in (
        ('description', 'x', '2.18'),
        ('tags', ['x'], '2.51'),
        ('host', 'h1', '2.73'),
        ('hostname', 'x1', '2.89'),
    ):
        given = {'server': {**asked['server'], field: value}}
        if version >= '2.37':
            given['server']['networks'] = 'none'
        answer = api('POST', '/servers', given, version=f'compute {version}')
        assert answer.status == 400 and 'Additional properties' in answer.json['badRequest']['message'], field


def test_over_quota_is_403_with_the_figures(api, world):
    for _ in range(10):
        assert api('POST', '/servers', body(world, networks=None)).status == 202
    answer = api('POST', '/servers', body(world, networks=None))
    assert answer.status == 403
    told = 'Quota exceeded for instances: Requested 1, but already used 10 of 10 instances'
    assert answer.json == {'forbidden': {'code': 403, 'message': told}}


def test_a_wrong_state_is_409_in_the_words_clients_know(api, parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, 'stopped')
    answer = api('POST', f'/servers/{row.id}/action', {'os-stop': None})
    told = f"Cannot 'stop' instance {row.id} while it is in vm_state stopped"
    assert answer.status == 409 and answer.json['conflictingRequest'] == {'code': 409, 'message': told}


def test_one_request_builds_no_more_servers_than_one_transaction_bears(api, parts, world):
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, dict.fromkeys(('instances', 'cores', 'ram'), -1))
        network_quotas.QUOTAS.set(tx, MEMBER.project_id, {'port': -1})
    asked = {'name': 'x', 'flavorRef': world.flavor, 'imageRef': world.image, 'networks': [{'uuid': world.network}]}
    refused = api('POST', '/servers', {'server': asked | {'max_count': 10**9}})
    told = 'One request builds at most 1000 servers; max_count asks for 1000000000.'
    assert (refused.status, refused.json['badRequest']['message']) == (400, told)
    with parts.db.read() as tx:
        assert QUOTAS.show(tx, MEMBER.project_id)['instances'].used == 0
    assert api('GET', '/servers').json['servers'] == []


def test_no_server_is_asked_for_that_the_project_has_no_port_left_for(api, parts, world):
    with parts.db.write() as tx:
        network_quotas.QUOTAS.set(tx, MEMBER.project_id, {'port': 3})
    asked = {
        'name': 'vm',
        'flavorRef': world.flavor,
        'imageRef': world.image,
        'networks': [{'uuid': world.network}] * 2,
    }
    answer = api('POST', '/servers', {'server': {**asked, 'min_count': 2}})
    assert (answer.status, answer.json['forbidden']['message']) == (403, 'Maximum number of ports exceeded')
    assert api('GET', '/servers').json == {'servers': []}
    assert api('POST', '/servers', {'server': {**asked, 'min_count': 1, 'max_count': 4}}).status == 202
    assert len(api('GET', '/servers').json['servers']) == 1
    assert api('POST', '/servers', {'server': {**asked, 'networks': []}}).status == 202
