"""Rebuilding servers over HTTP, in every version."""

import base64

import pytest
import sqlalchemy as sa

from nimbus.common import ids
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.servers import servers
from nimbus.network.ports import ports
from tests.compute_world import add_image, put_in, running, volume_of
from tests.conftest import MEMBER, STRANGER
from tests.domain.compute.test_boots import root

OTHER = '6c2c8f0e-8a5b-4c57-9d3c-000000000002'


def rebuild(api, row, version='compute 2.1', asker=MEMBER, **asked):
    return api('POST', f'/servers/{row.id}/action', {'rebuild': asked}, version=version, asker=asker)


def row_of(parts, server_id):
    with parts.db.read() as tx:
        return servers.row_of(tx, server_id)


@pytest.fixture
def other(parts, world):
    """A second image."""
    with parts.db.write() as tx:
        return add_image(tx, OTHER, properties={'hw_disk_bus': 'scsi'})


def test_the_answer_is_the_server_with_its_new_password(api, parts, world, other):
    row = running(parts.db, world, key_name='key')
    answer = rebuild(api, row, imageRef=other, name='new', metadata={'a': 'b'}, accessIPv6='fe80:0::1')
    server = answer.json['server']
    assert answer.status == 202 and answer.headers['Location'] == f'http://cloud/v2.1/servers/{row.id}'
    assert (server['status'], server['name'], server['metadata'], server['image']['id']) == (
        'REBUILD', 'new', {'a': 'b'}, other)  # fmt: skip
    assert len(server['adminPass']) == 12 and server['accessIPv6'] == 'fe80::1'
    assert not {'key_name', 'user_data'} & set(server)
    kept = row_of(parts, row.id)
    assert (kept.key_name, kept.root_device, kept.admin_pass) == ('key', '/dev/sda', server['adminPass'])
    with parts.db.read() as tx:
        job = tx.row(sa.select(Job).where(Job.workflow == 'rebuild_server'))
    assert job.params == {'stopped': False, 'preserve': False} and server['adminPass'] not in str(job)


def test_addresses_are_told_whole_since_a_version(api, parts, world):
    row = running(parts.db, world)
    with parts.db.write() as tx:
        to = {'server_id': row.id, 'project_id': row.project_id, 'host': 'h1', 'zone': 'nova', 'hostname': 'vm'}
        ports.ensure(
            tx, MEMBER, port_id=ids.dashed(), network_id=world.network, fixed_ip=None, groups=row.security_groups, **to
        )
    path = f'/servers/{row.id}'
    for version, more in (('compute 2.74', set()), ('compute 2.75', {'OS-EXT-IPS:type', 'OS-EXT-IPS-MAC:mac_addr'})):
        put_in(parts.db, row.id, states.ACTIVE)
        rebuilt = rebuild(api, row, version, imageRef=world.image)
        changed = api('PUT', path, {'server': {'name': 'x'}}, version=version)
        for answer in (rebuilt, changed):
            (address,) = answer.json['server']['addresses']['private']
            assert set(address) == {'version', 'addr'} | more
    (address,) = api('GET', path).json['server']['addresses']['private']
    assert 'OS-EXT-IPS:type' in address


def test_each_field_has_its_version(api, parts, world):
    row = running(parts.db, world, key_name='key', user_data='b2xk')
    text = base64.b64encode(b'new').decode()
    file = {'path': '/etc/motd', 'contents': text}
    for version, (field, value) in {
        'compute 2.18': ('description', 'x'),
        'compute 2.53': ('key_name', None),
        'compute 2.56': ('user_data', text),
        'compute 2.57': ('personality', [file]),
        'compute 2.62': ('trusted_image_certificates', ['a']),
        'compute 2.89': ('hostname', 'web'),
    }.items():
        assert rebuild(api, row, version, imageRef=world.image, **{field: value}).status == 400, field
    answer = rebuild(api, row, 'compute 2.54', imageRef=world.image, key_name=None, personality=[file])
    assert answer.status == 202 and answer.json['server']['key_name'] is None
    assert row_of(parts, row.id).personality == [file]
    put_in(parts.db, row.id, states.ACTIVE)
    answer = rebuild(api, row, 'compute 2.90', imageRef=world.image, key_name='key', user_data=text, hostname='web')
    assert (answer.json['server']['key_name'], answer.json['server']['user_data']) == ('key', text)
    kept = row_of(parts, row.id)
    assert (kept.hostname, kept.key['name'], kept.personality) == ('web', 'key', [])
    put_in(parts.db, row.id, states.ACTIVE)
    assert rebuild(api, row, 'compute 2.57', imageRef=world.image, user_data=None).json['server']['user_data'] is None


