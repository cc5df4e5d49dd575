"""Flavors, keys, what hangs on servers, quotas and the operators' views over HTTP."""

from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from nimbus.common import jobs
from nimbus.common.jobs import Job
from nimbus.compute.servers import passwords, servers
from nimbus.scheduler import hosts
from tests.compute_world import PUBLIC_KEY, boot, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

TINY = {'flavor': {'name': 'm1.new', 'ram': '64', 'vcpus': 1, 'disk': 0, 'id': '7'}}
FACTS = {'hypervisor_hostname': 'h1.example', 'vcpus': 4, 'memory_mb': 4096, 'disk_gb': 100}
FACTS |= {'hypervisor_type': 'QEMU', 'hypervisor_version': 7002000, 'host_ip': '192.0.2.1', 'cpu_info': {'a': 1}}


def test_an_operator_makes_flavors_and_everybody_sees_public_ones(api, world):
    assert api('POST', '/flavors', TINY).status == 403
    made = api('POST', '/flavors', TINY, asker=ADMIN).json['flavor']
    assert (made['id'], made['ram'], made['swap'], made['os-flavor-access:is_public']) == ('7', 64, '', True)
    again = api('POST', '/flavors', TINY, asker=ADMIN)
    assert again.json['conflictingRequest']['message'] == 'Flavor with ID 7 already exists.'
    assert [one['id'] for one in api('GET', '/flavors').json['flavors']] == ['42', '7']
    assert [one['id'] for one in api('GET', '/flavors?minRam=100').json['flavors']] == ['42']
    assert api('GET', '/flavors/nobodys').json['itemNotFound']['message'] == 'Flavor nobodys could not be found.'
    shown = api('GET', '/flavors/7', version='compute 2.75').json['flavor']
    assert (shown['swap'], shown['description'], shown['extra_specs']) == (0, None, {})
    assert api('DELETE', '/flavors/7', asker=ADMIN).status == 202
    assert api('GET', '/flavors/7').status == 404


@pytest.mark.parametrize(
    'more',
    [{'ram': 0}, {'ram': '9' * 30}, {'vcpus': -1}, {'disk': 'x'}, {'id': ' x'}, {'name': ''}, {'rxtx_factor': 0}],
)
def test_a_wrong_flavor_is_refused(api, world, more):
    answer = api('POST', '/flavors', {'flavor': TINY['flavor'] | more}, asker=ADMIN)
    field = next(iter(more))
    assert answer.status == 400 and f'field/attribute {field}' in answer.json['badRequest']['message']


def test_a_private_flavor_is_for_whom_it_was_granted_to(api, world):
    api('POST', '/flavors', {'flavor': TINY['flavor'] | {'os-flavor-access:is_public': False}}, asker=ADMIN)
    assert api('GET', '/flavors/7').status == 404
    granted = api('POST', '/flavors/7/action', {'addTenantAccess': {'tenant': MEMBER.project_id}}, asker=ADMIN)
    assert granted.json == {'flavor_access': [{'flavor_id': '7', 'tenant_id': MEMBER.project_id}]}
    assert api('GET', '/flavors/7').status == 200 and api('GET', '/flavors/7', asker=STRANGER).status == 404
    assert api('GET', '/flavors?is_public=None', asker=ADMIN).json['flavors'][-1]['id'] == '7'


def test_extra_specs_are_checked_since_a_version(api, world):
    specs = {'extra_specs': {'hw:cpu_policy': 'warp', 'mine': 'x'}}
    path = '/flavors/42/os-extra_specs'
    assert api('POST', path, specs, asker=ADMIN).json == specs
    assert api('GET', path).json == specs
    assert api('POST', path, specs, asker=ADMIN, version='compute 2.86').status == 400
    wrong = {'extra_specs': {'hw:nonsense': 'x'}}
    refused = api('POST', path, wrong, asker=ADMIN, version='compute 2.86')
    assert "'hw:nonsense' does not appear to be a valid extra spec" in refused.json['badRequest']['message']
    assert api('PUT', f'{path}/mine', {'other': 'x'}, asker=ADMIN).status == 400
    assert api('DELETE', f'{path}/mine', asker=ADMIN).status == 200
    assert api('GET', f'{path}/mine').status == 404


