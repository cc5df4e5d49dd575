"""Groups of servers over HTTP, in every version."""

from typing import Any

import pytest

from nimbus.compute.quotas import QUOTAS, RECOUNT
from nimbus.compute.servers import deletion, groups, servers
from tests.compute_world import boot, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER


def make(api: Any, version: str, asker: Any = MEMBER, **given: Any) -> Any:
    return api('POST', '/os-server-groups', {'server_group': {'name': 'g', **given}}, asker=asker, version=version)


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


FIELDS = {'id', 'name', 'policies', 'metadata', 'members'}


@pytest.mark.parametrize(
    ('version', 'given', 'fields'),
    [
        ('2.12', {'policies': ['affinity']}, FIELDS),
        ('2.13', {'policies': ['anti-affinity']}, FIELDS | {'project_id', 'user_id'}),
        ('2.15', {'policies': ['soft-anti-affinity']}, FIELDS | {'project_id', 'user_id'}),
        (
            '2.64',
            {'policy': 'anti-affinity', 'rules': {'max_server_per_host': 3}},
            {'id', 'name', 'policy', 'rules', 'members', 'project_id', 'user_id'},
        ),
    ],
)
def test_a_group_is_made_shown_listed_and_deleted(api, version, given, fields):
    answer = make(api, f'compute {version}', **given)
    group = answer.json['server_group']
    assert (answer.status, set(group)) == (200, fields)
    assert {name: group[name] for name in given} == given and group['members'] == []
    for path, name in ((f'/os-server-groups/{group["id"]}', 'server_group'), ('/os-server-groups', 'server_groups')):
        found = api('GET', path, version=f'compute {version}').json[name]
        assert found == (group if name == 'server_group' else [group])
    assert api('DELETE', f'/os-server-groups/{group["id"]}').status == 204
    assert api('DELETE', f'/os-server-groups/{group["id"]}').status == 404


@pytest.mark.parametrize(
    ('version', 'given'),
    [
        ('2.14', {'policies': ['soft-affinity']}),
        ('2.1', {'policies': []}),
        ('2.1', {'policies': ['affinity', 'anti-affinity']}),
        ('2.1', {'policies': ['storage-affinity']}),
        ('2.63', {'policy': 'affinity'}),
        ('2.64', {'policies': ['affinity']}),
        ('2.64', {'policy': 'affinity', 'rules': {'max_server_per_host': 2}}),
        ('2.64', {'policy': 'anti-affinity', 'rules': {'max_server_per_host': 0}}),
        ('2.64', {'policy': 'anti-affinity', 'rules': {'most': 1}}),
        ('2.64', {'policy': 'affinity', 'name': ''}),
    ],
)
def test_what_is_no_group_is_refused(api, version, given):
    answer = make(api, f'compute {version}', **given)
    assert answer.status == 400 and told(answer)
    assert api('GET', '/os-server-groups').json == {'server_groups': []}


def test_a_group_is_its_projects_alone(api, parts):
    group = make(api, 'compute 2.64', policy='affinity').json['server_group']
    path = f'/os-server-groups/{group["id"]}'
    assert api('GET', path, asker=STRANGER).status == 404
    assert api('DELETE', path, asker=STRANGER).status == 404
    assert api('DELETE', path, asker=READER).status == 403
    every = '/os-server-groups?all_projects=True'
    assert api('GET', every, asker=STRANGER).json['server_groups'] == []
    make(api, 'compute 2.64', asker=STRANGER, policy='affinity')
    assert len(api('GET', every, asker=ADMIN).json['server_groups']) == 2
    assert len(api('GET', '/os-server-groups', asker=READER).json['server_groups']) == 1


def test_groups_come_in_pages(api):
    made = [make(api, 'compute 2.64', policy='affinity').json['server_group']['id'] for _ in range(3)]
    page = api('GET', '/os-server-groups?limit=2&offset=1').json['server_groups']
    assert [group['id'] for group in page] == made[1:]
    assert api('GET', '/os-server-groups?offset=x').status == 400
    assert api('GET', '/os-server-groups?colour=red', version='compute 2.75').status == 400


