"""New servers: checked, written and given their job in one transaction, or not at all."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import Job
from nimbus.compute import quotas
from nimbus.compute.devices import block_devices, block_requests
from nimbus.compute.flavors import flavors
from nimbus.compute.models import Server
from nimbus.compute.servers import boots, guests, servers
from nimbus.network.security_groups import groups
from tests.compute_world import add_image, boot, furnish, volume_of
from tests.conftest import MEMBER, STRANGER


@pytest.fixture
def world(database: db.Database) -> Any:
    return furnish(database)


def nothing_stands(database: db.Database) -> bool:
    with database.read() as tx:
        count = tx.scalar(sa.select(sa.func.count()).select_from(Server))
        jobs = tx.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.workflow == 'build_server'))
        return (count, jobs, quotas.QUOTAS.show(tx, MEMBER.project_id)['instances'].used) == (0, 0, 0)


def test_row_job_and_quota_stand_together(database, world):
    row = boot(database, world, key_name='key', tags=('b', 'a', 'b'), properties={'x': 'y'})
    with database.read() as tx:
        job = tx.row(sa.select(Job).where(Job.subject == row.id))
        held = quotas.QUOTAS.show(tx, MEMBER.project_id)
        spec = servers.spec(tx, row.id)
    assert job.workflow == 'build_server' and job.request_id == MEMBER.request_id
    assert (held['instances'].used, held['cores'].used, held['ram'].used) == (1, 1, 512)
    assert spec['flavor']['name'] == 'm1.tiny' and spec['image']['disk_format'] == 'qcow2'
    assert spec['key']['public_key'].startswith('ssh-ed25519') and spec['metadata'] == {'x': 'y'}
    assert spec['name'] == f'instance-{row.seq:08x}' and spec['generation'] == 0


def test_a_server_that_is_refused_leaves_nothing(database, world):
    with pytest.raises(errors.Invalid, match='Invalid key_name provided'):
        boot(database, world, key_name='nobodys')
    assert nothing_stands(database)


def test_several_servers_have_numbered_names_and_one_reservation(database, world):
    with database.write() as tx:
        wanted = boots.Wanted('vm', world.flavor, world.image, min_count=2, max_count=3, networks='none')
        rows = boots.boot(tx, MEMBER, wanted)
    assert [row.name for row in rows] == ['vm-1', 'vm-2', 'vm-3']
    assert [row.hostname for row in rows] == ['vm-1', 'vm-2', 'vm-3']
    assert len({row.reservation_id for row in rows}) == 1 and [row.launch_index for row in rows] == [0, 1, 2]


def test_as_many_as_the_quota_has_room_for_are_made(database, world):
    with database.write() as tx:
        wanted = boots.Wanted('vm', world.flavor, world.image, min_count=3, max_count=14, networks='none')
        assert len(boots.boot(tx, MEMBER, wanted)) == 10
        assert quotas.QUOTAS.show(tx, MEMBER.project_id)['ram'].used == 10 * 512


def test_over_quota_says_what_is_over_and_holds_nothing(database, world):
    with database.write() as tx:
        quotas.QUOTAS.set(tx, MEMBER.project_id, {'instances': 1})
    row = boot(database, world)
    with pytest.raises(errors.OverQuota) as told:
        boot(database, world)
    assert told.value.sentence == ('Quota exceeded for instances: Requested 1, but already used 1 of 1 instances')
    with database.write() as tx:
        assert quotas.QUOTAS.show(tx, MEMBER.project_id)['cores'].used == 1
        assert servers.gone(tx, row.id) and not servers.gone(tx, row.id)
        held = quotas.QUOTAS.show(tx, MEMBER.project_id)
    assert (held['instances'].used, held['cores'].used, held['ram'].used) == (0, 0, 0)


def test_of_many_racers_exactly_the_allowed_number_win(database, world):
    won, lost = [], []

    def race() -> None:
        try:
            won.append(boot(database, world).id)
        except errors.OverQuota:
            lost.append(1)

    racers = [threading.Thread(target=race) for _ in range(24)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert (len(won), len(lost)) == (10, 14)
    with database.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(Server)) == 10
        assert quotas.QUOTAS.show(tx, MEMBER.project_id)['instances'].used == 10


def test_a_flavor_too_small_for_the_image_is_refused_with_both_sizes(database, world):
    with database.write() as tx:
        add_image(tx, '6c2c8f0e-8a5b-4c57-9d3c-000000000002', min_disk=5)
        add_image(tx, '6c2c8f0e-8a5b-4c57-9d3c-000000000003', min_ram=2048)
        add_image(tx, '6c2c8f0e-8a5b-4c57-9d3c-000000000004', status='queued')
    with pytest.raises(errors.Invalid, match=f'{1 << 30} bytes, minimum size is {5 << 30} bytes'):
        boot(database, world, image_id='6c2c8f0e-8a5b-4c57-9d3c-000000000002')
    with pytest.raises(errors.Invalid, match='is 512 MB, image needs 2048 MB'):
        boot(database, world, image_id='6c2c8f0e-8a5b-4c57-9d3c-000000000003')
    with pytest.raises(errors.Invalid, match='Image 6c2c8f0e.* is not active'):
        boot(database, world, image_id='6c2c8f0e-8a5b-4c57-9d3c-000000000004')
    with pytest.raises(errors.Invalid, match='Can not find requested image'):
        boot(database, world, image_id='6c2c8f0e-8a5b-4c57-9d3c-00000000000f')
    assert nothing_stands(database)


def test_a_flavor_without_a_disk_boots_from_a_volume_unless_an_operator_asks(database, world):
    with database.write() as tx:
        flavors.create(tx, flavors.Wanted(id='0', name='zero', vcpus=1, ram=64, disk=0))
    with pytest.raises(errors.Forbidden, match='Only volume-backed servers are allowed'):
        boot(database, world, flavor_id='0')
    assert boot(database, world, flavor_id='0', may_have_no_disk=True).flavor['disk'] == 0


def test_the_default_security_group_is_made_at_first_use(database, world):
    row = boot(database, world)
    with database.write() as tx:
        assert row.security_groups == [groups.ensure_default(tx, MEMBER, MEMBER.project_id)]
    with pytest.raises(errors.Invalid, match='Security group nobodys not found'):
        boot(database, world, security_groups=('nobodys',))


def test_a_zone_or_host_that_is_not_there_is_refused(database, world):
    with pytest.raises(errors.Invalid, match='The requested availability zone is not available'):
        boot(database, world, zone='mars')
    with pytest.raises(errors.Invalid, match='Compute host h9 could not be found'):
        boot(database, world, requested_host='h9')
    row = boot(database, world, zone='nova', forced_host='h1')
    assert (row.pinned_zone, row.forced_host) == ('nova', 'h1')


def root(volume_id: str, **more: Any) -> tuple[Any, ...]:
    item = {'source_type': 'volume', 'destination_type': 'volume', 'uuid': volume_id, 'boot_index': 0, **more}
    return tuple(block_requests.from_v2([item], None))


def test_a_server_boots_from_a_volume_that_is_kept_for_it(database, world):
    volume_id = volume_of(database, MEMBER)
    row = boot(database, world, image_id=None, devices=root(volume_id, delete_on_termination=True))
    with database.read() as tx:
        device = block_devices.volume(tx, row.id, volume_id)
        assert tx.connection.exec_driver_sql('select status from volumes').scalar() == 'reserved'
    assert (device.device, device.boot_index, device.delete_on_termination) == ('/dev/vda', 0, True)
    assert device.attachment_id and row.image_id is None


def test_a_root_volume_goes_before_the_image_that_is_named_as_well(database, world):
    volume_id = volume_of(database, MEMBER)
    row = boot(database, world, devices=root(volume_id))
    with database.read() as tx:
        guest, spec = guests.describe(tx, row.id), servers.spec(tx, row.id)
    assert row.image_id == world.image and guest['image'] is None and guest['root_gb'] == 0
    assert guests.boots_from_volume(spec) and spec['image']['name'] == 'tiny'


def test_an_image_with_a_flavor_too_small_is_refused_for_a_root_volume_too(database, world):
    image = '6c2c8f0e-8a5b-4c57-9d3c-000000000002'
    with database.write() as tx:
        add_image(tx, image, min_ram=2048)
    made = volume_of(database, MEMBER, image={'image_id': image, 'min_ram': 2048, 'min_disk': 0, 'properties': {}})
    for image_id, volume_id in ((image, volume_of(database, MEMBER)), (None, made)):
        with pytest.raises(errors.Invalid, match='is 512 MB, image needs 2048 MB'):
            boot(database, world, image_id=image_id, devices=root(volume_id))
    assert nothing_stands(database)


def test_another_projects_volume_is_not_there(database, world):
    volume_id = volume_of(database, STRANGER)
    with pytest.raises(errors.Invalid, match=f'failed to get volume {volume_id}'):
        boot(database, world, image_id=None, devices=root(volume_id))
    assert nothing_stands(database)
    with database.read() as tx:
        assert tx.connection.exec_driver_sql('select status from volumes').scalar() == 'available'


def test_a_volume_that_is_not_bootable_or_not_free_is_refused(database, world):
    with pytest.raises(errors.Invalid, match='is not bootable'):
        boot(database, world, image_id=None, devices=root(volume_of(database, MEMBER, bootable=False)))
    with pytest.raises(errors.Invalid, match='Invalid volume'):
        boot(database, world, image_id=None, devices=root(volume_of(database, MEMBER, status='in-use')))
    assert nothing_stands(database)


@pytest.mark.parametrize(
    ('name', 'host'),
    [('My Server_1.x', 'my-server-1-x'), ('-ä-', 'ä'), ('\u4e2d', ''), ('x' * 80, 'x' * 63), ('a!b', 'ab')],
)
def test_a_hostname_is_made_from_the_name(name: str, host: str):
    assert boots.as_hostname(name) == host
