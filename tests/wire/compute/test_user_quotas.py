"""Limits of one user within a project: set, shown and enforced."""

import dataclasses
from typing import Any

import pytest

from nimbus.compute import user_quotas
from nimbus.compute.quotas import QUOTAS
from nimbus.compute.servers import deletion, servers
from nimbus.compute.servers.moves import moves
from tests.compute_world import boot, put_in, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

OTHER = dataclasses.replace(MEMBER, user_id='9' * 32, user_name='other')


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


def path(user: Any = MEMBER, more: str = '') -> str:
    return f'/os-quota-sets/{MEMBER.project_id}{more}?user_id={user.user_id}'


def limit(api: Any, user: Any = MEMBER, **limits: Any) -> Any:
    return api('PUT', path(user), {'quota_set': limits}, asker=ADMIN)


def ask(api: Any, world: Any, asker: Any = MEMBER, **more: Any) -> Any:
    wanted = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, **more}
    return api('POST', '/servers', {'server': wanted}, asker=asker)


def test_a_user_has_the_projects_limits_until_he_has_his_own(api, world):
    assert api('GET', path()).json['quota_set']['cores'] == 20
    answer = limit(api, cores=3, instances=2)
    assert (answer.status, answer.json['quota_set']['cores']) == (200, 3) and 'id' not in answer.json['quota_set']
    shown = api('GET', path(), asker=READER).json['quota_set']
    assert (shown['id'], shown['cores'], shown['instances'], shown['ram']) == (MEMBER.project_id, 3, 2, 51200)
    assert api('GET', path(OTHER)).json['quota_set']['cores'] == 20
    assert api('GET', f'/os-quota-sets/{MEMBER.project_id}').json['quota_set']['cores'] == 20
    assert api('DELETE', path(), asker=ADMIN).status == 202
    assert api('GET', path()).json['quota_set']['cores'] == 20


def test_limits_of_users_go_with_those_of_their_project(api, world):
    limit(api, cores=3)
    assert api('DELETE', f'/os-quota-sets/{MEMBER.project_id}', asker=ADMIN).status == 202
    assert api('GET', path()).json['quota_set']['cores'] == 20


def test_what_a_user_holds_is_his_own(api, parts, world):
    running(parts.db, world)
    running(parts.db, world, OTHER)
    for user, count in ((MEMBER, 1), (OTHER, 1), (ADMIN, 0)):
        shown = api('GET', path(user, '/detail')).json['quota_set']
        assert shown['instances'] == {'limit': 10, 'in_use': count, 'reserved': 0}
    whole = api('GET', f'/os-quota-sets/{MEMBER.project_id}/detail').json['quota_set']
    assert whole['cores']['in_use'] == 2


def test_a_user_is_refused_what_goes_over_his_limit_though_the_project_has_room(api, parts, world):
    limit(api, instances=1)
    assert ask(api, world).status == 202
    answer = ask(api, world)
    sentence = 'Quota exceeded for instances: Requested 1, but already used 1 of 1 instances'
    assert (answer.status, told(answer)) == (403, sentence)
    assert ask(api, world, OTHER).status == 202
    with parts.db.read() as tx:
        assert QUOTAS.show(tx, MEMBER.project_id)['instances'].used == 2


def test_as_many_of_several_servers_are_made_as_the_user_has_room_for(api, parts, world):
    limit(api, cores=2)
    assert ask(api, world, min_count=3, max_count=5).status == 403
    assert ask(api, world, min_count=1, max_count=5).status == 202
    with parts.db.read() as tx:
        assert user_quotas.show(tx, MEMBER.project_id, MEMBER.user_id)['instances'].used == 2


def test_the_project_refuses_what_a_users_limit_would_allow(api, parts, world):
    limit(api, instances=5, force=True)
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'instances': 0})
    assert ask(api, world).status == 403


def test_a_resize_counts_for_the_user_of_the_server(api, parts, world):
    row = running(parts.db, world)
    limit(api, cores=1)
    big = {'flavor': {'name': 'big', 'ram': 512, 'vcpus': 2, 'disk': 1, 'id': '77'}}
    assert api('POST', '/flavors', big, asker=ADMIN).status == 200
    for asker in (MEMBER, ADMIN):
        answer = api('POST', f'/servers/{row.id}/action', {'resize': {'flavorRef': '77'}}, asker=asker)
        assert answer.status == 403 and 'cores' in told(answer)
    limit(api, cores=2)
    assert api('POST', f'/servers/{row.id}/action', {'resize': {'flavorRef': '77'}}).status == 202
    with parts.db.read() as tx:
        assert moves.of(tx, row.id) and user_quotas.show(tx, row.project_id, row.user_id)['cores'].used == 2