def test_keys_are_a_users_own_and_made_until_a_version(api, world):
    made = api('POST', '/os-keypairs', {'keypair': {'name': 'new'}})
    assert made.status == 200 and made.json['keypair']['private_key'].startswith('-----BEGIN RSA PRIVATE KEY')
    assert 'type' not in made.json['keypair']
    assert api('POST', '/os-keypairs', {'keypair': {'name': 'n2'}}, version='compute 2.92').status == 400
    given = {'keypair': {'name': 'a@b.c', 'public_key': PUBLIC_KEY}}
    assert api('POST', '/os-keypairs', given, version='compute 2.91').status == 400
    added = api('POST', '/os-keypairs', given, version='compute 2.92')
    assert added.status == 201 and added.json['keypair']['type'] == 'ssh'
    assert api('POST', '/os-keypairs', given, version='compute 2.92').status == 409
    bad = {'keypair': {'name': 'bad', 'public_key': 'ssh-rsa nonsense'}}
    assert api('POST', '/os-keypairs', bad).json['badRequest']['message'].startswith('Keypair data is invalid')
    names = [one['keypair']['name'] for one in api('GET', '/os-keypairs').json['keypairs']]
    assert names == ['a@b.c', 'key', 'new']
    assert api('GET', '/os-keypairs/key', asker=STRANGER).status == 404
    mine = f'/os-keypairs?user_id={MEMBER.user_id}'
    assert api('GET', mine, asker=STRANGER, version='compute 2.10').status == 403
    assert len(api('GET', mine, asker=ADMIN, version='compute 2.10').json['keypairs']) == 3
    page = api('GET', '/os-keypairs?limit=1&marker=a@b.c', version='compute 2.35').json
    assert page['keypairs'][0]['keypair']['name'] == 'key' and page['keypairs_links'][0]['rel'] == 'next'
    assert api('DELETE', '/os-keypairs/new').status == 202
    assert api('DELETE', '/os-keypairs/key', version='compute 2.2').status == 204


def test_metadata_and_tags_of_a_server(api, parts, world):
    row = running(parts.db, world)
    path = f'/servers/{row.id}'
    assert api('POST', f'{path}/metadata', {'metadata': {'a': '1'}}).json == {'metadata': {'a': '1'}}
    assert api('PUT', f'{path}/metadata/b', {'meta': {'b': '2'}}).json == {'meta': {'b': '2'}}
    assert api('PUT', f'{path}/metadata/b', {'meta': {'c': '2'}}).status == 400
    assert api('GET', f'{path}/metadata').json == {'metadata': {'a': '1', 'b': '2'}}
    assert api('DELETE', f'{path}/metadata/a').status == 204
    assert api('GET', f'{path}/metadata/a').json['itemNotFound']['message'] == 'Metadata item was not found'
    assert api('PUT', f'{path}/metadata', {'metadata': {'z': '9'}}).json == {'metadata': {'z': '9'}}
    tags = f'{path}/tags'
    assert api('GET', tags, version='compute 2.25').status == 404
    new = api('PUT', f'{tags}/blue', version='compute 2.26')
    assert new.status == 201 and new.headers['Location'] == f'http://cloud/v2.1{tags}/blue'
    assert api('PUT', f'{tags}/blue', version='compute 2.26').status == 204
    assert api('PUT', tags, {'tags': ['x', 'y']}, version='compute 2.26').json == {'tags': ['x', 'y']}
    assert api('GET', f'{tags}/blue', version='compute 2.26').status == 404
    assert api('DELETE', tags, version='compute 2.26').status == 204
    assert api('PUT', tags, {'tags': ['x'] * 51}, version='compute 2.26').status == 400