def test_the_quota_of_groups_holds_and_is_counted(api, parts):
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'server_groups': 1})
    group = make(api, 'compute 2.64', policy='affinity').json['server_group']
    answer = make(api, 'compute 2.64', policy='affinity')
    assert (answer.status, told(answer)) == (403, 'Quota exceeded, too many server groups.')
    assert api('GET', '/limits').json['limits']['absolute']['totalServerGroupsUsed'] == 1
    with parts.db.write() as tx:
        assert RECOUNT.suspects(tx) == []
    api('DELETE', f'/os-server-groups/{group["id"]}')
    assert make(api, 'compute 2.64', policy='affinity').status == 200


def test_a_server_joins_the_group_that_its_hint_names_and_leaves_it_when_it_is_deleted(latest, parts, world):
    group = make(latest, 'compute 2.64', policy='anti-affinity').json['server_group']['id']
    row = running(parts.db, world, hints={'group': group})
    assert latest('GET', f'/os-server-groups/{group}').json['server_group']['members'] == [row.id]
    assert latest('GET', f'/servers/{row.id}').json['server']['server_groups'] == [group]
    with parts.db.write() as tx:
        assert servers.spec(tx, row.id)['group'] == {'id': group, 'policy': 'anti-affinity', 'most': 1}
        deletion.delete(tx, MEMBER, row.id)
        servers.gone(tx, row.id)
    assert latest('GET', f'/os-server-groups/{group}').json['server_group']['members'] == []


def test_a_server_of_a_group_that_is_deleted_is_in_none(latest, parts, world):
    group = make(latest, 'compute 2.64', policy='affinity').json['server_group']['id']
    row = boot(parts.db, world, hints={'group': group})
    latest('DELETE', f'/os-server-groups/{group}')
    assert latest('GET', f'/servers/{row.id}').json['server']['server_groups'] == []
    with parts.db.read() as tx:
        assert servers.spec(tx, row.id)['group'] is None


def ask(api: Any, world: Any, group: str, count: int = 1, asker: Any = MEMBER) -> Any:
    wanted = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, 'min_count': count}
    hints = {'os:scheduler_hints': {'group': group}}
    return api('POST', '/servers', {'server': wanted, **hints}, asker=asker)


def test_a_group_has_as_many_servers_as_the_quota_allows(api, parts, world):
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'server_group_members': 2})
    group = make(api, 'compute 2.64', policy='affinity').json['server_group']['id']
    assert ask(api, world, group).status == 202
    answer = ask(api, world, group, count=2)
    assert (answer.status, told(answer)) == (403, 'Quota exceeded, too many servers in group')
    with parts.db.read() as tx:
        assert len(groups.members(tx, [group])[group]) == 1


def test_a_group_that_is_not_there_or_anothers_takes_no_server(api, parts, world):
    theirs = make(api, 'compute 2.64', asker=STRANGER, policy='affinity').json['server_group']['id']
    for group in (theirs, '6c2c8f0e-8a5b-4c57-9d3c-0000000000aa'):
        answer = ask(api, world, group)
        assert (answer.status, told(answer)) == (400, f'Instance group {group} could not be found.')
    assert ask(api, world, 'no id').status == 400


def test_a_server_that_waits_for_its_end_is_not_among_the_members(latest, parts, world):
    group = make(latest, 'compute 2.64', policy='anti-affinity').json['server_group']['id']
    kept, gone = (running(parts.db, world, hints={'group': group}) for _ in range(2))
    with parts.db.write() as tx:
        deletion.delete(tx, MEMBER, gone.id, later=True)
        deletion.put_away(tx, MEMBER, gone.id)
    assert latest('GET', f'/os-server-groups/{group}').json['server_group']['members'] == [kept.id]
    (listed,) = latest('GET', '/os-server-groups').json['server_groups']
    assert listed['members'] == [kept.id]
    with parts.db.read() as tx:
        assert set(groups.members(tx, [group])[group]) == {kept.id, gone.id}