def test_a_server_that_is_restored_counts_for_its_user(api, parts, world):
    row = running(parts.db, world)
    limit(api, instances=1)
    with parts.db.write() as tx:
        deletion.delete(tx, MEMBER, row.id, later=True)
        deletion.put_away(tx, MEMBER, row.id)
    other = boot(parts.db, world)
    answer = api('POST', f'/servers/{row.id}/action', {'restore': None})
    assert answer.status == 403 and 'instances' in told(answer)
    with parts.db.write() as tx:
        servers.gone(tx, other.id)
    put_in(parts.db, row.id, 'soft-delete')
    assert api('POST', f'/servers/{row.id}/action', {'restore': None}).status == 202


def test_groups_keys_and_properties_are_limited_by_user_too(api, parts, world):
    limit(api, server_groups=0, key_pairs=1, metadata_items=1)
    group = {'server_group': {'name': 'g', 'policies': ['affinity']}}
    assert told(api('POST', '/os-server-groups', group)) == 'Quota exceeded, too many server groups.'
    assert api('POST', '/os-server-groups', group, asker=OTHER).status == 200
    assert told(api('POST', '/os-keypairs', {'keypair': {'name': 'k'}})) == 'Quota exceeded, too many key pairs.'
    assert api('POST', '/os-keypairs', {'keypair': {'name': 'k'}}, asker=OTHER).status == 200
    assert ask(api, world, metadata={'a': '1', 'b': '2'}).status == 403
    assert ask(api, world, OTHER, metadata={'a': '1', 'b': '2'}).status == 202
    row = running(parts.db, world)
    assert api('POST', f'/servers/{row.id}/metadata', {'metadata': {'a': '1', 'b': '2'}}).status == 403


def test_a_limit_is_neither_below_what_is_held_nor_above_what_the_project_leaves(api, parts, world):
    running(parts.db, world)
    answer = limit(api, instances=0)
    sentence = 'Quota limit 0 for instances must be greater than or equal to already used and reserved 1.'
    assert (answer.status, told(answer)) == (400, sentence)
    assert limit(api, OTHER, instances=7).status == 200
    answer = limit(api, instances=4)
    sentence = 'Quota limit 4 for instances must be less than or equal to 3.'
    assert (answer.status, told(answer)) == (400, sentence)
    assert limit(api, instances=-1).status == 400
    assert limit(api, instances=3).status == 200
    assert limit(api, OTHER, instances=7).status == 200
    project = f'/os-quota-sets/{MEMBER.project_id}'
    answer = api('PUT', project, {'quota_set': {'instances': 9}}, asker=ADMIN)
    sentence = 'Quota limit 9 for instances must be greater than or equal to already used and reserved 10.'
    assert (answer.status, told(answer)) == (400, sentence)
    assert api('PUT', project, {'quota_set': {'instances': 9, 'force': True}}, asker=ADMIN).status == 200
    assert limit(api, instances=0, force=True).status == 200
    assert api('PUT', project, {'quota_set': {'instances': -1}}, asker=ADMIN).status == 200
    assert limit(api, instances=1000).status == 200 and limit(api, instances=-1).status == 200


def test_only_operators_set_limits_and_only_the_project_reads_them(api, world):
    assert api('PUT', path(), {'quota_set': {'cores': 1}}).status == 403
    assert api('DELETE', path()).status == 403
    assert api('GET', path(), asker=STRANGER).status == 403
    assert api('GET', path(more='/detail'), asker=STRANGER).status == 403


@pytest.mark.parametrize('wrong', ['x' * 65, 'a%00b', 'a/b', '%20'])
def test_what_is_no_users_id_is_refused(api, world, wrong):
    for method, body in (('GET', None), ('PUT', {'quota_set': {'cores': 1}}), ('DELETE', None)):
        answer = api(method, f'/os-quota-sets/{MEMBER.project_id}?user_id={wrong}', body, asker=ADMIN)
        assert answer.status == 400 and 'user_id' in told(answer)
