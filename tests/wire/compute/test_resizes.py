"""Resizing servers over HTTP, and the moves that operators look at."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import ids
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.flavors import flavors
from nimbus.compute.models import Flavor, Server
from nimbus.compute.quotas import QUOTAS, RECOUNT
from nimbus.compute.servers import power, servers
from nimbus.compute.servers.moves import moves
from tests.compute_world import boot, put_in, running, volume_of
from tests.conftest import ADMIN, MANAGER, MEMBER, READER, STRANGER


def flavor(parts: Any, flavor_id: str, **size: int) -> str:
    values = {'vcpus': 2, 'ram': 1024, 'disk': 2, **size}
    with parts.db.write() as tx:
        return flavors.create(tx, flavors.Wanted(id=flavor_id, name=flavor_id, **values)).id


def act(api: Any, server_id: str, name: str, given: Any = None, asker: Any = MEMBER, version: Any = None) -> Any:
    return api('POST', f'/servers/{server_id}/action', {name: given}, asker=asker, version=version)


def resize(api: Any, server_id: str, flavor_id: Any, **more: Any) -> Any:
    return act(api, server_id, 'resize', {'flavorRef': flavor_id}, **more)


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


def used(parts: Any) -> tuple[int, int]:
    with parts.db.write() as tx:
        assert RECOUNT.suspects(tx) == []
        held = QUOTAS.show(tx, MEMBER.project_id)
    return held['cores'].used, held['ram'].used


@pytest.fixture
def server(parts: Any, world: Any) -> Any:
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'cores': 20})
    return running(parts.db, world)


def done(parts: Any, server_id: str, state: str = states.RESIZED) -> None:
    """The resize is done, as its workflow does it, and waits for a decision."""
    with parts.db.write() as tx:
        move = moves.of(tx, server_id)
        servers.resized(tx, server_id, move.new_flavor_id, move.new_flavor)
        moves.go(tx, move.id, moves.FINISHED, target_host='h1', target_node='h1.example')
        tx.update(Server, Server.id == server_id, vm_state=state, task_state=None)


def test_a_resize_is_asked_for_shown_and_decided(api, parts, server):
    assert resize(api, server.id, flavor(parts, 'large')).status == 202
    shown = api('GET', f'/servers/{server.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('RESIZE', 'resize_prep')
    assert used(parts) == (2, 1024)
    done(parts, server.id)
    shown = api('GET', f'/servers/{server.id}').json['server']
    assert (shown['status'], shown['flavor']['id']) == ('VERIFY_RESIZE', 'large')
    assert used(parts) == (2, 1024)
    answer = act(api, server.id, 'confirmResize')
    assert answer.status == 204 and not answer.data
    with parts.db.read() as tx:
        wanted = tx.column(sa.select(Job.workflow).where(Job.subject == server.id).order_by(Job.seq))
    assert wanted[-2:] == ['resize_server', 'confirm_resize']


def test_a_revert_is_shown(api, parts, server):
    resize(api, server.id, flavor(parts, 'large'))
    done(parts, server.id)
    assert act(api, server.id, 'revertResize').status == 202
    assert api('GET', f'/servers/{server.id}').json['server']['status'] == 'REVERT_RESIZE'
    assert act(api, server.id, 'confirmResize').status == 409


@pytest.mark.parametrize('wanted', ['resize', 'verify_resize', 'active'])
def test_servers_are_found_by_these_states(api, parts, server, wanted):
    resize(api, server.id, flavor(parts, 'large'))
    if wanted == 'verify_resize':
        done(parts, server.id)
    found = api('GET', f'/servers?status={wanted}').json['servers']
    assert [row['id'] for row in found] == ([] if wanted == 'active' else [server.id])


def test_what_a_server_cannot_be_given_is_refused_and_nothing_is_held(api, parts, world, server):
    flavor(parts, 'empty', disk=0)
    flavor(parts, 'disabled')
    with parts.db.write() as tx:
        tx.update(Flavor, Flavor.id == 'disabled', disabled=True)
    refused = {
        'empty': 'Resize to zero disk flavor is not allowed',
        'disabled': 'could not be found',
        world.flavor: 'instances must change flavor',
        'unknown': 'could not be found',
    }
    for flavor_id, sentence in refused.items():
        answer = resize(api, server.id, flavor_id)
        assert answer.status in (400, 403) and (answer.status == 403 or sentence in told(answer)), flavor_id
    assert resize(api, server.id, None).status == 400
    assert resize(api, server.id, '').status == 400
    assert api('GET', f'/servers/{server.id}').json['server']['status'] == 'ACTIVE'
    assert used(parts) == (1, 512)


def test_a_disk_does_not_shrink_but_that_of_a_volume_does_not_matter(api, parts, world):
    large, small = flavor(parts, 'large', disk=5, ephemeral=2), flavor(parts, 'small', disk=4, ephemeral=2)
    dry = flavor(parts, 'dry', disk=5, ephemeral=1)
    row = running(parts.db, world, flavor_id=large)
    for wanted in (small, dry):
        answer = resize(api, row.id, wanted)
        assert answer.status == 400 and told(answer).startswith('Server disk was unable to be resized because: ')
    root = {'source': 'volume', 'destination': 'volume', 'volume_id': volume_of(parts.db, MEMBER), 'boot_index': 0}
    names = ('image_id', 'snapshot_id', 'volume_type', 'device', 'disk_bus', 'device_type', 'guest_format', 'size')
    device = {**dict.fromkeys((*names, 'tag')), **root, 'delete_on_termination': False}
    backed = running(parts.db, world, flavor_id=large, image_id=None, devices=(device,))
    assert resize(api, backed.id, small).status == 202


def test_the_quota_holds_the_larger_of_the_two(api, parts, server):
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'cores': 3})
    refused = resize(api, server.id, flavor(parts, 'huge', vcpus=4))
    assert refused.status == 403 and 'cores' in told(refused)
    assert used(parts) == (1, 512)
    assert resize(api, server.id, flavor(parts, 'large', vcpus=3)).status == 202
    assert used(parts) == (3, 1024)


def test_only_a_resized_server_is_decided_about(api, parts, server):
    for name in ('confirmResize', 'revertResize'):
        answer = act(api, server.id, name)
        assert answer.status == 409
        assert told(answer) == f"Cannot '{name}' instance {server.id} while it is in vm_state active"
    put_in(parts.db, server.id, states.RESIZED)
    answer = act(api, server.id, 'confirmResize')
    assert (answer.status, told(answer)) == (400, 'Instance has not been resized.')


@pytest.mark.parametrize('state', [states.PAUSED, states.SUSPENDED, states.ERROR, states.RESIZED])
def test_a_server_in_another_state_is_not_resized(api, parts, server, state):
    put_in(parts.db, server.id, state)
    answer = resize(api, server.id, flavor(parts, 'large'))
    assert answer.status == 409 and f'vm_state {state}' in told(answer)
    assert used(parts) == (1, 512)


def test_a_server_that_never_ran_is_not_resized(api, parts, world):
    row = boot(parts.db, world)
    put_in(parts.db, row.id, states.ACTIVE)
    assert resize(api, row.id, flavor(parts, 'large')).status == 409


def test_others_resize_nothing(api, parts, server):
    large = flavor(parts, 'large')
    assert resize(api, server.id, large, asker=STRANGER).status == 404
    assert resize(api, server.id, large, asker=READER).status == 403


def test_an_operator_who_resets_the_state_decides_for_the_new_size(api, parts, server):
    resize(api, server.id, flavor(parts, 'large'))
    with parts.db.write() as tx:
        tx.update(Job, Job.workflow == 'resize_server', heading='done')
    done(parts, server.id)
    with parts.db.write() as tx:
        power.reset_state(tx, ADMIN, server.id, states.ACTIVE)
        assert moves.of(tx, server.id).status == moves.CONFIRMING
        assert tx.row(sa.select(Job).where(Job.workflow == 'confirm_resize'))


FIELDS = {'id', 'created_at', 'updated_at', 'status', 'instance_uuid', 'source_compute', 'source_node'}
FIELDS |= {'dest_compute', 'dest_host', 'dest_node', 'old_instance_type_id', 'new_instance_type_id'}


@pytest.mark.parametrize(
    ('version', 'more'),
    [
        ('2.1', set()),
        ('2.23', {'migration_type'}),
        ('2.59', {'migration_type', 'uuid'}),
        ('2.80', {'migration_type', 'uuid', 'user_id', 'project_id'}),
    ],
)
def test_operators_see_moves(api, parts, server, version, more):
    resize(api, server.id, flavor(parts, 'large'))
    answer = api('GET', '/os-migrations', asker=ADMIN, version=f'compute {version}')
    (found,) = answer.json['migrations']
    assert set(found) == FIELDS | more
    assert (found['status'], found['instance_uuid'], found['source_compute']) == ('pre-migrating', server.id, 'h1')
    assert isinstance(found['id'], int) and found['new_instance_type_id'] != found['old_instance_type_id']
    assert api('GET', '/os-migrations').status == 403


def test_a_manager_sees_the_moves_of_its_project_and_no_hosts(api, parts, world, server):
    large = flavor(parts, 'large')
    resize(api, server.id, large)
    elsewhere = running(parts.db, world, STRANGER)
    resize(api, elsewhere.id, large, asker=STRANGER)
    own = f'/os-migrations?project_id={MANAGER.project_id}'
    for version in ('2.1', '2.80'):
        (found,) = api('GET', own, asker=MANAGER, version=f'compute {version}').json['migrations']
        assert (found['instance_uuid'], found['status']) == (server.id, 'pre-migrating')
        hosts = {'source_compute', 'source_node', 'dest_compute', 'dest_host', 'dest_node'}
        assert {found[name] for name in hosts} == {None}
    of_others = f'/os-migrations?project_id={STRANGER.project_id}'
    for path in ('/os-migrations', of_others, '/os-migrations?project_id='):
        assert api('GET', path, asker=MANAGER, version='compute 2.80').status == 403
    (theirs,) = api('GET', of_others, asker=ADMIN, version='compute 2.80').json['migrations']
    assert (theirs['instance_uuid'], theirs['source_compute']) == (elsewhere.id, 'h1')
    after = api('GET', f'{own}&marker={theirs["uuid"]}', asker=MANAGER, version='compute 2.80')
    nothing = api('GET', f'{own}&marker={ids.dashed()}', asker=MANAGER, version='compute 2.80')
    assert after.status == nothing.status == 400
    assert api('GET', own, version='compute 2.80').status == 403


def test_moves_come_in_pages_and_by_what_is_asked(api, parts, world):
    large = flavor(parts, 'large')
    rows = [running(parts.db, world) for _ in range(3)]
    for row in rows:
        assert resize(api, row.id, large).status == 202

    def ask(query: str, version: str = '2.80') -> Any:
        return api('GET', f'/os-migrations?{query}', asker=ADMIN, version=f'compute {version}')

    page = ask('limit=2').json
    assert [found['instance_uuid'] for found in page['migrations']] == [rows[2].id, rows[1].id]
    (link,) = page['migrations_links']
    marker = page['migrations'][-1]['uuid']
    assert link['rel'] == 'next' and marker in link['href']
    assert [found['instance_uuid'] for found in ask(f'marker={marker}').json['migrations']] == [rows[0].id]
    for query, count in {
        'host=h1': 3,
        'host=h2': 0,
        f'instance_uuid={rows[0].id}': 1,
        'status=finished': 0,
        'migration_type=resize': 3,
        'migration_type=live-migration': 0,
        f'project_id={MEMBER.project_id}': 3,
        'user_id=nobody': 0,
        'hidden=1': 0,
        'changes-since=2100-01-01T00:00:00Z': 0,
    }.items():
        assert len(ask(query).json['migrations']) == count, query
    assert ask('marker=nothing').status == 400
    assert ask('colour=red').status == 400
    assert ask('project_id=x', '2.79').status == 400
    assert ask('changes-since=2100-01-01T00:00:00Z&changes-before=2000-01-01T00:00:00Z').status == 400


def test_a_move_shows_the_numbers_of_flavors_that_are_gone(api, parts, server):
    large = flavor(parts, 'large')
    resize(api, server.id, large)
    (before,) = api('GET', '/os-migrations', asker=ADMIN).json['migrations']
    for gone in (large, server.flavor_id):
        assert api('DELETE', f'/flavors/{gone}', asker=ADMIN).status == 202
    (after,) = api('GET', '/os-migrations', asker=ADMIN).json['migrations']
    assert after == before and None not in (after['old_instance_type_id'], after['new_instance_type_id'])
