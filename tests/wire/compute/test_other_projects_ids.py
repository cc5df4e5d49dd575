"""An id of another project in a request's body is told exactly as one that nobody has."""

from typing import Any

import pytest

from nimbus.common import ids
from nimbus.compute import keypairs
from nimbus.compute.flavors import flavors
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import ports
from nimbus.network.security_groups import groups
from nimbus.volume.volumes import snapshots
from tests.compute_world import PUBLIC_KEY, SUBNET, add_image, running, volume_of
from tests.conftest import STRANGER

UNKNOWN = '6c2c8f0e-8a5b-4c57-9d3c-00000000000f'
IMAGE = '6c2c8f0e-8a5b-4c57-9d3c-0000000000cc'


@pytest.fixture
def theirs(parts) -> dict[str, str]:
    """What the stranger's project has, by kind."""
    with parts.db.write() as tx:
        network_id = networks.create(tx, STRANGER, mtu=1500, name='theirs')
        network = networks.show(tx, STRANGER, network_id)
        subnets.create(tx, STRANGER, network, SUBNET)
        add_image(tx, IMAGE, STRANGER.project_id, visibility='private')
        keypairs.add(tx, STRANGER, STRANGER.user_id, 'theirs', PUBLIC_KEY)
        flavors.create(tx, flavors.Wanted(id='theirs', name='theirs', vcpus=1, ram=64, disk=1, is_public=False))
        group = groups.ensure_default(tx, STRANGER, STRANGER.project_id)
        port = ids.dashed()
        at = {'server_id': 'none', 'project_id': STRANGER.project_id, 'host': 'h1', 'zone': 'nova', 'hostname': 'x'}
        ports.ensure(tx, STRANGER, port_id=port, network_id=network_id, **at)
        ports.unbind(tx, STRANGER, port)
    volume = volume_of(parts.db, STRANGER, host='h1')
    with parts.db.write() as tx:
        snapshot = snapshots.create(tx, STRANGER, volume).id
    return {
        'network': network_id,
        'port': port,
        'image': IMAGE,
        'key': 'theirs',
        'flavor': 'theirs',
        'group': group,
        'volume': volume,
        'snapshot': snapshot,
    }


def boot_of(kind: str, it: str) -> dict[str, Any]:
    """The part of a request for a server that names the thing."""
    disk = {'uuid': it, 'destination_type': 'volume', 'boot_index': 0, 'volume_size': 1}
    return {
        'network': {'networks': [{'uuid': it}]},
        'port': {'networks': [{'port': it}]},
        'image': {'imageRef': it},
        'key': {'key_name': it},
        'flavor': {'flavorRef': it},
        'group': {'security_groups': [{'name': it}]},
        'volume': {'imageRef': '', 'block_device_mapping_v2': [{**disk, 'source_type': 'volume'}]},
        'image volume': {'imageRef': '', 'block_device_mapping_v2': [{**disk, 'source_type': 'image'}]},
        'snapshot': {'imageRef': '', 'block_device_mapping_v2': [{**disk, 'source_type': 'snapshot'}]},
        'old volume': {'imageRef': '', 'block_device_mapping': [{'volume_id': it, 'device_name': 'vda'}]},
    }[kind]


KINDS = ('network', 'port', 'image', 'key', 'flavor', 'group', 'volume', 'image volume', 'snapshot', 'old volume')


@pytest.mark.parametrize('kind', KINDS)
def test_a_new_server_names_nothing_of_another_project(latest, world, theirs, kind):
    noun = {'image volume': 'image', 'old volume': 'volume'}.get(kind, kind)
    own = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, 'networks': 'none'}
    answers = []
    for it in (theirs[noun], UNKNOWN):
        answer = latest('POST', '/servers', {'server': own | boot_of(kind, it)})
        answers.append((answer.status, answer.data.decode().replace(it, 'ID')))
    assert answers[0] == answers[1]
    assert answers[0][0] in (400, 404)


@pytest.mark.parametrize(
    ('noun', 'method', 'path', 'body'),
    [
        ('group', 'POST', '/action', lambda it: {'addSecurityGroup': {'name': it}}),
        ('group', 'POST', '/action', lambda it: {'removeSecurityGroup': {'name': it}}),
        ('volume', 'POST', '/os-volume_attachments', lambda it: {'volumeAttachment': {'volumeId': it}}),
    ],
)
def test_a_servers_change_names_nothing_of_another_project(api, parts, world, theirs, noun, method, path, body):
    row = running(parts.db, world)
    answers = []
    for it in (theirs[noun], UNKNOWN):
        answer = api(method, f'/servers/{row.id}{path}', body(it))
        answers.append((answer.status, answer.data.decode().replace(it, 'ID')))
    assert answers[0] == answers[1]
    assert answers[0][0] in (400, 404)


@pytest.mark.parametrize('path', ['/servers?{}', '/servers/detail?{}'])
@pytest.mark.parametrize('name', ['image', 'flavor'])
def test_a_list_is_not_told_what_another_project_has(api, theirs, path, name):
    answers = []
    for it in (theirs[name], UNKNOWN):
        answer = api('GET', path.format(f'{name}={it}'))
        answers.append((answer.status, answer.data.decode().replace(it, 'ID')))
    assert answers[0] == answers[1]


def test_a_host_and_a_zone_that_are_there_are_not_told_to_members(latest, parts, world, theirs):
    own = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, 'networks': 'none'}
    for field, there, not_there in (('availability_zone', ':h1', ':h9'), ('host', 'h1', 'h9')):
        answers = [latest('POST', '/servers', {'server': {**own, field: told}}) for told in (there, not_there)]
        assert answers[0].status == answers[1].status == 403, field
        assert answers[0].data == answers[1].data