def test_a_server_that_is_off_is_to_be_off_again(api, parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, states.STOPPED)
    assert rebuild(api, row, imageRef=world.image, preserve_ephemeral='true').status == 202
    with parts.db.read() as tx:
        job = tx.row(sa.select(Job).where(Job.workflow == 'rebuild_server'))
    assert job.params == {'stopped': True, 'preserve': True}


def test_in_any_other_state_it_is_a_conflict_that_names_the_state(api, parts, world):
    row = running(parts.db, world)
    for state in sorted(states.LIVING - {states.ACTIVE, states.STOPPED, states.ERROR}):
        put_in(parts.db, row.id, state)
        answer = rebuild(api, row, imageRef=world.image)
        told = f"Cannot 'rebuild' instance {row.id} while it is in vm_state {state}"
        assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)


def test_what_cannot_be_is_refused_and_changes_nothing(api, parts, world):
    row = running(parts.db, world)
    with parts.db.write() as tx:
        add_image(tx, OTHER, min_disk=2)
        wish = add_image(tx, OTHER[:-1] + '3', properties={'hw_cpu_policy': 'dedicated'})
    before = row_of(parts, row.id)
    for asked, sentence in (
        ({'imageRef': OTHER[:-1] + '9'}, 'Can not find requested image'),
        ({'imageRef': OTHER}, "Flavor's disk is smaller than the minimum size specified in image metadata."),
        ({'imageRef': wish}, 'hw_cpu_policy'),
        ({'imageRef': world.image, 'key_name': 'nobody'}, 'Invalid key_name provided.'),
        ({'imageRef': world.image, 'user_data': 'x'}, 'User data needs to be valid base 64.'),
        ({'imageRef': 'x'}, 'imageRef'),
        ({}, 'imageRef'),
    ):
        answer = rebuild(api, row, 'compute 2.57', **asked)
        assert answer.status == 400 and sentence in answer.json['badRequest']['message'], answer.data
    told = rebuild(api, row, 'compute 2.63', imageRef=world.image, trusted_image_certificates=['a'])
    assert told.status == 501
    many = {str(number): 'x' for number in range(129)}
    assert rebuild(api, row, imageRef=world.image, metadata=many).status == 403
    assert tuple(row_of(parts, row.id)) == tuple(before)
    assert rebuild(api, row, asker=STRANGER, imageRef=world.image).status == 404


def test_a_server_on_a_volume_keeps_the_volume_and_its_image(api, parts, world, other):
    volume = volume_of(parts.db, MEMBER, image={'image_id': world.image, 'min_ram': 0, 'properties': {}})
    row = running(parts.db, world, image_id=None, devices=root(volume))
    answer = rebuild(api, row, imageRef=other)
    told = f'Image {other} is unacceptable: Unable to rebuild with a different image for a volume-backed server.'
    assert (answer.status, answer.json['badRequest']['message']) == (400, told)
    answer = rebuild(api, row, 'compute 2.93', imageRef=world.image)
    assert answer.status == 400 and 'does not write the root volume' in answer.json['badRequest']['message']
    answer = rebuild(api, row, imageRef=world.image)
    assert (answer.status, answer.json['server']['image']) == (202, '')