def test_actions_are_named_once_and_known(api, parts, world):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/action'
    assert api('POST', path, {'warp': None}).status == 400
    assert api('POST', path, {'os-start': None, 'os-stop': None}).status == 400
    assert api('POST', path, {}).status == 400
    assert api('POST', path, {'reboot': {'type': 'SLOW'}}).status == 400
    assert api('POST', path, {'os-resetState': {'state': 'error'}}).status == 403
    assert api('POST', path, {'reboot': {'type': 'HARD'}}).status == 202
    shown = api('GET', f'/servers/{row.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('HARD_REBOOT', 'rebooting_hard')
    with parts.db.read() as tx:
        job = tx.row(sa.select(Job).where(Job.workflow == 'reboot_server'))
    assert job.params == {'hard': True, 'verb': 'reboot_hard'}


def test_a_lock_is_its_makers(api, parts, world):
    row = running(parts.db, world, STRANGER, key_name=None)
    path = f'/servers/{row.id}/action'
    lock = {'lock': {'locked_reason': 'because'}}
    assert api('POST', path, lock, asker=ADMIN, version='compute 2.73').status == 202
    shown = api('GET', f'/servers/{row.id}', asker=STRANGER, version='compute 2.73').json['server']
    assert (shown['locked'], shown['locked_reason']) == (True, 'because')
    assert api('POST', path, {'os-stop': None}, asker=STRANGER).status == 409
    metadata = {'metadata': {'a': 'b'}}
    assert api('POST', f'/servers/{row.id}/metadata', metadata, asker=STRANGER).status == 409
    renamed = api('PUT', f'/servers/{row.id}', {'server': {'name': 'new'}}, asker=STRANGER)
    assert (renamed.status, renamed.json['server']['name']) == (200, 'new')
    assert api('POST', path, {'unlock': None}, asker=STRANGER).status == 403
    assert api('POST', path, {'unlock': None}, asker=ADMIN).status == 202
    assert api('POST', path, {'os-stop': None}, asker=STRANGER).status == 202


def test_actions_are_told_with_their_events(api, parts, world):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/os-instance-actions'
    (created,) = api('GET', path).json['instanceActions']
    assert (created['action'], created['request_id'], created['message']) == ('create', MEMBER.request_id, None)
    one = api('GET', f'{path}/{created["request_id"]}').json['instanceAction']
    assert 'events' not in one
    assert api('GET', f'{path}/{created["request_id"]}', version='compute 2.51').json['instanceAction']['events'] == []
    assert api('GET', f'{path}/req-x').json['itemNotFound']['message'] == 'Action req-x not found'
    with parts.db.write() as tx:
        servers.gone(tx, row.id)
    assert api('GET', path).status == 404 and api('GET', path, version='compute 2.21').status == 200
    assert api('GET', path, version='compute 2.21', asker=STRANGER).status == 404


def test_the_old_security_groups_are_the_network_services(api, world):
    listed = api('GET', '/os-security-groups').json['security_groups']
    assert [one['name'] for one in listed] == ['default']
    made = api('POST', '/os-security-groups', {'security_group': {'name': 'web', 'description': ''}})
    group = made.json['security_group']
    assert made.status == 200 and group['rules'] == []
    rule = {'parent_group_id': group['id'], 'ip_protocol': 'tcp', 'from_port': 80, 'to_port': 80, 'cidr': '0.0.0.0/0'}
    added = api('POST', '/os-security-group-rules', {'security_group_rule': rule}).json['security_group_rule']
    assert (added['from_port'], added['ip_range'], added['group']) == (80, {'cidr': '0.0.0.0/0'}, {})
    for cidr in ('10.0.0.0/33', 'a\0b', '10.0.0.0/24/24', '::x'):
        refused = api('POST', '/os-security-group-rules', {'security_group_rule': rule | {'cidr': cidr}})
        told = {'code': 400, 'message': f'{cidr} is not a valid IP network.'}
        assert (refused.status, refused.json) == (400, {'badRequest': told})
    assert len(api('GET', f'/os-security-groups/{group["id"]}').json['security_group']['rules']) == 1
    assert api('DELETE', f'/os-security-group-rules/{added["id"]}').status == 202
    assert api('DELETE', f'/os-security-groups/{group["id"]}').status == 202
    assert api('GET', '/os-security-groups', version='compute 2.36').status == 404


def test_quotas_and_limits_know_what_their_version_knows(api, parts, world):
    boot(parts.db, world)
    path = f'/os-quota-sets/{MEMBER.project_id}'
    assert api('GET', path).json['quota_set']['floating_ips'] == -1
    newest = api('GET', path, version='compute 2.57').json['quota_set']
    assert 'floating_ips' not in newest and 'injected_files' not in newest and newest['instances'] == 10
    held = api('GET', f'{path}/detail').json['quota_set']['ram']
    assert held == {'limit': 51200, 'in_use': 512, 'reserved': 0}
    assert api('GET', f'/os-quota-sets/{"c" * 32}').status == 403
    assert api('PUT', path, {'quota_set': {'instances': 5}}).status == 403
    low = api('PUT', path, {'quota_set': {'instances': 0}}, asker=ADMIN)
    assert low.json['badRequest']['message'] == (
        'Quota limit 0 for instances must be greater than or equal to already used and reserved 1.'
    )
    forced = api('PUT', path, {'quota_set': {'instances': 0, 'force': True}}, asker=ADMIN)
    assert forced.json['quota_set']['instances'] == 0 and 'id' not in forced.json['quota_set']
    absolute = api('GET', '/limits').json['limits']['absolute']
    assert (absolute['maxTotalInstances'], absolute['totalInstancesUsed'], absolute['maxImageMeta']) == (0, 1, 128)
    assert 'maxImageMeta' not in api('GET', '/limits', version='compute 2.39').json['limits']['absolute']
    assert api('DELETE', path, asker=ADMIN).status == 202
    assert api('GET', f'{path}/defaults').json['quota_set']['instances'] == 10


def test_what_is_set_for_a_project_that_nobody_knows_is_refused(api, world):
    unknown = 'c' * 32
    path, private = f'/os-quota-sets/{unknown}', TINY['flavor'] | {'os-flavor-access:is_public': False}
    api('POST', '/flavors', {'flavor': private}, asker=ADMIN)
    for method, where, body in (
        ('GET', path, None),
        ('GET', f'{path}/detail', None),
        ('GET', f'{path}/defaults', None),
        ('PUT', path, {'quota_set': {'cores': 3}}),
        ('POST', '/flavors/7/action', {'addTenantAccess': {'tenant': unknown}}),
    ):
        answer = api(method, where, body, asker=ADMIN)
        told = {'code': 400, 'message': f'Project ID {unknown} is not a valid project.'}
        assert (answer.status, answer.json) == (400, {'badRequest': told}), (method, where)
    assert api('GET', '/flavors/7/os-flavor-access', asker=ADMIN).json == {'flavor_access': []}
    assert api('DELETE', path, asker=ADMIN).status == 202
    assert api('GET', f'{path}/defaults').status == 200  # who may not ask identity does not learn it here


@pytest.mark.parametrize('path', ['/os-quota-class-sets/default', f'/os-quota-sets/{MEMBER.project_id}'])
def test_every_limit_that_is_set_is_kept(api, world, path):
    word = 'quota_class_set' if 'class' in path else 'quota_set'
    given = {'fixed_ips': 7, 'floating_ips': 6, 'security_groups': 5, 'security_group_rules': 4, 'cores': 3}
    answer = api('PUT', path, {word: given}, asker=ADMIN)
    assert answer.status == 200 and given.items() <= answer.json[word].items(), answer.data
    assert given.items() <= api('GET', path, asker=ADMIN).json[word].items()
    assert api('GET', '/limits').json['limits']['absolute']['maxTotalFloatingIps'] == 6


def test_a_number_that_no_aggregate_has_is_not_found(api):
    for number in ('-1', '0', '9' * 18):
        assert api('GET', f'/os-aggregates/{number}', asker=ADMIN).status == 404
    for none in ('x', '1.5', '%C2%B2', '+1', '9' * 50):
        assert api('GET', f'/os-aggregates/{none}', asker=ADMIN).status == 400


def test_a_group_may_have_any_name(api):
    for name in (' blank ', 'a  b', ''):
        made = api('POST', '/os-security-groups', {'security_group': {'name': name, 'description': ''}})
        assert (made.status, made.json['security_group']['name']) == (200, name), made.data


@pytest.fixture
def host(parts, world) -> Any:
    with parts.db.write() as tx:
        hosts.report(tx, 'h1', FACTS)
    return running(parts.db, world)


def test_hypervisors_and_services_for_operators(api, host):
    assert api('GET', '/os-hypervisors').status == 403
    (old,) = api('GET', '/os-hypervisors/detail', asker=ADMIN).json['hypervisors']
    assert (old['id'], old['running_vms'], old['memory_mb_used'], old['cpu_info']) == (1, 1, 0, '{"a":1}')
    (new,) = api('GET', '/os-hypervisors/detail', asker=ADMIN, version='compute 2.88').json['hypervisors']
    assert 'vcpus' not in new and new['uptime'] is None and len(new['id']) == 36
    path = f'/os-hypervisors/{new["id"]}?with_servers=true'
    shown = api('GET', path, asker=ADMIN, version='compute 2.53').json['hypervisor']
    assert shown['servers'] == [{'uuid': host.id, 'name': f'instance-{host.seq:08x}'}]
    (service,) = api('GET', '/os-services', asker=ADMIN, version='compute 2.53').json['services']
    assert (service['binary'], service['state'], service['status']) == ('nova-compute', 'up', 'enabled')
    off = {'status': 'disabled', 'disabled_reason': 'broken'}
    path = f'/os-services/{service["id"]}'
    assert api('PUT', path, off, asker=ADMIN, version='compute 2.53').json['service']['disabled_reason'] == 'broken'
    (zone,) = api('GET', '/os-availability-zone').json['availabilityZoneInfo']
    assert zone == {'zoneName': 'nova', 'zoneState': {'available': False}, 'hosts': None}
    on = api('PUT', '/os-services/enable', {'host': 'h1', 'binary': 'nova-compute'}, asker=ADMIN)
    assert on.json == {'service': {'host': 'h1', 'binary': 'nova-compute', 'status': 'enabled'}}
    assert api('DELETE', path, asker=ADMIN, version='compute 2.53').status == 409


def test_hosts_in_the_old_way(api, latest, parts, host):
    assert api('GET', '/os-hosts').status == 403
    listed = {'hosts': [{'host_name': 'h1', 'service': 'compute', 'zone': 'nova'}]}
    assert api('GET', '/os-hosts', asker=ADMIN).json == listed
    assert api('GET', '/os-hosts?zone=nova', asker=ADMIN).json == listed
    assert api('GET', '/os-hosts?zone=internal', asker=ADMIN).json == {'hosts': []}
    rows = [row['resource'] for row in api('GET', '/os-hosts/h1', asker=ADMIN).json['host']]
    assert [row['project'] for row in rows] == ['(total)', '(used_now)', '(used_max)', MEMBER.project_id]
    assert rows[0] == {'host': 'h1', 'project': '(total)', 'cpu': 4, 'memory_mb': 4096, 'disk_gb': 100}
    held = {'host': 'h1', 'cpu': host.flavor['vcpus'], 'memory_mb': host.flavor['ram'], 'disk_gb': host.flavor['disk']}
    assert rows[2:] == [{**held, 'project': '(used_max)'}, {**held, 'project': MEMBER.project_id}]
    lost = api('GET', '/os-hosts/h9', asker=ADMIN)
    assert (lost.status, lost.json['itemNotFound']['message']) == (404, "Host 'h9' is not mapped to any cell")
    assert api('GET', '/os-hosts', asker=ADMIN, version='compute 2.42').status == 200
    assert latest('GET', '/os-hosts', asker=ADMIN).status == 404


def test_an_aggregate_makes_a_zone(api, parts, world):
    made = api('POST', '/os-aggregates', {'aggregate': {'name': 'a', 'availability_zone': 'z1'}}, asker=ADMIN)
    path = f'/os-aggregates/{made.json["aggregate"]["id"]}'
    added = api('POST', f'{path}/action', {'add_host': {'host': 'h1'}}, asker=ADMIN).json['aggregate']
    assert (added['hosts'], added['metadata'], 'uuid' in added) == (['h1'], {'availability_zone': 'z1'}, False)
    assert api('GET', '/os-availability-zone').json['availabilityZoneInfo'][0]['zoneName'] == 'z1'
    assert api('POST', f'{path}/action', {'add_host': {'host': 'h9'}}, asker=ADMIN).status == 404
    assert api('DELETE', path, asker=ADMIN).status == 400


def test_versions_are_told_to_everybody(api, parts):
    from nimbus.api.compute import app
    from tests.wire.client import Client

    every = Client(app.make(parts, 'versions'))('GET', '/', asker=None).json['versions']
    assert [(one['id'], one['version'], one['status']) for one in every] == [
        ('v2.0', '', 'SUPPORTED'),
        ('v2.1', '2.104', 'CURRENT'),
    ]
    assert api('GET', '/', asker=None).json['version']['links'][0]['href'] == 'http://cloud/v2.1/'
    legacy = Client(app.make(parts, 'v2'), prefix='/v2')
    assert legacy('GET', '/', asker=None).json['version']['id'] == 'v2.0'
    answer = legacy('GET', '/servers', version='compute 2.104')
    assert answer.status == 200 and 'OpenStack-API-Version' not in answer.headers
    assert api('GET', '/servers', version='compute 2.105').status == 406


def test_what_is_done_at_once_is_among_the_actions_as_well(api, parts, world):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/action'
    for asked in ({'lock': None}, {'lock': None}, {'unlock': None}):  # the second finds it locked and does nothing
        assert api('POST', path, asked).status == 202
    assert api('POST', path, {'os-resetState': {'state': 'error'}}, asker=ADMIN).status == 202
    listed = api('GET', f'/servers/{row.id}/os-instance-actions').json['instanceActions']
    assert [action['action'] for action in listed] == ['resetState', 'unlock', 'lock', 'create']
    with parts.db.read() as tx:
        (locked,) = [job for job in jobs.history(tx, row.id) if job.workflow == 'lock_server']
        (step,) = jobs.steps(tx, locked.id)
    assert (locked.heading, locked.asker['user_id'], step.step) == ('done', MEMBER.user_id, 'lock')
    seen = api('GET', f'/servers/{row.id}/os-instance-actions/{locked.request_id}', asker=ADMIN).json
    assert 'api_' in seen['instanceAction']['events'][0]['event']


def test_the_password_of_a_guest_is_its_projects_own(api, world, parts):
    server = running(parts.db, world).id
    with parts.db.write() as tx:
        passwords.leave(tx, server, b'c2VhbGVk')
    path = f'/servers/{server}/os-server-password'
    assert api('GET', path).json == {'password': 'c2VhbGVk'}
    assert (api('GET', path, asker=STRANGER).status, api('DELETE', path, asker=STRANGER).status) == (404, 404)
    assert (api('DELETE', path, asker=READER).status, api('GET', path, asker=READER).status) == (403, 200)
    assert (api('DELETE', path).status, api('GET', path).json) == (204, {'password': ''})


def test_what_went_wrong_in_a_step_is_told_with_its_traceback_to_operators_alone(api, world, parts):
    server = boot(parts.db, world)
    with parts.db.write() as tx:
        job = tx.row(sa.select(Job).where(Job.subject == server.id))
        now = job.created_at
        values = {'started_at': now, 'finished_at': now, 'outcome': 'failed', 'detail': 'Traceback: no room'}
        tx.insert(jobs.JobStep, job_id=job.id, subject=server.id, step='boot', heading='forward', host='h1', **values)
        tx.update(Job, Job.id == job.id, error='No room.')
    path = f'/servers/{server.id}/os-instance-actions/{job.request_id}'
    mine = api('GET', path, version='compute 2.51').json['instanceAction']
    assert (mine['action'], mine['message'], mine['events'][0]['result']) == ('create', 'Error', 'Error')
    assert 'traceback' not in mine['events'][0] and 'no room' not in str(mine)
    assert 'events' not in api('GET', path).json['instanceAction']
    theirs = api('GET', path, asker=ADMIN).json['instanceAction']
    assert theirs['events'][0]['traceback'] == 'Traceback: no room'
    assert api('GET', path, asker=STRANGER).status == 404


def test_images_are_fetched_to_the_hosts_of_an_aggregate(api, latest, parts, world):
    made = api('POST', '/os-aggregates', {'aggregate': {'name': 'a'}}, asker=ADMIN).json['aggregate']
    path, nowhere = f'/os-aggregates/{made["id"]}/images', '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'
    api('POST', f'/os-aggregates/{made["id"]}/action', {'add_host': {'host': 'h1'}}, asker=ADMIN)

    def ask(at, *images, asker=ADMIN, version=None):
        return latest('POST', at, {'cache': [{'id': image} for image in images]}, asker=asker, version=version)

    assert (ask(path, world.image).status, ask(path, world.image, asker=MEMBER).status) == (202, 403)
    assert ask(path, world.image, version='compute 2.80').status == 404
    for images in ((), (world.image, world.image), (nowhere,), ('x',)):
        assert ask(path, *images).status == 400, images
    assert (ask('/os-aggregates/999/images', world.image).status, ask('/os-aggregates/x/images', nowhere).status) == (
        404,
        400,
    )
    with parts.db.read() as tx:
        (job,) = jobs.history(tx, world.image)
    assert (job.workflow, job.params['target'], job.params['image']['id']) == ('cache_image', 'h1', world.image)


def test_a_certificate_and_its_key_are_made_for_a_user(api):
    body = {'keypair': {'name': 'windows', 'type': 'x509'}}
    made = api('POST', '/os-keypairs', body, version='compute 2.2').json['keypair']
    certificate = x509.load_pem_x509_certificate(made['public_key'].encode())
    key = serialization.load_pem_private_key(made['private_key'].encode(), None)
    assert key.public_key() == certificate.public_key() and made['type'] == 'x509'
    assert made['fingerprint'].replace(':', '') == certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303
    (name,) = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value.endswith(f'{MEMBER.user_id}@localhost'.encode())
    shown = api('GET', '/os-keypairs/windows', version='compute 2.2').json['keypair']
    assert (shown['type'], shown['public_key']) == ('x509', made['public_key'])
